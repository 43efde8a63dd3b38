//! Deadlines, and what a start of the process finds.

use std::collections::BTreeSet;
use std::sync::Arc;

use everthread_core::conversation::Input;
use everthread_core::directory::Directory;
use everthread_core::dispatch::LaneHead;
use everthread_core::ids::{
    AccountId, AttemptId, ConversationId, IdentityId, MessageId, PartId, Uid, WorkspaceId,
};
use everthread_core::outbox::{AttemptFacts, Next, Settle as SettleRule, after, expired, unsettled};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::state::State;
use everthread_core::time::Timestamp;

use super::After;
use super::record::{Ending, author, end_part};
use super::rows::{conversation, save_conversation};
use super::work::{Work, heads};
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// Ends what is overdue: uncertain outcomes past their deadline, parts that waited too long, parked events, snoozes.
#[derive(Clone, Debug)]
pub struct Settle {
    pub now: Timestamp,
    pub seed: u64,
    /// Rows of each kind in one unit.
    pub limit: u32,
    pub directory: Arc<Directory>,
}

/// What was overdue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub parts: u64,
    /// True where a unit should follow at once.
    pub more: bool,
    /// The next deadline of all that remains.
    pub next: Option<Timestamp>,
    pub after: After,
}

row_struct! {
    struct DueRow {
        part: PartId,
        workspace: WorkspaceId,
    }
}

row_struct! {
    struct OverdueRow {
        part: PartId,
        workspace: WorkspaceId,
        conversation: ConversationId,
        conversation_uid: Uid,
        message: MessageId,
        message_uid: Uid,
        state: State,
        author: String,
        attempts: i64,
        second_copy: bool,
        due_at: Option<Timestamp>,
        expires_at: Timestamp,
        worth_until: Option<Timestamp>,
        account: AccountId,
        error_code: Option<String>,
        error_text: Option<String>,
    }
}

impl Unit for Settle {
    type Out = Settled;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Settled> {
        let due = self.due(db).await?;
        let parked: Vec<(WorkspaceId,)> = db
            .rows(
                sql!("SELECT DISTINCT workspace_id FROM parked WHERE expires_at <= ?1 ORDER BY workspace_id LIMIT ?2"),
                &vals![self.now, self.limit],
            )
            .await?;
        let snoozed: Vec<(ConversationId, WorkspaceId)> = db
            .rows(
                sql!(
                    "SELECT id, workspace_id FROM conversations WHERE status = 'snoozed' AND snoozed_until IS NOT NULL \
                     AND snoozed_until <= ?1 ORDER BY snoozed_until LIMIT ?2"
                ),
                &vals![self.now, self.limit],
            )
            .await?;
        let mut workspaces: BTreeSet<WorkspaceId> = due.iter().map(|row| row.workspace).collect();
        workspaces.extend(parked.iter().map(|(workspace,)| *workspace));
        workspaces.extend(snoozed.iter().map(|(_, workspace)| *workspace));
        let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
        let limit = i64::from(self.limit);
        let mut out = Settled {
            more: due.len() as i64 >= limit || snoozed.len() as i64 >= limit,
            ..Settled::default()
        };
        let mut work = Work::start(db, self.now, self.seed, &workspaces, 8).await?;
        for row in due {
            out.parts += u64::from(self.settle(db, &mut work, &row).await?);
        }
        for (workspace,) in parked {
            out.more |=
                super::apply::park_expired(db, &mut work, &self.directory, (workspace, limit)).await?;
        }
        for (id, workspace) in snoozed {
            self.wake(db, &mut work, workspace, id).await?;
        }
        out.next = next_deadline(db).await?;
        out.after = work.finish(db).await?;
        Ok(out)
    }
}

impl Settle {
    /// What a restore holds has no deadline: only a person lets it go, see [`HoldRestored`](super::HoldRestored).
    async fn due<D: Db>(&self, db: &mut D) -> Result<Vec<DueRow>> {
        let mut due: Vec<DueRow> = db
            .rows(
                sql!(
                    "SELECT id, workspace_id FROM message_parts WHERE unsent = 1 AND due_at IS NOT NULL \
                     AND due_at <= ?1 AND state IN ('uncertain', 'held') ORDER BY due_at, id LIMIT ?2"
                ),
                &vals![self.now, self.limit],
            )
            .await?;
        let expired: Vec<DueRow> = db
            .rows(
                sql!(
                    "SELECT id, workspace_id FROM message_parts WHERE unsent = 1 AND expires_at <= ?1 \
                     AND (state = 'queued' OR (state = 'held' AND coalesce(reason, '') <> 'restored')) \
                     ORDER BY expires_at, id LIMIT ?2"
                ),
                &vals![self.now, self.limit],
            )
            .await?;
        due.extend(expired);
        due.sort_by_key(|row| row.part);
        due.dedup_by_key(|row| row.part);
        Ok(due)
    }

