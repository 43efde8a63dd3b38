//! One thread: its messages with parts and files, the attempts of a message.

use everthread_core::ids::{AccountId, ConversationId, MediaId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::state::{Class, Direction, Proof, State};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Sql, Unit, Val, row_struct, sql, vals};

row_struct! {
    /// One message as it is stored.
    #[derive(Clone, Debug, PartialEq)]
    pub struct MessageRow {
        pub id: MessageId,
        pub uid: Uid,
        pub conversation: ConversationId,
        pub conversation_uid: Uid,
        pub seq: i64,
        pub direction: Direction,
        pub author_kind: String,
        pub author_uid: Option<Uid>,
        pub author_name: Option<String>,
        pub contact_name: Option<String>,
        pub account: Option<AccountId>,
        pub account_uid: Option<Uid>,
        pub channel: Option<String>,
        pub text: String,
        /// JSON of `core::content::Content` where there is more than text.
        pub content: Option<String>,
        /// Provider id of the message it answers.
        pub reply_to: Option<String>,
        pub postback: Option<String>,
        pub class: Class,
        pub state: State,
        pub state_at: Timestamp,
        pub accepted_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub read_at: Option<Timestamp>,
        pub failed_at: Option<Timestamp>,
        pub late: bool,
        pub at: Timestamp,
        pub stored_at: Timestamp,
        pub edited_at: Option<Timestamp>,
        pub deleted_at: Option<Timestamp>,
        /// JSON list.
        pub reactions: Option<String>,
        pub error_class: Option<String>,
        pub error_code: Option<String>,
        pub error_text: Option<String>,
        /// The decision where it goes and why, once there was one to make.
        pub plan: Option<Uid>,
        /// How sure the address is that it went over.
        pub proof: Option<Proof>,
    }
}

row_struct! {
    /// What one provider call carries.
    #[derive(Clone, Debug, PartialEq)]
    pub struct PartRow {
        pub id: PartId,
        pub uid: Uid,
        pub index: i64,
        pub state: State,
        pub state_at: Timestamp,
        pub provider_id: Option<String>,
        /// JSON of the part's content; none where it is the whole message's.
        pub content: Option<String>,
        /// JSON of a reaction, for parts that carry one.
        pub reaction: Option<String>,
        pub attempts: i64,
        pub due_at: Option<Timestamp>,
        pub expires_at: Option<Timestamp>,
        /// Why it is held or was cancelled.
        pub reason: Option<String>,
        pub error_class: Option<String>,
        pub error_code: Option<String>,
        pub error_text: Option<String>,
        /// When it was marked: accepted, and no receipt.
        pub stuck_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub read_at: Option<Timestamp>,
        pub failed_at: Option<Timestamp>,
    }
}

row_struct! {
    /// A file of a message.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MediaRow {
        pub id: MediaId,
        pub uid: Uid,
        pub index: i64,
        pub kind: String,
        pub mime: Option<String>,
        pub name: Option<String>,
        pub size: Option<i64>,
        pub note: Option<String>,
        pub state: String,
        pub storage_key: Option<String>,
        pub reason: Option<String>,
    }
}

/// A message with all that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct FullMessage {
    pub row: MessageRow,
    pub parts: Vec<PartRow>,
    pub media: Vec<MediaRow>,
    /// Public id and text of the message it answers, where we have it.
    pub answers: Option<(Uid, String)>,
}

const BY_SEQ: Sql = sql!(
    "SELECT m.id, m.uid, m.conversation_id, c.uid, m.seq, m.direction, m.author_kind, u.uid, u.name, k.name,
       m.account_id, a.uid, a.channel, m.text, m.content, m.reply_to, m.postback, m.class, m.state, m.state_at,
       m.accepted_at, m.delivered_at, m.read_at, m.failed_at, m.late, m.at, m.stored_at, m.edited_at, m.deleted_at,
       m.reactions, m.error_class, m.error_code, m.error_text, p.uid, i.proof
     FROM messages m
     JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN users u ON u.id = m.author_user_id
     LEFT JOIN accounts a ON a.id = m.account_id
     LEFT JOIN plans p ON p.id = m.plan_id
     LEFT JOIN identities i ON i.id = m.identity_id
     WHERE m.conversation_id = ?1 AND m.seq < ?2 ORDER BY m.seq DESC LIMIT ?3"
);

const BY_UID: Sql = sql!(
    "SELECT m.id, m.uid, m.conversation_id, c.uid, m.seq, m.direction, m.author_kind, u.uid, u.name, k.name,
       m.account_id, a.uid, a.channel, m.text, m.content, m.reply_to, m.postback, m.class, m.state, m.state_at,
       m.accepted_at, m.delivered_at, m.read_at, m.failed_at, m.late, m.at, m.stored_at, m.edited_at, m.deleted_at,
       m.reactions, m.error_class, m.error_code, m.error_text, p.uid, i.proof
     FROM messages m
     JOIN conversations c ON c.id = m.conversation_id
     JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN users u ON u.id = m.author_user_id
     LEFT JOIN accounts a ON a.id = m.account_id
     LEFT JOIN plans p ON p.id = m.plan_id
     LEFT JOIN identities i ON i.id = m.identity_id
     WHERE m.uid = ?1 AND m.workspace_id = ?2"
);

/// The parts of a message, as [`PartRow`].
pub(super) const PARTS: Sql = sql!(
    "SELECT id, uid, idx, state, state_at, provider_id, content, reaction, attempts, due_at, expires_at, reason,
       error_class, error_code, error_text, stuck_at, delivered_at, read_at, failed_at
     FROM message_parts WHERE message_id = ?1 ORDER BY idx"
);

