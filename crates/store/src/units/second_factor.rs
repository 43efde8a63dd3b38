//! Second factors: a time-based code (RFC 6238) and recovery codes; and sign-ins that wait for one.

use everthread_core::ids::UserId;
use everthread_core::time::Timestamp;

use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

/// Keeps a secret that is not confirmed yet, in place of an older unconfirmed one. `Err(Conflict)` where the person
/// has a second factor.
#[derive(Clone, Debug)]
pub struct BeginSecondFactor {
    pub now: Timestamp,
    pub user: UserId,
    /// Sealed.
    pub secret: Vec<u8>,
}

impl Unit for BeginSecondFactor {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let kept = db
            .exec(
                sql!(
                    "INSERT INTO second_factors (user_id, secret, created_at, step) VALUES (?1, ?2, ?3, 0)
                     ON CONFLICT (user_id) DO UPDATE SET secret = excluded.secret, created_at = excluded.created_at
                     WHERE second_factors.confirmed_at IS NULL"
                ),
                &vals![self.user, self.secret.as_slice(), self.now],
            )
            .await?;
        if kept == 0 {
            return Err(Error::Conflict("a second factor is set up already; switch it off first".into()));
        }
        Ok(())
    }
}

row_struct! {
    /// The second factor of a person.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct SecondFactorRow {
        /// Sealed.
        pub secret: Vec<u8>,
        pub created_at: Timestamp,
        /// None: the person has not shown a code yet, and signs in without.
        pub confirmed_at: Option<Timestamp>,
        /// Codes of this 30 s step and of earlier ones are used up.
        pub step: i64,
    }
}

/// The second factor of a person, confirmed or not.
#[derive(Clone, Copy, Debug)]
pub struct SecondFactorOf {
    pub user: UserId,
}

impl Unit for SecondFactorOf {
    type Out = Option<SecondFactorRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql =
            sql!("SELECT secret, created_at, confirmed_at, step FROM second_factors WHERE user_id = ?1");
        db.row(sql, &vals![self.user]).await
    }
}

/// Switches a second factor on, with the recovery codes that go with it. False where the step's code was used, or
/// nothing waits to be confirmed.
#[derive(Clone, Debug)]
pub struct ConfirmSecondFactor {
    pub now: Timestamp,
    pub user: UserId,
    /// The step whose code was shown.
    pub step: i64,
    /// SHA-256 of each recovery code.
    pub recovery: Vec<Vec<u8>>,
}

impl Unit for ConfirmSecondFactor {
    type Out = bool;

    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let sql = sql!(
            "UPDATE second_factors SET confirmed_at = ?2, step = ?3
             WHERE user_id = ?1 AND confirmed_at IS NULL AND step < ?3"
        );
        if db.exec(sql, &vals![self.user, self.now, self.step]).await? == 0 {
            return Ok(false);
        }
        db.exec(sql!("DELETE FROM recovery_codes WHERE user_id = ?1"), &vals![self.user]).await?;
        for hash in &self.recovery {
            let sql = sql!("INSERT INTO recovery_codes (user_id, hash) VALUES (?1, ?2)");
            db.exec(sql, &vals![self.user, hash.as_slice()]).await?;
        }
        Ok(true)
    }
}

/// What a person shows as the second factor.
#[derive(Clone, Debug)]
pub enum Shown {
    /// A code that is right for this 30 s step.
    Step(i64),
    /// SHA-256 of a recovery code.
    Recovery(Vec<u8>),
}

/// Uses a code up. True where it was still good: no other request, before or at the same time, had used it.
#[derive(Clone, Debug)]
pub struct UseCode {
    pub user: UserId,
    pub shown: Shown,
}

impl Unit for UseCode {
    type Out = bool;

    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let used = match &self.shown {
            Shown::Step(step) => {
                let sql = sql!(
                    "UPDATE second_factors SET step = ?2
                     WHERE user_id = ?1 AND step < ?2 AND confirmed_at IS NOT NULL"
                );
                db.exec(sql, &vals![self.user, *step]).await?
            }
            Shown::Recovery(hash) => {
                let sql = sql!("DELETE FROM recovery_codes WHERE user_id = ?1 AND hash = ?2");
                db.exec(sql, &vals![self.user, hash.as_slice()]).await?
            }
        };
        Ok(used == 1)
    }
}

/// Switches the second factor off; nothing happens where there is none.
#[derive(Clone, Copy, Debug)]
pub struct DropSecondFactor {
    pub user: UserId,
}

impl Unit for DropSecondFactor {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        forget(db, self.user).await
    }
}

pub(super) async fn forget<D: Db>(db: &mut D, user: UserId) -> Result<()> {
    db.exec(sql!("DELETE FROM recovery_codes WHERE user_id = ?1"), &vals![user]).await?;
    db.exec(sql!("DELETE FROM second_factors WHERE user_id = ?1"), &vals![user]).await?;
    Ok(())
}

/// Notes that the first step of a sign-in succeeded.
#[derive(Clone, Debug)]
pub struct AwaitSecondStep {
    pub now: Timestamp,
    pub user: UserId,
    /// SHA-256 of the token that names this sign-in.
    pub token_hash: Vec<u8>,
    /// `password`, `link` or `sso`.
    pub started_by: String,
    pub expires_at: Timestamp,
}

impl Unit for AwaitSecondStep {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(sql!("DELETE FROM sign_in_steps WHERE expires_at <= ?1"), &vals![self.now]).await?;
        db.exec(
            sql!(
                "INSERT INTO sign_in_steps (token_hash, user_id, started_by, expires_at) VALUES (?1, ?2, ?3, ?4)"
            ),
            &vals![self.token_hash.as_slice(), self.user, self.started_by.as_str(), self.expires_at],
        )
        .await?;
        Ok(())
    }
}

/// A sign-in that waits for its second step: whose, and how it began.
#[derive(Clone, Debug)]
pub struct SecondStep {
    pub now: Timestamp,
    pub token_hash: Vec<u8>,
}

impl Unit for SecondStep {
    type Out = Option<(UserId, String)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql =
            sql!("SELECT user_id, started_by FROM sign_in_steps WHERE token_hash = ?1 AND expires_at > ?2");
        db.row(sql, &vals![self.token_hash.as_slice(), self.now]).await
    }
}

/// Takes a waiting sign-in out. True for the one that did.
#[derive(Clone, Debug)]
pub struct EndSecondStep {
    pub token_hash: Vec<u8>,
}

impl Unit for EndSecondStep {
    type Out = bool;

    async fn run<D: Db>(&self, db: &mut D) -> Result<bool> {
        let sql = sql!("DELETE FROM sign_in_steps WHERE token_hash = ?1");
        Ok(db.exec(sql, &vals![self.token_hash.as_slice()]).await? == 1)
    }
}
