//! Who asks: sessions by cookie, programs by API key; roles; the CSRF header.

pub mod cookie;
pub mod limits;
pub mod password;
pub mod second_factor;
pub mod token;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use everthread_core::ids::{Uid, UserId, WorkspaceId};
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::access::{ApiKeyByToken, MembershipRow, SessionByToken, SessionRow, UserRow};
pub use everthread_store::units::Role;
use everthread_store::units::TouchApiKey;
use subtle::ConstantTimeEq;

use super::error::ApiError;
use super::extract::field_uid;
use super::state::ApiState;

/// A session ends after this long without being used.
pub const SESSION_LASTS: Span = Span::hours(24 * 14);

/// A session's end is pushed out at most this often, so that reading writes little.
pub const SESSION_TOUCH: Span = Span::hours(1);

/// An invitation is good for so long, once: people read their mail after a weekend.
pub const INVITE_LASTS: Span = Span::hours(72);

/// The link of a reset is good for so long, once; it is asked for by somebody who waits for it.
pub const RESET_LASTS: Span = Span::hours(1);

/// A password that was just forgotten can be set anew without it for so long after a link signed in.
const FRESH_LINK: Span = Span::mins(30);

/// The use of an API key is written down at most this often, so that reading writes little.
const KEY_TOUCH: Span = Span::mins(1);

/// A person who signed in.
#[derive(Clone, Debug)]
pub struct Person {
    pub user: UserRow,
    pub session: SessionRow,
    pub memberships: Vec<MembershipRow>,
    /// What the store knows the session by.
    pub token_hash: Vec<u8>,
}

impl Person {
    /// True when a link began this session a short while ago: its holder need not know the password.
    pub fn came_by_fresh_link(&self, now: Timestamp) -> bool {
        self.session.started_by == "link" && now.since(self.session.created_at) < FRESH_LINK
    }
}

/// Who asks, for which workspace, as what. Extracting it fails for strangers, and for writes of a session without its
/// CSRF header.
#[derive(Clone, Debug)]
pub struct Caller {
    pub workspace: WorkspaceId,
    pub workspace_uid: Uid,
    pub role: Role,
    /// The person; none for an API key.
    pub person: Option<Person>,
    /// Name of the API key, where it is one.
    pub key_name: Option<String>,
}

/// The role of this word in a body.
pub fn role(text: &str) -> Result<Role, ApiError> {
    Role::parse(text).ok_or_else(|| ApiError::Invalid {
        field: "role",
        detail: "one of owner, admin, agent, viewer".to_owned(),
    })
}

impl Caller {
    /// Fails unless the caller may do what `needs` allows.
    pub fn need(&self, needs: Role) -> Result<(), ApiError> {
        if self.role < needs { Err(ApiError::Forbidden { needs: needs.as_str() }) } else { Ok(()) }
    }

    /// The person's internal id; none for an API key.
    pub fn user(&self) -> Option<UserId> {
        self.person.as_ref().map(|person| person.user.id)
    }
}

impl FromRequestParts<ApiState> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        if let Some(caller) = parts.extensions.get::<Self>() {
            return Ok(caller.clone());
        }
        let caller = identify(parts, state).await?;
        if !matches!(parts.method, Method::GET | Method::HEAD)
            && let Some(person) = &caller.person
        {
            check_csrf(&parts.headers, &person.session)?;
        }
        parts.extensions.insert(caller.clone());
        Ok(caller)
    }
}

/// True while whoever opened a stream with these parts may still listen to this workspace; also when the store does
/// not answer.
pub async fn still_welcome(parts: &Parts, state: &ApiState, workspace: WorkspaceId) -> bool {
    match identify(parts, state).await {
        Ok(caller) => caller.workspace == workspace,
        Err(ApiError::Unavailable(_) | ApiError::Internal(_)) => true,
        Err(_) => false,
    }
}

async fn identify(parts: &Parts, state: &ApiState) -> Result<Caller, ApiError> {
    let wanted = wanted_workspace(parts)?;
    if let Some(key) = bearer(&parts.headers) {
        return by_key(state, key, wanted).await;
    }
    let person = signed_in(&parts.headers, state).await?.ok_or(ApiError::Unauthenticated)?;
    let found = match wanted {
        Some(uid) => person.memberships.iter().find(|membership| membership.uid == uid),
        None => person.memberships.first(),
    };
    let membership = found.ok_or(ApiError::NotFound { what: "workspace" })?;
    if membership.totp_required == 1 && person.user.second_factor_at.is_none() {
        return Err(ApiError::SecondFactorRequired);
    }
    let role =
        Role::parse(&membership.role).ok_or_else(|| ApiError::internal("unknown role in the store"))?;
    Ok(Caller {
        workspace: membership.workspace,
        workspace_uid: membership.uid,
        role,
        person: Some(person),
        key_name: None,
    })
}

async fn by_key(state: &ApiState, key: &str, wanted: Option<Uid>) -> Result<Caller, ApiError> {
    let unit = ApiKeyByToken { token_hash: token::hash(key) };
    let row = state.store.read(unit).await?.ok_or(ApiError::Unauthenticated)?;
    if wanted.is_some_and(|uid| uid != row.workspace_uid) {
        return Err(ApiError::NotFound { what: "workspace" });
    }
    let role = Role::parse(&row.role).ok_or_else(|| ApiError::internal("unknown role in the store"))?;
    let now = state.now();
    if row.seen_at.is_none_or(|seen| now.since(seen) > KEY_TOUCH) {
        state.store.write(TouchApiKey { now, workspace: row.workspace, key: row.id }).await?;
    }
    Ok(Caller {
        workspace: row.workspace,
        workspace_uid: row.workspace_uid,
        role,
        person: None,
        key_name: Some(row.name),
    })
}

/// The person behind the session cookie; none without a live session.
pub async fn signed_in(headers: &HeaderMap, state: &ApiState) -> Result<Option<Person>, ApiError> {
    let Some(cookie) = state.cookie.read(headers) else { return Ok(None) };
    let token_hash = token::hash(cookie);
    let unit = SessionByToken { token_hash: token_hash.clone(), now: state.now() };
    let found = state.store.read(unit).await?;
    Ok(found.map(|(session, user, memberships)| Person { user, session, memberships, token_hash }))
}

/// Fails unless `X-CSRF` is the session's own.
pub fn check_csrf(headers: &HeaderMap, session: &SessionRow) -> Result<(), ApiError> {
    let given = headers.get("x-csrf").map(axum::http::HeaderValue::as_bytes).unwrap_or_default();
    if bool::from(given.ct_eq(session.csrf.as_bytes())) { Ok(()) } else { Err(ApiError::Csrf) }
}

/// True when a session used at `now` should have its end pushed out.
pub fn due_for_touch(session: &SessionRow, now: Timestamp) -> bool {
    now.since(session.seen_at) > SESSION_TOUCH
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// `X-Workspace`, or `?workspace=` where a browser can set no header (streams, pictures).
fn wanted_workspace(parts: &Parts) -> Result<Option<Uid>, ApiError> {
    let header = parts.headers.get("x-workspace").and_then(|value| value.to_str().ok());
    let query = parts.uri.query().unwrap_or_default();
    let query =
        query.split('&').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "workspace");
    match header.or(query.map(|(_, value)| value)).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => field_uid(WorkspaceId::PREFIX, "workspace", text).map(Some),
    }
}
