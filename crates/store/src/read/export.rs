//! Pages of everything, oldest first, for exports. A page follows the internal id, so an export of any size reads each
//! row once and holds one page in memory. Where no index has the workspace before the id, the plus sign keeps the engine
//! on the key itself: else each page would sort the whole workspace.

use everthread_core::ids::{ContactId, ConversationId, MessageId, Uid, WorkspaceId};
use everthread_core::state::{Class, Direction, OwnerKind, State, Status};
use everthread_core::time::Timestamp;

use super::accounts::ProblemRow;
use super::thread::{MEDIA, MediaRow, PARTS, PartRow};
use crate::{Db, Result, Sql, Unit, Val, row_struct, sql, vals};

/// The page of one export that follows an internal id.
#[derive(Clone, Copy, Debug)]
pub struct After {
    pub workspace: WorkspaceId,
    /// Internal id of the last row of the page before; 0 for the first.
    pub id: i64,
    pub limit: u32,
}

row_struct! {
    /// A message as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct MessageExport {
        pub id: MessageId,
        pub uid: Uid,
        pub conversation_uid: Uid,
        pub contact_uid: Uid,
        pub account_uid: Option<Uid>,
        pub channel: Option<String>,
        pub direction: Direction,
        pub author_kind: String,
        pub author_name: Option<String>,
        /// The customer's address on the channel.
        pub address: Option<String>,
        pub provider_id: Option<String>,
        pub text: String,
        /// JSON of `core::content::Content` where there is more than text.
        pub content: Option<String>,
        pub reply_to: Option<String>,
        pub postback: Option<String>,
        pub class: Class,
        pub state: State,
        pub state_at: Timestamp,
        pub accepted_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub read_at: Option<Timestamp>,
        pub failed_at: Option<Timestamp>,
        pub at: Timestamp,
        pub stored_at: Timestamp,
        pub edited_at: Option<Timestamp>,
        pub deleted_at: Option<Timestamp>,
        pub reactions: Option<String>,
        pub error_class: Option<String>,
        pub error_code: Option<String>,
        pub error_text: Option<String>,
    }
}

/// Messages with their parts and files.
#[derive(Debug)]
pub struct ExportMessages(pub After);

const MESSAGES: Sql = sql!(
    "SELECT m.id, m.uid, c.uid, k.uid, a.uid, a.channel, m.direction, m.author_kind, u.name, i.value, m.provider_id,
       m.text, m.content, m.reply_to, m.postback, m.class, m.state, m.state_at, m.accepted_at, m.delivered_at, m.read_at,
       m.failed_at, m.at, m.stored_at, m.edited_at, m.deleted_at, m.reactions, m.error_class, m.error_code, m.error_text
     FROM messages m
     JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN accounts a ON a.id = m.account_id
     LEFT JOIN users u ON u.id = m.author_user_id
     LEFT JOIN identities i ON i.id = m.identity_id
     WHERE m.workspace_id = ?1 AND m.id > ?2 ORDER BY m.id LIMIT ?3"
);

impl Unit for ExportMessages {
    type Out = Vec<FullMessage>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let After { workspace, id, limit } = self.0;
        let rows = db.rows::<MessageExport>(MESSAGES, &vals![workspace, id, limit]).await?;
        full(db, rows).await
    }
}

/// A message with its parts and files.
pub type FullMessage = (MessageExport, Vec<PartRow>, Vec<MediaRow>);

async fn full<D: Db>(db: &mut D, rows: Vec<MessageExport>) -> Result<Vec<FullMessage>> {
    let sets: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
    let parts = db.rows_all::<PartRow, 1>(PARTS, &sets).await?;
    let media = db.rows_all::<MediaRow, 1>(MEDIA, &sets).await?;
    Ok(rows.into_iter().zip(parts).zip(media).map(|((row, parts), media)| (row, parts, media)).collect())
}

const OF_CONVERSATION: Sql = sql!(
    "SELECT m.id, m.uid, c.uid, k.uid, a.uid, a.channel, m.direction, m.author_kind, u.name, i.value, m.provider_id,
       m.text, m.content, m.reply_to, m.postback, m.class, m.state, m.state_at, m.accepted_at, m.delivered_at, m.read_at,
       m.failed_at, m.at, m.stored_at, m.edited_at, m.deleted_at, m.reactions, m.error_class, m.error_code, m.error_text
     FROM messages m
     JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN accounts a ON a.id = m.account_id
     LEFT JOIN users u ON u.id = m.author_user_id
     LEFT JOIN identities i ON i.id = m.identity_id
     WHERE m.workspace_id = ?1 AND m.conversation_id = ?2 AND m.seq > ?3 ORDER BY m.seq LIMIT ?4"
);

/// A page of the messages of one conversation, in their order.
#[derive(Debug)]
pub struct ConversationMessages {
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    /// Messages passed over: the sequence has no gaps.
    pub after: i64,
    pub limit: u32,
}

