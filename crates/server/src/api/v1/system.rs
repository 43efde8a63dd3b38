//! `GET /system`: what runs here and how it stands.

use axum::Json;
use axum::extract::State;
use everthread_store::read::accounts::ProblemCount;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// What runs here and how it stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct System {
    pub version: &'static str,
    /// Simulated platforms run beside it.
    pub sandbox: bool,
    /// Records taken in and not applied yet.
    pub apply_lag: u64,
    pub journal_bytes: u64,
    /// Problems of the workspace that are not solved; 10000 stands for that many or more.
    pub problems: i64,
}

/// What runs here and how it stands.
#[utoipa::path(get, path = "/api/v1/system", tag = "system", responses((status = 200, body = System)))]
pub async fn show_system(State(state): State<ApiState>, caller: Caller) -> Result<Json<System>, ApiError> {
    let problems = state.store.read(ProblemCount { workspace: caller.workspace }).await?;
    let figures = state.hub.figures();
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        sandbox: state.sandbox.is_some(),
        apply_lag: figures.apply_lag,
        journal_bytes: figures.journal_bytes,
        problems,
    }))
}
