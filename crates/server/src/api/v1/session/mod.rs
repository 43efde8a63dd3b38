//! Signing in and out.

pub mod create;
pub mod delete;
pub mod link;
pub mod password;
pub mod second_factor;
pub mod second_step;
pub mod show;
pub mod sso;

use axum::Json;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use everthread_core::ids::{UserId, WorkspaceId};
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::access::SessionByToken;
use everthread_store::units::{AddSession, AwaitSecondStep, SecondFactorOf};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::auth::password::PASSWORD_BYTES_MAX;
use super::super::auth::token::Token;
use super::super::auth::{Person, SESSION_LASTS, check_csrf, signed_in};
use super::super::error::ApiError;
use super::super::model::id;
use super::super::state::ApiState;

/// A sign-in waits for its second step for so long: time to find the phone.
const SECOND_STEP_LASTS: Span = Span::mins(10);

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    pub user: SessionUser,
    pub security: SessionSecurity,
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

/// How the person signs in.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionSecurity {
    pub has_password: bool,
    /// Changes of how the person signs in ask for the present password.
    pub password_needed: bool,
    /// A second factor is set up.
    pub second_factor: bool,
    /// The current workspace asks for one: without it nothing else there can be reached.
    pub second_factor_required: bool,
}

/// A workspace in short.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkspaceRef {
    /// `ws_...`
    pub id: String,
    pub name: String,
    pub slug: String,
}

/// Answer of a first step that was right for somebody with a second factor: nothing is signed in yet.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecondStepNeeded {
    /// Always `second_factor`.
    pub step: &'static str,
    /// Send it with the code to `POST /session/second-step`, within ten minutes.
    pub token: String,
}

/// What the first step of a sign-in leads to.
enum FirstStep {
    /// Signed in: the cookie to set.
    Done { cookie: String, session: Box<Session> },
    /// A code is needed: the token of this sign-in.
    Second { token: Token },
}

impl IntoResponse for FirstStep {
    fn into_response(self) -> Response {
        match self {
            Self::Done { cookie, session } => ([(SET_COOKIE, cookie)], Json(session)).into_response(),
            Self::Second { token } => {
                let token = token.reveal().to_owned();
                (StatusCode::ACCEPTED, Json(SecondStepNeeded { step: "second_factor", token }))
                    .into_response()
            }
        }
    }
}

/// Goes on after the first step was right: begins the session, or asks for the second factor.
async fn first_step(state: &ApiState, user: UserId, started_by: &str) -> Result<FirstStep, ApiError> {
    let factor = state.store.read(SecondFactorOf { user }).await?;
    if factor.is_none_or(|factor| factor.confirmed_at.is_none()) {
        return begin(state, user, started_by).await;
    }
    let token = Token::new((state.random)());
    let now = state.now();
    let unit = AwaitSecondStep {
        now,
        user,
        token_hash: token.hash(),
        started_by: started_by.to_owned(),
        expires_at: now + SECOND_STEP_LASTS,
    };
    state.store.write(unit).await?;
    Ok(FirstStep::Second { token })
}

/// Begins a session. Fails for a disabled user.
async fn begin(state: &ApiState, user: UserId, started_by: &str) -> Result<FirstStep, ApiError> {
    let (token, csrf) = (Token::new((state.random)()), Token::new((state.random)()));
    let now = state.now();
    let unit = AddSession {
        now,
        user,
        token_hash: token.hash(),
        csrf: csrf.reveal().to_owned(),
        started_by: started_by.to_owned(),
        expires_at: now + SESSION_LASTS,
    };
    state.store.write(unit).await?;
    let unit = SessionByToken { token_hash: token.hash(), now: state.now() };
    let found = state.store.read(unit).await?.ok_or(ApiError::Unauthenticated)?;
    let (session, user, memberships) = found;
    let cookie = state.cookie.set(token.reveal(), SESSION_LASTS.as_micros() / 1_000_000);
    let body = describe(Person { user, session, memberships, token_hash: Vec::new() }, None, now);
    Ok(FirstStep::Done { cookie, session: Box::new(body) })
}

/// The person behind the cookie of a write.
async fn person(headers: &HeaderMap, state: &ApiState) -> Result<Person, ApiError> {
    let person = signed_in(headers, state).await?.ok_or(ApiError::Unauthenticated)?;
    check_csrf(headers, &person.session)?;
    Ok(person)
}

/// Fails unless `password` is the person's own. People without one, and those whom a fresh link signed in, need none.
async fn check_password(state: &ApiState, person: &Person, password: Option<String>) -> Result<(), ApiError> {
    if person.user.password_hash.is_none() || person.came_by_fresh_link(state.now()) {
        return Ok(());
    }
    let wrong = |detail: &str| Err(ApiError::Invalid { field: "password", detail: detail.to_owned() });
    let Some(password) = password.filter(|text| !text.is_empty()) else {
        return wrong("your present password is needed");
    };
    state.limits.login(&person.user.email)?;
    if password.len() <= PASSWORD_BYTES_MAX
        && state.hasher.verify(password, person.user.password_hash.clone()).await?
    {
        return Ok(());
    }
    wrong("this is not your present password")
}

/// The session as the API shows it. `headers` may choose the workspace.
fn describe(person: Person, headers: Option<&HeaderMap>, now: Timestamp) -> Session {
    let password_needed = person.user.password_hash.is_some() && !person.came_by_fresh_link(now);
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
        security: SessionSecurity {
            has_password: user.password_hash.is_some(),
            password_needed,
            second_factor: user.second_factor_at.is_some(),
            second_factor_required: current.is_some_and(|m| m.totp_required == 1),
        },
        csrf: session.csrf,
        workspace_id: current.map(|m| shown(m.uid)),
        workspaces: memberships
            .iter()
            .map(|m| WorkspaceRef { id: shown(m.uid), name: m.name.clone(), slug: m.slug.clone() })
            .collect(),
    }
}
