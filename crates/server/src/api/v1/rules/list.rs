//! `GET /rules`: the rules of the workspace.

use axum::Json;
use axum::extract::State;
use everthread_store::read::accounts::Rules;

use super::{RuleView, view};
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Rules in the order they are tried.
#[utoipa::path(get, path = "/api/v1/rules", tag = "rules", responses((status = 200, body = Vec<RuleView>)))]
pub async fn list_rules(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<RuleView>>, ApiError> {
    let rows = state.store.read(Rules { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(view).collect()))
}
