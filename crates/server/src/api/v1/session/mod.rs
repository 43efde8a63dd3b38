//! Signing in and out.

pub mod create;
pub mod delete;
pub mod link;
pub mod show;

use axum::Json;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Response};
use everthread_core::ids::{UserId, WorkspaceId};
use everthread_store::read::access::SessionByToken;
use everthread_store::units::AddSession;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::auth::token::{self, Token};
use super::super::auth::{Person, SESSION_LASTS};
use super::super::error::ApiError;
use super::super::model::id;
use super::super::state::ApiState;

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub user: SessionUser,
    /// Send it as `X-CSRF` with every write.
    pub csrf: String,
    pub workspaces: Vec<WorkspaceRef>,
    /// The one that requests are for unless `X-Workspace` names another; null for somebody without any.
    pub workspace_id: Option<String>,
}

/// The person who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionUser {
    /// `user_...`
    pub id: String,
    pub name: String,
    pub email: String,
    /// In the current workspace; null without one.
    pub role: Option<String>,
}

/// A workspace in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspaceRef {
    /// `ws_...`
    pub id: String,
    pub name: String,
    pub slug: String,
}

/// A session that is about to begin.
struct NewSession {
    token: Token,
    csrf: String,
}

impl NewSession {
    fn draw(state: &ApiState) -> Self {
        Self { token: Token::new((state.random)()), csrf: Token::new((state.random)()).reveal().to_owned() }
    }

    /// Begins the session: the answer carries its cookie. Fails for a disabled user.
    async fn begin(self, state: &ApiState, user: UserId) -> Result<Response, ApiError> {
        let now = state.now();
        let unit = AddSession {
            now,
            user,
            token_hash: self.token.hash(),
            csrf: self.csrf,
            expires_at: now + SESSION_LASTS,
        };
        state.store.write(unit).await?;
        let unit = SessionByToken { token_hash: token::hash(self.token.reveal()), now: state.now() };
        let found = state.store.read(unit).await?.ok_or(ApiError::Unauthenticated)?;
        let (session, user, memberships) = found;
        let seconds = SESSION_LASTS.as_micros() / 1_000_000;
        let cookie = state.cookie.set(self.token.reveal(), seconds);
        let body = describe(Person { user, session, memberships, token_hash: Vec::new() }, None);
        Ok(([(SET_COOKIE, cookie)], Json(body)).into_response())
    }
}

/// The session as the API shows it. `headers` may choose the workspace.
fn describe(person: Person, headers: Option<&HeaderMap>) -> Session {
    let Person { user, session, memberships, .. } = person;
    let wanted = headers.and_then(|headers| headers.get("x-workspace")?.to_str().ok()).unwrap_or_default();
    let shown = |uid| id(WorkspaceId::PREFIX, uid);
    let current = memberships.iter().find(|m| shown(m.uid) == wanted).or(memberships.first());
    Session {
        user: SessionUser {
            id: id(UserId::PREFIX, user.uid),
            name: user.name,
            email: user.email,
            role: current.map(|m| m.role.clone()),
        },
        csrf: session.csrf,
        workspace_id: current.map(|m| shown(m.uid)),
        workspaces: memberships
            .iter()
            .map(|m| WorkspaceRef { id: shown(m.uid), name: m.name.clone(), slug: m.slug.clone() })
            .collect(),
    }
}
