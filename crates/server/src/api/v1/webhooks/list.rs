//! `GET /webhooks`: the addresses that are called.

use axum::Json;
use axum::extract::State;
use everthread_store::read::webhooks::{WebhookRow, Webhooks};
use serde::Serialize;
use utoipa::ToSchema;

use super::PREFIX;
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::id;
use crate::api::state::ApiState;

/// An address and how its calls go.
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookView {
    /// `webhook_...`
    pub id: String,
    pub name: String,
    pub url: String,
    pub created_at: String,
    /// Calls that wait for their turn or their next try.
    pub queued: i64,
    /// Calls that were given up.
    pub failed: i64,
    pub last_done_at: Option<String>,
}

impl From<WebhookRow> for WebhookView {
    fn from(row: WebhookRow) -> Self {
        Self {
            id: id(PREFIX, row.uid),
            name: row.name,
            url: row.url,
            created_at: row.created_at.rfc3339(),
            queued: row.queued,
            failed: row.failed,
            last_done_at: row.last_done_at.map(everthread_core::time::Timestamp::rfc3339),
        }
    }
}

/// Addresses of the workspace, oldest first.
#[utoipa::path(get, path = "/api/v1/webhooks", tag = "webhooks", responses((status = 200, body = Vec<WebhookView>)))]
pub async fn list_webhooks(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<WebhookView>>, ApiError> {
    let rows = state.store.read(Webhooks { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(Into::into).collect()))
}
