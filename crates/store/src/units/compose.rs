//! What a person writes: a reply into the lane, a note for colleagues.

use std::sync::Arc;

use everthread_core::content::Content;
use everthread_core::conversation::Input;
use everthread_core::directory::Directory;
use everthread_core::ids::{ConversationId, MessageId, Uid, UserId, WorkspaceId};
use everthread_core::limits::LANE_QUEUE_MESSAGES_MAX;
use everthread_core::outbox::Author;
use everthread_core::state::{Class, Direction, State};
use everthread_core::time::Timestamp;

use super::After;
use super::out::{OutMessage, cancel_bot, queue};
use super::rows::{AuthorKind, NewMessage, conversation, insert_message, save_conversation};
use super::work::Work;
use crate::{Db, Error, Result, Unit, sql, vals};

/// A person's reply. It takes ownership of the conversation and cancels what a bot had not sent yet.
#[derive(Clone, Debug)]
pub struct Compose {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub user: UserId,
    /// Made by the client: the same one twice is one message.
    pub client_id: Option<String>,
    pub content: Content,
    /// The message it answers.
    pub reply_to: Option<MessageId>,
    /// The owner's version that the person saw: refused where it has changed since. `None`: whatever it is.
    pub expected: Option<i64>,
    pub directory: Arc<Directory>,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composed {
    pub message: MessageId,
    pub uid: Uid,
    /// It was there already under this client id.
    pub duplicate: bool,
    pub after: After,
}

impl Unit for Compose {
    type Out = Composed;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Composed> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 8).await?;
        if let Some(known) = known(db, self.workspace, self.client_id.as_deref()).await? {
            return Ok(known);
        }
        let mut row = conversation(db, self.workspace, self.conversation).await?;
        if let Some(expected) = self.expected.filter(|version| *version != row.version) {
            return Err(Error::Conflict(format!(
                "the conversation has changed hands: version {}, not {expected}",
                row.version
            )));
        }
        let (Some(account), Some(identity)) = (row.route_account, row.route_identity) else {
            return Err(Error::Conflict("the conversation has no way to its contact".to_owned()));
        };
        let info = self.directory.get(account).filter(|info| info.workspace == self.workspace);
        let info = info.ok_or(Error::NotFound("account"))?;
        self.check_room(db).await?;
        let change = row.state().step(Input::PersonReplied(self.user), self.now).map_err(conflict)?;
        row.set(&change.next, self.now);
        if change.cancel_bot {
            cancel_bot(db, &mut work, &row, "a person answered").await?;
        }
        row.unread = 0;
        let reply_to = self.reply_to(db).await?;
        let out = OutMessage {
            author: Author::Person,
            kind: AuthorKind::Person(self.user),
            content: &self.content,
            identity,
            reply_to: reply_to.as_deref(),
            client_id: self.client_id.as_deref(),
            class: Class::Live,
            aside_until: None,
        };
        let queued = queue(db, &mut work, &mut row, info, &out).await?;
        let (message, uid) = queued.map_err(|error| Error::Invalid(error.to_string()))?;
        save_conversation(db, &row, self.now).await?;
        Ok(Composed { message, uid, duplicate: false, after: work.finish(db).await? })
    }
}

impl Compose {
    async fn check_room<D: Db>(&self, db: &mut D) -> Result<()> {
        let (waiting,): (i64,) = db
            .one(
                "lane",
                sql!("SELECT count(*) FROM message_parts WHERE conversation_id = ?1 AND unsent = 1"),
                &vals![self.conversation],
            )
            .await?;
        if waiting >= i64::from(LANE_QUEUE_MESSAGES_MAX) {
            return Err(Error::Conflict(format!("{waiting} messages already wait in this conversation")));
        }
        Ok(())
    }

    /// Provider id of the message that is answered.
    async fn reply_to<D: Db>(&self, db: &mut D) -> Result<Option<String>> {
        let Some(message) = self.reply_to else { return Ok(None) };
        let (provider_id,): (Option<String>,) = db
            .one(
                "message",
                sql!(
                    "SELECT coalesce(m.provider_id, p.provider_id) FROM messages m \
                     LEFT JOIN message_parts p ON p.message_id = m.id AND p.idx = 0 \
                     WHERE m.id = ?1 AND m.conversation_id = ?2 AND m.workspace_id = ?3"
                ),
                &vals![message, self.conversation, self.workspace],
            )
            .await?;
        Ok(provider_id)
    }
}

/// The message written before under a client id.
async fn known<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    client_id: Option<&str>,
) -> Result<Option<Composed>> {
    let Some(client_id) = client_id else { return Ok(None) };
    let found: Option<(MessageId, Uid)> = db
        .row(
            sql!("SELECT id, uid FROM messages WHERE workspace_id = ?1 AND client_id = ?2"),
            &vals![workspace, client_id],
        )
        .await?;
    Ok(found.map(|(message, uid)| Composed { message, uid, duplicate: true, after: After::default() }))
}

pub(super) fn conflict(error: everthread_core::conversation::Conflict) -> Error {
    Error::Conflict(error.to_string())
}

/// A note that only colleagues see.
#[derive(Clone, Debug)]
pub struct Note {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub user: UserId,
    pub client_id: Option<String>,
    pub text: String,
}

impl Unit for Note {
    type Out = Composed;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Composed> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        if let Some(known) = known(db, self.workspace, self.client_id.as_deref()).await? {
            return Ok(known);
        }
        if self.text.trim().is_empty() {
            return Err(Error::Invalid("a note needs a text".to_owned()));
        }
        let mut row = conversation(db, self.workspace, self.conversation).await?;
        row.seq += 1;
        let (message, uid) = (MessageId(work.id(db).await?), work.uid());
        let content = Content::text(self.text.as_str());
        let new = NewMessage {
            id: message,
            uid,
            seq: row.seq,
            direction: Direction::Note,
            author: AuthorKind::Person(self.user),
            account: None,
            identity: None,
            provider_id: None,
            content: &content,
            reply_to: None,
            postback: None,
            referral: None,
            class: Class::Live,
            state: State::Received,
            accepted_at: None,
            parts: 0,
            late: false,
            at: self.now,
            client_id: self.client_id.as_deref(),
        };
        insert_message(db, &row, &new, self.now).await?;
        save_conversation(db, &row, self.now).await?;
        work.message_changed(self.workspace, uid, row.uid);
        work.conversation_changed(self.workspace, row.uid);
        Ok(Composed { message, uid, duplicate: false, after: work.finish(db).await? })
    }
}
