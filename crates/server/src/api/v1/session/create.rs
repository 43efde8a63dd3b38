//! `POST /session`: signs in with e-mail address and password.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use everthread_store::read::access::UserByEmail;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SecondStepNeeded, Session, first_step};
use crate::api::auth::password::PASSWORD_BYTES_MAX;
use crate::api::error::ApiError;
use crate::api::extract::{Body, Peer};
use crate::api::state::ApiState;

/// E-mail address and password.
#[derive(Deserialize, ToSchema)]
pub struct Login {
    pub email: String,
    pub password: String,
}

/// Signs in and sets the session's cookie.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Login, security(()),
    responses((status = 200, body = Session), (status = 202, body = SecondStepNeeded)))]
pub async fn create_session(
    State(state): State<ApiState>,
    Peer(address): Peer,
    Body(login): Body<Login>,
) -> Result<Response, ApiError> {
    state.limits.public(address)?;
    state.limits.login(&login.email)?;
    if login.password.len() > PASSWORD_BYTES_MAX {
        return Err(ApiError::BadCredentials);
    }
    let email = login.email.trim().to_lowercase();
    let user = state.store.read(UserByEmail { email }).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = state.hasher.verify(login.password, hash).await?;
    let user = user.filter(|_| right).ok_or(ApiError::BadCredentials)?;
    Ok(first_step(&state, user.id, "password").await?.into_response())
}
