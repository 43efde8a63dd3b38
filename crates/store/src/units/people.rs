//! Workspaces, people and the ways they sign in.

use everthread_core::ids::{Uid, UidSource, UserId, WorkspaceId};
use everthread_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Db, Error, Result, Unit, sql, vals};

/// What a person may do in a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Talks with customers.
    Agent,
    /// Connects channels, writes rules, adds people.
    Admin,
    /// All of it; cannot be removed by an admin.
    Owner,
}

impl Role {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Agent => "agent",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Viewer, Self::Agent, Self::Admin, Self::Owner].into_iter().find(|r| r.as_str() == text)
    }
}

/// Makes a workspace. `Err(Conflict)` where one of this slug is there.
#[derive(Clone, Debug)]
pub struct AddWorkspace {
    pub now: Timestamp,
    pub seed: u64,
    pub name: String,
    pub slug: String,
}

impl Unit for AddWorkspace {
    type Out = (WorkspaceId, Uid);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let id = WorkspaceId(db.ids(1).await?);
        let uid = UidSource::new(self.seed).next(self.now);
        let added = db
            .exec(
                sql!(
                    "INSERT INTO workspaces (id, uid, name, slug, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT (slug) DO NOTHING"
                ),
                &vals![id, uid, self.name.as_str(), self.slug.as_str(), self.now],
            )
            .await?;
        if added == 0 {
            return Err(Error::Conflict("a workspace of this name is already there".into()));
        }
        Ok((id, uid))
    }
}

/// Adds a person, or the membership of one who is known, in a workspace.
#[derive(Clone, Debug)]
pub struct AddUser {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    /// Compared in lower case.
    pub email: String,
    pub name: String,
    pub role: Role,
}

impl Unit for AddUser {
    type Out = UserId;

    async fn run<D: Db>(&self, db: &mut D) -> Result<UserId> {
        let (user, _) = user_of(db, (&self.email, &self.name), (self.now, self.seed)).await?;
        db.exec(
            sql!(
                "INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (workspace_id, user_id) DO UPDATE SET role = excluded.role"
            ),
            &vals![self.workspace, user, self.role.as_str(), self.now],
        )
        .await?;
        Ok(user)
    }
}

/// The person of this address, made where they are not known. Addresses are compared in lower case.
pub(super) async fn user_of<D: Db>(
    db: &mut D,
    (email, name): (&str, &str),
    (now, seed): (Timestamp, u64),
) -> Result<(UserId, Uid)> {
    let email = email.to_lowercase();
    let id = db.ids(1).await?;
    let uid = UidSource::new(seed).next(now);
    db.exec(
        sql!(
            "INSERT INTO users (id, uid, email, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (email) DO NOTHING"
        ),
        &vals![id, uid, email.as_str(), name, now],
    )
    .await?;
    db.one("user", sql!("SELECT id, uid FROM users WHERE email = ?1"), &vals![email.as_str()]).await
}

/// Sets or changes a password (PHC string) and ends the person's links and sessions but `keep`.
#[derive(Clone, Debug)]
pub struct SetPassword {
    pub user: UserId,
    pub hash: String,
    /// Token hash of the session that asked, which goes on.
    pub keep: Option<Vec<u8>>,
}

impl Unit for SetPassword {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let sql = sql!("UPDATE users SET password_hash = ?2 WHERE id = ?1");
        if db.exec(sql, &vals![self.user, self.hash.as_str()]).await? == 0 {
            return Err(Error::NotFound("user"));
        }
        db.exec(sql!("DELETE FROM sign_in_links WHERE user_id = ?1"), &vals![self.user]).await?;
        db.exec(sql!("DELETE FROM sign_in_steps WHERE user_id = ?1"), &vals![self.user]).await?;
        let keep = self.keep.as_deref().unwrap_or_default();
        db.exec(
            sql!("DELETE FROM login_sessions WHERE user_id = ?1 AND token_hash <> ?2"),
            &vals![self.user, keep],
        )
        .await?;
        Ok(())
    }
}

