//! `POST /session/second-step`: the second step of a sign-in.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use everthread_store::units::{EndSecondStep, SecondStep};
use serde::Deserialize;
use utoipa::ToSchema;

use super::{Session, begin};
use crate::api::auth::{second_factor, token};
use crate::api::error::ApiError;
use crate::api::extract::{Body, Peer};
use crate::api::state::ApiState;

/// The code of the person's app, or a recovery code.
#[derive(Deserialize, ToSchema)]
pub struct SecondStepForm {
    /// What the first step answered.
    pub token: String,
    pub code: String,
}

/// Signs in with a code. A code works once, and so does a recovery code.
#[utoipa::path(post, path = "/api/v1/session/second-step", tag = "session", request_body = SecondStepForm,
    security(()), responses((status = 200, body = Session)))]
pub async fn finish_sign_in(
    State(state): State<ApiState>,
    Peer(address): Peer,
    Body(form): Body<SecondStepForm>,
) -> Result<Response, ApiError> {
    state.limits.public(address)?;
    let token_hash = token::hash(&form.token);
    let unit = SecondStep { now: state.now(), token_hash: token_hash.clone() };
    let (user, started_by) = state.store.read(unit).await?.ok_or(ApiError::SignInExpired)?;
    if !second_factor::verify(&state, user, &form.code).await? {
        return Err(ApiError::BadCode);
    }
    if !state.store.write(EndSecondStep { token_hash }).await? {
        return Err(ApiError::SignInExpired);
    }
    Ok(begin(&state, user, &started_by).await?.into_response())
}
