//! `POST /conversations/{id}/assign`: gives a conversation to somebody.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::conversation::Owner;
use everthread_core::ids::{ConversationId, UserId};
use everthread_store::Error as StoreError;
use everthread_store::read::lookup::Find;
use everthread_store::units::Assign;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::model::conversation::Conversation;
use crate::api::state::ApiState;

/// Who gets it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// `me`, `bot`, `nobody` or `user_...`.
    pub owner: String,
    /// `owner.version` as it was seen; refused with `conversation_changed` where it is another now.
    pub version: Option<i64>,
}

/// Gives a conversation to a person, to the bot or to nobody. Unsent answers of the bot are cancelled.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/assign", tag = "conversations", request_body = Assignment,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Conversation)))]
pub async fn assign_conversation(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(assignment): Body<Assignment>,
) -> Result<Json<Conversation>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let to = match assignment.owner.as_str() {
        "nobody" => Owner::Nobody,
        "bot" => Owner::Bot,
        "me" => Owner::Person(Some(caller.user().ok_or(ApiError::NeedsPerson)?)),
        other => {
            let user = field_uid(UserId::PREFIX, "owner", other)?;
            Owner::Person(Some(state.store.read(Find::new(caller.workspace, user)).await?))
        }
    };
    let expected = assignment.version;
    let unit = Assign { now: state.now(), workspace: caller.workspace, conversation, to, expected };
    let after = state.store.write(unit).await.map_err(|error| match error {
        StoreError::Conflict(_) => ApiError::ConversationChanged,
        other => other.into(),
    })?;
    state.committed(after);
    load(&state, &caller, uid).await.map(Json)
}
