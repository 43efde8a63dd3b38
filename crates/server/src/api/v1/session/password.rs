//! `PUT /session/password`: chooses a password.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use everthread_store::units::SetPassword;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{check_password, person};
use crate::api::auth::password;
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPassword {
    /// The present one; not needed by people who have none or whom a link signed in within the last 30 minutes.
    pub password: Option<String>,
    /// At least 10 characters.
    pub new_password: String,
}

/// Chooses a password. The person's other sessions end.
#[utoipa::path(put, path = "/api/v1/session/password", tag = "session", request_body = NewPassword,
    responses((status = 204)))]
pub async fn set_password(
    State(state): State<ApiState>,
    headers: HeaderMap,
    Body(form): Body<NewPassword>,
) -> Result<StatusCode, ApiError> {
    let person = person(&headers, &state).await?;
    password::check(&form.new_password)?;
    check_password(&state, &person, form.password).await?;
    let hash = state.hasher.hash(form.new_password).await?;
    let keep = Some(person.token_hash.clone());
    state.store.write(SetPassword { user: person.user.id, hash, keep }).await?;
    crate::api::audit_person(&state, &person, "password.set").await?;
    Ok(StatusCode::NO_CONTENT)
}
