//! `POST /conversations/{id}/labels`: puts labels on and takes them off.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ConversationId;
use everthread_store::read::lookup::Find;
use everthread_store::units::SetLabels;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, uid};
use crate::api::fields;
use crate::api::model::conversation::Conversation;
use crate::api::state::ApiState;

/// Labels changed at once.
const LABELS_MAX: usize = 20;

/// Which labels.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelChange {
    /// A label that is new is made.
    #[serde(default)]
    pub add: Vec<String>,
    #[serde(default)]
    pub remove: Vec<String>,
}

/// Puts labels on a conversation and takes them off.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/labels", tag = "conversations", request_body = LabelChange,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Conversation)))]
pub async fn set_labels(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<LabelChange>,
) -> Result<Json<Conversation>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    if change.add.len() + change.remove.len() > LABELS_MAX {
        let detail = "at most 20 labels at once".to_owned();
        return Err(ApiError::Invalid { field: "add", detail });
    }
    let add = change.add.iter().map(|name| fields::short("add", name)).collect::<Result<Vec<_>, _>>()?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let (now, seed, workspace) = (state.now(), (state.seed)(), caller.workspace);
    let unit = SetLabels { now, seed, workspace, conversation, add, remove: change.remove };
    state.committed(state.store.write(unit).await?);
    load(&state, &caller, uid).await.map(Json)
}