    /// True where the part was still overdue under the lock.
    async fn settle<D: Db>(&self, db: &mut D, work: &mut Work, due: &DueRow) -> Result<bool> {
        let row: Option<OverdueRow> = db
            .row(
                sql!(
                    "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, p.state, p.author, \
                     p.attempts, p.second_copy, p.due_at, p.expires_at, p.worth_until, p.account_id, \
                     p.error_code, p.error_text FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.id = ?1 AND p.workspace_id = ?2 AND p.unsent = 1"
                ),
                &vals![due.part, due.workspace],
            )
            .await?;
        let Some(row) = row else { return Ok(false) };
        let Some(next) = self.decide(&row)? else { return Ok(false) };
        let end = Ending {
            workspace: row.workspace,
            conversation: row.conversation,
            conversation_uid: row.conversation_uid,
            message: row.message,
            message_uid: row.message_uid,
            part: row.part,
        };
        end_part(db, work, &end, next).await?;
        Ok(true)
    }

    fn decide(&self, row: &OverdueRow) -> Result<Option<Next>> {
        let author = author(&row.author)?;
        let over = row.due_at.is_some_and(|at| at <= self.now);
        let known = Reason::new(
            row.error_code.clone().unwrap_or_else(|| "expired".to_owned()),
            row.error_text.clone().unwrap_or_else(|| "it could not go out in time".to_owned()),
        );
        Ok(match row.state {
            State::Uncertain if over => {
                let settle =
                    self.directory.get(row.account).map_or(SettleRule::Never, |info| info.caps.settle);
                let outcome = Outcome::Uncertain { reason: known.clone() };
                let facts = AttemptFacts {
                    outcome: &outcome,
                    attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
                    second_copy: row.second_copy,
                    deadline: row.expires_at,
                    worth_until: row.worth_until,
                    author,
                    settle,
                    fault: None,
                };
                Some(unsettled(&facts, &known, self.now))
            }
            State::Held if over || row.expires_at <= self.now => Some(expired(author, &known)),
            State::Queued if row.expires_at <= self.now => Some(expired(author, &known)),
            _ => None,
        })
    }

    async fn wake<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        workspace: WorkspaceId,
        id: ConversationId,
    ) -> Result<()> {
        let mut row = conversation(db, workspace, id).await?;
        if let Ok(change) = row.state().step(Input::SnoozeOver, self.now) {
            row.set(&change.next, self.now);
            save_conversation(db, &row, self.now).await?;
            work.conversation_changed(workspace, row.uid);
        }
        Ok(())
    }
}

/// The earliest deadline of unsent parts, parked events and snoozes.
async fn next_deadline<D: Db>(db: &mut D) -> Result<Option<Timestamp>> {
    let times: Vec<(Option<Timestamp>,)> = db
        .rows(
            sql!(
                "SELECT (SELECT due_at FROM message_parts WHERE unsent = 1 AND due_at IS NOT NULL \
                 AND state IN ('uncertain', 'held') ORDER BY due_at LIMIT 1) UNION ALL \
                 SELECT (SELECT expires_at FROM message_parts WHERE unsent = 1 AND (state = 'queued' \
                 OR (state = 'held' AND coalesce(reason, '') <> 'restored')) ORDER BY expires_at LIMIT 1) \
                 UNION ALL SELECT (SELECT min(expires_at) FROM parked) UNION ALL \
                 SELECT (SELECT min(snoozed_until) FROM conversations WHERE status = 'snoozed' \
                 AND snoozed_until IS NOT NULL)"
            ),
            &[],
        )
        .await?;
    Ok(times.into_iter().filter_map(|(at,)| at).min())
}

/// At the start of a process: attempts left under way become uncertain (I11), and lanes with unsent parts come
/// back, a chunk at a time. Run it again with `after` until `next` is `None`.
#[derive(Clone, Debug)]
pub struct Recover {
    pub now: Timestamp,
    pub seed: u64,
    /// Lanes up to this one are done; `None` for the first chunk, which also ends the attempts.
    pub after: Option<ConversationId>,
    pub limit: u32,
    pub directory: Arc<Directory>,
    /// Attempts of this fence are our own and under way; only older ones are recovered.
    pub fence: i64,
}

/// One chunk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Attempts that became uncertain.
    pub uncertain: u64,
    /// Calls of the last minutes, oldest first, for the dispatcher to book.
    pub recent: Vec<RecentCall>,
    pub heads: Vec<LaneHead>,
    /// Give it as `after`; `None` where this was the last chunk.
    pub next: Option<ConversationId>,
    pub after: After,
}

/// A call that went out before the restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentCall {
    pub account: AccountId,
    pub peer: IdentityId,
    pub at: Timestamp,
}

/// Pacing windows are seconds; two minutes of calls refill them.
const RECENT: everthread_core::time::Span = everthread_core::time::Span::mins(2);

