//! Marking what a platform accepted and of which no receipt came: see core's `stuck`.

use std::sync::Arc;

use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, ConversationId, PartId, Uid, WorkspaceId};
use everthread_core::state::{Facts, State};
use everthread_core::stuck::Watch;
use everthread_core::time::{Span, Timestamp};

use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// Newest messages of a conversation that are looked at: what is stuck is the end of a talk.
const LOOK: i64 = 20;

/// A message may have waited so long in its lane before the platform took it.
const QUEUED_BEFORE: Span = Span::hours(2);

/// Parts sent over an account that may be stuck, in open conversations that it leads or led before an incident carried them. Run it
/// again, after [`MarkStuck`], while it gives `limit`.
#[derive(Clone, Copy, Debug)]
pub struct StuckParts {
    pub account: AccountId,
    pub watch: Watch,
    pub limit: u32,
}

impl Unit for StuckParts {
    type Out = Vec<PartId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<PartId>> {
        let rows: Vec<(PartId,)> = db
            .rows(
                sql!(
                    "SELECT p.id FROM conversations v JOIN messages m ON m.conversation_id = v.id AND m.seq > v.seq - ?4 \
                     JOIN message_parts p ON p.message_id = m.id \
                     WHERE v.route_account_id = ?1 AND v.status <> 'resolved' AND v.last_at >= ?6 AND p.account_id = ?1 \
                     AND p.state = 'accepted' AND p.stuck_at IS NULL AND p.accepted_at >= ?2 AND p.accepted_at <= ?3 \
                     UNION SELECT p.id FROM conversations v \
                     JOIN messages m ON m.conversation_id = v.id AND m.seq > v.seq - ?4 \
                     JOIN message_parts p ON p.message_id = m.id \
                     WHERE v.carried_incident_id IS NOT NULL AND v.home_account_id = ?1 AND v.status <> 'resolved' \
                     AND v.last_at >= ?6 AND p.account_id = ?1 AND p.state = 'accepted' AND p.stuck_at IS NULL \
                     AND p.accepted_at >= ?2 AND p.accepted_at <= ?3 ORDER BY 1 LIMIT ?5"
                ),
                &vals![
                    self.account,
                    self.watch.since,
                    self.watch.until,
                    LOOK,
                    self.limit,
                    self.watch.since - QUEUED_BEFORE
                ],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// Marks parts as stuck where they still are. Their lanes want a plan: the customer waits, though nothing waits here.
#[derive(Clone, Debug)]
pub struct MarkStuck {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub watch: Watch,
    pub parts: Vec<PartId>,
    pub directory: Arc<Directory>,
}

row_struct! {
    struct AcceptedRow {
        part: PartId,
        state: State,
        accepted: Option<Timestamp>,
        failed: Option<Timestamp>,
        delivered: Option<Timestamp>,
        read: Option<Timestamp>,
        message_uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
    }
}

impl Unit for MarkStuck {
    /// How many were marked.
    type Out = (u64, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let Some(info) = self.directory.get(self.account) else { return Ok((0, work.finish(db).await?)) };
        let sets: Vec<[Val<'_>; 3]> =
            self.parts.iter().map(|part| vals![*part, self.workspace, self.account]).collect();
        let found: Vec<Vec<AcceptedRow>> = db
            .rows_all(
                sql!(
                    "SELECT p.id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, m.uid, p.conversation_id, \
                     v.uid FROM message_parts p JOIN messages m ON m.id = p.message_id \
                     JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.id = ?1 AND p.workspace_id = ?2 AND p.account_id = ?3 AND p.stuck_at IS NULL"
                ),
                &sets,
            )
            .await?;
        let mut marks: Vec<[Val<'_>; 2]> = Vec::new();
        for row in found.into_iter().flatten() {
            let facts = Facts {
                accepted: row.accepted,
                failed: row.failed,
                delivered: row.delivered,
                read: row.read,
            };
            if !self.watch.catches(&info.caps, row.state, &facts) {
                continue;
            }
            marks.push(vals![row.part, self.now]);
            work.message_changed(self.workspace, row.message_uid, row.conversation_uid);
            work.after.plans.push((self.workspace, row.conversation));
        }
        db.exec_all(sql!("UPDATE message_parts SET stuck_at = ?2 WHERE id = ?1"), &marks).await?;
        work.after.plans.dedup();
        Ok((marks.len() as u64, work.finish(db).await?))
    }
}
