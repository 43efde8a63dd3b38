//! Webhooks: size limit, signature over the raw bytes, journal, 200. Nothing here looks up a row, parses more than
//! the signature needs, or calls a provider (design section 3).

pub mod mailbox;
pub mod poll;
pub mod table;

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use everthread_channels::{HookRequest, Reject};
use everthread_core::limits::WEBHOOK_BODY_BYTES_MAX;
use everthread_store::journal::{Journal, RawRecord, Source};
use metrics::counter;
use tokio::sync::watch;

use self::table::{Endpoint, Table};

/// Headers that some channel's signature needs; the others are not even copied.
const SIGNATURE_HEADERS: &[&str] =
    &["x-hub-signature-256", "x-telegram-bot-api-secret-token", "x-twilio-signature", "content-type"];

/// What the webhook routes need.
#[derive(Clone)]
pub struct Ingress {
    pub journal: Journal,
    /// `None` until the store or the cache has loaded.
    pub table: watch::Receiver<Option<Arc<Table>>>,
    /// Without a trailing slash.
    pub public_url: Arc<str>,
    /// True when the public address is on loopback: then the request's own Host is accepted as signed too.
    pub loopback: bool,
}

impl std::fmt::Debug for Ingress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ingress")
    }
}

/// The routes under `/hooks`.
pub fn routes(ingress: Ingress) -> Router {
    Router::new()
        .route("/hooks/{channel}/{key}", get(handshake).post(receive))
        .layer(DefaultBodyLimit::max(WEBHOOK_BODY_BYTES_MAX))
        .with_state(Arc::new(ingress))
}

impl Ingress {
    #[expect(clippy::result_large_err, reason = "the error is the answer, made once and sent")]
    fn endpoint(&self, channel: &str, key: &str) -> Result<Arc<Endpoint>, Response> {
        let table = self.table.borrow();
        let Some(table) = table.as_ref() else {
            return Err(answer(
                StatusCode::SERVICE_UNAVAILABLE,
                "starting: keys are not loaded yet, send it again",
            ));
        };
        table.find(channel, key).ok_or_else(|| answer(StatusCode::NOT_FOUND, "no such webhook address"))
    }

    /// The addresses this request may have been signed for, the configured one first.
    fn urls(&self, path: &str, query: &str, headers: &HeaderMap) -> Vec<String> {
        let tail = if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") };
        let mut urls = vec![format!("{}{tail}", self.public_url)];
        if self.loopback
            && let Some(host) = headers.get(header::HOST).and_then(|h| h.to_str().ok())
        {
            urls.push(format!("http://{host}{tail}"));
        }
        urls
    }
}

/// Takes a request apart without copying its head: this runs for every webhook.
async fn receive(State(ingress): State<Arc<Ingress>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let headers = std::mem::take(&mut parts.headers);
    let uri = parts.uri.clone();
    let body = match Bytes::from_request(Request::from_parts(parts, body), &()).await {
        Ok(body) => body,
        Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            return refused(
                "oversized",
                StatusCode::PAYLOAD_TOO_LARGE,
                "larger than any webhook of a platform",
            );
        }
        Err(_) => return refused("body", StatusCode::BAD_REQUEST, "the body did not arrive whole"),
    };
    // The router has matched both; keys are plain letters and digits, so nothing needs decoding.
    let (channel, key) =
        uri.path().strip_prefix("/hooks/").and_then(|tail| tail.split_once('/')).unwrap_or_default();
    let endpoint = match ingress.endpoint(channel, key) {
        Ok(endpoint) => endpoint,
        Err(response) => return response,
    };
    let query = uri.query().unwrap_or_default();
    let picked = signature_headers(&headers);
    let urls = ingress.urls(uri.path(), query, &headers);
    let request = HookRequest { headers: &picked, query, body: &body, urls: &urls };
    let print = match endpoint.channel.verify(&request, &endpoint.sets) {
        Ok(index) => endpoint.prints.get(index).copied().unwrap_or_default(),
        Err(reject) => {
            counter!("everthread_webhooks_refused_total", "channel" => endpoint.channel.spec().name)
                .increment(1);
            return refused("signature", StatusCode::UNAUTHORIZED, &reject.to_string());
        }
    };
    let content_type = picked.iter().find(|(n, _)| n == "content-type").map_or("", |(_, v)| v.as_str());
    let record = RawRecord {
        received_at: crate::clock::now(),
        endpoint: endpoint.id.0,
        secret: print,
        source: Source::Webhook,
        content_type,
        query,
        body: &body,
    };
    match ingress.journal.append(&record).await {
        Ok(_) => accepted(&endpoint),
        Err(error) => {
            counter!("everthread_webhooks_unkept_total").increment(1);
            answer(StatusCode::SERVICE_UNAVAILABLE, &format!("can't keep it now, send it again: {error}"))
        }
    }
}

fn accepted(endpoint: &Endpoint) -> Response {
    let (status, content_type, body) = endpoint.channel.spec().hook_answer;
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

fn signature_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    SIGNATURE_HEADERS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), headers.get(*name)?.to_str().ok()?.to_owned())))
        .collect()
}

async fn handshake(
    State(ingress): State<Arc<Ingress>>,
    Path((channel, key)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Response {
    let endpoint = match ingress.endpoint(&channel, &key) {
        Ok(endpoint) => endpoint,
        Err(response) => return response,
    };
    let query = query.unwrap_or_default();
    let request = HookRequest { headers: &[], query: &query, body: b"", urls: &[] };
    let tokens: Vec<&str> = endpoint.verify_tokens.iter().map(String::as_str).collect();
    match endpoint.channel.handshake(&request, &tokens) {
        Some(Ok(challenge)) => {
            ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], challenge).into_response()
        }
        Some(Err(reject @ Reject::VerifyToken)) => {
            refused("handshake", StatusCode::FORBIDDEN, &reject.to_string())
        }
        Some(Err(reject)) => refused("handshake", StatusCode::BAD_REQUEST, &reject.to_string()),
        None => answer(StatusCode::METHOD_NOT_ALLOWED, "this address takes the platform's POST requests"),
    }
}

fn refused(why: &'static str, status: StatusCode, detail: &str) -> Response {
    counter!("everthread_webhook_answers_total", "why" => why).increment(1);
    answer(status, detail)
}

fn answer(status: StatusCode, detail: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], format!("{detail}\n")).into_response()
}
