//! Mail servers: submission by SMTP, reading by IMAP. What is asked comes from the channel's adapter; what a mail
//! says is read there too.

pub mod imap;
mod smtp;
mod tls;

use std::time::Duration;

use everthread_channels::WireRequest;
use everthread_core::limits::CALL_TIMEOUT;

use crate::http::Answer;

pub use smtp::Pool;

/// Time to get a connection, TLS included. Nothing of a mail was said before it is there.
const CONNECT: Duration = Duration::from_secs(10);

/// True for addresses of mail servers.
pub fn is_mail(url: &str) -> bool {
    ["smtp:", "smtps:", "imap:", "imaps:"].iter().any(|scheme| url.starts_with(scheme))
}

/// Makes one call to a mail server. Never fails: what went wrong is part of the answer.
pub async fn call(pool: &Pool, request: &WireRequest) -> Answer {
    let timeout = request.timeout.unwrap_or(CALL_TIMEOUT).to_std();
    match request.method {
        "SEND" => pool.send(request, timeout).await,
        "NOOP" => pool.knock(request, timeout).await,
        _ => imap::call(request, timeout).await,
    }
}

/// The value of a header that the adapter set.
fn header<'a>(request: &'a WireRequest, name: &str) -> &'a str {
    request.headers.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
}

/// An answer of a mail server: its code, and its text behind the step that it answers.
fn reply(status: u16, step: &str, text: &str) -> Answer {
    Answer::Http { status, headers: Vec::new(), body: format!("at {step}: {text}").into_bytes() }
}
