//! `DELETE /api-keys/{id}`: revokes a key.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::RevokeApiKey;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::API_KEY;
use crate::api::state::ApiState;

/// Revokes a key: it opens nothing from now on.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "workspace",
    params(("id" = String, Path, description = "`key_...`")), responses((status = 204)))]
pub async fn revoke_api_key(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(API_KEY, "API key", &id)?;
    let unit = RevokeApiKey { now: state.now(), workspace: caller.workspace, uid };
    if !state.store.write(unit).await? {
        return Err(ApiError::NotFound { what: "API key" });
    }
    crate::api::audit(&state, &caller, "api_key.revoke", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
