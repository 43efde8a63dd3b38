//! `POST /webhooks/{id}/test`: calls the address once, so that its receiver can be tried.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::TestWebhook;
use serde::Serialize;
use utoipa::ToSchema;

use super::{DELIVERY_PREFIX, PREFIX};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::id as show;
use crate::api::state::ApiState;

/// The call that was queued: its state is in the list of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestCall {
    /// `delivery_...`
    pub delivery: String,
}

/// Queues a call with `{"type": "test"}`, signed and retried like any other.
#[utoipa::path(post, path = "/api/v1/webhooks/{id}/test", tag = "webhooks",
    params(("id" = String, Path, description = "`webhook_...`")), responses((status = 202, body = TestCall)))]
pub async fn test_webhook(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<TestCall>), ApiError> {
    caller.need(Role::Admin)?;
    let webhook = uid(PREFIX, "webhook", &id)?;
    let unit = TestWebhook { now: state.now(), seed: (state.seed)(), workspace: caller.workspace, webhook };
    let (delivery, after) = state.store.write(unit).await?;
    state.committed(after);
    Ok((StatusCode::ACCEPTED, Json(TestCall { delivery: show(DELIVERY_PREFIX, delivery) })))
}
