//! Who may come in: sessions, API keys, memberships.

use everthread_core::ids::{Uid, UserId, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// A person who can sign in.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UserRow {
        pub id: UserId,
        pub uid: Uid,
        pub email: String,
        pub name: String,
        /// PHC string; none for people who come by link only.
        pub password_hash: Option<String>,
        /// When a second factor was set up.
        pub second_factor_at: Option<Timestamp>,
    }
}

row_struct! {
    /// A workspace that a person belongs to, and as what.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MembershipRow {
        pub workspace: WorkspaceId,
        pub uid: Uid,
        pub name: String,
        pub slug: String,
        /// `owner`, `admin`, `agent` or `viewer`.
        pub role: String,
        /// People need a second factor here.
        pub totp_required: i64,
    }
}

row_struct! {
    /// A live session.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SessionRow {
        pub id: i64,
        pub user: UserId,
        pub csrf: String,
        pub created_at: Timestamp,
        pub seen_at: Timestamp,
        pub expires_at: Timestamp,
        /// `password`, `link` or `sso`.
        pub started_by: String,
    }
}

/// The enabled user with this e-mail address, compared in lower case.
#[derive(Debug)]
pub struct UserByEmail {
    pub email: String,
}

impl Unit for UserByEmail {
    type Out = Option<UserRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT u.id, u.uid, u.email, u.name, u.password_hash, f.confirmed_at
             FROM users u LEFT JOIN second_factors f ON f.user_id = u.id
             WHERE u.email = ?1 AND u.disabled_at IS NULL"
        );
        db.row(sql, &vals![&self.email]).await
    }
}

/// A session by the hash of its token, with its user and the user's workspaces, oldest first. `None` when it is
/// unknown or over, or the user is disabled.
#[derive(Debug)]
pub struct SessionByToken {
    pub token_hash: Vec<u8>,
    pub now: Timestamp,
}

impl Unit for SessionByToken {
    type Out = Option<(SessionRow, UserRow, Vec<MembershipRow>)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT id, user_id, csrf, created_at, seen_at, expires_at, started_by FROM login_sessions
             WHERE token_hash = ?1 AND expires_at > ?2"
        );
        let Some(session) = db.row::<SessionRow>(sql, &vals![&self.token_hash, self.now]).await? else {
            return Ok(None);
        };
        let sql = sql!(
            "SELECT u.id, u.uid, u.email, u.name, u.password_hash, f.confirmed_at
             FROM users u LEFT JOIN second_factors f ON f.user_id = u.id
             WHERE u.id = ?1 AND u.disabled_at IS NULL"
        );
        let Some(user) = db.row::<UserRow>(sql, &vals![session.user]).await? else { return Ok(None) };
        let memberships = memberships(db, user.id).await?;
        Ok(Some((session, user, memberships)))
    }
}

async fn memberships<D: Db>(db: &mut D, user: UserId) -> Result<Vec<MembershipRow>> {
    let sql = sql!(
        "SELECT w.id, w.uid, w.name, w.slug, m.role, w.totp_required
         FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = ?1 AND m.disabled_at IS NULL ORDER BY w.id"
    );
    db.rows(sql, &vals![user]).await
}

row_struct! {
    /// A live API key.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ApiKeyRow {
        pub id: i64,
        pub name: String,
        pub role: String,
        pub workspace: WorkspaceId,
        pub workspace_uid: Uid,
        pub seen_at: Option<Timestamp>,
    }
}

/// An API key by the hash of its token. `None` when it is unknown or revoked.
#[derive(Debug)]
pub struct ApiKeyByToken {
    pub token_hash: Vec<u8>,
}

impl Unit for ApiKeyByToken {
    type Out = Option<ApiKeyRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT k.id, k.name, k.role, w.id, w.uid, k.seen_at FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
             WHERE k.token_hash = ?1 AND k.revoked_at IS NULL"
        );
        db.row(sql, &vals![&self.token_hash]).await
    }
}

