//! Problems: what could not be understood or done, kept so that it can be looked at and replayed.

use everthread_core::ids::{AccountId, EndpointId, ProblemId, RuleId, Uid, UidSource, WorkspaceId};
use everthread_core::limits::{PROBLEM_EXAMPLES_MAX, RULE_CAUSES_MAX};
use everthread_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::work::Work;
use super::{After, feed};
use crate::{Db, Result, Unit, sql, vals};

/// One problem. Told again (a redelivery, a replay) it stays one.
#[derive(Clone, Debug)]
pub struct NewProblem {
    /// `None` where no account is known: an operator sees it, no workspace does.
    pub workspace: Option<WorkspaceId>,
    pub account: Option<AccountId>,
    pub endpoint: Option<EndpointId>,
    pub channel: Option<String>,
    /// A sentence without customer data.
    pub reason: String,
    /// The smallest piece of the payload that holds it.
    pub raw: String,
    /// Where in the journal it is.
    pub record: Option<u64>,
    pub index: Option<u32>,
}

/// Keeps problems.
#[derive(Clone, Debug)]
pub struct AddProblem {
    pub now: Timestamp,
    pub seed: u64,
    pub problems: Vec<NewProblem>,
}

impl Unit for AddProblem {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut workspaces: Vec<WorkspaceId> = self.problems.iter().filter_map(|p| p.workspace).collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        db.lock(&workspaces).await?;
        let mut after = After::default();
        let mut uids = UidSource::new(self.seed);
        for problem in &self.problems {
            let id = db.ids(1).await?;
            let uid = uids.next(self.now);
            let added = write(db, problem, (id, uid), self.now).await?;
            if let (true, Some(workspace)) = (added, problem.workspace) {
                after.merge(feed::note(db, workspace, "problem", uid, self.now).await?);
            }
        }
        Ok(after)
    }
}

/// Keeps a problem inside another unit.
pub(crate) async fn insert<D: Db>(db: &mut D, work: &mut Work, problem: &NewProblem) -> Result<()> {
    let (id, uid) = (work.id(db).await?, work.uid());
    let added = write(db, problem, (id, uid), work.now).await?;
    if let (true, Some(workspace)) = (added, problem.workspace) {
        work.changed(workspace, "problem", uid, None);
    }
    Ok(())
}

/// True where it was not known.
async fn write<D: Db>(
    db: &mut D,
    problem: &NewProblem,
    (id, uid): (i64, Uid),
    now: Timestamp,
) -> Result<bool> {
    let added = db
        .exec(
            sql!(
                "INSERT INTO problems (id, uid, workspace_id, account_id, endpoint_id, channel, dedupe, reason,
                                       raw, record, idx, at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT (dedupe) DO NOTHING"
            ),
            &vals![
                id,
                uid,
                problem.workspace,
                problem.account,
                problem.endpoint,
                problem.channel.as_deref(),
                problem.dedupe().as_slice(),
                problem.reason.as_str(),
                problem.raw.as_str(),
                problem.record,
                problem.index,
                now
            ],
        )
        .await?;
    Ok(added == 1)
}

impl NewProblem {
    /// Equal for the same piece of the same account told twice, whatever record it came in.
    fn dedupe(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.account.map_or(0, |a| a.0).to_be_bytes());
        hash.update(self.endpoint.map_or(0, |e| e.0).to_be_bytes());
        hash.update(self.reason.as_bytes());
        hash.update([0]);
        hash.update(self.raw.as_bytes());
        hash.finalize().into()
    }
}

/// What went wrong with one item and will with the next for the same cause: a rule that fails, a group that the account is in.
/// It is one problem, with how often, when first and last, and its newest examples.
#[derive(Clone, Debug)]
pub struct Recurring {
    pub workspace: WorkspaceId,
    /// Of the newest example.
    pub account: AccountId,
    pub channel: String,
    pub topic: Topic,
    /// What is wrong and why, as a sentence without customer data.
    pub reason: String,
    /// The event that it happened to.
    pub raw: String,
    /// Where in the journal that is.
    pub record: u64,
    pub index: u32,
}

/// What a recurring problem is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topic {
    /// A rule fails; for each cause, the reason, it is a problem of its own.
    Rule(RuleId),
    /// Rules fail, and nobody knows which.
    Rules,
    /// The account is in this group.
    Group { id: String },
}

impl Topic {
    /// `problems.rule_id`.
    const fn rule(&self) -> Option<RuleId> {
        match self {
            Self::Rule(id) => Some(*id),
            Self::Rules => Some(RuleId(0)),
            Self::Group { .. } => None,
        }
    }
}

/// Tells a [`Recurring`] problem once more, inside another unit. One that was marked as solved starts anew where it is to be
/// listed again.
pub(crate) async fn recur<D: Db>(
    db: &mut D,
    work: &mut Work,
    problem: &Recurring,
    list_again: bool,
) -> Result<()> {
    let cause = cause(db, problem).await?;
    let (id, uid) = (work.id(db).await?, work.uid());
    let (id, uid): (i64, Uid) = db
        .one(
            "problem",
            sql!(
                "INSERT INTO problems (id, uid, workspace_id, account_id, channel, dedupe, reason, raw, at, rule_id, last_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', ?8, ?9, ?8) ON CONFLICT (dedupe) DO UPDATE
                 SET times = CASE WHEN problems.replayed_at IS NULL OR CAST(?10 AS BIGINT) = 0
                                  THEN problems.times + 1 ELSE 1 END,
                     at = CASE WHEN problems.replayed_at IS NULL OR CAST(?10 AS BIGINT) = 0
                               THEN problems.at ELSE excluded.at END,
                     last_at = excluded.last_at, account_id = excluded.account_id, channel = excluded.channel,
                     reason = excluded.reason,
                     replayed_at = CASE WHEN CAST(?10 AS BIGINT) = 0 THEN problems.replayed_at END
                 RETURNING id, uid"
            ),
            &vals![
                id,
                uid,
                problem.workspace,
                problem.account,
                problem.channel.as_str(),
                cause.as_slice(),
                problem.reason.as_str(),
                work.now,
                problem.topic.rule(),
                list_again
            ],
        )
        .await?;
    keep_example(db, work, problem, id).await?;
    work.changed(problem.workspace, "problem", uid, None);
    Ok(())
}

