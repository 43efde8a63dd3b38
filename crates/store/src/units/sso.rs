//! Sign-in through an identity provider.

use everthread_core::ids::{UidSource, UserId, WorkspaceId};
use everthread_core::time::Timestamp;

use super::people::Role;
use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// What we told the provider, to hold against its answer.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SsoRequest {
        pub nonce: String,
        /// Sealed PKCE verifier.
        pub verifier: Vec<u8>,
        /// Path of the console to go to.
        pub next: String,
    }
}

/// Notes a sign-in that goes to the provider.
#[derive(Clone, Debug)]
pub struct BeginSso {
    pub now: Timestamp,
    /// SHA-256 of the state.
    pub state_hash: Vec<u8>,
    pub request: SsoRequest,
    pub expires_at: Timestamp,
}

impl Unit for BeginSso {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(sql!("DELETE FROM sso_requests WHERE expires_at <= ?1"), &vals![self.now]).await?;
        db.exec(
            sql!(
                "INSERT INTO sso_requests (state_hash, nonce, verifier, next, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)"
            ),
            &vals![
                self.state_hash.as_slice(),
                self.request.nonce.as_str(),
                self.request.verifier.as_slice(),
                self.request.next.as_str(),
                self.expires_at
            ],
        )
        .await?;
        Ok(())
    }
}

/// Takes a sign-in out by its state: a state works once, and in time.
#[derive(Clone, Debug)]
pub struct TakeSso {
    pub now: Timestamp,
    pub state_hash: Vec<u8>,
}

impl Unit for TakeSso {
    type Out = Option<SsoRequest>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "DELETE FROM sso_requests WHERE state_hash = ?1 AND expires_at > ?2 RETURNING nonce, verifier, next"
        );
        db.row(sql, &vals![self.state_hash.as_slice(), self.now]).await
    }
}

/// Finds who a provider's subject is here: the one it was before, else the user of the verified e-mail address,
/// else, with `provision`, a new one. `None`: nobody, or somebody who is disabled.
#[derive(Clone, Debug)]
pub struct FindBySso {
    pub now: Timestamp,
    pub seed: u64,
    pub issuer: String,
    pub subject: String,
    /// In lower case; none unless the provider says that it verified it.
    pub email: Option<String>,
    pub name: String,
    /// Where and as what new people are added.
    pub provision: Option<(WorkspaceId, Role)>,
}

/// Who signed in through the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SsoUser {
    pub user: UserId,
    /// Added by this sign-in.
    pub new: bool,
}

impl Unit for FindBySso {
    type Out = Option<SsoUser>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let known: Option<(UserId, Option<Timestamp>)> = db
            .row(
                sql!(
                    "SELECT u.id, u.disabled_at FROM sso_identities s JOIN users u ON u.id = s.user_id
                     WHERE s.issuer = ?1 AND s.subject = ?2"
                ),
                &vals![self.issuer.as_str(), self.subject.as_str()],
            )
            .await?;
        if let Some((user, disabled)) = known {
            return Ok(disabled.is_none().then_some(SsoUser { user, new: false }));
        }
        let Some(email) = self.email.as_deref() else { return Ok(None) };
        let by_email: Option<(UserId, Option<Timestamp>)> =
            db.row(sql!("SELECT id, disabled_at FROM users WHERE email = ?1"), &vals![email]).await?;
        let found = match by_email {
            Some((_, Some(_))) => return Ok(None),
            Some((user, None)) => SsoUser { user, new: false },
            None => match self.provision {
                Some(place) => SsoUser { user: self.add(db, email, place).await?, new: true },
                None => return Ok(None),
            },
        };
        db.exec(
            sql!("INSERT INTO sso_identities (issuer, subject, user_id) VALUES (?1, ?2, ?3)"),
            &vals![self.issuer.as_str(), self.subject.as_str(), found.user],
        )
        .await?;
        Ok(Some(found))
    }
}

impl FindBySso {
    async fn add<D: Db>(&self, db: &mut D, email: &str, place: (WorkspaceId, Role)) -> Result<UserId> {
        let (workspace, role) = place;
        let user = UserId(db.ids(1).await?);
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!("INSERT INTO users (id, uid, email, name, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"),
            &vals![user, uid, email, self.name.as_str(), self.now],
        )
        .await?;
        db.exec(
            sql!("INSERT INTO memberships (workspace_id, user_id, role, created_at) VALUES (?1, ?2, ?3, ?4)"),
            &vals![workspace, user, role.as_str(), self.now],
        )
        .await?;
        Ok(user)
    }
}
