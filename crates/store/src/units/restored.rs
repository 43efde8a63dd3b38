//! After a backup was brought back: nothing that was on its way goes out by itself.

use everthread_core::ids::{ConversationId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use super::work::{Shown, Work, refresh_message};
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// Holds every part that is not out, with the reason `restored`: the hub that made the backup may have sent it since,
/// or another hub may have. It stays so, without a deadline, until a person sends it ([`Retry`](super::Retry)) or
/// cancels it ([`Cancel`](super::Cancel)), or an echo shows that it went out.
#[derive(Clone, Debug)]
pub struct HoldRestored {
    pub now: Timestamp,
    /// Parts in one unit.
    pub limit: u32,
}

/// What was held by one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeldRestored {
    pub parts: u64,
    /// True where a unit should follow.
    pub more: bool,
    pub after: After,
}

row_struct! {
    struct UnsentRow {
        part: PartId,
        message: MessageId,
        message_uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
        workspace: WorkspaceId,
    }
}

impl Unit for HoldRestored {
    type Out = HeldRestored;

    async fn run<D: Db>(&self, db: &mut D) -> Result<HeldRestored> {
        let rows: Vec<UnsentRow> = db
            .rows(
                sql!(
                    "SELECT p.id, p.message_id, m.uid, p.conversation_id, v.uid, p.workspace_id FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.unsent = 1 AND (p.state <> 'held' OR coalesce(p.reason, '') <> 'restored') \
                     ORDER BY p.conversation_id, p.seq, p.idx LIMIT ?1"
                ),
                &vals![i64::from(self.limit)],
            )
            .await?;
        let mut workspaces: Vec<WorkspaceId> = rows.iter().map(|row| row.workspace).collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        let mut work = Work::start(db, self.now, 0, &workspaces, 1).await?;
        end_attempts(db, self.now).await?;
        let sets: Vec<[Val<'_>; 2]> = rows.iter().map(|row| vals![row.part, self.now]).collect();
        db.exec_all(
            sql!(
                "UPDATE message_parts SET state = 'held', state_at = ?2, due_at = NULL, reason = 'restored' \
                 WHERE id = ?1"
            ),
            &sets,
        )
        .await?;
        let mut last = None;
        for row in &rows {
            if last.replace(row.message) == Some(row.message) {
                continue;
            }
            refresh_message(db, row.message, None, Shown::default(), self.now).await?;
            work.message_changed(row.workspace, row.message_uid, row.conversation_uid);
            work.conversation_changed(row.workspace, row.conversation_uid);
            work.lane_touched(row.workspace, row.conversation);
        }
        let more = rows.len() as i64 >= i64::from(self.limit);
        Ok(HeldRestored { parts: rows.len() as u64, more, after: work.finish(db).await? })
    }
}

/// Nobody will ever record what came of calls that were under way.
async fn end_attempts<D: Db>(db: &mut D, now: Timestamp) -> Result<()> {
    db.exec(
        sql!(
            "UPDATE attempts SET ended_at = ?1, outcome = 'uncertain', class = 'unknown_outcome', code = 'restored', \
             text = 'the call was under way when the backup was made' WHERE ended_at IS NULL"
        ),
        &vals![now],
    )
    .await?;
    Ok(())
}
