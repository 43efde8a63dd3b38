//! `POST /session/link`: signs in with a link that was printed or sent.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use everthread_store::units::RedeemLink;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{SecondStepNeeded, Session, first_step};
use crate::api::auth::token;
use crate::api::error::ApiError;
use crate::api::extract::{Body, Peer};
use crate::api::state::ApiState;

/// The token of a sign-in link.
#[derive(Deserialize, ToSchema)]
pub struct Link {
    pub token: String,
}

/// Signs in with a link, once, in its time.
#[utoipa::path(post, path = "/api/v1/session/link", tag = "session", request_body = Link, security(()),
    responses((status = 200, body = Session), (status = 202, body = SecondStepNeeded)))]
pub async fn create_session_by_link(
    State(state): State<ApiState>,
    Peer(address): Peer,
    Body(link): Body<Link>,
) -> Result<Response, ApiError> {
    state.limits.public(address)?;
    let unit = RedeemLink { now: state.now(), token_hash: token::hash(&link.token) };
    let user = state.store.write(unit).await?.ok_or(ApiError::LinkInvalid)?;
    Ok(first_step(&state, user, "link").await?.into_response())
}