row_struct! {
    /// A member of a workspace.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MemberRow {
        pub id: UserId,
        pub uid: Uid,
        pub email: String,
        pub name: String,
        pub role: String,
        pub disabled_at: Option<Timestamp>,
        /// When a second factor was set up.
        pub second_factor_at: Option<Timestamp>,
        /// The last use of a session that has not ended.
        pub seen_at: Option<Timestamp>,
    }
}

/// People of a workspace, oldest first.
#[derive(Debug)]
pub struct Members {
    pub workspace: WorkspaceId,
}

impl Unit for Members {
    type Out = Vec<MemberRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT u.id, u.uid, u.email, u.name, m.role, coalesce(u.disabled_at, m.disabled_at), f.confirmed_at,
                    (SELECT max(s.seen_at) FROM login_sessions s WHERE s.user_id = u.id)
             FROM memberships m JOIN users u ON u.id = m.user_id LEFT JOIN second_factors f ON f.user_id = u.id
             WHERE m.workspace_id = ?1 ORDER BY u.id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}

row_struct! {
    /// An API key, as people see it in a list.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ApiKeyListed {
        pub uid: Uid,
        pub name: String,
        pub role: String,
        pub created_at: Timestamp,
        /// Name of who made it.
        pub created_by: Option<String>,
        pub seen_at: Option<Timestamp>,
    }
}

/// Live API keys of a workspace, oldest first.
#[derive(Debug)]
pub struct ApiKeys {
    pub workspace: WorkspaceId,
}

impl Unit for ApiKeys {
    type Out = Vec<ApiKeyListed>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT k.uid, k.name, k.role, k.created_at, u.name, k.seen_at
             FROM api_keys k LEFT JOIN users u ON u.id = k.created_by
             WHERE k.workspace_id = ?1 AND k.revoked_at IS NULL ORDER BY k.id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}

row_struct! {
    /// Who did what.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AuditRow {
        pub id: i64,
        pub uid: Uid,
        pub at: Timestamp,
        pub action: String,
        pub object: String,
        /// JSON.
        pub detail: String,
        /// None: the command line, or an API key that the detail names.
        pub user_uid: Option<Uid>,
        pub user_name: Option<String>,
    }
}

/// A page of the audit log, newest first.
#[derive(Debug)]
pub struct AuditPage {
    pub workspace: WorkspaceId,
    /// Internal id of the last row of the page before.
    pub before: Option<i64>,
    pub limit: u32,
}

impl Unit for AuditPage {
    type Out = Vec<AuditRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT a.id, a.uid, a.at, a.action, a.object, a.detail, u.uid, u.name
             FROM audit_log a LEFT JOIN users u ON u.id = a.user_id
             WHERE a.workspace_id = ?1 AND a.id < ?2 ORDER BY a.id DESC LIMIT ?3"
        );
        db.rows(sql, &vals![self.workspace, self.before.unwrap_or(i64::MAX), self.limit]).await
    }
}

/// After how many days a workspace's closed conversations are removed; `None`: never.
#[derive(Debug)]
pub struct RetentionDays {
    pub workspace: WorkspaceId,
}

impl Unit for RetentionDays {
    type Out = Option<u32>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Option<u32>> {
        let sql = sql!("SELECT retention_days FROM workspaces WHERE id = ?1");
        let (days,): (Option<u32>,) = db.one("workspace", sql, &vals![self.workspace]).await?;
        Ok(days)
    }
}

/// True where a workspace's people need a second factor.
#[derive(Debug)]
pub struct SecondFactorRequired {
    pub workspace: WorkspaceId,
}

impl Unit for SecondFactorRequired {
    type Out = bool;
    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let sql = sql!("SELECT totp_required FROM workspaces WHERE id = ?1");
        let (required,): (i64,) = db.one("workspace", sql, &vals![self.workspace]).await?;
        Ok(required == 1)
    }
}