impl Unit for ConversationMessages {
    type Out = Vec<FullMessage>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let values = vals![self.workspace, self.conversation, self.after, self.limit];
        let rows = db.rows::<MessageExport>(OF_CONVERSATION, &values).await?;
        full(db, rows).await
    }
}

row_struct! {
    /// A conversation as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ConversationExport {
        pub id: ConversationId,
        pub uid: Uid,
        pub contact_uid: Uid,
        pub contact_name: Option<String>,
        pub channel: String,
        pub account_uid: Option<Uid>,
        pub status: Status,
        pub owner_kind: OwnerKind,
        pub owner_name: Option<String>,
        pub labels: String,
        pub messages: i64,
        pub unread: i64,
        pub created_at: Timestamp,
        pub last_at: Timestamp,
        pub last_in_at: Option<Timestamp>,
        pub resolved_at: Option<Timestamp>,
    }
}

/// Conversations.
#[derive(Debug)]
pub struct ExportConversations(pub After);

const CONVERSATIONS: Sql = sql!(
    "SELECT c.id, c.uid, k.uid, k.name, c.channel, a.uid, c.status, c.owner_kind, u.name, c.labels, c.seq, c.unread,
     c.created_at, c.last_at, c.last_in_at, c.resolved_at
     FROM conversations c JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN accounts a ON a.id = c.route_account_id LEFT JOIN users u ON u.id = c.owner_user_id
     WHERE c.id > ?2 AND +c.workspace_id = ?1 ORDER BY c.id LIMIT ?3"
);

impl Unit for ExportConversations {
    type Out = Vec<ConversationExport>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(CONVERSATIONS, &vals![self.0.workspace, self.0.id, self.0.limit]).await
    }
}

row_struct! {
    /// A contact as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ContactExport {
        pub id: ContactId,
        pub uid: Uid,
        pub name: Option<String>,
        pub fields: String,
        pub labels: String,
        pub locale: Option<String>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
        pub last_in_at: Option<Timestamp>,
        pub stopped_at: Option<Timestamp>,
    }
}

row_struct! {
    /// An identity as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct IdentityExport {
        pub kind: String,
        pub value: String,
        pub username: Option<String>,
        pub proof: String,
        pub account_uid: Option<Uid>,
    }
}

row_struct! {
    /// A consent as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ConsentExport {
        pub kind: String,
        pub value: String,
        pub purpose: String,
        pub wording: String,
        pub source: String,
        pub given_at: Timestamp,
        pub withdrawn_at: Option<Timestamp>,
    }
}

/// Contacts with identities and consents.
#[derive(Debug)]
pub struct ExportContacts(pub After);

const CONTACTS: Sql = sql!(
    "SELECT id, uid, name, fields, labels, locale, created_at, updated_at, last_in_at, stopped_at FROM contacts
     WHERE workspace_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
);

impl Unit for ExportContacts {
    type Out = Vec<(ContactExport, Vec<IdentityExport>, Vec<ConsentExport>)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let rows =
            db.rows::<ContactExport>(CONTACTS, &vals![self.0.workspace, self.0.id, self.0.limit]).await?;
        let sets: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
        let sql = sql!(
            "SELECT i.kind, i.value, i.username, i.proof, a.uid FROM identities i LEFT JOIN accounts a ON a.id = i.scope
             WHERE i.contact_id = ?1 ORDER BY i.id"
        );
        let identities = db.rows_all::<IdentityExport, 1>(sql, &sets).await?;
        let sql = sql!(
            "SELECT i.kind, i.value, c.purpose, c.wording, c.source, c.given_at, c.withdrawn_at
             FROM consents c JOIN identities i ON i.id = c.identity_id WHERE c.contact_id = ?1 ORDER BY c.id"
        );
        let consents = db.rows_all::<ConsentExport, 1>(sql, &sets).await?;
        Ok(rows
            .into_iter()
            .zip(identities)
            .zip(consents)
            .map(|((row, identities), consents)| (row, identities, consents))
            .collect())
    }
}

/// All of one contact but its messages.
#[derive(Debug)]
pub struct ExportContact {
    pub workspace: WorkspaceId,
    pub contact: ContactId,
}

/// See [`ExportContact`].
#[derive(Clone, Debug)]
pub struct ContactRows {
    pub contact: ContactExport,
    pub identities: Vec<IdentityExport>,
    pub consents: Vec<ConsentExport>,
    pub conversations: Vec<ConversationExport>,
    pub leads: Vec<LeadExport>,
}

