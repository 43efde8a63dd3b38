//! Our own web chat: the public routes that the widget talks to. What a visitor writes goes the way of every
//! other message: into the journal first, then it is answered for.

mod link;
mod proof;
mod stream;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use everthread_channels::webchat;
use everthread_core::ids::AccountId;
use everthread_store::Store;
use everthread_store::journal::{Journal, RawRecord, Source};
use everthread_store::read::chat::{ChatLine, ChatThread, ChatView};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use uuid::Uuid;

use crate::continuation::Doorway;
use crate::continuity::Continuity;
use crate::effects::Effects;
use crate::hub::Hub;
use crate::registry::{Account, Registry};
use crate::seal::Seal;

/// A visitor's message may be this long; the channel splits ours, we refuse theirs.
const TEXT_CHARS_MAX: usize = 8_000;

/// Lines given when a window opens.
const HISTORY_LINES: u32 = 100;

/// What the routes need.
#[derive(Clone)]
pub struct Chat {
    pub store: Store,
    pub journal: Journal,
    pub registry: watch::Receiver<Arc<Registry>>,
    /// Bumped after every commit that may have changed a conversation.
    pub changed: watch::Receiver<u64>,
    proving: Arc<Proving>,
    limits: Arc<Limits>,
}

/// What links and codes need beside the chat.
#[derive(Debug)]
pub struct Proving {
    pub seal: Seal,
    /// For the business's name.
    pub hub: Hub,
    pub effects: Effects,
    /// For open incidents: no code goes into one.
    pub continuity: Continuity,
    pub doorway: Doorway,
}

struct Limits {
    /// New windows per address.
    sessions: DefaultKeyedRateLimiter<std::net::IpAddr>,
    /// Messages, codes and tries per visitor.
    messages: DefaultKeyedRateLimiter<String>,
    /// Continuation links, fetched or opened, per address.
    links: DefaultKeyedRateLimiter<std::net::IpAddr>,
}

impl std::fmt::Debug for Chat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Chat")
    }
}

impl Chat {
    /// State of the routes.
    pub fn new(
        store: Store,
        journal: Journal,
        registry: watch::Receiver<Arc<Registry>>,
        proving: Proving,
    ) -> Self {
        let per_minute = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        let limits = Limits {
            sessions: RateLimiter::keyed(per_minute(60)),
            messages: RateLimiter::keyed(per_minute(60)),
            links: RateLimiter::keyed(per_minute(120)),
        };
        let changed = proving.effects.changed();
        Self { store, journal, registry, changed, proving: Arc::new(proving), limits: Arc::new(limits) }
    }

    /// Forgets visitors and addresses that have been quiet; called from time to time.
    pub fn prune(&self) {
        self.limits.sessions.retain_recent();
        self.limits.messages.retain_recent();
        self.limits.links.retain_recent();
    }
}

/// Everything under `/chat`, and the links that lead there under `/c`.
pub fn routes(chat: Chat) -> Router {
    Router::new()
        .route("/chat/widget.js", get(widget))
        .route("/chat/{key}", get(page))
        .route("/chat/{key}/session", post(session).options(preflight))
        .route("/chat/{key}/messages", post(message).options(preflight))
        .route("/chat/{key}/read", post(read).options(preflight))
        .route("/chat/{key}/events", get(stream::events))
        .route("/chat/{key}/code", post(proof::ask).options(preflight))
        .route("/chat/{key}/code/check", post(proof::check).options(preflight))
        .route("/c/{token}", get(link::show).post(link::open))
        .layer(axum::extract::DefaultBodyLimit::max(64 * 1024))
        .with_state(chat)
}

