//! `POST /conversations/{id}/status`: opens, resolves or snoozes a conversation.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ConversationId;
use everthread_core::state::Status;
use everthread_core::time::Timestamp;
use everthread_store::read::lookup::Find;
use everthread_store::units::SetStatus;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, uid};
use crate::api::model::conversation::Conversation;
use crate::api::state::ApiState;

/// What it becomes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewStatus {
    /// `open`, `snoozed` or `resolved`. `pending` follows from the bot's ownership.
    pub status: String,
    /// RFC 3339; for `snoozed`.
    pub snoozed_until: Option<String>,
}

/// Opens, resolves or snoozes a conversation.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/status", tag = "conversations", request_body = NewStatus,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Conversation)))]
pub async fn set_status(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(new): Body<NewStatus>,
) -> Result<Json<Conversation>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let now = state.now();
    let invalid = |field, detail: &str| ApiError::Invalid { field, detail: detail.to_owned() };
    let status = Status::parse(&new.status).filter(|status| *status != Status::Pending);
    let status = status.ok_or_else(|| invalid("status", "open, snoozed or resolved"))?;
    let until = new.snoozed_until.as_deref().map(|text| {
        Timestamp::parse_rfc3339(text).ok_or_else(|| invalid("snoozed_until", "not a time in RFC 3339"))
    });
    let snoozed_until = until.transpose()?;
    if status == Status::Snoozed && snoozed_until.is_none_or(|until| until <= now) {
        return Err(invalid("snoozed_until", "a time to come is needed to snooze"));
    }
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let unit = SetStatus { now, workspace: caller.workspace, conversation, status, snoozed_until };
    state.committed(state.store.write(unit).await?);
    load(&state, &caller, uid).await.map(Json)
}
