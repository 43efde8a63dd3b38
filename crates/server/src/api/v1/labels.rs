//! `GET /labels`: names that conversations can carry.

use axum::Json;
use axum::extract::State;
use everthread_store::read::accounts::Labels;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::id;
use crate::api::state::ApiState;

/// A name that conversations can carry.
#[derive(Debug, Serialize, ToSchema)]
pub struct Label {
    /// `label_...`
    pub id: String,
    pub name: String,
}

/// Labels of the workspace, by name.
#[utoipa::path(get, path = "/api/v1/labels", tag = "workspace", responses((status = 200, body = Vec<Label>)))]
pub async fn list_labels(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<Label>>, ApiError> {
    let rows = state.store.read(Labels { workspace: caller.workspace }).await?;
    Ok(Json(rows.into_iter().map(|(uid, name)| Label { id: id("label", uid), name }).collect()))
}