/// Why a request of the widget is refused: a status and what to do.
#[derive(Debug)]
pub(crate) struct Refused(StatusCode, &'static str);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "title": self.1, "status": self.0.as_u16() });
        (self.0, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}

const NO_CHAT: Refused = Refused(StatusCode::NOT_FOUND, "there is no such web chat");
const BAD_TOKEN: Refused =
    Refused(StatusCode::UNAUTHORIZED, "this window's token is not valid; open a new session");
const TOO_FAST: Refused = Refused(StatusCode::TOO_MANY_REQUESTS, "too many at once; try again in a minute");

impl Chat {
    /// The web chat account of this key.
    pub(crate) fn account(&self, key: &str) -> Result<Arc<Account>, Refused> {
        let registry = self.registry.borrow();
        registry.by_key(key).filter(|a| a.is_local()).cloned().ok_or(NO_CHAT)
    }

    /// A web chat account.
    fn by_id(&self, id: AccountId) -> Option<Arc<Account>> {
        self.registry.borrow().account(id).filter(|account| account.is_local()).cloned()
    }

    /// The visitor that a browser shows to be, of whichever web chat.
    fn known(&self, token: &str) -> Option<String> {
        let registry = self.registry.borrow();
        let mut chats = registry.accounts().filter(|account| account.is_local());
        chats.find_map(|account| Self::visitor(account, token).ok())
    }

    /// The visitor a token belongs to.
    pub(crate) fn visitor(account: &Account, token: &str) -> Result<String, Refused> {
        let secrets = std::slice::from_ref(&account.secrets);
        webchat::visitor(token, secrets).map(|(visitor, _)| visitor.to_owned()).map_err(|_| BAD_TOKEN)
    }

    /// What the visitor sees of their thread that became visible after `after` (microseconds).
    pub(crate) async fn view(
        &self,
        account: &Account,
        visitor: &str,
        after: i64,
        limit: u32,
    ) -> Result<ChatView, Refused> {
        let thread = ChatThread {
            workspace: account.workspace,
            account: account.id,
            visitor: visitor.to_owned(),
            after,
            limit,
        };
        self.store.read(thread).await.map_err(|error| {
            tracing::warn!(%error, "web chat can't read its thread");
            Refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "the conversation can't be read right now; your messages are kept",
            )
        })
    }

    /// Journals a payload of our own making; it is answered for when this returns.
    async fn keep(&self, account: &Account, body: &serde_json::Value) -> Result<(), Refused> {
        let bytes = body.to_string();
        let record = RawRecord {
            received_at: crate::clock::now(),
            endpoint: account.endpoint.0,
            secret: account.fingerprint,
            source: Source::Local,
            content_type: "application/json",
            query: "",
            body: bytes.as_bytes(),
        };
        self.journal.append(&record).await.map(drop).map_err(|error| {
            tracing::error!(%error, "web chat message not kept");
            Refused(StatusCode::SERVICE_UNAVAILABLE, "it can't be kept right now; it will be sent again")
        })
    }
}

/// Adds the headers that let an allowed site embed the widget. No cookie is involved: the token is the key.
pub(crate) fn allow_origin(account: &Account, origin: Option<&HeaderValue>, response: &mut Response) -> bool {
    let Some(origin) = origin else { return true };
    let named = account.settings.get("origins").unwrap_or_default();
    let text = origin.to_str().unwrap_or_default();
    let allowed = named.is_empty() || named.split_whitespace().any(|o| o.trim_end_matches('/') == text);
    if allowed {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::VARY, HeaderValue::from_static("origin"));
        let methods = HeaderValue::from_static("POST, GET");
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
        let names = HeaderValue::from_static("authorization, content-type");
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    allowed
}

const FOREIGN: Refused =
    Refused(StatusCode::FORBIDDEN, "this site is not among the web chat's origins; add it to the account");

/// The answer under the origin rule of the account.
fn answer(account: &Account, headers: &HeaderMap, body: impl IntoResponse) -> Response {
    let mut response = body.into_response();
    if allow_origin(account, headers.get(header::ORIGIN), &mut response) {
        response
    } else {
        FOREIGN.into_response()
    }
}

async fn preflight(State(chat): State<Chat>, Path(key): Path<String>, headers: HeaderMap) -> Response {
    match chat.account(&key) {
        Ok(account) => answer(&account, &headers, StatusCode::NO_CONTENT),
        Err(refused) => refused.into_response(),
    }
}

