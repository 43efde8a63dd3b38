//! `POST /incidents/{id}/approve`: one tap that carries what was suggested.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IncidentId};
use everthread_store::read::continuity::IncidentPlans;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::find;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::state::ApiState;
use crate::continuity::Command;

/// Suggestions approved with one call; call again for more.
const LIMIT: u32 = 1_000;

/// Which.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// `conv_...`; absent: all that is suggested.
    pub conversations: Option<Vec<String>>,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct Approved {
    pub carried: u32,
    /// Sentences about those that could not be carried now.
    pub problems: Vec<String>,
}

/// Carries conversations as suggested. Each is planned anew: what has changed since counts.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/approve", tag = "continuity", request_body = Approval,
    params(("id" = String, Path, description = "`inc_...`")), responses((status = 200, body = Approved)))]
pub async fn approve_plans(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<Approval>,
) -> Result<Json<Approved>, ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let row = find(&state, caller.workspace, uid(IncidentId::PREFIX, "incident", &id)?).await?;
    let wanted = form
        .conversations
        .map(|ids| {
            ids.iter()
                .map(|id| field_uid(ConversationId::PREFIX, "conversations", id))
                .collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let unit = IncidentPlans {
        workspace: caller.workspace,
        incident: row.id,
        state: "suggested".to_owned(),
        after: None,
        limit: LIMIT,
    };
    let mut out = Approved { carried: 0, problems: Vec::new() };
    for plan in state.store.read(unit).await? {
        if wanted.as_ref().is_some_and(|ids| !ids.contains(&plan.conversation_uid)) {
            continue;
        }
        let command = Command::Approve { workspace: caller.workspace, conversation: plan.conversation, user };
        match state.hub.continuity().ask(command).await {
            Ok(_) => out.carried += 1,
            Err(problem) => out.problems.push(problem),
        }
    }
    crate::api::audit(&state, &caller, "incident.approve", &id).await?;
    Ok(Json(out))
}
