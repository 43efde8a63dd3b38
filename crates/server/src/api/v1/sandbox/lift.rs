//! `DELETE /sandbox/faults` and `/sandbox/faults/{id}`: brings back what was taken down.

use axum::extract::{Path, State};
use axum::http::StatusCode;

use super::steered;
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Brings back what one fault had taken down; webhooks that it held come now.
#[utoipa::path(delete, path = "/api/v1/sandbox/faults/{id}", tag = "sandbox",
    params(("id" = u64, Path, description = "as `GET /sandbox` lists it")), responses((status = 204)))]
pub async fn lift_fault(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let sandbox = steered(&state, &caller)?;
    let found = id.parse().is_ok_and(|id| sandbox.lift(id));
    if !found {
        return Err(ApiError::NotFound { what: "fault" });
    }
    crate::api::audit(&state, &caller, "sandbox.back", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Brings everything back.
#[utoipa::path(delete, path = "/api/v1/sandbox/faults", tag = "sandbox", responses((status = 204)))]
pub async fn lift_all_faults(State(state): State<ApiState>, caller: Caller) -> Result<StatusCode, ApiError> {
    let sandbox = steered(&state, &caller)?;
    for fault in sandbox.faults() {
        sandbox.lift(fault.id);
    }
    crate::api::audit(&state, &caller, "sandbox.back", "all").await?;
    Ok(StatusCode::NO_CONTENT)
}
