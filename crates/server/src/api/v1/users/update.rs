//! `PATCH /users/{id}`: changes a person's role, or keeps them out.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::{ChangeMember, MemberChange};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::changeable;
use crate::api::auth::{Caller, Role, role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserChange {
    /// `owner`, `admin`, `agent` or `viewer`; at most your own.
    pub role: Option<String>,
    /// True keeps the person out of this workspace; false lets them in again.
    pub disabled: Option<bool>,
}

/// Changes a person's role or keeps them out, at once. The last owner stays one.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "workspace", request_body = UserChange,
    params(("id" = String, Path, description = "`user_...`")), responses((status = 204)))]
pub async fn update_user(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<UserChange>,
) -> Result<StatusCode, ApiError> {
    let (row, mut seen) = changeable(&state, &caller, &id).await?;
    let change = |seen, change| ChangeMember {
        now: state.now(),
        workspace: caller.workspace,
        uid: row.uid,
        seen,
        change,
    };
    if let Some(text) = &form.role {
        let role = role(text)?;
        caller.need(role.max(Role::Admin))?;
        state.store.write(change(seen, MemberChange::Role(role))).await?;
        let detail = json!({ "from": seen.as_str(), "to": role.as_str() });
        crate::api::audit_with(&state, &caller, ("user.role", &id), detail).await?;
        seen = role;
    }
    if let Some(disabled) = form.disabled {
        let (to, action) = if disabled {
            (MemberChange::Disable, "user.disable")
        } else {
            (MemberChange::Enable, "user.enable")
        };
        state.store.write(change(seen, to)).await?;
        crate::api::audit(&state, &caller, action, &id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
