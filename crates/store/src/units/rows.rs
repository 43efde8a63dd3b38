//! Rows that several units load, change and write back.

use everthread_core::content::Content;
use everthread_core::conversation::{Conversation, Owner};
use everthread_core::ids::{
    AccountId, ContactId, ConversationId, IdentityId, MessageId, RuleId, Uid, UserId, WorkspaceId,
};
use everthread_core::state::{Class, Direction, OwnerKind, State, Status};
use everthread_core::time::Timestamp;

use super::work::provider_key;
use crate::{Db, Result, Val, row_struct, search, sql, vals};

row_struct! {
    /// A conversation as stored. The order is that of [`conversation`]'s columns.
    #[derive(Clone, Debug)]
    pub(crate) struct ConversationRow {
        pub(crate) id: ConversationId,
        pub(crate) uid: Uid,
        pub(crate) workspace: WorkspaceId,
        pub(crate) contact: ContactId,
        pub(crate) status: Status,
        pub(crate) owner_kind: OwnerKind,
        pub(crate) owner_user: Option<UserId>,
        pub(crate) version: i64,
        pub(crate) route_identity: Option<IdentityId>,
        pub(crate) route_account: Option<AccountId>,
        pub(crate) channel: String,
        pub(crate) seq: i64,
        pub(crate) last_message: Option<MessageId>,
        pub(crate) last_at: Timestamp,
        pub(crate) last_in_at: Option<Timestamp>,
        pub(crate) waiting_since: Option<Timestamp>,
        pub(crate) unread: i64,
        pub(crate) snoozed_until: Option<Timestamp>,
        pub(crate) question: Option<String>,
        pub(crate) labels: String,
        pub(crate) sandbox: bool,
        pub(crate) created_at: Timestamp,
        pub(crate) resolved_at: Option<Timestamp>,
        /// Where it was carried away from.
        pub(crate) home_account: Option<AccountId>,
    }
}

impl ConversationRow {
    /// What core's transitions read.
    pub(crate) fn state(&self) -> Conversation {
        Conversation {
            status: self.status,
            snoozed_until: self.snoozed_until,
            owner: Owner::from_parts(self.owner_kind, self.owner_user),
            version: self.version,
        }
    }

    /// Takes over what a transition came to.
    pub(crate) fn set(&mut self, next: &Conversation, now: Timestamp) {
        if next.status == Status::Resolved && self.status != Status::Resolved {
            self.resolved_at = Some(now);
        } else if next.status != Status::Resolved {
            self.resolved_at = None;
        }
        self.status = next.status;
        self.snoozed_until = next.snoozed_until;
        self.owner_kind = next.owner.kind();
        self.owner_user = next.owner.user();
        self.version = next.version;
    }
}

/// Loads a conversation of this workspace. On PostgreSQL the workspace's lock must be held.
pub(crate) async fn conversation<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    id: ConversationId,
) -> Result<ConversationRow> {
    db.one(
        "conversation",
        sql!(
            "SELECT id, uid, workspace_id, contact_id, status, owner_kind, owner_user_id, owner_version, \
             route_identity_id, route_account_id, channel, seq, last_message_id, last_at, last_in_at, waiting_since, \
             unread, snoozed_until, question, labels, sandbox, created_at, resolved_at, home_account_id \
             FROM conversations WHERE id = ?1 AND workspace_id = ?2"
        ),
        &vals![id, workspace],
    )
    .await
}

/// Writes a conversation that was loaded.
pub(crate) async fn save_conversation<D: Db>(
    db: &mut D,
    row: &ConversationRow,
    now: Timestamp,
) -> Result<()> {
    db.exec(
        sql!(
            "UPDATE conversations SET status = ?2, owner_kind = ?3, owner_user_id = ?4, owner_version = ?5, \
             route_identity_id = ?6, route_account_id = ?7, channel = ?8, seq = ?9, last_message_id = ?10, \
             last_at = ?11, last_in_at = ?12, waiting_since = ?13, unread = ?14, snoozed_until = ?15, \
             question = ?16, labels = ?17, resolved_at = ?18, updated_at = ?19 WHERE id = ?1"
        ),
        &vals![
            row.id,
            row.status,
            row.owner_kind,
            row.owner_user,
            row.version,
            row.route_identity,
            row.route_account,
            row.channel.as_str(),
            row.seq,
            row.last_message,
            row.last_at,
            row.last_in_at,
            row.waiting_since,
            row.unread,
            row.snoozed_until,
            row.question.as_deref(),
            row.labels.as_str(),
            row.resolved_at,
            now
        ],
    )
    .await?;
    Ok(())
}

/// Inserts a new conversation.
pub(crate) async fn insert_conversation<D: Db>(
    db: &mut D,
    row: &ConversationRow,
    now: Timestamp,
) -> Result<()> {
    db.exec(
        sql!(
            "INSERT INTO conversations (id, uid, workspace_id, contact_id, status, owner_kind, owner_user_id, \
             owner_version, route_identity_id, route_account_id, channel, seq, last_message_id, last_at, last_in_at, \
             waiting_since, unread, snoozed_until, question, labels, sandbox, created_at, resolved_at, updated_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
             ?22, ?23, ?24)"
        ),
        &vals![
            row.id,
            row.uid,
            row.workspace,
            row.contact,
            row.status,
            row.owner_kind,
            row.owner_user,
            row.version,
            row.route_identity,
            row.route_account,
            row.channel.as_str(),
            row.seq,
            row.last_message,
            row.last_at,
            row.last_in_at,
            row.waiting_since,
            row.unread,
            row.snoozed_until,
            row.question.as_deref(),
            row.labels.as_str(),
            row.sandbox,
            row.created_at,
            row.resolved_at,
            now
        ],
    )
    .await?;
    Ok(())
}

