//! `DELETE /accounts/{id}`: disconnects an account.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::ids::AccountId;
use everthread_store::read::accounts::AccountByUid;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Disconnects an account for good. Its messages stay.
#[utoipa::path(delete, path = "/api/v1/accounts/{id}", tag = "accounts",
    params(("id" = String, Path, description = "`acct_...`")), responses((status = 204)))]
pub async fn delete_account(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(AccountId::PREFIX, "account", &id)?;
    let unit = AccountByUid { workspace: caller.workspace, uid };
    let account = state.store.read(unit).await?.ok_or(ApiError::NotFound { what: "account" })?;
    state.hub.remove_account(caller.workspace, account).await?;
    crate::api::audit(&state, &caller, "account.remove", &id).await?;
    state.hub.configuration_changed().await;
    Ok(StatusCode::NO_CONTENT)
}
