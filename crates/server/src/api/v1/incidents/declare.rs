//! `POST /incidents`: a person says that something is down.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use everthread_core::health::{Direction, Scope};
use everthread_core::ids::{AccountId, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::owns;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid};
use crate::api::state::ApiState;
use crate::continuity::Command;
use crate::registry::Registry;

/// What is down.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// Only this account, `acct_...`.
    pub account: Option<String>,
    /// The whole channel, e.g. `instagram`.
    pub channel: Option<String>,
    /// Everything that fails together, e.g. `meta`.
    pub company: Option<String>,
    /// `send` (default), `auth`, `delivery`; or of what comes in, `webhook` (late or lost) and `inbound`, which hold nothing back: what
    /// customers wrote meanwhile is read back, or marked as missing, once it is dismissed
    pub direction: Option<String>,
    /// Of the sandbox's platforms.
    #[serde(default)]
    pub simulated: bool,
}

/// It is in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct Declared {
    pub declared: bool,
}

/// Declares a failure: confirmed at once, until a person dismisses it. It must reach an account of the workspace.
#[utoipa::path(post, path = "/api/v1/incidents", tag = "continuity", request_body = Declaration,
    responses((status = 202, body = Declared)))]
pub async fn declare_incident(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<Declaration>,
) -> Result<(StatusCode, Json<Declared>), ApiError> {
    caller.need(Role::Admin)?;
    let registry = state.hub.registry();
    let command = command(&registry, caller.workspace, &form)?;
    let detail = match &command {
        Command::Declare { scope, .. } => format!("{} {}", scope.word(), scope.id()),
        other => format!("{other:?}"),
    };
    state.hub.continuity().ask(command).await.map_err(ApiError::Conflict)?;
    crate::api::audit(&state, &caller, "incident.declare", &detail).await?;
    Ok((StatusCode::ACCEPTED, Json(Declared { declared: true })))
}

/// What is asked of the continuity task, once it is clear what is meant and that this workspace may say so.
pub(crate) fn command(
    registry: &Registry,
    workspace: WorkspaceId,
    form: &Declaration,
) -> Result<Command, ApiError> {
    let scope = match (&form.account, &form.channel, &form.company) {
        (Some(account), None, None) => {
            let uid = field_uid(AccountId::PREFIX, "account", account)?;
            let found = registry.accounts().find(|a| a.uid == uid && a.workspace == workspace);
            Scope::Account(found.map(|a| a.id).ok_or(ApiError::NotFound { what: "account" })?)
        }
        (None, Some(channel), None) => Scope::Channel(channel.clone()),
        (None, None, Some(company)) => Scope::Company(company.clone()),
        _ => {
            let detail = "say one of account, channel, company".to_owned();
            return Err(ApiError::Invalid { field: "scope", detail });
        }
    };
    let direction = form.direction.as_deref().unwrap_or("send");
    let direction = Direction::parse(direction).ok_or_else(|| ApiError::Invalid {
        field: "direction",
        detail: "say one of send, auth, delivery, webhook, inbound".to_owned(),
    })?;
    let mine = registry
        .accounts()
        .filter(|a| a.workspace == workspace && a.sandbox == form.simulated)
        .any(|a| scope.holds(&a.member()));
    if !mine {
        let detail = "no account of this workspace lies in it".to_owned();
        return Err(ApiError::Invalid { field: "scope", detail });
    }
    if !owns(&scope, form.simulated, registry, workspace) {
        let detail =
            "other workspaces of this hub have accounts in it too; declare your own account".to_owned();
        return Err(ApiError::Invalid { field: "scope", detail });
    }
    Ok(Command::Declare { scope, direction, sandbox: form.simulated })
}
