//! `POST /conversations/{id}/route`: a person chooses the way that a conversation goes on.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, PlanId};
use everthread_core::routing::{Decision, Plan, decision_sentence, verdict_sentence};
use everthread_store::read::continuity::PlanByUid;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::state::ApiState;
use crate::continuity::{Command, Words};

/// Which way.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Choosing {
    /// `plan_...` of this conversation.
    pub plan: String,
    /// Place in the plan's `ways`, from 0.
    pub way: usize,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chosen {
    pub decision: String,
}

/// Moves the conversation, with all that waits, to a way that a plan weighed. A person's explicit choice may go into a fault;
/// consent, the reply window and what the channel can carry hold all the same.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/route", tag = "conversations", request_body = Choosing,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Chosen)))]
pub async fn choose_route(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<Choosing>,
) -> Result<Json<Chosen>, ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let conversation = uid(ConversationId::PREFIX, "conversation", &id)?;
    let plan = PlanByUid { workspace: caller.workspace, uid: field_uid(PlanId::PREFIX, "plan", &form.plan)? };
    let row = state.store.read(plan).await?.filter(|row| row.conversation_uid == conversation);
    let row = row.ok_or(ApiError::NotFound { what: "plan" })?;
    let plan: Plan = serde_json::from_str(&row.body).map_err(ApiError::internal)?;
    let way = plan.verdicts.get(form.way).ok_or_else(|| {
        let detail = format!("this plan weighed {} ways", plan.verdicts.len());
        ApiError::Invalid { field: "way", detail }
    })?;
    let to = (way.identity, way.account);
    let command = Command::Choose { workspace: caller.workspace, conversation: row.conversation, user, to };
    let made = state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    let made = made.ok_or_else(|| ApiError::Conflict("nothing was decided".to_owned()))?;
    if matches!(made.decision, Decision::Hold { .. }) {
        let registry = state.hub.registry();
        let against = made.verdicts.iter().find(|verdict| (verdict.identity, verdict.account) == to);
        let why = against.map(|verdict| verdict_sentence(verdict, &Words(&registry), state.now()));
        return Err(ApiError::Conflict(why.unwrap_or_else(|| "that way is gone".to_owned())));
    }
    crate::api::audit(&state, &caller, "conversation.route", &id).await?;
    Ok(Json(Chosen { decision: decision_sentence(&made.decision) }))
}
