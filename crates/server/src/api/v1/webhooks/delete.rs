//! `DELETE /webhooks/{id}`: removes an address.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::RemoveWebhook;

use super::PREFIX;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Removes an address. Calls that wait for it fail, and say why.
#[utoipa::path(delete, path = "/api/v1/webhooks/{id}", tag = "webhooks",
    params(("id" = String, Path, description = "`webhook_...`")), responses((status = 204)))]
pub async fn delete_webhook(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(PREFIX, "webhook", &id)?;
    state.store.write(RemoveWebhook { now: state.now(), workspace: caller.workspace, uid }).await?;
    crate::api::audit(&state, &caller, "webhook.remove", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
