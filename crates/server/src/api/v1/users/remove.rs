//! `DELETE /users/{id}`: removes a person from the workspace.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::{ChangeMember, MemberChange};
use serde_json::json;

use super::changeable;
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Removes a person. What they wrote stays, under their name. The last owner can't be removed.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "workspace",
    params(("id" = String, Path, description = "`user_...`")), responses((status = 204)))]
pub async fn remove_user(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, ApiError> {
    let (row, seen) = changeable(&state, &caller, &id).await?;
    let unit = ChangeMember {
        now: state.now(),
        workspace: caller.workspace,
        uid: row.uid,
        seen,
        change: MemberChange::Remove,
    };
    state.store.write(unit).await?;
    let detail = json!({ "email": row.email, "role": seen.as_str() });
    crate::api::audit_with(&state, &caller, ("user.remove", &id), detail).await?;
    Ok(StatusCode::NO_CONTENT)
}
