//! Records what came of calls, in the transaction that lets the lane go on.

use std::collections::BTreeSet;
use std::sync::Arc;

use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, AttemptId, ConversationId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::outbox::{AttemptFacts, Author, Next, Settle, after};
use everthread_core::outcome::{ErrorClass, Outcome, Reason};
use everthread_core::state::{Facts, State, part_state};
use everthread_core::time::{Span, Timestamp};

use super::apply::{PartRow, apply_parked};
use super::work::{Shown, Work, provider_key, refresh_message};
use super::{After, Throttle};
use crate::{Db, Error, Result, Unit, Val, row_struct, sql, vals};

/// Longest request or answer kept with an attempt, in bytes: enough to see what was wrong.
const KEPT_BYTES_MAX: usize = 4 * 1024;

/// Records the outcomes of attempts.
#[derive(Clone, Debug)]
pub struct Record {
    pub now: Timestamp,
    pub seed: u64,
    pub results: Vec<AttemptResult>,
    pub directory: Arc<Directory>,
}

/// What came of one attempt.
#[derive(Clone, Debug)]
pub struct AttemptResult {
    pub workspace: WorkspaceId,
    pub attempt: AttemptId,
    pub outcome: Outcome,
    /// Without secrets.
    pub request: String,
    /// Without secrets.
    pub answer: String,
}

/// What became of one attempt's part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// The part's state now.
    Part { part: PartId, state: State },
    /// The attempt had ended already (recovered as uncertain, or recorded before); a late acceptance still counts.
    Late { part: PartId, state: State },
    /// There is no such attempt in this workspace.
    Unknown,
}

row_struct! {
    struct AttemptRow {
        number: i64,
        ended_at: Option<Timestamp>,
        author: String,
        expires_at: Timestamp,
        worth_until: Option<Timestamp>,
        second_copy: bool,
        canary: bool,
    }
}

impl Unit for Record {
    type Out = (Vec<Recorded>, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let workspaces: Vec<WorkspaceId> = self.results.iter().map(|result| result.workspace).collect();
        let mut work = Work::start(db, self.now, self.seed, &workspaces, 4).await?;
        let sets: Vec<[Val<'_>; 2]> = self.results.iter().map(|r| vals![r.attempt, r.workspace]).collect();
        let attempts: Vec<Vec<AttemptRow>> = db
            .rows_all(
                sql!(
                    "SELECT a.number, a.ended_at, p.author, p.expires_at, p.worth_until, p.second_copy, p.canary \
                     FROM attempts a JOIN message_parts p ON p.id = a.part_id \
                     WHERE a.id = ?1 AND a.workspace_id = ?2"
                ),
                &sets,
            )
            .await?;
        let parts: Vec<Vec<PartRow>> = db
            .rows_all(
                sql!(
                    "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
                     p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
                     p.error_class, p.error_code, p.error_text FROM attempts a \
                     JOIN message_parts p ON p.id = a.part_id JOIN messages m ON m.id = p.message_id \
                     JOIN conversations v ON v.id = p.conversation_id WHERE a.id = ?1 AND a.workspace_id = ?2"
                ),
                &sets,
            )
            .await?;
        let sent: BTreeSet<AccountId> = (self.results.iter().zip(&parts))
            .filter(|(result, _)| matches!(result.outcome, Outcome::Accepted { .. }))
            .filter_map(|(_, rows)| rows.first().map(|part| part.account))
            .collect();
        let mut out = Vec::with_capacity(self.results.len());
        for ((result, attempt), part) in self.results.iter().zip(attempts).zip(parts) {
            out.push(match (attempt.into_iter().next(), part.into_iter().next()) {
                (Some(attempt), Some(part)) => self.record(db, &mut work, result, &attempt, part).await?,
                _ => Recorded::Unknown,
            });
        }
        self.note_sent(db, &sent).await?;
        Ok((out, work.finish(db).await?))
    }
}

/// The account's row is written at most this often; people read minutes.
const NOTE_EVERY: Span = Span::secs(5);

impl Record {
    /// When an account last sent, for people.
    async fn note_sent<D: Db>(&self, db: &mut D, accounts: &BTreeSet<AccountId>) -> Result<()> {
        let sets: Vec<[Val<'_>; 3]> =
            accounts.iter().map(|account| vals![*account, self.now, self.now - NOTE_EVERY]).collect();
        db.exec_all(
            sql!(
                "UPDATE accounts SET last_out_at = ?2 WHERE id = ?1 AND (last_out_at IS NULL OR last_out_at < ?3)"
            ),
            &sets,
        )
        .await?;
        Ok(())
    }

    async fn record<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        result: &AttemptResult,
        attempt: &AttemptRow,
        mut part: PartRow,
    ) -> Result<Recorded> {
        if attempt.ended_at.is_some() {
            return self.late(db, work, result, part).await;
        }
        let info = self.directory.get(part.account);
        let fault = info.and_then(|info| info.fault.as_ref()).filter(|_| attempt.canary);
        let fault = fault.map(|fault| Reason::new("incident", fault.reason.as_str()));
        let facts = AttemptFacts {
            outcome: &result.outcome,
            attempt: u32::try_from(attempt.number).unwrap_or(u32::MAX),
            second_copy: attempt.second_copy,
            deadline: attempt.expires_at,
            worth_until: attempt.worth_until,
            author: author(&attempt.author)?,
            settle: info.map_or(Settle::Never, |info| info.caps.settle),
            fault: fault.as_ref(),
        };
        let draw = work.uids.draw();
        let next = after(&facts, self.now, draw);
        let (mut own, mut retry_at) = (None, None);
        if let Next::Retry { at, .. } = &next {
            retry_at = Some(*at);
        }
        if let Next::Accepted { provider_id } = &next {
            own = provider_id.clone();
        }
        if attempt.canary && matches!(next, Next::Held { .. }) {
            db.exec(sql!("UPDATE message_parts SET canary = 0 WHERE id = ?1"), &vals![part.id]).await?;
        }
        self.close(db, result, retry_at).await?;
        if let Next::Retry { at, throttle: Some(scope), .. } = &next {
            let throttle = Throttle { account: part.account, peer: part.identity, scope: *scope, until: *at };
            work.after.throttled.push(throttle);
        }
        apply_next(db, work, &mut part, next, own).await?;
        apply_parked(db, work, &mut part, &self.directory).await?;
        Ok(Recorded::Part { part: part.id, state: part.state })
    }

