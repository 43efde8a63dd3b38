//! Calls to the outside: one client for providers, one that refuses private addresses for everything whose address
//! a customer or an operator's rule chose.

pub mod guard;

use std::time::Duration;

use everthread_channels::{WireRequest, WireResponse};
use everthread_core::limits::CALL_TIMEOUT;

use crate::mail;

/// Answers larger than this are cut: no provider's answer to a send or a probe comes near.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A connection unused for longer is closed by us, before the far side does so in the middle of a send.
const POOL_IDLE: Duration = Duration::from_secs(15);

/// Time to get a connection. Nothing was written before it is there, so its end is a clean failure.
const CONNECT: Duration = Duration::from_secs(8);

/// An answer, owned.
#[derive(Clone, Debug)]
pub enum Answer {
    Http { status: u16, headers: Vec<(String, String)>, body: Vec<u8> },
    NotSent { error: String },
    NoAnswer { error: String },
}

impl Answer {
    /// As adapters read it.
    pub fn wire(&self) -> WireResponse<'_> {
        match self {
            Self::Http { status, headers, body } => WireResponse::Answer { status: *status, headers, body },
            Self::NotSent { error } => WireResponse::NotSent { error },
            Self::NoAnswer { error } => WireResponse::NoAnswer { error },
        }
    }

    /// For the attempt's record, with the request's secrets taken out and cut at a length people can read.
    pub fn redacted(&self, request: &WireRequest) -> String {
        let mut text = match self {
            Self::Http { status, body, .. } => format!("{status}\n{}", String::from_utf8_lossy(body)),
            Self::NotSent { error } => format!("not sent: {error}"),
            Self::NoAnswer { error } => format!("no answer: {error}"),
        };
        for secret in request.secrets.iter().filter(|s| !s.is_empty()) {
            text = text.replace(secret.as_str(), "***");
        }
        cut(&text, 4_096)
    }
}

/// At most `max` bytes of `text`, at a character's edge.
pub fn cut(text: &str, max: usize) -> String {
    text[..text.floor_char_boundary(max)].to_owned()
}

/// The client for providers.
#[derive(Clone, Debug)]
pub struct Client {
    inner: reqwest::Client,
    mail: mail::Pool,
}

/// A builder with what both clients share.
pub(crate) fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("everthread/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(POOL_IDLE)
}

impl Client {
    /// Fails only where the system has no TLS roots.
    pub fn new() -> Result<Self, reqwest::Error> {
        let inner = builder().redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { inner, mail: mail::Pool::default() })
    }

    /// Makes one call, over HTTP or by mail. Never fails: what went wrong is part of the answer.
    pub async fn call(&self, request: &WireRequest) -> Answer {
        if mail::is_mail(&request.url) {
            return mail::call(&self.mail, request).await;
        }
        send(&self.inner, request, ANSWER_BYTES_MAX).await
    }
}

pub(crate) async fn send(client: &reqwest::Client, request: &WireRequest, bytes_max: usize) -> Answer {
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).unwrap_or(reqwest::Method::POST);
    let mut call = client
        .request(method, &request.url)
        .timeout(request.timeout.unwrap_or(CALL_TIMEOUT).to_std())
        .body(request.body.clone());
    for (name, value) in &request.headers {
        call = call.header(*name, value);
    }
    match call.send().await {
        Ok(mut response) => {
            let status = response.status().as_u16();
            let headers = response
                .headers()
                .iter()
                .map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned()))
                .collect();
            let mut body = Vec::new();
            loop {
                match response.chunk().await {
                    Ok(Some(chunk)) if body.len() + chunk.len() <= bytes_max => {
                        body.extend_from_slice(&chunk);
                    }
                    Ok(None) => return Answer::Http { status, headers, body },
                    Ok(Some(_)) => {
                        return Answer::NoAnswer {
                            error: format!("an answer of more than {bytes_max} bytes"),
                        };
                    }
                    Err(e) => return Answer::NoAnswer { error: describe(&e) },
                }
            }
        }
        Err(e) if e.is_connect() || e.is_builder() => Answer::NotSent { error: describe(&e) },
        Err(e) => Answer::NoAnswer { error: describe(&e) },
    }
}

/// The error and its causes without the address, which may hold a token.
fn describe(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let mut text = if error.is_timeout() { "timed out".to_owned() } else { String::new() };
    let mut cause = error.source();
    while let Some(inner) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    if text.is_empty() { "failed".to_owned() } else { text }
}
