//! `GET /users`: people of the workspace.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::Members;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::account::UserView;
use crate::api::state::ApiState;

/// People of the workspace, oldest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "workspace", responses((status = 200, body = Vec<UserView>)))]
pub async fn list_users(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<UserView>>, ApiError> {
    let rows = state.store.read(Members { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(Into::into).collect()))
}