    /// The attempt was given up as uncertain meanwhile; an acceptance settles it after all.
    async fn late<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        result: &AttemptResult,
        mut part: PartRow,
    ) -> Result<Recorded> {
        if let Outcome::Accepted { provider_id } = &result.outcome {
            let fact = (everthread_core::event::Fact::Accepted, self.now);
            super::apply::learn(db, work, &mut part, fact, None, Some(provider_id)).await?;
            apply_parked(db, work, &mut part, &self.directory).await?;
        }
        Ok(Recorded::Late { part: part.id, state: part.state })
    }

    async fn close<D: Db>(
        &self,
        db: &mut D,
        result: &AttemptResult,
        retry_at: Option<Timestamp>,
    ) -> Result<()> {
        let (word, class, code, text, provider_id) = match &result.outcome {
            Outcome::Accepted { provider_id } => ("accepted", None, None, None, Some(provider_id.as_str())),
            Outcome::NotExecuted { class, reason, .. } => {
                ("not_executed", Some(*class), Some(&reason.code), Some(&reason.text), None)
            }
            Outcome::Refused { class, reason } => {
                ("refused", Some(*class), Some(&reason.code), Some(&reason.text), None)
            }
            Outcome::Uncertain { reason } => {
                ("uncertain", Some(ErrorClass::UnknownOutcome), Some(&reason.code), Some(&reason.text), None)
            }
        };
        db.exec(
            sql!(
                "UPDATE attempts SET ended_at = ?2, outcome = ?3, class = ?4, code = ?5, text = ?6, provider_id = ?7, \
                 request = ?8, answer = ?9, retry_at = ?10 WHERE id = ?1"
            ),
            &vals![
                result.attempt,
                self.now,
                word,
                class.map(ErrorClass::as_str),
                code.map(String::as_str),
                text.map(String::as_str),
                provider_id,
                short(&result.request),
                short(&result.answer),
                retry_at
            ],
        )
        .await?;
        Ok(())
    }
}

fn short(text: &str) -> &str {
    &text[..text.floor_char_boundary(KEPT_BYTES_MAX)]
}

