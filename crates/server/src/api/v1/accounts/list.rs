//! `GET /accounts`: our logins on channels.

use axum::Json;
use axum::extract::State;
use everthread_store::read::accounts::Accounts;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::account::Account;
use crate::api::state::ApiState;

/// Accounts of the workspace, oldest first. Secrets are never shown.
#[utoipa::path(get, path = "/api/v1/accounts", tag = "accounts", responses((status = 200, body = Vec<Account>)))]
pub async fn list_accounts(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<Account>>, ApiError> {
    let rows = state.store.read(Accounts { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(Into::into).collect()))
}
