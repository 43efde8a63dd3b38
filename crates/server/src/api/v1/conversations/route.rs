//! `POST /conversations/{id}/route`: a person chooses where the conversation goes on.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IdentityId, PlanId, Uid};
use everthread_core::routing::{Decision, Plan, Wish, decision_sentence, verdict_sentence};
use everthread_store::read::continuity::PlanByUid;
use everthread_store::read::lookup::Find;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::state::ApiState;
use crate::continuity::{Command, Words};

/// Where to: an address of the contact, or a way that a plan weighed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RouteChoice {
    /// `ident_...`: the best way to this address of the contact.
    pub identity_id: Option<String>,
    /// `plan_...` of this conversation.
    pub plan: Option<String>,
    /// Place in the plan's `ways`, from 0.
    pub way: Option<usize>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Chosen {
    pub decision: String,
}

/// Moves the conversation, with all that waits in it, to another way to its contact. An open incident does not stop a person;
/// missing consent, a closed window and content that does not fit do, and the answer says which.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/route", tag = "conversations", request_body = RouteChoice,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Chosen)))]
pub async fn choose_route(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(choice): Body<RouteChoice>,
) -> Result<Json<Chosen>, ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let to = wish(&state, &caller, (uid, &choice)).await?;
    let command = Command::Choose { workspace: caller.workspace, conversation, user, to };
    let made = state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    let made = made.ok_or_else(|| ApiError::Conflict("nothing was decided".to_owned()))?;
    if matches!(made.decision, Decision::Hold { .. }) {
        let registry = state.hub.registry();
        let against = made.verdicts.iter().find(|verdict| to.means(verdict.identity, verdict.account));
        let why = against.map_or_else(
            || decision_sentence(&made.decision),
            |verdict| verdict_sentence(verdict, &Words(&registry), state.now()),
        );
        return Err(ApiError::Conflict(format!("it can't go there: {why}")));
    }
    crate::api::audit(&state, &caller, "conversation.route", &id).await?;
    Ok(Json(Chosen { decision: decision_sentence(&made.decision) }))
}

async fn wish(
    state: &ApiState,
    caller: &Caller,
    (conversation, choice): (Uid, &RouteChoice),
) -> Result<Wish, ApiError> {
    match choice {
        RouteChoice { identity_id: Some(id), plan: None, way: None } => {
            let uid = field_uid(IdentityId::PREFIX, "identity_id", id)?;
            let identity = state.store.read(Find::new(caller.workspace, uid)).await?;
            Ok(Wish { identity, account: None })
        }
        RouteChoice { identity_id: None, plan: Some(plan), way: Some(way) } => {
            let uid = field_uid(PlanId::PREFIX, "plan", plan)?;
            let row = state.store.read(PlanByUid { workspace: caller.workspace, uid }).await?;
            let row = row.filter(|row| row.conversation_uid == conversation);
            let row = row.ok_or(ApiError::NotFound { what: "plan" })?;
            let plan: Plan = serde_json::from_str(&row.body).map_err(ApiError::internal)?;
            let verdict = plan.verdicts.get(*way).ok_or_else(|| {
                let detail = format!("this plan weighed {} ways", plan.verdicts.len());
                ApiError::Invalid { field: "way", detail }
            })?;
            Ok(Wish { identity: verdict.identity, account: Some(verdict.account) })
        }
        _ => {
            let detail = "say an address (identity_id), or a plan and one of its ways (plan, way)".to_owned();
            Err(ApiError::Invalid { field: "identity_id", detail })
        }
    }
}
