//! `POST /conversations/{id}/read`: somebody has read it.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::ids::ConversationId;
use everthread_store::read::lookup::Find;
use everthread_store::units::MarkRead;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Nothing in it is unread any more.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/read", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 204)))]
pub async fn read_conversation(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let unit = MarkRead { now: state.now(), workspace: caller.workspace, conversation };
    state.committed(state.store.write(unit).await?);
    Ok(StatusCode::NO_CONTENT)
}
