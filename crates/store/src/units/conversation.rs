//! What people do with conversations and their messages, besides writing.

use everthread_core::conversation::{Input, Owner};
use everthread_core::ids::{ContactId, ConversationId, MessageId, PartId, Uid, UserId, WorkspaceId};
use everthread_core::outbox::Author;
use everthread_core::state::{State, Status};
use everthread_core::time::Timestamp;
use std::collections::BTreeMap;

use super::After;
use super::compose::conflict;
use super::out::{cancel_bot, cancel_parts};
use super::rows::{ConversationRow, conversation, save_conversation};
use super::work::{Shown, Work, refresh_message};
use crate::{Db, Error, Result, Unit, Val, search, sql, vals};

/// Gives a conversation to the bot, to nobody or to a person.
#[derive(Clone, Debug)]
pub struct Assign {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub to: Owner,
    /// The version that the person saw; refused where it has changed since.
    pub expected: Option<i64>,
}

impl Unit for Assign {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        if let Owner::Person(Some(user)) = self.to {
            let _: (i64,) = db
                .one(
                    "user",
                    sql!(
                        "SELECT user_id FROM memberships WHERE workspace_id = ?1 AND user_id = ?2 AND disabled_at IS NULL"
                    ),
                    &vals![self.workspace, user],
                )
                .await?;
        }
        let input = Input::Assign { to: self.to, expected: self.expected };
        transition(db, &mut work, self.workspace, self.conversation, (input, "assigned to somebody else"))
            .await?;
        work.finish(db).await
    }
}

/// Opens, resolves or snoozes a conversation.
#[derive(Clone, Debug)]
pub struct SetStatus {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    /// `Pending` can't be set: it follows from the bot's ownership.
    pub status: Status,
    /// For `Snoozed`.
    pub snoozed_until: Option<Timestamp>,
}

impl Unit for SetStatus {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let input = match (self.status, self.snoozed_until) {
            (Status::Resolved, _) => Input::Resolve,
            (Status::Open, _) => Input::Reopen,
            (Status::Snoozed, Some(until)) => Input::Snooze { until },
            (Status::Snoozed, None) => return Err(Error::Invalid("snooze until when?".to_owned())),
            (Status::Pending, _) => {
                return Err(Error::Invalid("assign the conversation to the bot instead".to_owned()));
            }
        };
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        transition(db, &mut work, self.workspace, self.conversation, (input, "the conversation was closed"))
            .await?;
        work.finish(db).await
    }
}

async fn transition<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    id: ConversationId,
    (input, why): (Input, &str),
) -> Result<()> {
    let mut row = conversation(db, workspace, id).await?;
    let change = row.state().step(input, work.now).map_err(conflict)?;
    row.set(&change.next, work.now);
    if change.cancel_bot {
        cancel_bot(db, work, &row, why).await?;
    }
    if row.status == Status::Resolved {
        row.question = None;
        row.waiting_since = None;
    }
    save_conversation(db, &row, work.now).await?;
    work.conversation_changed(workspace, row.uid);
    Ok(())
}

/// Puts labels on a conversation and takes them off. A label that is new is made.
#[derive(Clone, Debug)]
pub struct SetLabels {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub add: Vec<String>,
    pub remove: Vec<String>,
}

impl Unit for SetLabels {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 8).await?;
        let mut row = conversation(db, self.workspace, self.conversation).await?;
        set_labels(db, &mut work, &mut row, &self.add, &self.remove).await?;
        save_conversation(db, &row, self.now).await?;
        work.finish(db).await
    }
}

/// Changes labels of a conversation that the caller saves.
pub(crate) async fn set_labels<D: Db>(
    db: &mut D,
    work: &mut Work,
    row: &mut ConversationRow,
    add: &[String],
    remove: &[String],
) -> Result<()> {
    let mut labels: Vec<String> = serde_json::from_str(&row.labels)?;
    for name in add.iter().map(|name| name.trim()).filter(|name| !name.is_empty()) {
        if labels.iter().any(|known| known == name) {
            continue;
        }
        let (id, uid, now) = (work.id(db).await?, work.uid(), work.now);
        db.exec(
            sql!(
                "INSERT INTO labels (id, uid, workspace_id, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5) \
                 ON CONFLICT (workspace_id, name) DO NOTHING"
            ),
            &vals![id, uid, row.workspace, name, now],
        )
        .await?;
        db.exec(
            sql!(
                "INSERT INTO conversation_labels (label_id, conversation_id) \
                 SELECT id, ?3 FROM labels WHERE workspace_id = ?1 AND name = ?2 ON CONFLICT DO NOTHING"
            ),
            &vals![row.workspace, name, row.id],
        )
        .await?;
        labels.push(name.to_owned());
    }
    for name in remove {
        labels.retain(|known| known != name.trim());
        db.exec(
            sql!(
                "DELETE FROM conversation_labels WHERE conversation_id = ?3 AND label_id IN \
                 (SELECT id FROM labels WHERE workspace_id = ?1 AND name = ?2)"
            ),
            &vals![row.workspace, name.trim(), row.id],
        )
        .await?;
    }
    row.labels = serde_json::to_string(&labels)?;
    work.conversation_changed(row.workspace, row.uid);
    Ok(())
}

/// A person has read a conversation.
#[derive(Clone, Debug)]
pub struct MarkRead {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
}

