//! `GET` and `PUT /security`: what the workspace asks of everybody who signs in.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::SecondFactorRequired;
use everthread_store::units::RequireSecondFactor;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;

/// What the workspace asks of everybody who signs in.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecurityPolicy {
    /// Who has no second factor reaches nothing here but the page that sets one up. API keys are not people.
    pub second_factor_required: bool,
}

/// What the workspace asks of people.
#[utoipa::path(get, path = "/api/v1/security", tag = "workspace",
    responses((status = 200, body = SecurityPolicy)))]
pub async fn show_security(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<SecurityPolicy>, ApiError> {
    let second_factor_required =
        state.store.read(SecondFactorRequired { workspace: caller.workspace }).await?;
    Ok(Json(SecurityPolicy { second_factor_required }))
}

/// Sets what the workspace asks of people. An owner who has no second factor sets theirs up first: nobody locks
/// everybody out.
#[utoipa::path(put, path = "/api/v1/security", tag = "workspace", request_body = SecurityPolicy,
    responses((status = 200, body = SecurityPolicy)))]
pub async fn set_security(
    State(state): State<ApiState>,
    caller: Caller,
    Body(policy): Body<SecurityPolicy>,
) -> Result<Json<SecurityPolicy>, ApiError> {
    caller.need(Role::Owner)?;
    let person = caller.person.as_ref().ok_or(ApiError::NeedsPerson)?;
    if policy.second_factor_required && person.user.second_factor_at.is_none() {
        return Err(ApiError::Conflict("set up your own second factor first".to_owned()));
    }
    let required = policy.second_factor_required;
    state.store.write(RequireSecondFactor { workspace: caller.workspace, required }).await?;
    let detail = json!({ "second_factor_required": required });
    crate::api::audit_with(&state, &caller, ("security.update", "workspace"), detail).await?;
    Ok(Json(policy))
}
