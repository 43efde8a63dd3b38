//! Webhook addresses and accounts. Secrets come in sealed and go out sealed.

use everthread_core::ids::{AccountId, EndpointId, Uid, UidSource, WorkspaceId};
use everthread_core::limits::RETIRED_SECRETS_MAX;
use everthread_core::time::Timestamp;

use super::record::release_held;
use super::work::Work;
use super::{After, feed};
use crate::{Db, Error, Result, Unit, sql, vals};

/// Makes a webhook address.
#[derive(Clone, Debug)]
pub struct AddEndpoint {
    pub now: Timestamp,
    pub seed: u64,
    pub channel: String,
    /// The last piece of its path: unguessable.
    pub path_key: String,
}

impl Unit for AddEndpoint {
    type Out = EndpointId;

    async fn run<D: Db>(&self, db: &mut D) -> Result<EndpointId> {
        let id = EndpointId(db.ids(1).await?);
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!(
                "INSERT INTO endpoints (id, uid, channel, path_key, created_at) VALUES (?1, ?2, ?3, ?4, ?5)"
            ),
            &vals![id, uid, self.channel.as_str(), self.path_key.as_str(), self.now],
        )
        .await?;
        Ok(id)
    }
}

/// Where a new account's events come in.
#[derive(Clone, Debug)]
pub enum EndpointChoice {
    /// An address that already serves the same app.
    Existing(EndpointId),
    /// A new address with this key.
    New { path_key: String },
}

/// Connects an account.
#[derive(Clone, Debug)]
pub struct AddAccount {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub endpoint: EndpointChoice,
    pub channel: String,
    pub external_id: Option<String>,
    pub name: String,
    /// JSON object of strings.
    pub settings: String,
    /// Sealed.
    pub secrets: Vec<u8>,
    pub sandbox: bool,
}

/// An account that was connected.
#[derive(Clone, Debug)]
pub struct AccountAdded {
    pub id: AccountId,
    pub uid: Uid,
    pub endpoint: EndpointId,
    pub path_key: String,
    pub after: After,
}

impl Unit for AddAccount {
    type Out = AccountAdded;

    async fn run<D: Db>(&self, db: &mut D) -> Result<AccountAdded> {
        db.lock(&[self.workspace]).await?;
        if let Some(external) = &self.external_id {
            let twin: Option<(i64,)> = db
                .row(
                    sql!(
                        "SELECT id FROM accounts WHERE workspace_id = ?1 AND channel = ?2 AND external_id = ?3
                         AND removed_at IS NULL"
                    ),
                    &vals![self.workspace, self.channel.as_str(), external.as_str()],
                )
                .await?;
            if twin.is_some() {
                return Err(Error::Conflict(
                    "an account with this provider id is already connected in this workspace".into(),
                ));
            }
        }
        let mut uids = UidSource::new(self.seed);
        let (endpoint, path_key) = match &self.endpoint {
            EndpointChoice::Existing(id) => {
                let (key,): (String,) = db
                    .one("webhook address", sql!("SELECT path_key FROM endpoints WHERE id = ?1"), &vals![*id])
                    .await?;
                (*id, key)
            }
            EndpointChoice::New { path_key } => {
                let add = AddEndpoint {
                    now: self.now,
                    seed: uids.draw(),
                    channel: self.channel.clone(),
                    path_key: path_key.clone(),
                };
                (add.run(db).await?, path_key.clone())
            }
        };
        let id = AccountId(db.ids(1).await?);
        let uid = uids.next(self.now);
        db.exec(
            sql!(
                "INSERT INTO accounts (id, uid, workspace_id, endpoint_id, channel, external_id, name, settings, secrets,
                                       sandbox, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                endpoint,
                self.channel.as_str(),
                self.external_id.as_deref(),
                self.name.as_str(),
                self.settings.as_str(),
                self.secrets.as_slice(),
                self.sandbox,
                self.now
            ],
        )
        .await?;
        let after = feed::note(db, self.workspace, "account", uid, self.now).await?;
        Ok(AccountAdded { id, uid, endpoint, path_key, after })
    }
}

