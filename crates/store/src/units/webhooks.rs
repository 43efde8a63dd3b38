//! Outgoing webhooks: where a workspace wants to be called, and the calls as outbox rows.

use everthread_core::ids::{Uid, UidSource, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use super::work::Work;
use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

/// Adds an address to call.
#[derive(Clone, Debug)]
pub struct AddWebhook {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub name: String,
    pub url: String,
    /// Sealed.
    pub secret: Vec<u8>,
}

impl Unit for AddWebhook {
    type Out = (i64, Uid);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.lock(&[self.workspace]).await?;
        let taken: Option<(i64,)> = db
            .row(
                sql!(
                    "SELECT id FROM webhooks_out WHERE workspace_id = ?1 AND name = ?2 AND removed_at IS NULL"
                ),
                &vals![self.workspace, self.name.as_str()],
            )
            .await?;
        if taken.is_some() {
            return Err(Error::Conflict(format!("there is a webhook called {:?} already", self.name)));
        }
        let id = db.ids(1).await?;
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!(
                "INSERT INTO webhooks_out (id, uid, workspace_id, name, url, secret, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                self.name.as_str(),
                self.url.as_str(),
                self.secret.as_slice(),
                self.now
            ],
        )
        .await?;
        Ok((id, uid))
    }
}

/// Removes an address; queued calls to it fail.
#[derive(Clone, Debug)]
pub struct RemoveWebhook {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for RemoveWebhook {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let row: Option<(i64,)> = db
            .row(
                sql!(
                    "UPDATE webhooks_out SET removed_at = ?3, secret = NULL
                     WHERE workspace_id = ?1 AND uid = ?2 AND removed_at IS NULL RETURNING id"
                ),
                &vals![self.workspace, self.uid, self.now],
            )
            .await?;
        let Some((id,)) = row else { return Err(Error::NotFound("webhook")) };
        db.exec(
            sql!(
                "UPDATE webhook_deliveries SET state = 'failed', last_error = 'the webhook was removed', ended_at = ?3
                 WHERE workspace_id = ?1 AND webhook_id = ?2 AND state = 'queued'"
            ),
            &vals![self.workspace, id, self.now],
        )
        .await?;
        Ok(())
    }
}

/// Calls again: one delivery, or all that were given up.
#[derive(Clone, Copy, Debug)]
pub struct Redeliver {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub webhook: Uid,
    /// `None`: all that failed.
    pub delivery: Option<Uid>,
}

impl Unit for Redeliver {
    /// How many were queued.
    type Out = (u64, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let webhook = webhook(db, self.workspace, self.webhook).await?;
        let queued = match self.delivery {
            Some(delivery) => {
                db.exec(
                    sql!(
                        "UPDATE webhook_deliveries SET state = 'queued', next_at = ?4, created_at = ?4, tries = 0, \
                         ended_at = NULL WHERE workspace_id = ?1 AND webhook_id = ?2 AND uid = ?3"
                    ),
                    &vals![self.workspace, webhook, delivery, self.now],
                )
                .await?
            }
            None => {
                db.exec(
                    sql!(
                        "UPDATE webhook_deliveries SET state = 'queued', next_at = ?3, created_at = ?3, tries = 0, \
                         ended_at = NULL WHERE workspace_id = ?1 AND webhook_id = ?2 AND state = 'failed'"
                    ),
                    &vals![self.workspace, webhook, self.now],
                )
                .await?
            }
        };
        if self.delivery.is_some() && queued == 0 {
            return Err(Error::NotFound("delivery"));
        }
        Ok((queued, After { webhooks: queued > 0, ..After::default() }))
    }
}

/// Queues a call that only says that it is a test.
#[derive(Clone, Copy, Debug)]
pub struct TestWebhook {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub webhook: Uid,
}

impl Unit for TestWebhook {
    type Out = (Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let webhook = webhook(db, self.workspace, self.webhook).await?;
        let id = db.ids(1).await?;
        let uid = UidSource::new(self.seed).next(self.now);
        let event_id = format!("test-{}", uid.show("delivery"));
        let body =
            serde_json::json!({ "type": "test", "timestamp": self.now.rfc3339(), "data": {} }).to_string();
        db.exec(
            sql!(
                "INSERT INTO webhook_deliveries (id, uid, workspace_id, webhook_id, event_id, body, state, next_at, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?7)"
            ),
            &vals![id, uid, self.workspace, webhook, event_id.as_str(), body.as_str(), self.now],
        )
        .await?;
        Ok((uid, After { webhooks: true, ..After::default() }))
    }
}