impl Unit for MarkRead {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let row = conversation(db, self.workspace, self.conversation).await?;
        if row.unread > 0 {
            db.exec(sql!("UPDATE conversations SET unread = 0 WHERE id = ?1"), &vals![row.id]).await?;
            work.conversation_changed(self.workspace, row.uid);
        }
        work.finish(db).await
    }
}

/// Cancels what of a message has not gone out yet. Refused where nothing can be cancelled any more.
#[derive(Clone, Debug)]
pub struct Cancel {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub message: MessageId,
    pub user: Option<UserId>,
}

impl Unit for Cancel {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let message = outgoing(db, self.workspace, self.message).await?;
        let parts: Vec<(PartId, MessageId, Uid, i64)> = db
            .rows(
                sql!(
                    "SELECT p.id, p.message_id, m.uid, m.parts FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id \
                     WHERE p.message_id = ?1 AND p.unsent = 1 AND p.state IN ('queued', 'held') ORDER BY p.idx"
                ),
                &vals![self.message],
            )
            .await?;
        if parts.is_empty() {
            return Err(Error::Conflict("nothing of the message can be cancelled any more".to_owned()));
        }
        let conversation = (message.conversation, message.conversation_uid);
        cancel_parts(db, &mut work, self.workspace, conversation, &parts, "cancelled by a person").await?;
        work.finish(db).await
    }
}

crate::row_struct! {
    struct OutgoingRow {
        uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
    }
}

async fn outgoing<D: Db>(db: &mut D, workspace: WorkspaceId, message: MessageId) -> Result<OutgoingRow> {
    db.one(
        "message",
        sql!(
            "SELECT m.uid, m.conversation_id, v.uid FROM messages m JOIN conversations v ON v.id = m.conversation_id \
             WHERE m.id = ?1 AND m.workspace_id = ?2 AND m.direction = 'out'"
        ),
        &vals![message, workspace],
    )
    .await
}

/// Sends again what of a message failed, ended unconfirmed, was cancelled, or waits in a hold: a person's explicit
/// choice, which may make a second copy. The parts take their old
/// place in the lane.
#[derive(Clone, Debug)]
pub struct Retry {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub message: MessageId,
    pub user: UserId,
}

impl Unit for Retry {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let message = outgoing(db, self.workspace, self.message).await?;
        let parts: Vec<(PartId, State)> = db
            .rows(
                sql!("SELECT id, state FROM message_parts WHERE message_id = ?1 ORDER BY idx"),
                &vals![self.message],
            )
            .await?;
        let again = [State::Failed, State::Unconfirmed, State::Cancelled, State::Held];
        let expires_at = Author::Person.deadline(self.now, None);
        let sets: Vec<[Val<'_>; 3]> = parts
            .iter()
            .filter(|(_, state)| again.contains(state))
            .map(|(id, _)| vals![*id, self.now, expires_at])
            .collect();
        if sets.is_empty() {
            return Err(Error::Conflict("nothing of the message can be sent again".to_owned()));
        }
        // What a provider said of the earlier copy stays with its attempt; the part starts over. From here on it is
        // the person's message, whoever wrote it.
        db.exec_all(
            sql!(
                "UPDATE message_parts SET state = 'queued', state_at = ?2, unsent = 1, due_at = NULL, reason = NULL, \
                 queued_at = ?2, expires_at = ?3, author = 'person', class = 'live', owner_version = NULL, \
                 accepted_at = NULL, failed_at = NULL, delivered_at = NULL, read_at = NULL, provider_id = NULL, \
                 provider_key = NULL, error_class = NULL, error_code = NULL, error_text = NULL, stuck_at = NULL \
                 WHERE id = ?1"
            ),
            &sets,
        )
        .await?;
        refresh_message(db, self.message, None, Shown::default(), self.now).await?;
        work.after.due_by(Some(expires_at));
        work.message_changed(self.workspace, message.uid, message.conversation_uid);
        work.conversation_changed(self.workspace, message.conversation_uid);
        work.lane_touched(self.workspace, message.conversation);
        work.finish(db).await
    }
}

/// Changes a contact's name and fields. A field with an empty value is removed.
#[derive(Clone, Debug)]
pub struct UpdateContact {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub contact: ContactId,
    pub name: Option<String>,
    pub fields: BTreeMap<String, String>,
}

impl Unit for UpdateContact {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let (uid, name, fields, conversation): (Uid, Option<String>, String, Option<ConversationId>) = db
            .one(
                "contact",
                sql!("SELECT uid, name, fields, conversation_id FROM contacts WHERE id = ?1 AND workspace_id = ?2"),
                &vals![self.contact, self.workspace],
            )
            .await?;
        let mut all: BTreeMap<String, String> = serde_json::from_str(&fields)?;
        for (field, value) in &self.fields {
            if value.is_empty() {
                all.remove(field);
            } else {
                all.insert(field.clone(), value.clone());
            }
        }
        let name = self.name.clone().or(name).filter(|name| !name.trim().is_empty());
        let folded = name.as_deref().map(search::fold);
        let fields = serde_json::to_string(&all)?;
        db.exec(
            sql!(
                "UPDATE contacts SET name = ?2, name_folded = ?3, fields = ?4, updated_at = ?5 WHERE id = ?1"
            ),
            &vals![self.contact, name.as_deref(), folded.as_deref(), fields.as_str(), self.now],
        )
        .await?;
        work.changed(self.workspace, "contact", uid, None);
        if let Some(id) = conversation {
            let row = super::rows::conversation(db, self.workspace, id).await?;
            work.conversation_changed(self.workspace, row.uid);
        }
        work.finish(db).await
    }
}
