//! People of the workspace.

pub mod invite;
pub mod list;
pub mod remove;
pub mod reset;
pub mod update;

use everthread_core::ids::UserId;
use everthread_core::time::Span;
use everthread_store::read::access::{MemberRow, Members};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::token::Token;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// A link that signs one person in, once. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct SignInLink {
    /// `user_...`
    pub id: String,
    /// Hand it to the person over a way you trust. Null for somebody who belongs to another workspace of this hub
    /// too: they sign in as before.
    pub link: Option<String>,
    /// When the link stops working.
    pub expires_at: Option<String>,
}

/// A member whom the caller may change: admins change everybody but owners, owners everybody.
async fn changeable(state: &ApiState, caller: &Caller, id: &str) -> Result<(MemberRow, Role), ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(UserId::PREFIX, "user", id)?;
    let members = state.store.read(Members { workspace: caller.workspace }).await?;
    let found = members.into_iter().find(|row| row.uid == uid);
    let row = found.ok_or(ApiError::NotFound { what: "user" })?;
    let role = Role::parse(&row.role).ok_or_else(|| ApiError::internal("unknown role in the store"))?;
    caller.need(role.max(Role::Admin))?;
    Ok((row, role))
}

/// A token and the link around it. People land where they can choose a password.
fn draw_link(state: &ApiState) -> (Token, String) {
    let token = Token::new((state.random)());
    let link = format!("{}/signin?token={}&next=/settings", state.public_url, token.reveal());
    (token, link)
}

/// When a link made now ends, as people and programs read it.
fn ends(state: &ApiState, lasts: Span) -> (everthread_core::time::Timestamp, String) {
    let at = state.now() + lasts;
    (at, crate::api::model::time(at))
}
