//! Accounts, rules, labels and problems, as the console lists them.

use everthread_core::ids::{AccountId, ProblemId, RuleId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// Our login on a channel. Secrets are never read here.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AccountRow {
        pub id: AccountId,
        pub uid: Uid,
        pub channel: String,
        pub name: String,
        /// JSON map.
        pub settings: String,
        pub sandbox: bool,
        pub stopped_at: Option<Timestamp>,
        pub stopped_reason: Option<String>,
        pub last_in_at: Option<Timestamp>,
        pub last_out_at: Option<Timestamp>,
        pub path_key: String,
        /// Channel of the endpoint, as its path spells it.
        pub endpoint_channel: String,
    }
}

/// Accounts of a workspace that were not removed, oldest first.
#[derive(Debug)]
pub struct Accounts {
    pub workspace: WorkspaceId,
}

impl Unit for Accounts {
    type Out = Vec<AccountRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT a.id, a.uid, a.channel, a.name, a.settings, a.sandbox, a.stopped_at, a.stopped_reason, a.last_in_at,
               a.last_out_at, e.path_key, e.channel
             FROM accounts a JOIN endpoints e ON e.id = a.endpoint_id
             WHERE a.workspace_id = ?1 AND a.removed_at IS NULL ORDER BY a.id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}

/// Internal id of an account of this workspace, removed ones left out.
#[derive(Debug)]
pub struct AccountByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for AccountByUid {
    type Out = Option<AccountId>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!("SELECT id FROM accounts WHERE uid = ?1 AND workspace_id = ?2 AND removed_at IS NULL");
        Ok(db.row::<(AccountId,)>(sql, &vals![self.uid, self.workspace]).await?.map(|(id,)| id))
    }
}

row_struct! {
    /// A rule; its body is JSON of `core::rules::Rule`.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct RuleRow {
        pub id: RuleId,
        pub uid: Uid,
        pub name: String,
        pub enabled: bool,
        pub position: i64,
        pub body: String,
    }
}

/// Rules of a workspace in the order they are tried.
#[derive(Debug)]
pub struct Rules {
    pub workspace: WorkspaceId,
}

impl Unit for Rules {
    type Out = Vec<RuleRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT id, uid, name, enabled, position, body FROM rules WHERE workspace_id = ?1 ORDER BY position, id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}

/// Names of a workspace's labels, by name.
#[derive(Debug)]
pub struct Labels {
    pub workspace: WorkspaceId,
}

impl Unit for Labels {
    /// Public id and name.
    type Out = Vec<(Uid, String)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!("SELECT uid, name FROM labels WHERE workspace_id = ?1 ORDER BY name");
        db.rows(sql, &vals![self.workspace]).await
    }
}

row_struct! {
    /// Something that could not be understood or done.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ProblemRow {
        pub id: ProblemId,
        pub uid: Uid,
        pub account_uid: Option<Uid>,
        pub account_name: Option<String>,
        pub channel: Option<String>,
        pub reason: String,
        /// When it first happened.
        pub at: Timestamp,
        /// Of its newest example, where it happened again and again.
        pub raw: String,
        pub times: i64,
        pub last_at: Timestamp,
        pub rule_uid: Option<Uid>,
        pub rule_name: Option<String>,
        /// It happens again and again for one cause; nothing is missing because of it.
        pub recurring: bool,
    }
}

/// A page of unsolved problems, newest first.
#[derive(Debug)]
pub struct ProblemPage {
    pub workspace: WorkspaceId,
    /// Internal id of the last row of the page before.
    pub before: Option<i64>,
    pub limit: u32,
}

impl Unit for ProblemPage {
    type Out = Vec<ProblemRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT p.id, p.uid, a.uid, a.name, coalesce(p.channel, a.channel), p.reason, p.at,
             coalesce((SELECT e.raw FROM problem_examples e WHERE e.problem_id = p.id ORDER BY e.id DESC LIMIT 1), p.raw),
             p.times, coalesce(p.last_at, p.at), r.uid, r.name, CASE WHEN p.last_at IS NULL THEN 0 ELSE 1 END
             FROM problems p LEFT JOIN accounts a ON a.id = p.account_id LEFT JOIN rules r ON r.id = p.rule_id
             WHERE p.workspace_id = ?1 AND p.id < ?2 AND p.replayed_at IS NULL ORDER BY p.id DESC LIMIT ?3"
        );
        db.rows(sql, &vals![self.workspace, self.before.unwrap_or(i64::MAX), self.limit]).await
    }
}

/// Internal id of a problem of this workspace.
#[derive(Debug)]
pub struct ProblemByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for ProblemByUid {
    type Out = Option<ProblemId>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!("SELECT id FROM problems WHERE uid = ?1 AND workspace_id = ?2");
        Ok(db.row::<(ProblemId,)>(sql, &vals![self.uid, self.workspace]).await?.map(|(id,)| id))
    }
}

/// How many unsolved problems a workspace has, counted up to [`super::inbox::COUNT_MAX`].
#[derive(Debug)]
pub struct ProblemCount {
    pub workspace: WorkspaceId,
}

impl Unit for ProblemCount {
    type Out = i64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<i64> {
        let sql = sql!(
            "SELECT count(*) FROM (SELECT 1 AS one FROM problems
              WHERE workspace_id = ?1 AND replayed_at IS NULL LIMIT ?2) AS t"
        );
        let (count,) =
            db.one::<(i64,)>("count", sql, &vals![self.workspace, super::inbox::COUNT_MAX]).await?;
        Ok(count)
    }
}
