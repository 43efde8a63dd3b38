//! `POST /messages/{id}/cancel`: cancels what of a message has not gone out yet.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::MessageId;
use everthread_store::read::lookup::Find;
use everthread_store::read::thread::MessageByUid;
use everthread_store::units::Cancel;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::message;
use crate::api::model::message::Message;
use crate::api::state::ApiState;

/// Cancels what of a message has not gone out yet.
#[utoipa::path(post, path = "/api/v1/messages/{id}/cancel", tag = "messages",
    params(("id" = String, Path, description = "`msg_...`")), responses((status = 200, body = Message)))]
pub async fn cancel_message(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Message>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(MessageId::PREFIX, "message", &id)?;
    let id = state.store.read(Find::new(caller.workspace, uid)).await?;
    let unit = Cancel { now: state.now(), workspace: caller.workspace, message: id, user: caller.user() };
    state.committed(state.store.write(unit).await?);
    let full = state.store.read(MessageByUid { workspace: caller.workspace, uid }).await?;
    Ok(Json(message(full.ok_or(ApiError::NotFound { what: "message" })?)))
}