pub(super) fn author(word: &str) -> Result<Author> {
    Author::parse(word).ok_or_else(|| Error::Defect(format!("unknown author {word:?}")))
}

/// A part that ends (or waits) without an attempt of its own: names what [`end_part`] writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ending {
    pub(crate) workspace: WorkspaceId,
    pub(crate) conversation: ConversationId,
    pub(crate) conversation_uid: Uid,
    pub(crate) message: MessageId,
    pub(crate) message_uid: Uid,
    pub(crate) part: PartId,
}

/// Applies what core decided for a part that is not in memory.
pub(crate) async fn end_part<D: Db>(
    db: &mut D,
    work: &mut Work,
    end: &Ending,
    next: Next,
) -> Result<PartRow> {
    let mut part: PartRow = db
        .one(
            "part",
            sql!(
                "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
                 p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
                 p.error_class, p.error_code, p.error_text FROM message_parts p \
                 JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                 WHERE p.id = ?1 AND p.workspace_id = ?2"
            ),
            &vals![end.part, end.workspace],
        )
        .await?;
    debug_assert_eq!((part.message, part.message_uid), (end.message, end.message_uid));
    debug_assert_eq!((part.conversation, part.conversation_uid), (end.conversation, end.conversation_uid));
    apply_next(db, work, &mut part, next, None).await?;
    Ok(part)
}

/// The columns that a decision sets.
struct Written {
    local: State,
    due_at: Option<Timestamp>,
    reason: Option<String>,
    class: Option<ErrorClass>,
    code: Option<String>,
    text: Option<String>,
    second_copy: bool,
    /// A new deadline.
    expires_at: Option<Timestamp>,
}

impl Written {
    fn new(local: State) -> Self {
        Self {
            local,
            due_at: None,
            reason: None,
            class: None,
            code: None,
            text: None,
            second_copy: false,
            expires_at: None,
        }
    }

    fn why(mut self, class: Option<ErrorClass>, reason: Reason) -> Self {
        self.reason = Some(reason.text.clone());
        self.class = class;
        self.code = Some(reason.code);
        self.text = Some(reason.text);
        self
    }
}

/// Writes what follows for a part, its message, its account and its lane.
pub(crate) async fn apply_next<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &mut PartRow,
    next: Next,
    provider_id: Option<String>,
) -> Result<()> {
    let now = work.now;
    let mut facts = part.facts();
    let written = match next {
        Next::Accepted { .. } => {
            facts.learn(everthread_core::event::Fact::Accepted, now);
            Written::new(State::Accepted)
        }
        Next::Retry { at, class, reason, .. } => {
            let second_copy = class == ErrorClass::UnknownOutcome;
            Written { due_at: Some(at), second_copy, ..Written::new(State::Queued).why(Some(class), reason) }
        }
        Next::StopAccount { reason, until } => {
            stop_account(db, work, part.workspace, part.account, &reason.text).await?;
            work.after.due_by(Some(until));
            Written { due_at: Some(until), ..Written::new(State::Held).why(Some(ErrorClass::Auth), reason) }
        }
        Next::Held { reason, until } => {
            work.after.due_by(Some(until));
            work.after.plans.push((part.workspace, part.conversation));
            let written = Written::new(State::Held).why(None, reason);
            Written { due_at: Some(until), expires_at: Some(until), ..written }
        }
        Next::Failed { class, reason } => {
            facts.learn(everthread_core::event::Fact::Failed, now);
            Written::new(State::Failed).why(Some(class), reason)
        }
        Next::Returned { reason } => {
            facts.learn(everthread_core::event::Fact::Failed, now);
            Written::new(State::Failed).why(None, reason)
        }
        Next::Uncertain { settle_by, reason } => {
            work.after.due_by(Some(settle_by));
            let class = Some(ErrorClass::UnknownOutcome);
            Written { due_at: Some(settle_by), ..Written::new(State::Uncertain).why(class, reason) }
        }
        Next::Unconfirmed { reason } => {
            Written::new(State::Unconfirmed).why(Some(ErrorClass::UnknownOutcome), reason)
        }
        Next::Cancelled { reason } => Written::new(State::Cancelled).why(None, reason),
    };
    part.set_facts(&facts);
    part.provider_id = part.provider_id.take().or(provider_id);
    part.state = part_state(written.local, &facts);
    // A receipt that said why it failed may have come before this answer.
    if part.state != State::Failed || written.code.is_some() {
        part.error_class = written.class.map(|class| class.as_str().to_owned());
        part.error_code = written.code;
        part.error_text = written.text;
    }
    write_part(db, work, part, (written.due_at, written.expires_at), written.reason, written.second_copy)
        .await
}

