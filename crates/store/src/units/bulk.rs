//! Bulk messages: the same words to many, behind everything that is said to one.

use std::sync::Arc;

use everthread_core::content::Content;
use everthread_core::directory::Directory;
use everthread_core::ids::{ConversationId, WorkspaceId};
use everthread_core::outbox::Author;
use everthread_core::state::Class;
use everthread_core::time::Timestamp;

use super::out::{OutMessage, queue};
use super::rows::{AuthorKind, conversation, save_conversation};
use super::work::Work;
use crate::{Db, Result, Unit, sql, vals};

/// Queues one message in each of these conversations, class bulk, over its route. A conversation without a route, or whose
/// channel can't carry it, is passed over.
#[derive(Clone, Debug)]
pub struct QueueBulk {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversations: Vec<ConversationId>,
    pub content: Content,
    pub directory: Arc<Directory>,
}

impl Unit for QueueBulk {
    /// How many were queued.
    type Out = u64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        let ids = u32::try_from(self.conversations.len() * 2 + 1).unwrap_or(u32::MAX);
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], ids).await?;
        let mut queued = 0;
        for id in &self.conversations {
            let mut row = conversation(db, self.workspace, *id).await?;
            let waiting = row.waiting_since;
            let (Some(account), Some(identity)) = (row.route_account, row.route_identity) else { continue };
            let Some(info) = self.directory.get(account).filter(|i| i.workspace == self.workspace) else {
                continue;
            };
            let out = OutMessage {
                author: Author::Broadcast,
                kind: AuthorKind::Bot(None),
                content: &self.content,
                identity,
                reply_to: None,
                client_id: None,
                class: Class::Bulk,
                aside_until: None,
            };
            if queue(db, &mut work, &mut row, info, &out).await?.is_ok() {
                // An offer is no answer: who waits still does.
                row.waiting_since = waiting;
                save_conversation(db, &row, self.now).await?;
                queued += 1;
            }
        }
        work.finish(db).await?;
        Ok(queued)
    }
}

/// Every conversation of a workspace, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Lanes {
    pub workspace: WorkspaceId,
}

impl Unit for Lanes {
    type Out = Vec<ConversationId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<ConversationId>> {
        let rows: Vec<(ConversationId,)> = db
            .rows(
                sql!("SELECT id FROM conversations WHERE workspace_id = ?1 ORDER BY id"),
                &vals![self.workspace],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