/// Changes settings or secrets of an account, and lets it send again.
#[derive(Clone, Debug)]
pub struct UpdateAccount {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub name: Option<String>,
    /// JSON object of strings.
    pub settings: Option<String>,
    /// Sealed.
    pub secrets: Option<Vec<u8>>,
    /// Fingerprint of the verifying secrets that these take the place of: what they signed is still the account's.
    pub retired: Option<u64>,
}

impl Unit for UpdateAccount {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let (uid,): (Uid,) = db
            .one(
                "account",
                sql!(
                    "UPDATE accounts SET name = coalesce(?3, name), settings = coalesce(?4, settings),
                            secrets = coalesce(?5, secrets), stopped_at = NULL, stopped_reason = NULL
                     WHERE id = ?1 AND workspace_id = ?2 AND removed_at IS NULL RETURNING uid"
                ),
                &vals![
                    self.account,
                    self.workspace,
                    self.name.as_deref(),
                    self.settings.as_deref(),
                    self.secrets.as_deref()
                ],
            )
            .await?;
        if let Some(fingerprint) = self.retired {
            retire(db, self.account, fingerprint, self.now).await?;
        }
        work.changed(self.workspace, "account", uid, None);
        release_held(db, &mut work, self.workspace, self.account).await?;
        work.finish(db).await
    }
}

/// Remembers a retired secret by its fingerprint; of many, the last ones.
async fn retire<D: Db>(db: &mut D, account: AccountId, fingerprint: u64, now: Timestamp) -> Result<()> {
    db.exec(
        sql!(
            "INSERT INTO retired_secrets (account_id, fingerprint, retired_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (account_id, fingerprint) DO UPDATE SET retired_at = excluded.retired_at"
        ),
        &vals![account, fingerprint, now],
    )
    .await?;
    db.exec(
        sql!(
            "DELETE FROM retired_secrets WHERE account_id = ?1 AND retired_at <=
             (SELECT r.retired_at FROM retired_secrets r WHERE r.account_id = ?1
              ORDER BY r.retired_at DESC LIMIT 1 OFFSET ?2)"
        ),
        &vals![account, RETIRED_SECRETS_MAX],
    )
    .await?;
    Ok(())
}

/// Stops an account from sending (I9); what comes in is still taken.
#[derive(Clone, Debug)]
pub struct StopAccount {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// Why, and what to do, for people.
    pub reason: String,
}

impl Unit for StopAccount {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let (uid,): (Uid,) = db
            .one(
                "account",
                sql!(
                    "UPDATE accounts SET stopped_at = ?3, stopped_reason = ?4 WHERE id = ?1 AND workspace_id = ?2
                     RETURNING uid"
                ),
                &vals![self.account, self.workspace, self.now, self.reason.as_str()],
            )
            .await?;
        feed::note(db, self.workspace, "account", uid, self.now).await
    }
}

/// Lets a stopped account send again.
#[derive(Clone, Debug)]
pub struct StartAccount {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub account: AccountId,
}

impl Unit for StartAccount {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let same = UpdateAccount {
            now: self.now,
            workspace: self.workspace,
            account: self.account,
            name: None,
            settings: None,
            secrets: None,
            retired: None,
        };
        same.run(db).await
    }
}

/// Disconnects an account. Its conversations stay; its secrets are erased.
#[derive(Clone, Debug)]
pub struct RemoveAccount {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub account: AccountId,
}

impl Unit for RemoveAccount {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let (uid,): (Uid,) = db
            .one(
                "account",
                sql!(
                    "UPDATE accounts SET removed_at = ?3, secrets = NULL
                     WHERE id = ?1 AND workspace_id = ?2 AND removed_at IS NULL RETURNING uid"
                ),
                &vals![self.account, self.workspace, self.now],
            )
            .await?;
        db.exec(sql!("DELETE FROM retired_secrets WHERE account_id = ?1"), &vals![self.account]).await?;
        feed::note(db, self.workspace, "account", uid, self.now).await
    }
}