impl Unit for ExportContact {
    type Out = ContactRows;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let before = self.contact.0 - 1;
        let page = ExportContacts(After { workspace: self.workspace, id: before, limit: 1 }).run(db).await?;
        let (contact, identities, consents) = page
            .into_iter()
            .find(|(row, ..)| row.id == self.contact)
            .ok_or(crate::Error::NotFound("contact"))?;
        let sql = sql!(
            "SELECT c.id, c.uid, k.uid, k.name, c.channel, a.uid, c.status, c.owner_kind, u.name, c.labels, c.seq, c.unread,
             c.created_at, c.last_at, c.last_in_at, c.resolved_at
             FROM conversations c JOIN contacts k ON k.id = c.contact_id
             LEFT JOIN accounts a ON a.id = c.route_account_id LEFT JOIN users u ON u.id = c.owner_user_id
             WHERE c.contact_id = ?1 ORDER BY c.id"
        );
        let conversations = db.rows::<ConversationExport>(sql, &vals![self.contact]).await?;
        let sql = sql!(
            "SELECT l.id, l.uid, k.uid, k.name, p.name, s.name, s.kind, c.uid, l.fields, l.channel, l.created_at,
             l.updated_at
             FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
             JOIN pipelines p ON p.id = l.pipeline_id LEFT JOIN conversations c ON c.id = l.conversation_id
             WHERE l.contact_id = ?1 ORDER BY l.id"
        );
        let leads = db.rows::<LeadExport>(sql, &vals![self.contact]).await?;
        Ok(ContactRows { contact, identities, consents, conversations, leads })
    }
}

row_struct! {
    /// A lead as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct LeadExport {
        pub id: i64,
        pub uid: Uid,
        pub contact_uid: Uid,
        pub contact_name: Option<String>,
        pub pipeline: String,
        pub stage: String,
        pub stage_kind: String,
        pub conversation_uid: Option<Uid>,
        pub fields: String,
        pub channel: Option<String>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

/// Leads.
#[derive(Debug)]
pub struct ExportLeads(pub After);

const LEADS: Sql = sql!(
    "SELECT l.id, l.uid, k.uid, k.name, p.name, s.name, s.kind, c.uid, l.fields, l.channel, l.created_at,
     l.updated_at
     FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
     JOIN pipelines p ON p.id = l.pipeline_id LEFT JOIN conversations c ON c.id = l.conversation_id
     WHERE l.id > ?2 AND +l.workspace_id = ?1 ORDER BY l.id LIMIT ?3"
);

impl Unit for ExportLeads {
    type Out = Vec<LeadExport>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(LEADS, &vals![self.0.workspace, self.0.id, self.0.limit]).await
    }
}

row_struct! {
    /// An attempt as exports need it.
    #[derive(Clone, Debug, PartialEq)]
    pub struct AttemptExport {
        pub id: i64,
        pub uid: Uid,
        pub message_uid: Uid,
        pub part_uid: Uid,
        pub part_index: i64,
        pub number: i64,
        pub account_uid: Option<Uid>,
        pub channel: Option<String>,
        pub started_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub outcome: String,
        pub class: Option<String>,
        pub code: Option<String>,
        pub text: Option<String>,
        pub provider_id: Option<String>,
        pub request: Option<String>,
        pub answer: Option<String>,
        pub retry_at: Option<Timestamp>,
    }
}

/// Attempts.
#[derive(Debug)]
pub struct ExportAttempts(pub After);

const ATTEMPTS: Sql = sql!(
    "SELECT t.id, t.uid, m.uid, p.uid, p.idx, t.number, a.uid, a.channel, t.started_at, t.ended_at, t.outcome,
     t.class, t.code, t.text, t.provider_id, t.request, t.answer, t.retry_at
     FROM attempts t JOIN message_parts p ON p.id = t.part_id JOIN messages m ON m.id = t.message_id
     LEFT JOIN accounts a ON a.id = t.account_id
     WHERE t.id > ?2 AND +t.workspace_id = ?1 ORDER BY t.id LIMIT ?3"
);

impl Unit for ExportAttempts {
    type Out = Vec<AttemptExport>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(ATTEMPTS, &vals![self.0.workspace, self.0.id, self.0.limit]).await
    }
}

/// Problems, solved ones included.
#[derive(Debug)]
pub struct ExportProblems(pub After);

const PROBLEMS: Sql = sql!(
    "SELECT p.id, p.uid, a.uid, a.name, coalesce(a.channel, p.channel), p.reason, p.at,
     coalesce((SELECT e.raw FROM problem_examples e WHERE e.problem_id = p.id ORDER BY e.id DESC LIMIT 1), p.raw),
     p.times, coalesce(p.last_at, p.at), r.uid, r.name, CASE WHEN p.last_at IS NULL THEN 0 ELSE 1 END
     FROM problems p LEFT JOIN accounts a ON a.id = p.account_id LEFT JOIN rules r ON r.id = p.rule_id
     WHERE p.workspace_id = ?1 AND p.id > ?2 ORDER BY p.id LIMIT ?3"
);

impl Unit for ExportProblems {
    type Out = Vec<ProblemRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(PROBLEMS, &vals![self.0.workspace, self.0.id, self.0.limit]).await
    }
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] =
    &[MESSAGES, PARTS, MEDIA, CONVERSATIONS, LEADS, ATTEMPTS, PROBLEMS, CONTACTS];
