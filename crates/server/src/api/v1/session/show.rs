//! `GET /session`: who is signed in.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use everthread_store::units::TouchSession;

use super::{Session, describe};
use crate::api::auth::{SESSION_LASTS, due_for_touch, signed_in};
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Who is signed in; pushes the session's end out.
#[utoipa::path(get, path = "/api/v1/session", tag = "session", responses((status = 200, body = Session)))]
pub async fn show_session(
    State(state): State<ApiState>,
    headers: HeaderMap,
) -> Result<Json<Session>, ApiError> {
    let person = signed_in(&headers, &state).await?.ok_or(ApiError::Unauthenticated)?;
    let now = state.now();
    if due_for_touch(&person.session, now) {
        let unit =
            TouchSession { now, token_hash: person.token_hash.clone(), expires_at: now + SESSION_LASTS };
        state.store.write(unit).await?;
    }
    Ok(Json(describe(person, Some(&headers), now)))
}
