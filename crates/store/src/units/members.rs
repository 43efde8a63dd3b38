//! People of a workspace, and the programs that act for it.

use everthread_core::ids::{Uid, UidSource, UserId, WorkspaceId};
use everthread_core::time::Timestamp;

use super::people::{Role, user_of};
use crate::{Db, Error, Result, Unit, sql, vals};

/// Invites a person. Somebody who belongs to another workspace too signs in as before and gets no link: whoever
/// invites must not receive a way into the other workspace.
#[derive(Clone, Debug)]
pub struct InviteUser {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    /// Compared in lower case.
    pub email: String,
    pub name: String,
    pub role: Role,
    /// SHA-256 of the link's token.
    pub token_hash: Vec<u8>,
    pub expires_at: Timestamp,
}

/// What came of an invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invited {
    pub user: UserId,
    pub uid: Uid,
    /// The link was stored and will sign the person in.
    pub link: bool,
}

impl Unit for InviteUser {
    type Out = Invited;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Invited> {
        db.lock(&[self.workspace]).await?;
        let (user, uid) = user_of(db, (&self.email, &self.name), (self.now, self.seed)).await?;
        let added = db
            .exec(
                sql!(
                    "INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (workspace_id, user_id) DO NOTHING"
                ),
                &vals![self.workspace, user, self.role.as_str(), self.now],
            )
            .await?;
        if added == 0 {
            return Err(Error::Conflict("this person belongs to the workspace already".into()));
        }
        let link = !elsewhere(db, self.workspace, user).await?;
        if link {
            add_link(db, user, (&self.token_hash, self.now, self.expires_at)).await?;
        }
        Ok(Invited { user, uid, link })
    }
}

/// True when the person belongs to another workspace as well.
async fn elsewhere<D: Db>(db: &mut D, workspace: WorkspaceId, user: UserId) -> Result<bool> {
    let other: Option<(i64,)> = db
        .row(
            sql!("SELECT workspace_id FROM memberships WHERE user_id = ?2 AND workspace_id <> ?1 LIMIT 1"),
            &vals![workspace, user],
        )
        .await?;
    Ok(other.is_some())
}

async fn add_link<D: Db>(
    db: &mut D,
    user: UserId,
    (hash, now, until): (&[u8], Timestamp, Timestamp),
) -> Result<()> {
    let id = db.ids(1).await?;
    db.exec(sql!("DELETE FROM sign_in_links WHERE expires_at <= ?1"), &vals![now]).await?;
    db.exec(
        sql!(
            "INSERT INTO sign_in_links (id, token_hash, user_id, created_at, expires_at) VALUES (?1, ?2, ?3, ?4, ?5)"
        ),
        &vals![id, hash, user, now, until],
    )
    .await?;
    Ok(())
}

/// A change of one member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    Role(Role),
    /// Disabled people keep their row and their name on messages, and reach nothing of this workspace.
    Disable,
    Enable,
    Remove,
    /// Ends sessions, older links and the second factor, and stores a link. Refused for people of several
    /// workspaces: the link would open the others too.
    Reset {
        /// SHA-256 of the link's token.
        token_hash: Vec<u8>,
        expires_at: Timestamp,
    },
}

/// Changes a member. A workspace always keeps an owner who can sign in.
#[derive(Clone, Debug)]
pub struct ChangeMember {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub uid: Uid,
    /// The role that the caller was allowed to change; another one by now is a conflict.
    pub seen: Role,
    pub change: MemberChange,
}

impl Unit for ChangeMember {
    type Out = UserId;

    async fn run<D: Db>(&self, db: &mut D) -> Result<UserId> {
        db.lock(&[self.workspace]).await?;
        let (user, role): (UserId, String) = db
            .one(
                "user",
                sql!(
                    "SELECT u.id, m.role FROM users u JOIN memberships m ON m.user_id = u.id
                     WHERE m.workspace_id = ?1 AND u.uid = ?2"
                ),
                &vals![self.workspace, self.uid],
            )
            .await?;
        if role != self.seen.as_str() {
            return Err(Error::Conflict("this person's role was changed by somebody else".into()));
        }
        match &self.change {
            MemberChange::Role(role) => {
                let sql = sql!("UPDATE memberships SET role = ?3 WHERE workspace_id = ?1 AND user_id = ?2");
                db.exec(sql, &vals![self.workspace, user, role.as_str()]).await?;
            }
            MemberChange::Disable => self.set_disabled(db, user, Some(self.now)).await?,
            MemberChange::Enable => self.set_disabled(db, user, None).await?,
            MemberChange::Remove => self.remove(db, user).await?,
            MemberChange::Reset { token_hash, expires_at } => {
                if elsewhere(db, self.workspace, user).await? {
                    return Err(Error::Conflict(
                        "this person belongs to other workspaces too; whoever runs the server can reset them with \
                         everthread user reset"
                            .into(),
                    ));
                }
                forget_sign_ins(db, user).await?;
                super::second_factor::forget(db, user).await?;
                add_link(db, user, (token_hash, self.now, *expires_at)).await?;
            }
        }
        self.keep_an_owner(db).await?;
        Ok(user)
    }
}