async fn widget() -> Response {
    let mut response = crate::web::widget();
    response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

async fn page(State(chat): State<Chat>, Path(key): Path<String>) -> Response {
    match chat.account(&key) {
        Ok(_) => crate::web::chat_page(),
        Err(refused) => refused.into_response(),
    }
}

#[derive(Deserialize)]
struct Open {
    token: Option<String>,
}

#[derive(Serialize)]
struct Opened {
    token: String,
    title: String,
    greeting: Option<String>,
    messages: Vec<Line>,
    last_seq: i64,
    /// For who came by a link.
    proof: Option<proof::ProofView>,
}

/// One line as the widget reads it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Line {
    id: String,
    seq: i64,
    from: &'static str,
    text: String,
    buttons: Vec<everthread_core::content::Button>,
    at: String,
    state: &'static str,
}

impl From<&ChatLine> for Line {
    fn from(line: &ChatLine) -> Self {
        Self {
            id: line.id.clone(),
            seq: line.visible_at.micros(),
            from: if line.from_visitor { "you" } else { "us" },
            text: line.text.clone(),
            buttons: line.buttons.clone(),
            at: line.at.rfc3339(),
            state: line.state.as_str(),
        }
    }
}

async fn session(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(open): Json<Open>,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    chat.limits.sessions.check_key(&from.ip()).map_err(|_| TOO_FAST)?;
    let known = open.token.and_then(|t| Chat::visitor(&account, &t).ok().map(|v| (t, v)));
    let (token, lines, proof) = match known {
        Some((token, visitor)) => {
            let view = chat.view(&account, &visitor, 0, HISTORY_LINES).await?;
            let proof = chat.proof(&account, &visitor, view.standing).await?;
            (token, view.lines, proof)
        }
        None => {
            let visitor = Uuid::new_v4().simple().to_string();
            let token = webchat::issue(&visitor, &account.secrets).ok_or(Refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "this web chat has no signing key; add it again",
            ))?;
            (token, Vec::new(), None)
        }
    };
    let opened = Opened {
        token,
        title: account.settings.get("title").unwrap_or(&account.name).to_owned(),
        greeting: account.settings.get("greeting").map(str::to_owned),
        last_seq: lines.iter().map(|l| l.visible_at.micros()).max().unwrap_or(0),
        messages: lines.iter().map(Line::from).collect(),
        proof,
    };
    Ok(answer(&account, &headers, Json(opened)))
}

fn bearer(headers: &HeaderMap) -> Result<&str, Refused> {
    let value = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    value.and_then(|v| v.strip_prefix("Bearer ")).ok_or(BAD_TOKEN)
}

#[derive(Deserialize)]
struct Say {
    /// Made by the widget; the same twice is one message.
    id: Uuid,
    #[serde(default)]
    text: String,
    payload: Option<String>,
}

async fn message(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(say): Json<Say>,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    let visitor = Chat::visitor(&account, bearer(&headers)?)?;
    chat.limits.messages.check_key(&visitor).map_err(|_| TOO_FAST)?;
    if say.text.trim().is_empty() {
        return Err(Refused(StatusCode::UNPROCESSABLE_ENTITY, "the message is empty"));
    }
    if say.text.chars().count() > TEXT_CHARS_MAX {
        return Err(Refused(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the message is longer than 8,000 characters; send it in parts",
        ));
    }
    let id = say.id.to_string();
    let body = serde_json::json!({
        "client_id": id, "text": say.text, "payload": say.payload, "visitor": { "id": visitor },
    });
    chat.keep(&account, &body).await?;
    Ok(answer(&account, &headers, (StatusCode::ACCEPTED, Json(serde_json::json!({ "id": id })))))
}

#[derive(Deserialize)]
struct Read {
    /// Everything up to here has been seen.
    seq: i64,
}

async fn read(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    headers: HeaderMap,
    Json(read): Json<Read>,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    let visitor = Chat::visitor(&account, bearer(&headers)?)?;
    chat.limits.messages.check_key(&visitor).map_err(|_| TOO_FAST)?;
    let lines = chat.view(&account, &visitor, 0, HISTORY_LINES).await?.lines;
    let unread = lines.iter().filter(|l| {
        !l.from_visitor && l.visible_at.micros() <= read.seq && l.state != everthread_core::state::State::Read
    });
    let ids: Vec<&str> = unread.filter_map(|l| l.provider_id.as_deref()).collect();
    if !ids.is_empty() {
        chat.keep(&account, &serde_json::json!({ "visitor": visitor, "read": ids })).await?;
    }
    Ok(answer(&account, &headers, StatusCode::NO_CONTENT))
}
