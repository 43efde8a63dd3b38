//! `GET /webhooks/{id}/deliveries`: the log of calls.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::time::Timestamp;
use everthread_store::read::webhooks::{Deliveries, DeliveryRow};
use serde::Serialize;
use utoipa::ToSchema;

use super::{DELIVERY_PREFIX, PREFIX};
use crate::api::auth::Caller;
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::{Params, uid};
use crate::api::model::{id as show, json};
use crate::api::state::ApiState;

/// One call and what came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeliveryView {
    /// `delivery_...`
    pub id: String,
    /// The `webhook-id` header, the same in every try.
    pub event_id: String,
    /// `queued`, `done`, `failed`
    pub state: String,
    pub tries: i64,
    pub next_at: Option<String>,
    pub last_status: Option<i64>,
    pub last_error: Option<String>,
    pub created_at: String,
    pub ended_at: Option<String>,
    /// What is sent.
    #[schema(value_type = Object)]
    pub body: serde_json::Value,
}

impl From<DeliveryRow> for DeliveryView {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: show(DELIVERY_PREFIX, row.uid),
            event_id: row.event_id,
            state: row.state,
            tries: row.tries,
            next_at: row.next_at.map(Timestamp::rfc3339),
            last_status: row.last_status,
            last_error: row.last_error,
            created_at: row.created_at.rfc3339(),
            ended_at: row.ended_at.map(Timestamp::rfc3339),
            body: json(&row.body),
        }
    }
}

/// A page of calls, newest first.
#[utoipa::path(get, path = "/api/v1/webhooks/{id}/deliveries", tag = "webhooks",
    params(("id" = String, Path, description = "`webhook_...`"), PageQuery),
    responses((status = 200, body = Page<DeliveryView>)))]
pub async fn list_deliveries(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<DeliveryView>>, ApiError> {
    let webhook = uid(PREFIX, "webhook", &id)?;
    let limit = page.limit();
    let before = page.after()?.map(|(_, id)| id);
    let rows = state
        .store
        .read(Deliveries { workspace: caller.workspace, webhook, before, limit: limit + 1 })
        .await?;
    Ok(Json(Page::cut(rows, limit, |row| (0, row.id), Into::into)))
}