/// The files of a message, as [`MediaRow`].
pub(super) const MEDIA: Sql = sql!(
    "SELECT id, uid, idx, kind, mime, name, size, note, state, storage_key, reason
     FROM media WHERE message_id = ?1 ORDER BY idx"
);

const ATTEMPTS: Sql = sql!(
    "SELECT t.uid, p.idx, t.number, t.started_at, t.ended_at, t.outcome, t.class, t.code, t.text, t.request,
       t.answer, t.retry_at
     FROM attempts t JOIN message_parts p ON p.id = t.part_id WHERE t.message_id = ?1 ORDER BY t.id LIMIT 1000"
);

/// Messages of one conversation, the newest below a number, ascending.
#[derive(Debug)]
pub struct ThreadPage {
    pub workspace: WorkspaceId,
    pub conversation: Uid,
    /// Only messages with a smaller number; none for the newest.
    pub before_seq: Option<i64>,
    pub limit: u32,
}

impl Unit for ThreadPage {
    /// The messages, and whether there are older ones. `None` where there is no such conversation.
    type Out = Option<(Vec<FullMessage>, bool)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let Some(id) = super::inbox::conversation_id(db, self.workspace, self.conversation).await? else {
            return Ok(None);
        };
        let before = self.before_seq.unwrap_or(i64::MAX);
        let mut rows = db.rows::<MessageRow>(BY_SEQ, &vals![id, before, self.limit + 1]).await?;
        let more = rows.len() > self.limit as usize;
        rows.truncate(self.limit as usize);
        rows.reverse();
        Ok(Some((complete(db, rows).await?, more)))
    }
}

/// One message by its public id.
#[derive(Debug)]
pub struct MessageByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for MessageByUid {
    type Out = Option<FullMessage>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let rows = db.rows::<MessageRow>(BY_UID, &vals![self.uid, self.workspace]).await?;
        Ok(complete(db, rows).await?.pop())
    }
}

/// Adds parts, files and answered messages.
async fn complete<D: Db>(db: &mut D, rows: Vec<MessageRow>) -> Result<Vec<FullMessage>> {
    let sets: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
    let parts = db.rows_all::<PartRow, 1>(PARTS, &sets).await?;
    let media = db.rows_all::<MediaRow, 1>(MEDIA, &sets).await?;
    let mut full: Vec<FullMessage> = rows
        .into_iter()
        .zip(parts)
        .zip(media)
        .map(|((row, parts), media)| FullMessage { row, parts, media, answers: None })
        .collect();
    for one in &mut full {
        if let (Some(provider_id), Some(account)) = (&one.row.reply_to, one.row.account) {
            one.answers = answered(db, account, provider_id).await?;
        }
    }
    Ok(full)
}

/// The message (ours or theirs) that a provider's id names.
async fn answered<D: Db>(db: &mut D, account: AccountId, provider_id: &str) -> Result<Option<(Uid, String)>> {
    let key = crate::units::provider_key(provider_id);
    let sql = sql!(
        "SELECT uid, substr(text, 1, 200) FROM messages
         WHERE account_id = ?1 AND provider_key = ?2 AND provider_id = ?3"
    );
    if let Some(found) = db.row(sql, &vals![account, key, provider_id]).await? {
        return Ok(Some(found));
    }
    let sql = sql!(
        "SELECT m.uid, substr(m.text, 1, 200) FROM message_parts p JOIN messages m ON m.id = p.message_id
         WHERE p.account_id = ?1 AND p.provider_key = ?2 AND p.provider_id = ?3"
    );
    db.row(sql, &vals![account, key, provider_id]).await
}

row_struct! {
    /// One provider call.
    #[derive(Clone, Debug, PartialEq)]
    pub struct AttemptRow {
        pub uid: Uid,
        pub part_index: i64,
        pub number: i64,
        pub started_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub outcome: String,
        pub class: Option<String>,
        pub code: Option<String>,
        pub text: Option<String>,
        pub request: Option<String>,
        pub answer: Option<String>,
        pub retry_at: Option<Timestamp>,
    }
}

/// Every provider call of one message, oldest first. `None` where there is no such message.
#[derive(Debug)]
pub struct AttemptsOfMessage {
    pub workspace: WorkspaceId,
    pub message: Uid,
}

impl Unit for AttemptsOfMessage {
    type Out = Option<Vec<AttemptRow>>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!("SELECT id FROM messages WHERE uid = ?1 AND workspace_id = ?2");
        let Some((id,)) = db.row::<(MessageId,)>(sql, &vals![self.message, self.workspace]).await? else {
            return Ok(None);
        };
        db.rows(ATTEMPTS, &vals![id]).await.map(Some)
    }
}

row_struct! {
    /// A file and where its bytes are.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MediaFile {
        pub id: MediaId,
        pub kind: String,
        pub mime: Option<String>,
        pub name: Option<String>,
        pub size: Option<i64>,
        pub state: String,
        pub storage_key: Option<String>,
    }
}

/// A file by its public id, in this workspace only.
#[derive(Debug)]
pub struct MediaByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for MediaByUid {
    type Out = Option<MediaFile>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT id, kind, mime, name, size, state, storage_key FROM media WHERE uid = ?1 AND workspace_id = ?2"
        );
        db.row(sql, &vals![self.uid, self.workspace]).await
    }
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[BY_SEQ, BY_UID, PARTS, MEDIA, ATTEMPTS];
