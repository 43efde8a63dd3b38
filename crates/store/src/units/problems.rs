//! Problems: what could not be understood or done, kept so that it can be looked at and replayed.

use everthread_core::ids::{AccountId, EndpointId, ProblemId, Uid, UidSource, WorkspaceId};
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
