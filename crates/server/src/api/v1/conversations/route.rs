//! `POST /conversations/{id}/route`: a person chooses where the conversation goes on.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IdentityId};
use everthread_core::routing::{Decision, decision_sentence, verdict_sentence};
use everthread_store::read::lookup::Find;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::model::conversation::Conversation;
use crate::api::state::ApiState;
use crate::continuity::{Command, Words};

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteChoice {
    /// `ident_...`: one of the contact's addresses.
    pub identity_id: String,
}

/// Moves the conversation, with all that waits in it, to another address of its contact. An open incident does not stop a person;
/// missing consent, a closed window and content that does not fit do, and the answer says which.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/route", tag = "conversations", request_body = RouteChoice,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Conversation)))]
pub async fn choose_route(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(choice): Body<RouteChoice>,
) -> Result<Json<Conversation>, ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let wish = field_uid(IdentityId::PREFIX, "identity_id", &choice.identity_id)?;
    let to: IdentityId = state.store.read(Find::new(caller.workspace, wish)).await?;
    let command = Command::Choose { workspace: caller.workspace, conversation, user, to };
    let plan = state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    if let Some(plan) = plan
        && matches!(plan.decision, Decision::Hold { .. })
    {
        let registry = state.hub.registry();
        let said = plan.verdicts.iter().find(|verdict| verdict.identity == to);
        let why = said.map_or_else(
            || decision_sentence(&plan.decision),
            |verdict| verdict_sentence(verdict, &Words(&registry), state.now()),
        );
        return Err(ApiError::Conflict(format!("it can't go there: {why}")));
    }
    crate::api::audit(&state, &caller, "conversation.route", &id).await?;
    load(&state, &caller, uid).await.map(Json)
}
