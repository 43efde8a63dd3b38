//! What the running hub holds in memory, read across workspaces: the only reads that do.

use everthread_core::ids::{AccountId, EndpointId, ProblemId, RuleId, Uid, UserId, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// An account with its webhook address.
    #[derive(Clone, Debug)]
    pub struct HubAccount {
        pub id: AccountId,
        pub uid: Uid,
        pub workspace: WorkspaceId,
        pub endpoint: EndpointId,
        pub endpoint_channel: String,
        pub path_key: String,
        pub channel: String,
        pub name: String,
        /// JSON object of strings.
        pub settings: String,
        /// Sealed.
        pub secrets: Option<Vec<u8>>,
        pub sandbox: bool,
        pub stopped_reason: Option<String>,
    }
}

row_struct! {
    /// A rule that is switched on.
    #[derive(Clone, Debug)]
    pub struct HubRule {
        pub id: RuleId,
        pub workspace: WorkspaceId,
        pub name: String,
        pub body: String,
    }
}

row_struct! {
    /// A workspace.
    #[derive(Clone, Debug)]
    pub struct HubWorkspace {
        pub id: WorkspaceId,
        pub uid: Uid,
        pub name: String,
        pub slug: String,
        /// After how many days closed conversations are removed; `None`: never.
        pub retention_days: Option<u32>,
    }
}

/// All of it, in one snapshot.
#[derive(Clone, Debug, Default)]
pub struct Hub {
    /// First made first.
    pub workspaces: Vec<HubWorkspace>,
    pub accounts: Vec<HubAccount>,
    /// Fingerprints of secrets that accounts held before.
    pub retired: Vec<(AccountId, u64)>,
    /// By workspace, in the order they are tried.
    pub rules: Vec<HubRule>,
}

/// Reads [`Hub`].
#[derive(Clone, Copy, Debug, Default)]
pub struct LoadHub;

impl Unit for LoadHub {
    type Out = Hub;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Hub> {
        let workspaces = db
            .rows(
                sql!("SELECT id, uid, name, slug, retention_days FROM workspaces ORDER BY created_at, id"),
                &[],
            )
            .await?;
        let accounts = db
            .rows(
                sql!(
                    "SELECT a.id, a.uid, a.workspace_id, a.endpoint_id, e.channel, e.path_key, a.channel, a.name,
                            a.settings, a.secrets, a.sandbox, a.stopped_reason
                     FROM accounts a JOIN endpoints e ON e.id = a.endpoint_id
                     WHERE a.removed_at IS NULL ORDER BY a.id"
                ),
                &[],
            )
            .await?;
        let retired = db
            .rows(sql!("SELECT account_id, fingerprint FROM retired_secrets ORDER BY account_id"), &[])
            .await?;
        let rules = db
            .rows(
                sql!(
                    "SELECT id, workspace_id, name, body FROM rules WHERE enabled = 1
                     ORDER BY workspace_id, position, id"
                ),
                &[],
            )
            .await?;
        Ok(Hub { workspaces, accounts, retired, rules })
    }
}

/// A user by e-mail address, in any workspace.
#[derive(Clone, Debug)]
pub struct FindUser {
    pub email: String,
}

impl Unit for FindUser {
    type Out = Option<UserId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Option<UserId>> {
        let email = self.email.to_lowercase();
        let row: Option<(i64,)> =
            db.row(sql!("SELECT id FROM users WHERE email = ?1"), &vals![email.as_str()]).await?;
        Ok(row.map(|(id,)| UserId(id)))
    }
}

row_struct! {
    /// A piece of a problem as a replay needs it.
    #[derive(Clone, Debug)]
    pub struct KeptPiece {
        pub account: Option<AccountId>,
        pub raw: String,
        pub record: Option<u64>,
        pub at: Timestamp,
    }
}

/// What is kept of a problem of a workspace that is not solved yet: one piece, or examples of one that happens again and again.
/// `None` where there is no such problem.
#[derive(Clone, Debug)]
pub struct FindProblem {
    pub workspace: WorkspaceId,
    pub problem: ProblemId,
}

impl Unit for FindProblem {
    type Out = Option<Vec<KeptPiece>>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let values = vals![self.workspace, self.problem];
        let found: Option<(Option<Timestamp>,)> = db
            .row(
                sql!(
                    "SELECT last_at FROM problems WHERE workspace_id = ?1 AND id = ?2 AND replayed_at IS NULL"
                ),
                &values,
            )
            .await?;
        let Some((again,)) = found else { return Ok(None) };
        let pieces = if again.is_some() {
            sql!(
                "SELECT account_id, raw, record, at FROM problem_examples
                 WHERE workspace_id = ?1 AND problem_id = ?2 ORDER BY id"
            )
        } else {
            sql!("SELECT account_id, raw, record, at FROM problems WHERE workspace_id = ?1 AND id = ?2")
        };
        db.rows(pieces, &values).await.map(Some)
    }
}
