//! Retention by age: a closed conversation in which nothing happened for so long goes, with all that was said in it.
//!
//! What waits keeps its conversation: a part that is not out, a timer, any status but resolved. The contact stays, with its
//! addresses, consents and leads, and who writes again begins a new conversation. Keys of events stay, so that no
//! redelivery and no replay brings an old message back.

use std::ops::AddAssign;

use everthread_core::ids::{ContactId, ConversationId, MessageId, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use super::feed::restart_feed;
use super::gone::{OF_CONVERSATION, remove_messages};
use crate::{Db, Result, Sql, Unit, sql, vals};

/// Conversations looked at in one unit.
const CONVERSATIONS: u32 = 50;

/// Sets after how many days closed conversations are removed; `None` keeps them. Takes effect with the next pass.
#[derive(Clone, Debug)]
pub struct SetRetention {
    pub workspace: WorkspaceId,
    pub days: Option<u32>,
}

impl Unit for SetRetention {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let set = sql!("UPDATE workspaces SET retention_days = ?2 WHERE id = ?1");
        db.exec(set, &vals![self.workspace, self.days.map(i64::from)]).await?;
        Ok(())
    }
}

/// How many conversations are old enough to be removed; no more than `limit` are counted.
#[derive(Clone, Debug)]
pub struct CountOld {
    pub workspace: WorkspaceId,
    pub before: Timestamp,
    pub limit: u32,
}

impl Unit for CountOld {
    type Out = u64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        let rows: Vec<OldRow> = db.rows(OLD, &vals![self.workspace, self.before, self.limit]).await?;
        Ok(rows.len() as u64)
    }
}

/// Removes what is older than `before`, `limit` messages and as many other rows at a time. Run it until nothing more is to
/// do, then [`RestartFeed`].
#[derive(Clone, Debug)]
pub struct RemoveOld {
    pub workspace: WorkspaceId,
    pub before: Timestamp,
    /// Messages in one unit.
    pub limit: u32,
}

/// What one unit removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OldRemoved {
    pub conversations: u64,
    pub messages: u64,
    /// Problems, calls of outgoing webhooks, and what was read back after an incident.
    pub others: u64,
    /// True where a unit should follow.
    pub more: bool,
}

impl AddAssign for OldRemoved {
    fn add_assign(&mut self, next: Self) {
        self.conversations += next.conversations;
        self.messages += next.messages;
        self.others += next.others;
        self.more |= next.more;
    }
}

type OldRow = (ConversationId, ContactId);

/// Resolved, old, and with nothing that waits; the oldest first.
const OLD: Sql = sql!(
    "SELECT v.id, v.contact_id FROM conversations v WHERE v.workspace_id = ?1 AND v.status = 'resolved' \
     AND v.last_at < ?2 \
     AND NOT EXISTS (SELECT 1 FROM message_parts p WHERE p.conversation_id = v.id AND p.unsent = 1) \
     AND NOT EXISTS (SELECT 1 FROM timers t WHERE t.conversation_id = v.id) \
     ORDER BY v.last_at, v.id LIMIT ?3"
);

/// What else has an age, and was dealt with.
const OTHERS: &[Sql] = &[
    sql!(
        "DELETE FROM problem_examples WHERE at < ?2 AND id IN \
         (SELECT id FROM problem_examples WHERE workspace_id = ?1 ORDER BY id LIMIT ?3)"
    ),
    sql!(
        "DELETE FROM problems WHERE coalesce(last_at, at) < ?2 AND id IN \
         (SELECT id FROM problems WHERE workspace_id = ?1 ORDER BY id LIMIT ?3)"
    ),
    sql!(
        "DELETE FROM history_threads WHERE (incident_id, account_id, thread) IN \
         (SELECT h.incident_id, h.account_id, h.thread FROM history_threads h JOIN history_reads r \
         ON r.incident_id = h.incident_id AND r.account_id = h.account_id WHERE h.workspace_id = ?1 \
         AND r.due_at IS NULL AND r.finished_at < ?2 LIMIT ?3)"
    ),
    sql!(
        "DELETE FROM history_reads WHERE (incident_id, account_id) IN (SELECT r.incident_id, r.account_id \
         FROM history_reads r WHERE r.workspace_id = ?1 AND r.due_at IS NULL AND r.finished_at < ?2 \
         AND NOT EXISTS (SELECT 1 FROM history_threads h WHERE h.incident_id = r.incident_id \
         AND h.account_id = r.account_id) LIMIT ?3)"
    ),
    sql!(
        "DELETE FROM webhook_deliveries WHERE id IN (SELECT id FROM webhook_deliveries \
         WHERE workspace_id = ?1 AND ended_at < ?2 ORDER BY ended_at LIMIT ?3)"
    ),
];

impl Unit for RemoveOld {
    type Out = OldRemoved;

    async fn run<D: Db>(&self, db: &mut D) -> Result<OldRemoved> {
        db.lock(&[self.workspace]).await?;
        let old: Vec<OldRow> = db.rows(OLD, &vals![self.workspace, self.before, CONVERSATIONS]).await?;
        let mut out =
            OldRemoved { more: old.len() as u64 >= u64::from(CONVERSATIONS), ..OldRemoved::default() };
        for (conversation, contact) in old {
            let left = u64::from(self.limit) - out.messages;
            let removed = self.messages(db, conversation, left).await?;
            out.messages += removed;
            // The last message goes in one unit with its conversation.
            if removed >= left {
                out.more = true;
                break;
            }
            self.conversation(db, conversation, contact).await?;
            out.conversations += 1;
        }
        for step in OTHERS {
            let removed = db.exec(*step, &vals![self.workspace, self.before, self.limit]).await?;
            out.others += removed;
            out.more |= removed >= u64::from(self.limit);
        }
        Ok(out)
    }
}

impl RemoveOld {
    /// Removes the first `limit` messages of a conversation. Answers how many there were.
    async fn messages<D: Db>(&self, db: &mut D, conversation: ConversationId, limit: u64) -> Result<u64> {
        let messages: Vec<(MessageId, Option<String>)> = db
            .rows(
                sql!("SELECT id, content FROM messages WHERE conversation_id = ?1 ORDER BY seq LIMIT ?2"),
                &vals![conversation, limit as i64],
            )
            .await?;
        remove_messages(db, self.workspace, &messages).await?;
        Ok(messages.len() as u64)
    }

    /// Removes a conversation whose messages are gone.
    async fn conversation<D: Db>(
        &self,
        db: &mut D,
        conversation: ConversationId,
        contact: ContactId,
    ) -> Result<()> {
        for step in OF_CONVERSATION {
            db.exec(*step, &vals![conversation]).await?;
        }
        for step in [
            sql!("UPDATE contacts SET conversation_id = NULL WHERE id = ?1 AND conversation_id = ?2"),
            sql!("UPDATE leads SET conversation_id = NULL WHERE contact_id = ?1 AND conversation_id = ?2"),
        ] {
            db.exec(step, &vals![contact, conversation]).await?;
        }
        let codes = sql!("DELETE FROM identity_codes WHERE contact_id = ?1 AND expires_at < ?2");
        db.exec(codes, &vals![contact, self.before]).await?;
        Ok(())
    }
}

/// Makes every client of a workspace start afresh, as what it shows may be gone.
#[derive(Clone, Copy, Debug)]
pub struct RestartFeed {
    pub workspace: WorkspaceId,
}

impl Unit for RestartFeed {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let number = restart_feed(db, self.workspace).await?;
        Ok(After { changes: vec![(self.workspace, number)], ..After::default() })
    }
}
