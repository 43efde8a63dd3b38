//! `POST /incidents/{id}/approve`: one tap that carries what was suggested.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IncidentId, Uid, WorkspaceId};
use everthread_store::read::continuity::{IncidentPlans, PlanRow};
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
    let registry = state.hub.registry();
    let incident = uid(IncidentId::PREFIX, "incident", &id)?;
    let row = find((&state.store, &registry), caller.workspace, incident).await?;
    let wanted = form
        .conversations
        .map(|ids| {
            ids.iter()
                .map(|id| field_uid(ConversationId::PREFIX, "conversations", id))
                .collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let mut out = Approved { carried: 0, problems: Vec::new() };
    for plan in suggested(&state, caller.workspace, row.id, wanted.as_deref()).await? {
        let command = Command::Approve { workspace: caller.workspace, conversation: plan.conversation, user };
        match state.hub.continuity().ask(command).await {
            Ok(_) => out.carried += 1,
            Err(problem) => out.problems.push(problem),
        }
    }
    crate::api::audit(&state, &caller, "incident.approve", &id).await?;
    Ok(Json(out))
}

/// The suggestions that are meant, oldest first, at most [`LIMIT`].
async fn suggested(
    state: &ApiState,
    workspace: WorkspaceId,
    incident: IncidentId,
    wanted: Option<&[Uid]>,
) -> Result<Vec<PlanRow>, ApiError> {
    let mut meant = Vec::new();
    let mut after = None;
    loop {
        let page = IncidentPlans { workspace, incident, state: "suggested".to_owned(), after, limit: LIMIT };
        let rows = state.store.read(page).await?;
        let more = rows.len() == LIMIT as usize;
        after = rows.last().map(|row| row.uid);
        meant.extend(
            rows.into_iter().filter(|row| wanted.is_none_or(|ids| ids.contains(&row.conversation_uid))),
        );
        if !more || meant.len() >= LIMIT as usize {
            meant.truncate(LIMIT as usize);
            return Ok(meant);
        }
    }
}
