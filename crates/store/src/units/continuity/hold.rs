//! Holding what waits for an account in a fault (I8: with a reason and a deadline, where people see it).

use everthread_core::directory::AccountFault;
use everthread_core::ids::{AccountId, ConversationId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::units::After;
use crate::units::record::author;
use crate::units::work::{Shown, Work, refresh_message};
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// Holds what is queued for one account. Run it again while `more`.
#[derive(Clone, Debug)]
pub struct HoldLanes {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub fault: AccountFault,
    pub limit: u32,
}

/// What was held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldLanes {
    pub parts: u64,
    /// True where a unit should follow at once.
    pub more: bool,
    pub after: After,
}

row_struct! {
    struct ToHoldRow {
        part: PartId,
        message: MessageId,
        message_uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
        author: String,
        queued_at: Timestamp,
        worth_until: Option<Timestamp>,
    }
}

impl Unit for HoldLanes {
    type Out = HeldLanes;

    async fn run<D: Db>(&self, db: &mut D) -> Result<HeldLanes> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let reason = self.fault.reason.as_str();
        // What waits already hears how it stands now.
        let parts: Vec<ToHoldRow> = db
            .rows(
                sql!(
                    "SELECT p.id, p.message_id, m.uid, p.conversation_id, v.uid, p.author, p.queued_at, p.worth_until \
                     FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.unsent = 1 AND p.account_id = ?1 AND p.workspace_id = ?2 AND p.canary = 0 AND p.seq > 0 \
                     AND (p.state = 'queued' OR (p.state = 'held' AND p.incident_id IS NOT NULL AND p.reason <> ?4)) \
                     ORDER BY p.id LIMIT ?3"
                ),
                &vals![self.account, self.workspace, self.limit, reason],
            )
            .await?;
        let mut sets: Vec<[Val<'_>; 5]> = Vec::with_capacity(parts.len());
        for row in &parts {
            let until = author(&row.author)?.held_deadline(row.queued_at, row.worth_until);
            sets.push(vals![row.part, self.now, reason, self.fault.incident, until]);
        }
        db.exec_all(
            sql!(
                "UPDATE message_parts SET state_at = CASE WHEN state = 'held' THEN state_at ELSE ?2 END, state = 'held', \
                 due_at = ?5, expires_at = ?5, reason = ?3, incident_id = ?4 WHERE id = ?1"
            ),
            &sets,
        )
        .await?;
        let mut last = None;
        for row in &parts {
            if last != Some(row.message) {
                refresh_message(db, row.message, None, Shown::default(), self.now).await?;
                work.message_changed(self.workspace, row.message_uid, row.conversation_uid);
                last = Some(row.message);
            }
            work.lane_touched(self.workspace, row.conversation);
        }
        let more = parts.len() as u64 >= u64::from(self.limit);
        Ok(HeldLanes { parts: parts.len() as u64, more, after: work.finish(db).await? })
    }
}
