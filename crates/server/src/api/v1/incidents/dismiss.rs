//! `POST /incidents/{id}/dismiss`: a person says that it is over, or never was.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::health::{IncidentKey, Scope};
use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_store::Store;

use super::{find, owns};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;
use crate::continuity::Command;
use crate::registry::Registry;

/// Dismisses an incident. What it held goes out at once; the same evidence opens none for half an hour.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/dismiss", tag = "continuity",
    params(("id" = String, Path, description = "`inc_...`")), responses((status = 204)))]
pub async fn dismiss_incident(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let registry = state.hub.registry();
    let incident = uid(IncidentId::PREFIX, "incident", &id)?;
    let command = command((&state.store, &registry), caller.workspace, incident).await?;
    state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    crate::api::audit(&state, &caller, "incident.dismiss", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is asked of the continuity task, once it is clear that this workspace may.
pub(crate) async fn command(
    (store, registry): (&Store, &Registry),
    workspace: WorkspaceId,
    uid: Uid,
) -> Result<Command, ApiError> {
    let row = find((store, registry), workspace, uid).await?;
    let sandbox = row.is_simulated();
    let scope =
        Scope::parse(&row.scope_kind, &row.scope_id).ok_or(ApiError::NotFound { what: "incident" })?;
    if !owns(&scope, sandbox, registry, workspace) {
        return Err(ApiError::Conflict(
            "it reaches other workspaces of this hub too: only its end ends it".to_owned(),
        ));
    }
    Ok(Command::Dismiss { sandbox, key: IncidentKey(row.key.cast_unsigned()) })
}
