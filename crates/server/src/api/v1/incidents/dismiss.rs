//! `POST /incidents/{id}/dismiss`: a person says that it is over, or never was.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::health::{IncidentKey, Scope};
use everthread_core::ids::{IncidentId, WorkspaceId};
use everthread_store::read::continuity::IncidentRow;
use everthread_store::units::NoteIncident;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{find, owns};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;
use crate::continuity::Command;
use crate::registry::Registry;

/// Why.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Dismissal {
    /// For colleagues, on the timeline.
    pub reason: Option<String>,
}

/// Characters of a reason: a remark, not a report.
const REASON_MAX: usize = 500;

/// Dismisses an incident. What it held goes out at once; the same evidence opens none for half an hour.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/dismiss", tag = "continuity",
    request_body = Option<Dismissal>, params(("id" = String, Path, description = "`inc_...`")), responses((status = 204)))]
pub async fn dismiss_incident(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Admin)?;
    let reason = reason(&body)?;
    let registry = state.hub.registry();
    let incident = uid(IncidentId::PREFIX, "incident", &id)?;
    let row = find((&state.store, &registry), caller.workspace, incident).await?;
    let command = command(&row, &registry, caller.workspace)?;
    state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    if let Some(text) = reason {
        let unit = NoteIncident {
            now: state.now(),
            seed: (state.seed)(),
            workspace: caller.workspace,
            incident: row.id,
            uid: row.uid,
            kind: "dismissed".to_owned(),
            text: format!("Dismissed by a person: {text}"),
        };
        state.committed(state.store.write(unit).await?);
    }
    crate::api::audit(&state, &caller, "incident.dismiss", &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is asked of the continuity task, once it is clear that this workspace may.
pub(crate) fn command(
    row: &IncidentRow,
    registry: &Registry,
    workspace: WorkspaceId,
) -> Result<Command, ApiError> {
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

/// The reason of a body that may be missing altogether.
fn reason(body: &[u8]) -> Result<Option<String>, ApiError> {
    if body.is_empty() {
        return Ok(None);
    }
    let form: Option<Dismissal> =
        serde_json::from_slice(body).map_err(|error| ApiError::BadRequest(error.to_string()))?;
    let text = form.and_then(|form| form.reason).map(|text| text.trim().to_owned());
    match text.filter(|text| !text.is_empty()) {
        Some(text) if text.chars().count() > REASON_MAX => {
            let detail = format!("at most {REASON_MAX} characters");
            Err(ApiError::Invalid { field: "reason", detail })
        }
        text => Ok(text),
    }
}
