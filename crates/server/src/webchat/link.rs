//! `/c/<token>`: the continuation link. A GET shows a page with a button and changes nothing, as messengers fetch links to preview
//! them; pressing the button opens the link, and leads into the web chat. No script is needed.

use std::sync::LazyLock;

use axum::extract::{Path, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everthread_channels::webchat;
use everthread_core::limits::LINK_LIFE;
use everthread_store::read::links::LinkIsOpen;
use everthread_store::units::{OpenLink, Opened};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Chat;
use crate::api::auth::token;
use crate::api::extract::Peer;
use crate::continuation::TOKEN_CHARS;
use crate::registry::Account;

/// The cookie that lets the same browser open a link again. It goes back to that link alone.
const COOKIE: &str = "everthread_link";

/// The look of the page: the web chat's, without its script.
const STYLE: &str = include_str!("link.css");

/// Own style, own form, nothing else; the hash names the style.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let style = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What the page says.
enum Page<'a> {
    /// The button.
    Open { token: &'a str },
    /// Expired, taken back or never there: the same words for all, so that nobody learns which.
    Ended,
    /// Another browser has opened it.
    Elsewhere { chat: String },
    /// Too many at once.
    TooFast,
    /// The store is away.
    Away,
}

impl Page<'_> {
    fn status(&self) -> StatusCode {
        match self {
            Self::Open { .. } => StatusCode::OK,
            Self::Ended => StatusCode::NOT_FOUND,
            Self::Elsewhere { .. } => StatusCode::CONFLICT,
            Self::TooFast => StatusCode::TOO_MANY_REQUESTS,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn words(&self) -> (&'static str, String) {
        let text = |text: &str| format!("<p>{text}</p>");
        match self {
            // The token was checked: letters, digits, `-` and `_`. The chat's key likewise.
            Self::Open { token } => (
                "Go on in the chat",
                format!(
                    "<p>This link leads into our web chat, where the conversation goes on.</p>\
                     <form method=\"post\" action=\"/c/{token}\"><button>Open the chat</button></form>\
                     <p class=\"soft\">It works in one browser. Pass it on to nobody.</p>"
                ),
            ),
            Self::Ended => (
                "This link does not work any more",
                text(
                    "Write to us where you got it, and we send you a new one. Nothing of the conversation is lost.",
                ),
            ),
            Self::Elsewhere { chat } => (
                "This link was opened in another browser",
                format!(
                    "<p>It leads one browser into the conversation. Go on there, or write to us where you got the link: we send \
                     you a new one. If it was not you who opened it, tell us there.</p>\
                     <p><a class=\"button\" href=\"{chat}\">Start a new chat</a></p>"
                ),
            ),
            Self::TooFast => ("One moment", text("Too many at once. Try again in a minute.")),
            Self::Away => ("One moment", text("The chat can't be opened right now. Try again in a minute.")),
        }
    }
}

impl IntoResponse for Page<'_> {
    fn into_response(self) -> Response {
        let (title, body) = self.words();
        let html = format!(
            "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <meta name=\"robots\" content=\"noindex\"><meta name=\"color-scheme\" content=\"light dark\">\
             <title>{title}</title><style>{STYLE}</style></head>\
             <body><main><h1>{title}</h1>{body}</main></body></html>"
        );
        guarded((self.status(), [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response())
    }
}

/// The headers of every answer under `/c/`.
fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(policy) = HeaderValue::from_str(&POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Only what could be a token is looked up, or written into a page.
fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Shows the button, or says that the link is over. Changes nothing, however often and by whomever it is fetched.
pub(super) async fn show(State(chat): State<Chat>, Peer(from): Peer, Path(token): Path<String>) -> Response {
    if chat.limits.links.check_key(&from).is_err() {
        return Page::TooFast.into_response();
    }
    if !is_token(&token) {
        return Page::Ended.into_response();
    }
    let unit = LinkIsOpen { now: crate::clock::now(), token_hash: token::hash(&token) };
    match chat.store.read(unit).await {
        Ok(true) => Page::Open { token: &token }.into_response(),
        Ok(false) => Page::Ended.into_response(),
        Err(error) => away(&error),
    }
}

/// The button was pressed.
pub(super) async fn open(
    State(chat): State<Chat>,
    Peer(from): Peer,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    if chat.limits.links.check_key(&from).is_err() {
        return Page::TooFast.into_response();
    }
    // Another site may not press the button for somebody: they would write into a conversation that is not theirs.
    let foreign = headers.get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none");
    if foreign || !is_token(&token) {
        return Page::Ended.into_response();
    }
    let unit = OpenLink {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        token_hash: token::hash(&token),
        visitor: Uuid::new_v4().simple().to_string(),
        browser: cookie(&headers).and_then(|session| chat.known(session)),
    };
    let opened = match chat.store.write(unit).await {
        Ok(opened) => opened,
        Err(error) => return away(&error),
    };
    match opened {
        Opened::Ended => Page::Ended.into_response(),
        Opened::Elsewhere { account } => match chat.by_id(account) {
            Some(account) => Page::Elsewhere { chat: page_of(&account) }.into_response(),
            None => Page::Ended.into_response(),
        },
        Opened::In { account, visitor, after } => {
            chat.proving.effects.committed(*after);
            let account = chat.by_id(account);
            let session = account
                .and_then(|account| webchat::issue(&visitor, &account.secrets).map(|token| (account, token)));
            match session {
                Some((account, session)) => lead_in(&chat, &account, &token, &session),
                None => Page::Ended.into_response(),
            }
        }
    }
}

/// Into the web chat. The session travels behind the `#`, which no server and no referrer sees; the page takes it out of the
/// address at once.
fn lead_in(chat: &Chat, account: &Account, token: &str, session: &str) -> Response {
    let to = format!("{}#session={session}", page_of(account));
    let secure = if chat.proving.doorway.url.starts_with("https://") { "; Secure" } else { "" };
    let life = LINK_LIFE.as_micros() / 1_000_000;
    let kept =
        format!("{COOKIE}={session}; Path=/c/{token}; HttpOnly; SameSite=Strict; Max-Age={life}{secure}");
    let headers = [(header::LOCATION, to), (header::SET_COOKIE, kept)];
    guarded((StatusCode::SEE_OTHER, headers).into_response())
}

/// The page of a web chat.
fn page_of(account: &Account) -> String {
    format!("/chat/{}", account.webhook_path.rsplit('/').next().unwrap_or_default())
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE).then_some(value))
}

fn away(error: &everthread_store::Error) -> Response {
    tracing::warn!(%error, "a continuation link can't be looked at");
    Page::Away.into_response()
}