impl ChangeMember {
    async fn set_disabled<D: Db>(&self, db: &mut D, user: UserId, at: Option<Timestamp>) -> Result<()> {
        let sql = sql!("UPDATE memberships SET disabled_at = ?3 WHERE workspace_id = ?1 AND user_id = ?2");
        db.exec(sql, &vals![self.workspace, user, at]).await?;
        Ok(())
    }

    async fn remove<D: Db>(&self, db: &mut D, user: UserId) -> Result<()> {
        let alone = !elsewhere(db, self.workspace, user).await?;
        let sql = sql!("DELETE FROM memberships WHERE workspace_id = ?1 AND user_id = ?2");
        db.exec(sql, &vals![self.workspace, user]).await?;
        if alone {
            forget_sign_ins(db, user).await?;
        }
        Ok(())
    }

    async fn keep_an_owner<D: Db>(&self, db: &mut D) -> Result<()> {
        let owner: Option<(i64,)> = db
            .row(
                sql!(
                    "SELECT m.user_id FROM memberships m JOIN users u ON u.id = m.user_id
                     WHERE m.workspace_id = ?1 AND m.role = 'owner' AND m.disabled_at IS NULL
                       AND u.disabled_at IS NULL LIMIT 1"
                ),
                &vals![self.workspace],
            )
            .await?;
        if owner.is_some() {
            return Ok(());
        }
        Err(Error::Conflict("this is the last owner; make somebody else an owner first".into()))
    }
}

/// Ends sessions, links and half-done sign-ins of a person.
pub(super) async fn forget_sign_ins<D: Db>(db: &mut D, user: UserId) -> Result<()> {
    db.exec(sql!("DELETE FROM login_sessions WHERE user_id = ?1"), &vals![user]).await?;
    db.exec(sql!("DELETE FROM sign_in_links WHERE user_id = ?1"), &vals![user]).await?;
    db.exec(sql!("DELETE FROM sign_in_steps WHERE user_id = ?1"), &vals![user]).await?;
    Ok(())
}

/// Makes an API key.
#[derive(Clone, Debug)]
pub struct AddApiKey {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub name: String,
    pub token_hash: Vec<u8>,
    pub role: Role,
    /// Who made it; none for another key.
    pub created_by: Option<UserId>,
}

impl Unit for AddApiKey {
    type Out = Uid;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Uid> {
        let id = db.ids(1).await?;
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!(
                "INSERT INTO api_keys (id, uid, workspace_id, name, token_hash, role, created_at, created_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                self.name.as_str(),
                self.token_hash.as_slice(),
                self.role.as_str(),
                self.now,
                self.created_by.map(|user| user.0)
            ],
        )
        .await?;
        Ok(uid)
    }
}

/// Ends an API key whose role is at most `role`. False where there is none of this id.
#[derive(Clone, Debug)]
pub struct RevokeApiKey {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for RevokeApiKey {
    type Out = bool;

    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let sql = sql!(
            "UPDATE api_keys SET revoked_at = ?3 WHERE workspace_id = ?1 AND uid = ?2 AND revoked_at IS NULL"
        );
        Ok(db.exec(sql, &vals![self.workspace, self.uid, self.now]).await? > 0)
    }
}

/// Notes that an API key was used.
#[derive(Clone, Debug)]
pub struct TouchApiKey {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    /// Internal id.
    pub key: i64,
}

impl Unit for TouchApiKey {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let sql = sql!("UPDATE api_keys SET seen_at = ?3 WHERE workspace_id = ?1 AND id = ?2");
        db.exec(sql, &vals![self.workspace, self.key, self.now]).await?;
        Ok(())
    }
}

/// Says whether people of a workspace need a second factor.
#[derive(Clone, Debug)]
pub struct RequireSecondFactor {
    pub workspace: WorkspaceId,
    pub required: bool,
}

impl Unit for RequireSecondFactor {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let sql = sql!("UPDATE workspaces SET totp_required = ?2 WHERE id = ?1");
        db.exec(sql, &vals![self.workspace, i64::from(self.required)]).await?;
        Ok(())
    }
}
