//! `Idempotency-Key`: a write that is sent again is answered again and not done again.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use everthread_core::ids::{UserId, WorkspaceId};
use everthread_store::units::{FinishIdempotent, Idempotency, StartIdempotent};
use sha2::{Digest, Sha256};

use super::JSON_BYTES_MAX;
use super::auth::Caller;
use super::error::ApiError;
use super::state::ApiState;

/// Characters of a key.
const KEY_CHARS_MAX: usize = 200;

/// Bytes of an answer that is kept; none of the API's writes answers with more.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Answers repeated writes from what was kept. Reads, writes without a key, sign-ins and uploads (whose repetition only
/// makes a second copy of a file) pass through.
pub(super) async fn layer(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    match keep(&state, request, next).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn keep(state: &ApiState, request: Request, next: Next) -> Result<Response, ApiError> {
    let Some(key) = key(&request)? else { return Ok(next.run(request).await) };
    let (mut parts, body) = request.into_parts();
    let caller = Caller::from_request_parts(&mut parts, state).await?;
    let body = to_bytes(body, JSON_BYTES_MAX)
        .await
        .map_err(|_| ApiError::TooLarge { max_bytes: JSON_BYTES_MAX as u64 })?;
    let unit = StartIdempotent {
        now: state.now(),
        workspace: caller.workspace,
        key: key.clone(),
        request_hash: request_hash(&parts.method, parts.uri.path(), caller.user(), &body),
        alive_since: state.alive_since,
    };
    match state.store.write(unit).await? {
        Idempotency::New => {}
        Idempotency::Running => return Err(ApiError::IdempotencyInFlight),
        Idempotency::Other => return Err(ApiError::IdempotencyMismatch),
        Idempotency::Done { status, body } => return Ok(replay(status, body)),
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    remember(state, caller.workspace, key, response).await
}

/// An answer with a secret in it that is shown this once. It is not kept for a repeated request, which would store the
/// secret in the clear: asked again, the work is done again.
pub struct ShownOnce<T>(pub StatusCode, pub T);

#[derive(Clone)]
struct HoldsSecret;

impl<T: serde::Serialize> IntoResponse for ShownOnce<T> {
    fn into_response(self) -> Response {
        let mut response = (self.0, axum::Json(self.1)).into_response();
        response.extensions_mut().insert(HoldsSecret);
        response
    }
}

/// Keeps the answer; an answer that says "try again" or holds a secret is forgotten instead.
async fn remember(
    state: &ApiState,
    workspace: WorkspaceId,
    key: String,
    response: Response,
) -> Result<Response, ApiError> {
    let status = response.status();
    let again = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::UNAUTHORIZED);
    if again || response.extensions().get::<HoldsSecret>().is_some() {
        state.store.write(FinishIdempotent { workspace, key, answer: None }).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES_MAX).await.map_err(ApiError::internal)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    state.store.write(FinishIdempotent { workspace, key, answer: Some((status.as_u16(), text)) }).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn key(request: &Request) -> Result<Option<String>, ApiError> {
    let read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let path = request.uri().path();
    let header = request.headers().get("idempotency-key");
    let Some(value) = header.filter(|_| !read && !path.contains("/session") && !path.ends_with("/media"))
    else {
        return Ok(None);
    };
    let invalid =
        || ApiError::Invalid { field: "Idempotency-Key", detail: "1 to 200 visible characters".into() };
    let text = value.to_str().map_err(|_| invalid())?;
    if text.is_empty() || text.len() > KEY_CHARS_MAX {
        return Err(invalid());
    }
    Ok(Some(text.to_owned()))
}

/// What a repeated request has in common with the first.
pub(super) fn request_hash(method: &Method, path: &str, user: Option<UserId>, body: &[u8]) -> Vec<u8> {
    let user = user.map_or(0, |user| user.0);
    let mut digest = Sha256::new();
    digest.update(format!("{method} {path} {user}\n"));
    digest.update(body);
    digest.finalize().to_vec()
}

fn replay(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("idempotent-replay", HeaderValue::from_static("true"));
    response
}
