//! `POST /webhooks/{id}/redeliver`: calls again what was given up.

use axum::Json;
use axum::extract::{Path, State};
use everthread_store::units::Redeliver;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{DELIVERY_PREFIX, PREFIX};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, uid};
use crate::api::state::ApiState;

/// Which calls.
#[derive(Debug, Deserialize, ToSchema)]
pub struct RedeliverForm {
    /// One call, whatever its state, by its `delivery_...`; absent: all that failed.
    pub delivery: Option<String>,
}

/// How many are called again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redelivered {
    pub queued: u64,
}

/// Queues calls again, at once. The event id stays the same: a receiver that keeps ids does a thing once.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/redeliver", tag = "webhooks", request_body = RedeliverForm,
    params(("id" = String, Path, description = "`webhook_...`")), responses((status = 200, body = Redelivered)))]
pub async fn redeliver_webhook(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<RedeliverForm>,
) -> Result<Json<Redelivered>, ApiError> {
    caller.need(Role::Admin)?;
    let webhook = uid(PREFIX, "webhook", &id)?;
    let delivery = form.delivery.as_deref().map(|id| uid(DELIVERY_PREFIX, "delivery", id)).transpose()?;
    let unit = Redeliver { now: state.now(), workspace: caller.workspace, webhook, delivery };
    let (queued, after) = state.store.write(unit).await?;
    state.committed(after);
    crate::api::audit(&state, &caller, "webhook.redeliver", &id).await?;
    Ok(Json(Redelivered { queued }))
}