/// At most this many recent calls, the newest: no account sends more in its window.
const RECENT_MAX: i64 = 20_000;

impl Unit for Recover {
    type Out = Recovered;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Recovered> {
        let mut out = Recovered::default();
        if self.after.is_none() {
            let (uncertain, after) = self.end_attempts(db).await?;
            out.uncertain = uncertain;
            out.after = after;
            out.recent = self.recent(db).await?;
        }
        let after = self.after.map_or(0, |id| id.0);
        let lanes: Vec<(ConversationId, WorkspaceId)> = db
            .rows(
                sql!(
                    "SELECT DISTINCT conversation_id, workspace_id FROM message_parts \
                     WHERE unsent = 1 AND conversation_id > ?1 ORDER BY conversation_id LIMIT ?2"
                ),
                &vals![after, self.limit],
            )
            .await?;
        if lanes.len() as i64 == i64::from(self.limit) {
            out.next = lanes.last().map(|(id, _)| *id);
        }
        let lanes: Vec<(WorkspaceId, ConversationId)> = lanes.into_iter().map(|(c, w)| (w, c)).collect();
        let version = db.ids(1).await?;
        out.heads = heads(db, &lanes, version).await?.into_iter().flatten().collect();
        Ok(out)
    }
}

impl Recover {
    /// An attempt that nobody recorded may have reached the provider: never sent again blindly.
    async fn end_attempts<D: Db>(&self, db: &mut D) -> Result<(u64, After)> {
        let left: Vec<(AttemptId, PartId, WorkspaceId)> = db
            .rows(
                sql!(
                    "SELECT id, part_id, workspace_id FROM attempts WHERE ended_at IS NULL AND fence < ?1 \
                     ORDER BY id"
                ),
                &vals![self.fence],
            )
            .await?;
        let workspaces: Vec<WorkspaceId> = left.iter().map(|(.., workspace)| *workspace).collect();
        let mut work = Work::start(db, self.now, self.seed, &workspaces, 8).await?;
        let reason = Reason::new("crash", "the program ended while the call was under way");
        for (attempt, part, workspace) in &left {
            let values: [Val<'_>; 4] = vals![*attempt, self.now, reason.code.as_str(), reason.text.as_str()];
            db.exec(
                sql!(
                    "UPDATE attempts SET ended_at = ?2, outcome = 'uncertain', class = 'unknown_outcome', code = ?3, \
                     text = ?4 WHERE id = ?1"
                ),
                &values,
            )
            .await?;
            self.end_part(db, &mut work, *workspace, *part, &reason).await?;
        }
        Ok((left.len() as u64, work.finish(db).await?))
    }

    async fn end_part<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        workspace: WorkspaceId,
        part: PartId,
        reason: &Reason,
    ) -> Result<()> {
        let row: Option<OverdueRow> = db
            .row(
                sql!(
                    "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, p.state, p.author, \
                     p.attempts, p.second_copy, p.due_at, p.expires_at, p.worth_until, p.account_id, \
                     p.error_code, p.error_text FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.id = ?1 AND p.workspace_id = ?2 AND p.state = 'sending'"
                ),
                &vals![part, workspace],
            )
            .await?;
        let Some(row) = row else { return Ok(()) };
        let outcome = Outcome::Uncertain { reason: reason.clone() };
        let facts = AttemptFacts {
            outcome: &outcome,
            attempt: u32::try_from(row.attempts).unwrap_or(u32::MAX),
            second_copy: row.second_copy,
            deadline: row.expires_at,
            worth_until: row.worth_until,
            author: author(&row.author)?,
            settle: self.directory.get(row.account).map_or(SettleRule::Never, |info| info.caps.settle),
            fault: None,
        };
        let next = after(&facts, self.now, work.uids.draw());
        let end = Ending {
            workspace,
            conversation: row.conversation,
            conversation_uid: row.conversation_uid,
            message: row.message,
            message_uid: row.message_uid,
            part,
        };
        let mut ended = end_part(db, work, &end, next).await?;
        super::apply::apply_parked(db, work, &mut ended, &self.directory).await
    }

    async fn recent<D: Db>(&self, db: &mut D) -> Result<Vec<RecentCall>> {
        let rows: Vec<(AccountId, IdentityId, Timestamp)> = db
            .rows(
                sql!(
                    "SELECT a.account_id, p.identity_id, a.started_at FROM attempts a \
                     JOIN message_parts p ON p.id = a.part_id \
                     WHERE a.id > (SELECT coalesce(max(id), 0) FROM attempts) - ?2 AND a.started_at > ?1 \
                     ORDER BY a.started_at"
                ),
                &vals![self.now - RECENT, RECENT_MAX * 16],
            )
            .await?;
        Ok(rows.into_iter().map(|(account, peer, at)| RecentCall { account, peer, at }).collect())
    }
}