/// Who wrote a message, as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AuthorKind {
    Customer,
    Person(UserId),
    Bot(Option<RuleId>),
    /// Typed in the platform's own app.
    App,
    /// Said by the hub itself, e.g. the first line on another route.
    System,
}

impl AuthorKind {
    const fn word(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Person(_) => "person",
            Self::Bot(_) => "bot",
            Self::App => "app",
            Self::System => "system",
        }
    }
}

/// A message to insert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewMessage<'a> {
    pub(crate) id: MessageId,
    pub(crate) uid: Uid,
    pub(crate) seq: i64,
    pub(crate) direction: Direction,
    pub(crate) author: AuthorKind,
    pub(crate) account: Option<AccountId>,
    pub(crate) identity: Option<IdentityId>,
    pub(crate) provider_id: Option<&'a str>,
    pub(crate) content: &'a Content,
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) postback: Option<&'a str>,
    pub(crate) referral: Option<&'a str>,
    pub(crate) class: Class,
    pub(crate) state: State,
    pub(crate) accepted_at: Option<Timestamp>,
    pub(crate) parts: i64,
    pub(crate) late: bool,
    pub(crate) at: Timestamp,
    pub(crate) client_id: Option<&'a str>,
}

/// JSON of a content; `None` where it is text alone.
pub(crate) fn content_json(content: &Content) -> Result<Option<String>> {
    let plain = content.subject.is_none()
        && content.attachments.is_empty()
        && content.buttons.is_empty()
        && content.template.is_none()
        && content.code.is_none();
    if plain { Ok(None) } else { Ok(Some(serde_json::to_string(content)?)) }
}

/// The content of a row.
pub(crate) fn content_of(text: &str, json: Option<&str>) -> Result<Content> {
    match json {
        Some(json) => Ok(serde_json::from_str(json)?),
        None => Ok(Content::text(text)),
    }
}

/// Inserts a message and its search tokens.
pub(crate) async fn insert_message<D: Db>(
    db: &mut D,
    conversation: &ConversationRow,
    message: &NewMessage<'_>,
    now: Timestamp,
) -> Result<()> {
    let json = content_json(message.content)?;
    let (user, rule) = match message.author {
        AuthorKind::Person(user) => (Some(user), None),
        AuthorKind::Bot(rule) => (None, rule),
        AuthorKind::Customer | AuthorKind::App | AuthorKind::System => (None, None),
    };
    db.exec(
        sql!(
            "INSERT INTO messages (id, uid, workspace_id, conversation_id, seq, direction, author_kind, author_user_id, \
             author_rule_id, account_id, identity_id, provider_id, provider_key, text, content, reply_to, postback, \
             referral, class, state, state_at, accepted_at, parts, late, at, stored_at, client_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, \
             ?22, ?23, ?24, ?25, ?26, ?27)"
        ),
        &vals![
            message.id,
            message.uid,
            conversation.workspace,
            conversation.id,
            message.seq,
            message.direction,
            message.author.word(),
            user,
            rule,
            message.account,
            message.identity,
            message.provider_id,
            message.provider_id.map(provider_key),
            message.content.text.as_str(),
            json.as_deref(),
            message.reply_to,
            message.postback,
            message.referral,
            message.class,
            message.state,
            now,
            message.accepted_at,
            message.parts,
            message.late,
            message.at,
            now,
            message.client_id
        ],
    )
    .await?;
    index(db, conversation.workspace, message.id, &message.content.text).await
}

/// Puts a message's text into the search index.
pub(crate) async fn index<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    message: MessageId,
    text: &str,
) -> Result<()> {
    let tokens = search::tokens(workspace, text);
    if tokens.is_empty() {
        return Ok(());
    }
    db.exec(
        sql!(
            lite: "INSERT INTO message_search (rowid, tokens) VALUES (?1, ?2)",
            pg: "INSERT INTO message_search (rowid, tokens) VALUES (?1, array_to_tsvector(string_to_array(?2, ' ')))"
        ),
        &vals![message, tokens.as_str()],
    )
    .await?;
    Ok(())
}

/// Takes a message's text out of the search index.
pub(crate) async fn unindex<D: Db>(db: &mut D, message: MessageId) -> Result<()> {
    db.exec(sql!("DELETE FROM message_search WHERE rowid = ?1"), &vals![message]).await?;
    Ok(())
}

/// Inserts the files of a message and returns those to fetch.
pub(crate) async fn insert_media<D: Db>(
    db: &mut D,
    work: &mut super::work::Work,
    workspace: WorkspaceId,
    account: AccountId,
    message: MessageId,
    content: &Content,
) -> Result<()> {
    use everthread_core::content::MediaSource;
    for (idx, file) in content.attachments.iter().enumerate() {
        let Some(source) = &file.source else { continue };
        if matches!(source, MediaSource::Stored(_)) {
            continue;
        }
        let (id, uid) = (work.id(db).await?, work.uid());
        let source = serde_json::to_string(source)?;
        let values: [Val<'_>; 14] = vals![
            id,
            uid,
            workspace,
            message,
            account,
            idx,
            file.kind.as_str(),
            file.mime.as_deref(),
            file.name.as_deref(),
            file.size,
            source.as_str(),
            file.note.as_deref(),
            work.now,
            work.now
        ];
        db.exec(
            sql!(
                "INSERT INTO media (id, uid, workspace_id, message_id, account_id, idx, kind, mime, name, size, source, \
                 note, state, next_at, created_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending', ?13, ?14)"
            ),
            &values,
        )
        .await?;
        work.after.media.push(everthread_core::ids::MediaId(id));
    }
    Ok(())
}
