//! `DELETE /rules/{id}`: removes a rule.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::ids::RuleId;
use everthread_store::units::RemoveRule;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Removes a rule. Messages that it wrote stay.
#[utoipa::path(delete, path = "/api/v1/rules/{id}", tag = "rules",
    params(("id" = String, Path, description = "`rule_...`")), responses((status = 204)))]
pub async fn delete_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(RuleId::PREFIX, "rule", &id)?;
    let after = state.store.write(RemoveRule { now: state.now(), workspace: caller.workspace, uid }).await?;
    state.committed(after);
    crate::api::audit(&state, &caller, "rule.remove", &id).await?;
    state.hub.configuration_changed().await;
    Ok(StatusCode::NO_CONTENT)
}