/// Opens a session.
#[derive(Clone, Debug)]
pub struct AddSession {
    pub now: Timestamp,
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    pub csrf: String,
    /// `password`, `link` or `sso`.
    pub started_by: String,
    pub expires_at: Timestamp,
}

impl Unit for AddSession {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let id = db.ids(1).await?;
        db.exec(sql!("DELETE FROM login_sessions WHERE expires_at <= ?1"), &vals![self.now]).await?;
        db.exec(
            sql!(
                "INSERT INTO login_sessions (id, token_hash, user_id, csrf, created_at, seen_at, expires_at, started_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6, ?7)"
            ),
            &vals![
                id,
                self.token_hash.as_slice(),
                self.user,
                self.csrf.as_str(),
                self.now,
                self.expires_at,
                self.started_by.as_str()
            ],
        )
        .await?;
        Ok(())
    }
}

/// Notes that a session was used, and lets it live on.
#[derive(Clone, Debug)]
pub struct TouchSession {
    pub now: Timestamp,
    pub token_hash: Vec<u8>,
    pub expires_at: Timestamp,
}

impl Unit for TouchSession {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(
            sql!("UPDATE login_sessions SET seen_at = ?2, expires_at = ?3 WHERE token_hash = ?1"),
            &vals![self.token_hash.as_slice(), self.now, self.expires_at],
        )
        .await?;
        Ok(())
    }
}

/// Ends a session; nothing happens where it is over already.
#[derive(Clone, Debug)]
pub struct DropSession {
    pub token_hash: Vec<u8>,
}

impl Unit for DropSession {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(sql!("DELETE FROM login_sessions WHERE token_hash = ?1"), &vals![self.token_hash.as_slice()])
            .await?;
        Ok(())
    }
}

/// Makes a sign-in link; with `end_sessions` the person's sessions, older links and second factor end.
#[derive(Clone, Debug)]
pub struct AddSignInLink {
    pub now: Timestamp,
    pub user: UserId,
    /// SHA-256 of the token.
    pub token_hash: Vec<u8>,
    pub expires_at: Timestamp,
    pub end_sessions: bool,
}

impl Unit for AddSignInLink {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let id = db.ids(1).await?;
        db.exec(sql!("DELETE FROM sign_in_links WHERE expires_at <= ?1"), &vals![self.now]).await?;
        if self.end_sessions {
            super::members::forget_sign_ins(db, self.user).await?;
            super::second_factor::forget(db, self.user).await?;
        }
        db.exec(
            sql!(
                "INSERT INTO sign_in_links (id, token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)"
            ),
            &vals![id, self.token_hash.as_slice(), self.user, self.now, self.expires_at],
        )
        .await?;
        Ok(())
    }
}

/// Uses a sign-in link up. `None` where it is unknown, used or over.
#[derive(Clone, Debug)]
pub struct RedeemLink {
    pub now: Timestamp,
    pub token_hash: Vec<u8>,
}

impl Unit for RedeemLink {
    type Out = Option<UserId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Option<UserId>> {
        let row: Option<(i64,)> = db
            .row(
                sql!(
                    "UPDATE sign_in_links SET used_at = ?2
                     WHERE token_hash = ?1 AND used_at IS NULL AND expires_at > ?2 RETURNING user_id"
                ),
                &vals![self.token_hash.as_slice(), self.now],
            )
            .await?;
        Ok(row.map(|(id,)| UserId(id)))
    }
}

/// Writes a line into the audit log.
#[derive(Clone, Debug)]
pub struct Audit {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: Option<WorkspaceId>,
    /// `None`: the command line.
    pub user: Option<UserId>,
    /// What was done, e.g. `account.add`.
    pub action: String,
    /// To what: a public id or a name.
    pub object: String,
    /// JSON without secrets.
    pub detail: String,
}

impl Unit for Audit {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let id = db.ids(1).await?;
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!(
                "INSERT INTO audit_log (id, uid, workspace_id, at, user_id, action, object, detail)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            &vals![
                id,
                uid,
                self.workspace.map(|w| w.0),
                self.now,
                self.user.map(|u| u.0),
                self.action.as_str(),
                self.object.as_str(),
                self.detail.as_str()
            ],
        )
        .await?;
        Ok(())
    }
}
