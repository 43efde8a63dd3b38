//! `GET /api-keys`: keys that work.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::ApiKeys;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::model::account::ApiKeyView;
use crate::api::state::ApiState;

/// Keys that were not revoked, oldest first, without their secrets.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "workspace",
    responses((status = 200, body = Vec<ApiKeyView>)))]
pub async fn list_api_keys(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<ApiKeyView>>, ApiError> {
    caller.need(Role::Admin)?;
    let rows = state.store.read(ApiKeys { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(Into::into).collect()))
}
