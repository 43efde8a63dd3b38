//! `GET /incidents`: what is or was down.

use axum::Json;
use axum::extract::State;
use everthread_store::read::continuity::Incidents;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{IncidentView, reaches, view};
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::state::ApiState;

/// Rows read at most.
const LIMIT: u32 = 200;

/// Which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Only those that are not closed.
    pub open: Option<bool>,
    /// Only below this number, for the next page.
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
    let unit = Incidents { open_only: which.open.unwrap_or(false), before: which.before, limit: LIMIT };
    let registry = state.hub.registry();
    let rows = state.store.read(unit).await?;
    let mine = rows.iter().filter(|row| reaches(row, &registry, caller.workspace));
    Ok(Json(mine.filter_map(|row| view(row, &registry, caller.workspace)).collect()))
}
