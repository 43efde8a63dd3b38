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
    }
}

row_struct! {
    /// A live session.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SessionRow {
        pub id: i64,
        pub user: UserId,
        pub csrf: String,
        pub seen_at: Timestamp,
        pub expires_at: Timestamp,
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
            "SELECT id, uid, email, name, password_hash FROM users WHERE email = ?1 AND disabled_at IS NULL"
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
            "SELECT id, user_id, csrf, seen_at, expires_at FROM login_sessions
             WHERE token_hash = ?1 AND expires_at > ?2"
        );
        let Some(session) = db.row::<SessionRow>(sql, &vals![&self.token_hash, self.now]).await? else {
            return Ok(None);
        };
        let sql = sql!(
            "SELECT id, uid, email, name, password_hash FROM users WHERE id = ?1 AND disabled_at IS NULL"
        );
        let Some(user) = db.row::<UserRow>(sql, &vals![session.user]).await? else { return Ok(None) };
        let memberships = memberships(db, user.id).await?;
        Ok(Some((session, user, memberships)))
    }
}

async fn memberships<D: Db>(db: &mut D, user: UserId) -> Result<Vec<MembershipRow>> {
    let sql = sql!(
        "SELECT w.id, w.uid, w.name, w.slug, m.role FROM memberships m JOIN workspaces w ON w.id = m.workspace_id
         WHERE m.user_id = ?1 ORDER BY w.id"
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
            "SELECT k.id, k.name, k.role, w.id, w.uid FROM api_keys k JOIN workspaces w ON w.id = k.workspace_id
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
            "SELECT u.id, u.uid, u.email, u.name, m.role FROM memberships m JOIN users u ON u.id = m.user_id
             WHERE m.workspace_id = ?1 AND u.disabled_at IS NULL ORDER BY u.id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}
