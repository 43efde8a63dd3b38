//! `DELETE /session`: signs out.

use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use everthread_store::units::DropSession;

use crate::api::auth::{check_csrf, signed_in};
use crate::api::error::ApiError;
use crate::api::state::ApiState;

/// Ends the session and takes its cookie away.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", responses((status = 204)))]
pub async fn delete_session(State(state): State<ApiState>, headers: HeaderMap) -> Result<Response, ApiError> {
    let person = signed_in(&headers, &state).await?.ok_or(ApiError::Unauthenticated)?;
    check_csrf(&headers, &person.session)?;
    state.store.write(DropSession { token_hash: person.token_hash }).await?;
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, state.cookie.set("", 0))]).into_response())
}