async fn write_part<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &PartRow,
    (due_at, expires_at): (Option<Timestamp>, Option<Timestamp>),
    reason: Option<String>,
    second_copy: bool,
) -> Result<()> {
    let now = work.now;
    let due_at = due_at.filter(|_| part.state.blocks_lane());
    db.exec(
        sql!(
            "UPDATE message_parts SET state = ?2, state_at = ?3, unsent = ?4, due_at = ?5, reason = ?6, \
             accepted_at = ?7, failed_at = ?8, provider_id = ?9, provider_key = ?10, error_class = ?11, \
             error_code = ?12, error_text = ?13, second_copy = CASE WHEN ?14 = 1 THEN 1 ELSE second_copy END, \
             expires_at = coalesce(?15, expires_at) WHERE id = ?1"
        ),
        &vals![
            part.id,
            part.state,
            now,
            part.state.blocks_lane(),
            due_at,
            reason.as_deref(),
            part.accepted,
            part.failed,
            part.provider_id.as_deref(),
            part.provider_id.as_deref().map(provider_key),
            part.error_class.as_deref(),
            part.error_code.as_deref(),
            part.error_text.as_deref(),
            second_copy,
            expires_at
        ],
    )
    .await?;
    let facts: Facts = part.facts();
    let only = (part.parts == 1).then_some((part.state, facts));
    let shown = Shown {
        class: part.error_class.as_deref(),
        code: part.error_code.as_deref(),
        text: part.error_text.as_deref(),
    };
    refresh_message(db, part.message, only, shown, now).await?;
    work.message_changed(part.workspace, part.message_uid, part.conversation_uid);
    work.lane_touched(part.workspace, part.conversation);
    Ok(())
}

/// Stops an account until somebody acts (I9): nothing goes out, all is taken in.
pub(crate) async fn stop_account<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    account: AccountId,
    reason: &str,
) -> Result<()> {
    let stopped: Vec<(Uid,)> = db
        .rows(
            sql!(
                "UPDATE accounts SET stopped_at = ?3, stopped_reason = ?4 \
                 WHERE id = ?1 AND workspace_id = ?2 AND stopped_at IS NULL RETURNING uid"
            ),
            &vals![account, workspace, work.now, reason],
        )
        .await?;
    for (uid,) in stopped {
        work.changed(workspace, "account", uid, None);
    }
    if !work.after.stopped.iter().any(|(id, _)| *id == account) {
        work.after.stopped.push((account, reason.to_owned()));
    }
    Ok(())
}

/// Lets what was held for a stopped account go.
pub(crate) async fn release_held<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    account: AccountId,
) -> Result<()> {
    let held: Vec<(PartId, MessageId, Uid, ConversationId, Uid)> = db
        .rows(
            sql!(
                "SELECT p.id, p.message_id, m.uid, p.conversation_id, v.uid FROM message_parts p \
                 JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
                 WHERE p.unsent = 1 AND p.due_at IS NOT NULL AND p.state = 'held' AND p.account_id = ?1 \
                 AND p.workspace_id = ?2 ORDER BY p.id"
            ),
            &vals![account, workspace],
        )
        .await?;
    let now = work.now;
    let sets: Vec<[Val<'_>; 2]> = held.iter().map(|(id, ..)| vals![*id, now]).collect();
    db.exec_all(
        sql!(
            "UPDATE message_parts SET state = 'queued', state_at = ?2, due_at = NULL, reason = NULL, \
             error_class = NULL, error_code = NULL, error_text = NULL WHERE id = ?1"
        ),
        &sets,
    )
    .await?;
    for (_, message, message_uid, conversation, conversation_uid) in held {
        refresh_message(db, message, None, Shown::default(), now).await?;
        work.message_changed(workspace, message_uid, conversation_uid);
        work.lane_touched(workspace, conversation);
    }
    Ok(())
}