async fn webhook<D: Db>(db: &mut D, workspace: WorkspaceId, uid: Uid) -> Result<i64> {
    let (id,): (i64,) = db
        .one(
            "webhook",
            sql!("SELECT id FROM webhooks_out WHERE workspace_id = ?1 AND uid = ?2 AND removed_at IS NULL"),
            &vals![workspace, uid],
        )
        .await?;
    Ok(id)
}

row_struct! {
    /// A call to make.
    #[derive(Clone, Debug)]
    pub struct WebhookJob {
        pub id: i64,
        pub workspace: WorkspaceId,
        /// (event, rule, action): the same in every try.
        pub event_id: String,
        pub url: String,
        /// Sealed.
        pub secret: Option<Vec<u8>>,
        pub body: String,
        pub tries: u32,
        pub created_at: Timestamp,
    }
}

/// Calls whose turn it is, oldest first.
#[derive(Clone, Debug)]
pub struct DueDeliveries {
    pub now: Timestamp,
    pub limit: u32,
}

impl Unit for DueDeliveries {
    type Out = Vec<WebhookJob>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<WebhookJob>> {
        db.rows(
            sql!(
                "SELECT d.id, d.workspace_id, d.event_id, w.url, w.secret, d.body, d.tries, d.created_at
                 FROM webhook_deliveries d JOIN webhooks_out w ON w.id = d.webhook_id
                 WHERE d.state = 'queued' AND d.next_at <= ?1 ORDER BY d.next_at, d.id LIMIT ?2"
            ),
            &vals![self.now, i64::from(self.limit)],
        )
        .await
    }
}

/// What came of a call.
#[derive(Clone, Debug)]
pub enum DeliveryOutcome {
    Done { status: u16 },
    Retry { at: Timestamp, status: Option<u16>, error: String },
    Failed { status: Option<u16>, error: String },
}

/// Writes what came of a call.
#[derive(Clone, Debug)]
pub struct DeliveryResult {
    pub now: Timestamp,
    pub delivery: i64,
    pub outcome: DeliveryOutcome,
}

impl Unit for DeliveryResult {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let (state, next, status, error, ended) = match &self.outcome {
            DeliveryOutcome::Done { status } => ("done", None, Some(*status), None, Some(self.now)),
            DeliveryOutcome::Retry { at, status, error } => {
                ("queued", Some(*at), *status, Some(error.as_str()), None)
            }
            DeliveryOutcome::Failed { status, error } => {
                ("failed", None, *status, Some(error.as_str()), Some(self.now))
            }
        };
        db.exec(
            sql!(
                "UPDATE webhook_deliveries SET state = ?2, next_at = ?3, last_status = ?4, last_error = ?5,
                        ended_at = ?6, tries = tries + 1
                 WHERE id = ?1"
            ),
            &vals![self.delivery, state, next, status, error, ended],
        )
        .await?;
        Ok(())
    }
}

/// Queues a call of one of the workspace's addresses, named by its public id or its name, about a message. False
/// where there is none. Equal event ids are queued once.
pub(crate) async fn queue<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    (event_id, webhook): (&str, &str),
    body: &str,
) -> Result<bool> {
    let uid = Uid::read("webhook", webhook);
    let found: Option<(i64,)> = db
        .row(
            sql!(
                "SELECT id FROM webhooks_out WHERE workspace_id = ?1 AND (uid = ?2 OR name = ?3)
                 AND removed_at IS NULL ORDER BY id LIMIT 1"
            ),
            &vals![workspace, uid, webhook],
        )
        .await?;
    let Some((webhook,)) = found else { return Ok(false) };
    let (id, uid, now) = (work.id(db).await?, work.uid(), work.now);
    db.exec(
        sql!(
            "INSERT INTO webhook_deliveries (id, uid, workspace_id, webhook_id, event_id, body, state, next_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'queued', ?7, ?7)
             ON CONFLICT (workspace_id, event_id) DO NOTHING"
        ),
        &vals![id, uid, workspace, webhook, event_id, body, now],
    )
    .await?;
    work.after.webhooks = true;
    Ok(true)
}
