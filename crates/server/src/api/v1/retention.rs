//! `GET` and `PUT /retention`: how long closed conversations are kept.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::RetentionDays;
use everthread_store::units::SetRetention;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{IntoParams, ToSchema};

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, Params};
use crate::api::state::ApiState;
use crate::retention::{check, count};

/// An age to ask about.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Wanted {
    /// Days; default: the age that is set.
    pub days: Option<u32>,
}

/// How long closed conversations are kept.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Retention {
    /// A conversation that is resolved and in which nothing happened for so many days is removed with its messages and
    /// files. Null: never.
    pub days: Option<u32>,
    /// Conversations that this age (or the one that was asked about) would remove now; 1,000 at most.
    pub old: u64,
}

/// A new age.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetentionChange {
    /// 7 to 36,500; null keeps everything.
    pub days: Option<u32>,
}

/// How long closed conversations are kept, and how many an age would remove now.
#[utoipa::path(get, path = "/api/v1/retention", tag = "workspace", params(Wanted),
    responses((status = 200, body = Retention)))]
pub async fn show_retention(
    State(state): State<ApiState>,
    caller: Caller,
    Params(wanted): Params<Wanted>,
) -> Result<Json<Retention>, ApiError> {
    let days = state.store.read(RetentionDays { workspace: caller.workspace }).await?;
    checked(wanted.days)?;
    let old = match wanted.days.or(days) {
        Some(days) => count(&state.store, caller.workspace, state.now(), days).await?,
        None => 0,
    };
    Ok(Json(Retention { days, old }))
}

/// Sets how long closed conversations are kept. What is older is removed for good, beginning within a minute.
#[utoipa::path(put, path = "/api/v1/retention", tag = "workspace", request_body = RetentionChange,
    responses((status = 200, body = Retention)))]
pub async fn set_retention(
    State(state): State<ApiState>,
    caller: Caller,
    Body(change): Body<RetentionChange>,
) -> Result<Json<Retention>, ApiError> {
    caller.need(Role::Owner)?;
    checked(change.days)?;
    state.store.write(SetRetention { workspace: caller.workspace, days: change.days }).await?;
    state.hub.configuration_changed().await;
    let detail = json!({ "days": change.days });
    crate::api::audit_with(&state, &caller, ("retention.update", "workspace"), detail).await?;
    show_retention(State(state), caller, Params(Wanted { days: None })).await
}

fn checked(days: Option<u32>) -> Result<(), ApiError> {
    match days.map(check) {
        Some(Err(error)) => Err(ApiError::Invalid { field: "days", detail: error.to_string() }),
        _ => Ok(()),
    }
}
