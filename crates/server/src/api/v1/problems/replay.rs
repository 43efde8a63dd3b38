//! `POST /problems/{id}/replay`: tries the raw piece of a problem again.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ProblemId;
use everthread_store::read::accounts::ProblemByUid;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// What came of a replay.
#[derive(Debug, Serialize, ToSchema)]
pub struct Replayed {
    /// False: it is still not understood and stays in the list.
    pub solved: bool,
}

/// Tries the raw piece of a problem again, as after an upgrade or once an account was connected.
#[utoipa::path(post, path = "/api/v1/problems/{id}/replay", tag = "problems",
    params(("id" = String, Path, description = "`prob_...`")), responses((status = 200, body = Replayed)))]
pub async fn replay_problem(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Replayed>, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(ProblemId::PREFIX, "problem", &id)?;
    let unit = ProblemByUid { workspace: caller.workspace, uid };
    let problem = state.store.read(unit).await?.ok_or(ApiError::NotFound { what: "problem" })?;
    let solved = state.hub.replay_problem(caller.workspace, problem).await?;
    crate::api::audit(&state, &caller, "problem.replay", &id).await?;
    Ok(Json(Replayed { solved }))
}
