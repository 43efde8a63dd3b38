//! `GET /messages/{id}/attempts`: every provider call of one message.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{AttemptId, MessageId};
use everthread_store::read::thread::{AttemptRow, AttemptsOfMessage};

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::message::AttemptView;
use crate::api::model::{id as show, time, time_opt};
use crate::api::state::ApiState;

/// Every provider call of one message, oldest first, with what was asked and answered.
#[utoipa::path(get, path = "/api/v1/messages/{id}/attempts", tag = "messages",
    params(("id" = String, Path, description = "`msg_...`")), responses((status = 200, body = Vec<AttemptView>)))]
pub async fn list_attempts(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<AttemptView>>, ApiError> {
    let message = uid(MessageId::PREFIX, "message", &id)?;
    let rows = state.store.read(AttemptsOfMessage { workspace: caller.workspace, message }).await?;
    let rows = rows.ok_or(ApiError::NotFound { what: "message" })?;
    Ok(Json(rows.into_iter().map(view).collect()))
}

fn view(row: AttemptRow) -> AttemptView {
    AttemptView {
        id: show(AttemptId::PREFIX, row.uid),
        part_index: row.part_index,
        number: row.number,
        started_at: time(row.started_at),
        ended_at: time_opt(row.ended_at),
        outcome: row.ended_at.map(|_| row.outcome),
        class: row.class,
        code: row.code,
        text: row.text,
        request: row.request,
        response: row.answer,
        retry_at: time_opt(row.retry_at),
    }
}
