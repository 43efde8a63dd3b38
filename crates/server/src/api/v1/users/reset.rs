//! `POST /users/{id}/reset`: for a person who can't sign in any more.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_store::units::{ChangeMember, MemberChange};

use super::{SignInLink, changeable, draw_link, ends};
use crate::api::auth::{Caller, RESET_LASTS};
use crate::api::error::ApiError;
use crate::api::idempotency::ShownOnce;
use crate::api::state::ApiState;

/// Ends a person's sessions and second factor and makes a link, good once and for an hour, that signs them in and lets
/// them choose a new password.
#[utoipa::path(post, path = "/api/v1/users/{id}/reset", tag = "workspace",
    params(("id" = String, Path, description = "`user_...`")), responses((status = 200, body = SignInLink)))]
pub async fn reset_user(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<ShownOnce<SignInLink>, ApiError> {
    let (row, seen) = changeable(&state, &caller, &id).await?;
    let (token, link) = draw_link(&state);
    let (expires_at, shown_end) = ends(&state, RESET_LASTS);
    let unit = ChangeMember {
        now: state.now(),
        workspace: caller.workspace,
        uid: row.uid,
        seen,
        change: MemberChange::Reset { token_hash: token.hash(), expires_at },
    };
    state.store.write(unit).await?;
    crate::api::audit(&state, &caller, "user.reset", &id).await?;
    Ok(ShownOnce(StatusCode::OK, SignInLink { id, link: Some(link), expires_at: Some(shown_end) }))
}
