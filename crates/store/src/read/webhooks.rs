//! Outgoing webhooks and their deliveries, as people look at them.

use everthread_core::ids::{Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// An address that is called. Its secret is never read here.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct WebhookRow {
        pub id: i64,
        pub uid: Uid,
        pub name: String,
        pub url: String,
        pub created_at: Timestamp,
        pub queued: i64,
        pub failed: i64,
        pub last_done_at: Option<Timestamp>,
    }
}

/// Addresses of a workspace that were not removed, oldest first.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks {
    pub workspace: WorkspaceId,
}

impl Unit for Webhooks {
    type Out = Vec<WebhookRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT w.id, w.uid, w.name, w.url, w.created_at, \
                 (SELECT count(*) FROM webhook_deliveries d WHERE d.workspace_id = ?1 AND d.webhook_id = w.id \
                 AND d.state = 'queued'), \
                 (SELECT count(*) FROM webhook_deliveries d WHERE d.workspace_id = ?1 AND d.webhook_id = w.id \
                 AND d.state = 'failed'), \
                 (SELECT max(d.ended_at) FROM webhook_deliveries d WHERE d.workspace_id = ?1 AND d.webhook_id = w.id \
                 AND d.state = 'done') \
                 FROM webhooks_out w WHERE w.workspace_id = ?1 AND w.removed_at IS NULL ORDER BY w.id"
            ),
            &vals![self.workspace],
        )
        .await
    }
}

row_struct! {
    /// One call.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct DeliveryRow {
        pub id: i64,
        pub uid: Uid,
        /// The same in every try: the receiver recognises a repeat by it.
        pub event_id: String,
        pub state: String,
        pub tries: i64,
        pub next_at: Option<Timestamp>,
        pub last_status: Option<i64>,
        pub last_error: Option<String>,
        pub created_at: Timestamp,
        pub ended_at: Option<Timestamp>,
        pub body: String,
    }
}

/// Calls of one address, newest first.
#[derive(Clone, Copy, Debug)]
pub struct Deliveries {
    pub workspace: WorkspaceId,
    pub webhook: Uid,
    pub before: Option<i64>,
    pub limit: u32,
}

impl Unit for Deliveries {
    type Out = Vec<DeliveryRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT d.id, d.uid, d.event_id, d.state, d.tries, d.next_at, d.last_status, d.last_error, d.created_at, \
                 d.ended_at, d.body FROM webhook_deliveries d JOIN webhooks_out w ON w.id = d.webhook_id \
                 WHERE w.workspace_id = ?1 AND w.uid = ?2 AND d.workspace_id = ?1 AND d.id < ?3 \
                 ORDER BY d.id DESC LIMIT ?4"
            ),
            &vals![self.workspace, self.webhook, self.before.unwrap_or(i64::MAX), self.limit],
        )
        .await
    }
}
