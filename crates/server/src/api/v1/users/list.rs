//! `GET /users`: people of the workspace.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::Members;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::account::UserView;
use crate::api::state::ApiState;

/// Whom to list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Whom {
    /// Disabled people too.
    #[serde(default)]
    pub all: bool,
}

/// People of the workspace who can sign in, oldest first.
#[utoipa::path(get, path = "/api/v1/users", tag = "workspace", params(Whom),
    responses((status = 200, body = Vec<UserView>)))]
pub async fn list_users(
    State(state): State<ApiState>,
    caller: Caller,
    Params(whom): Params<Whom>,
) -> Result<Json<Vec<UserView>>, ApiError> {
    let rows = state.store.read(Members { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().filter(|row| whom.all || row.disabled_at.is_none()).map(Into::into).collect()))
}