/// Keeps the newest examples of a problem.
async fn keep_example<D: Db>(db: &mut D, work: &mut Work, problem: &Recurring, id: i64) -> Result<()> {
    let example = work.id(db).await?;
    db.exec(
        sql!(
            "INSERT INTO problem_examples (id, workspace_id, problem_id, account_id, record, idx, raw, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
        ),
        &vals![
            example,
            problem.workspace,
            id,
            problem.account,
            problem.record,
            problem.index,
            problem.raw.as_str(),
            work.now
        ],
    )
    .await?;
    db.exec(
        sql!(
            "DELETE FROM problem_examples WHERE problem_id = ?1 AND id <=
             (SELECT e.id FROM problem_examples e WHERE e.problem_id = ?1 ORDER BY e.id DESC LIMIT 1 OFFSET ?2)"
        ),
        &vals![id, PROBLEM_EXAMPLES_MAX],
    )
    .await?;
    Ok(())
}

/// What makes the problem one with those before it. Causes of a rule that are too many to tell apart fall together.
async fn cause<D: Db>(db: &mut D, problem: &Recurring) -> Result<[u8; 32]> {
    let Some(rule) = problem.topic.rule() else { return Ok(problem.hash("")) };
    let own = problem.hash(&problem.reason);
    let (known, others): (i64, i64) = db
        .one(
            "count",
            sql!(
                "SELECT count(CASE WHEN dedupe = ?3 THEN 1 END), count(CASE WHEN dedupe <> ?3 THEN 1 END)
                 FROM problems WHERE workspace_id = ?1 AND rule_id = ?2 AND replayed_at IS NULL"
            ),
            &vals![problem.workspace, rule, own.as_slice()],
        )
        .await?;
    let too_many = known == 0 && others >= i64::from(RULE_CAUSES_MAX);
    Ok(if too_many { problem.hash("") } else { own })
}

impl Recurring {
    fn hash(&self, cause: &str) -> [u8; 32] {
        recurring_hash(self.workspace, self.account, &self.topic, cause)
    }
}

fn recurring_hash(workspace: WorkspaceId, account: AccountId, topic: &Topic, cause: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"recurring");
    hash.update(workspace.0.to_be_bytes());
    match topic {
        // A rule is the same on all accounts.
        Topic::Rule(rule) => hash.update(format!("rule {}", rule.0)),
        Topic::Rules => hash.update("rules"),
        Topic::Group { id } => hash.update(format!("group {} {id}", account.0)),
    }
    hash.update([0]);
    hash.update(cause.as_bytes());
    hash.finalize().into()
}

/// What a group's problem is found by.
fn group_hash(workspace: WorkspaceId, account: AccountId, id: &str) -> [u8; 32] {
    recurring_hash(workspace, account, &Topic::Group { id: id.to_owned() }, "")
}

/// The account is in the group no more: its problem is solved.
pub(crate) async fn group_left<D: Db>(
    db: &mut D,
    work: &mut Work,
    (workspace, account): (WorkspaceId, AccountId),
    id: &str,
) -> Result<()> {
    let row: Option<(Uid,)> = db
        .row(
            sql!(
                "UPDATE problems SET replayed_at = ?3 WHERE dedupe = ?1 AND workspace_id = ?2 AND replayed_at IS NULL
                 RETURNING uid"
            ),
            &vals![group_hash(workspace, account, id).as_slice(), workspace, work.now],
        )
        .await?;
    if let Some((uid,)) = row {
        work.changed(workspace, "problem", uid, None);
    }
    Ok(())
}

/// The group has another id: what people said about it stands. Nothing happens where the new one is known already.
pub(crate) async fn group_moved<D: Db>(
    db: &mut D,
    (workspace, account): (WorkspaceId, AccountId),
    (from, to): (&str, &str),
) -> Result<()> {
    let (from, to) = (group_hash(workspace, account, from), group_hash(workspace, account, to));
    db.exec(
        sql!(
            "UPDATE problems SET dedupe = ?3 WHERE dedupe = ?1 AND workspace_id = ?2
             AND NOT EXISTS (SELECT 1 FROM problems known WHERE known.dedupe = ?3)"
        ),
        &vals![from.as_slice(), workspace, to.as_slice()],
    )
    .await?;
    Ok(())
}

/// Marks a problem as solved by a replay. False where there is none of this id.
#[derive(Clone, Debug)]
pub struct MarkReplayed {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub problem: ProblemId,
}

impl Unit for MarkReplayed {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let row: Option<(Uid,)> = db
            .row(
                sql!(
                    "UPDATE problems SET replayed_at = ?3 WHERE id = ?1 AND workspace_id = ?2 AND replayed_at IS NULL
                     RETURNING uid"
                ),
                &vals![self.problem, self.workspace, self.now],
            )
            .await?;
        match row {
            Some((uid,)) => feed::note(db, self.workspace, "problem", uid, self.now).await,
            None => Ok(After::default()),
        }
    }
}
