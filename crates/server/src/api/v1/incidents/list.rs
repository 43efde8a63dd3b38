//! `GET /incidents`: what is or was down.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IncidentView, reaching, view};
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::state::ApiState;

/// Incidents in one answer.
const LIMIT: usize = 200;

/// Which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Only those that are not closed.
    pub open: Option<bool>,
    /// Only below this number, for the next page; a page has 200.
    pub before: Option<i64>,
}

/// Incidents that reach an account of the workspace, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "continuity", params(Which),
    responses((status = 200, body = Vec<IncidentView>)))]
pub async fn list_incidents(
    State(state): State<ApiState>,
    caller: Caller,
    Params(which): Params<Which>,
) -> Result<Json<Vec<IncidentView>>, ApiError> {
    let registry = state.hub.registry();
    let page = (which.open.unwrap_or(false), which.before, LIMIT);
    let rows = reaching((&state.store, &registry), caller.workspace, page).await?;
    Ok(Json(rows.iter().filter_map(|row| view(row, &registry, caller.workspace)).collect()))
}
