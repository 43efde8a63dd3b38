//! `GET /pipelines`: rows of stages that leads go through.

use axum::Json;
use axum::extract::State;
use everthread_store::read::contacts::Stages;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::lead::{Pipeline, Stage};
use crate::api::model::{PIPELINE, STAGE, id};
use crate::api::state::ApiState;

/// Pipelines with their stages, both in their order.
#[utoipa::path(get, path = "/api/v1/pipelines", tag = "leads", responses((status = 200, body = Vec<Pipeline>)))]
pub async fn list_pipelines(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<Pipeline>>, ApiError> {
    let rows = state.store.read(Stages { workspace: caller.workspace }).await?;
    let mut pipelines: Vec<Pipeline> = Vec::new();
    for row in rows {
        let pipeline = id(PIPELINE, row.pipeline_uid);
        if pipelines.last().is_none_or(|last| last.id != pipeline) {
            pipelines.push(Pipeline { id: pipeline, name: row.pipeline_name, stages: Vec::new() });
        }
        let stage = Stage { id: id(STAGE, row.uid), name: row.name, position: row.position, kind: row.kind };
        if let Some(last) = pipelines.last_mut() {
            last.stages.push(stage);
        }
    }
    Ok(Json(pipelines))
}
