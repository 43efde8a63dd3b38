//! Sign-in through an identity provider: is there one, the way to it, the way back.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::{IntoResponse, Redirect, Response};
use everthread_core::ids::UserId;
use everthread_core::time::Span;
use everthread_store::read::lookup::WorkspaceBySlug;
use everthread_store::units::{Audit, BeginSso, FindBySso, SsoRequest, TakeSso};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{FirstStep, first_step};
use crate::api::auth::token;
use crate::api::error::ApiError;
use crate::api::extract::{Params, Peer};
use crate::api::state::ApiState;
use crate::sso::{Proven, Sso};

/// People come back from the provider within this time.
const AT_PROVIDER: Span = Span::mins(10);

/// The identity provider, for the button.
#[derive(Debug, Serialize, ToSchema)]
pub struct SsoView {
    /// What people call it; null where none is configured.
    pub name: Option<String>,
}

/// The identity provider that people can sign in with.
#[utoipa::path(get, path = "/api/v1/session/sso", tag = "session", security(()),
    responses((status = 200, body = SsoView)))]
pub async fn show_sso(State(state): State<ApiState>) -> Json<SsoView> {
    Json(SsoView { name: state.sso.as_ref().map(|sso| sso.name().to_owned()) })
}

/// Where to go after the sign-in.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AfterSignIn {
    /// A path of the console.
    pub next: Option<String>,
}

/// Sends the browser to the provider.
#[utoipa::path(get, path = "/api/v1/session/sso/start", tag = "session", security(()), params(AfterSignIn),
    responses((status = 303)))]
pub async fn begin_sso(
    State(state): State<ApiState>,
    Peer(address): Peer,
    Params(after): Params<AfterSignIn>,
) -> Result<Response, ApiError> {
    state.limits.public(address)?;
    let Some(sso) = &state.sso else { return Err(ApiError::NotFound { what: "identity provider" }) };
    let way = match sso.way_there(&redirect_uri(&state)).await {
        Ok(way) => way,
        Err(error) => {
            tracing::warn!(%error, "the identity provider can't be reached");
            return Ok(back("sso_unreachable"));
        }
    };
    let next = after.next.filter(|next| is_console_path(next)).unwrap_or_else(|| "/inbox".to_owned());
    let now = state.now();
    let unit = BeginSso {
        now,
        state_hash: token::hash(&way.state),
        request: SsoRequest { nonce: way.nonce, verifier: state.hub.seal(way.verifier.as_bytes()), next },
        expires_at: now + AT_PROVIDER,
    };
    state.store.write(unit).await?;
    let cookie = state.cookie.set_sso(&way.state, AT_PROVIDER.as_micros() / 1_000_000);
    Ok(([(SET_COOKIE, cookie)], Redirect::to(&way.url)).into_response())
}

/// What the provider sends the browser back with.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct FromProvider {
    pub code: Option<String>,
    pub state: Option<String>,
    /// Why the provider did not sign the person in.
    pub error: Option<String>,
}

/// Takes the provider's answer, once, from the browser that went there. Goes on to the console, or back to the sign-in
/// page with `?problem=`.
#[utoipa::path(get, path = "/api/v1/session/sso/callback", tag = "session", security(()), params(FromProvider),
    responses((status = 303)))]
