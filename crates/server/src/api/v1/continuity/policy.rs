//! `GET` and `PUT /continuity/policy`: what to do when a channel fails.

use axum::Json;
use axum::extract::State;
use everthread_core::routing::Policy;
use everthread_store::read::continuity::Policies;
use everthread_store::units::SetPolicy;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;
use crate::continuity::Command;

/// The policy of the workspace; the defaults where it set none.
#[utoipa::path(get, path = "/api/v1/continuity/policy", tag = "continuity",
    responses((status = 200, body = Object)))]
pub async fn show_policy(State(state): State<ApiState>, caller: Caller) -> Result<Json<Policy>, ApiError> {
    let rows = state.store.read(Policies).await?;
    let mine = rows.into_iter().find(|(workspace, _)| *workspace == caller.workspace);
    Ok(Json(mine.and_then(|(_, body)| serde_json::from_str(&body).ok()).unwrap_or_default()))
}

/// Sets the policy: `mode` (`off`, `suggest`, `automatic`), `hold_first_s`, `order`, `exclude`, `proof_min`, `cost_message_max`,
/// `cost_incident_max`, `live_hours`, `quiet`, `lines`, `templates`, `costs`, `settle_min`. What is left out has its default.
#[utoipa::path(put, path = "/api/v1/continuity/policy", tag = "continuity", request_body = Object,
    responses((status = 200, body = Object)))]
pub async fn set_policy(
    State(state): State<ApiState>,
    caller: Caller,
    Body(value): Body<serde_json::Value>,
) -> Result<Json<Policy>, ApiError> {
    caller.need(Role::Admin)?;
    let invalid = |detail: String| ApiError::Invalid { field: "policy", detail };
    let policy: Policy = serde_json::from_value(value).map_err(|error| invalid(error.to_string()))?;
    policy
        .check(|channel| everthread_channels::find(channel).is_some())
        .map_err(|error| invalid(error.to_string()))?;
    let unit = SetPolicy {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        user: caller.user(),
        policy: policy.clone(),
    };
    let after = state.store.write(unit).await?;
    state.committed(after);
    // A hub that is stopping reads it at its next start.
    let _ = state.hub.continuity().ask(Command::Reload).await;
    Ok(Json(policy))
}
