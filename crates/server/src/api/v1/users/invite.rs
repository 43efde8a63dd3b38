//! `POST /users`: invites a person.

use axum::extract::State;
use axum::http::StatusCode;
use everthread_core::ids::UserId;
use everthread_store::units::InviteUser;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{SignInLink, draw_link, ends};
use crate::api::auth::{Caller, INVITE_LASTS, Role, role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::fields;
use crate::api::idempotency::ShownOnce;
use crate::api::model::id;
use crate::api::state::ApiState;

/// Bytes of an e-mail address (RFC 5321, 4.5.3.1.3).
const EMAIL_BYTES_MAX: usize = 254;

/// Whom to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invitation {
    pub email: String,
    /// Left out: what stands before the `@`.
    pub name: Option<String>,
    /// `owner`, `admin`, `agent` or `viewer`; at most your own.
    pub role: String,
}

/// Adds a person and makes a link, good once and for three days, that signs them in.
#[utoipa::path(post, path = "/api/v1/users", tag = "workspace", request_body = Invitation,
    responses((status = 201, body = SignInLink)))]
pub async fn invite_user(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<Invitation>,
) -> Result<ShownOnce<SignInLink>, ApiError> {
    caller.need(Role::Admin)?;
    let role = role(&form.role)?;
    caller.need(role.max(Role::Admin))?;
    let email = email(&form.email)?;
    let before_at = || email.split('@').next().unwrap_or_default().to_owned();
    let name =
        fields::short("name", &form.name.filter(|name| !name.trim().is_empty()).unwrap_or_else(before_at))?;
    let (token, link) = draw_link(&state);
    let (expires_at, shown_end) = ends(&state, INVITE_LASTS);
    let unit = InviteUser {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        email: email.clone(),
        name,
        role,
        token_hash: token.hash(),
        expires_at,
    };
    let invited = state.store.write(unit).await?;
    let shown = id(UserId::PREFIX, invited.uid);
    let detail = json!({ "email": email, "role": role.as_str() });
    crate::api::audit_with(&state, &caller, ("user.invite", &shown), detail).await?;
    let body = SignInLink {
        id: shown,
        link: invited.link.then_some(link),
        expires_at: invited.link.then_some(shown_end),
    };
    Ok(ShownOnce(StatusCode::CREATED, body))
}

/// An address in lower case. Only its shape is checked: whether it takes mail shows when somebody writes to it.
fn email(text: &str) -> Result<String, ApiError> {
    let text = text.trim().to_lowercase();
    let invalid = |detail: &str| ApiError::Invalid { field: "email", detail: detail.to_owned() };
    let (local, domain) = text.split_once('@').ok_or_else(|| invalid("has no @"))?;
    let bad = |c: char| c.is_whitespace() || c.is_control();
    if local.is_empty() || domain.is_empty() || domain.contains('@') || text.contains(bad) {
        return Err(invalid("is no e-mail address"));
    }
    if text.len() > EMAIL_BYTES_MAX {
        return Err(invalid("is longer than 254 bytes"));
    }
    Ok(text)
}