pub async fn finish_sso(
    State(state): State<ApiState>,
    Peer(address): Peer,
    headers: HeaderMap,
    Params(answer): Params<FromProvider>,
) -> Result<Response, ApiError> {
    state.limits.public(address)?;
    let Some(sso) = state.sso.clone() else { return Err(ApiError::NotFound { what: "identity provider" }) };
    let asked = match asked(&state, &headers, &answer).await? {
        Ok(asked) => asked,
        Err(problem) => return Ok(forget(&state, back(problem))),
    };
    let Some(code) = answer.code.filter(|_| answer.error.is_none()) else {
        return Ok(forget(&state, back("sso_refused")));
    };
    let verifier = state.hub.unseal(&asked.verifier).and_then(|bytes| String::from_utf8(bytes).ok());
    let verifier = verifier.ok_or_else(|| ApiError::internal("a PKCE verifier does not open"))?;
    let proven = match sso.prove(&redirect_uri(&state), (code, verifier, asked.nonce), state.clock).await {
        Ok(proven) => proven,
        Err(error) => {
            tracing::warn!(%error, "the identity provider's answer was refused");
            return Ok(forget(&state, back("sso_failed")));
        }
    };
    let Some(user) = find(&state, &sso, proven).await? else {
        return Ok(forget(&state, back("sso_unknown")));
    };
    let response = match first_step(&state, user, "sso").await {
        Ok(FirstStep::Done { cookie, .. }) => {
            ([(SET_COOKIE, cookie)], Redirect::to(&asked.next)).into_response()
        }
        Ok(FirstStep::Second { token }) => Redirect::to(&format!(
            "/signin?step={}&next={}",
            token.reveal(),
            crate::sso::in_query(&asked.next)
        ))
        .into_response(),
        Err(ApiError::Unauthenticated) => back("sso_unknown"),
        Err(error) => return Err(error),
    };
    Ok(forget(&state, response))
}

/// What this browser asked the provider for. `Err` holds the problem's word.
async fn asked(
    state: &ApiState,
    headers: &HeaderMap,
    answer: &FromProvider,
) -> Result<Result<SsoRequest, &'static str>, ApiError> {
    let given = answer.state.as_deref().unwrap_or_default();
    // Another browser's answer would sign this one in as somebody else.
    if given.is_empty() || state.cookie.read_sso(headers) != Some(given) {
        return Ok(Err("sso_expired"));
    }
    let unit = TakeSso { now: state.now(), state_hash: token::hash(given) };
    Ok(state.store.write(unit).await?.ok_or("sso_expired"))
}

async fn find(state: &ApiState, sso: &Sso, proven: Proven) -> Result<Option<UserId>, ApiError> {
    let provision = match sso.provision() {
        None => None,
        Some((slug, role)) => {
            let found = state.store.read(WorkspaceBySlug { slug: slug.map(str::to_owned) }).await?;
            found.map(|workspace| (workspace, role))
        }
    };
    let now = state.now();
    let unit = FindBySso {
        now,
        seed: (state.seed)(),
        issuer: proven.issuer,
        subject: proven.subject,
        email: proven.email.clone(),
        name: proven.name,
        provision,
    };
    let Some(found) = state.store.write(unit).await? else { return Ok(None) };
    if let Some((workspace, role)) = provision.filter(|_| found.new) {
        let unit = Audit {
            now,
            seed: (state.seed)(),
            workspace: Some(workspace),
            user: Some(found.user),
            action: "user.provision".to_owned(),
            object: proven.email.unwrap_or_default(),
            detail: serde_json::json!({ "role": role.as_str(), "by": sso.name() }).to_string(),
        };
        state.store.write(unit).await?;
    }
    Ok(Some(found.user))
}

fn redirect_uri(state: &ApiState) -> String {
    format!("{}/api/v1/session/sso/callback", state.public_url)
}

/// A path of this console: nothing that leads to another host.
fn is_console_path(next: &str) -> bool {
    next.len() < 512
        && next.starts_with('/')
        && next[1..].starts_with(|c: char| c.is_ascii_lowercase())
        && next.chars().all(|c| c.is_ascii_graphic() && c != '\\')
}

/// To the sign-in page, which says what went wrong.
fn back(problem: &str) -> Response {
    Redirect::to(&format!("/signin?problem={problem}")).into_response()
}

/// The answer is in: the browser's note of it goes.
fn forget(state: &ApiState, mut response: Response) -> Response {
    if let Ok(cookie) = state.cookie.set_sso("", 0).parse() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::is_console_path;

    #[test]
    fn only_own_paths_are_gone_to() {
        for good in ["/inbox", "/inbox/conv_1?view=mine"] {
            assert!(is_console_path(good), "{good}");
        }
        for bad in ["", "inbox", "//evil.example", "/\\evil.example", "https://evil.example", "/", "/a\nb"] {
            assert!(!is_console_path(bad), "{bad:?}");
        }
    }
}
