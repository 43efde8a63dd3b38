//! Submission: one mail per call, over a connection that is kept for the next. The pool is our own, as an outcome
//! depends on how far a call got: before the mail's last dot nothing was sent, after it nobody knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use everthread_channels::WireRequest;
use everthread_channels::email::{Server, Tls};
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;

use super::{CONNECT, header, reply};
use crate::http::Answer;

/// A connection unused for longer is closed: servers drop idle ones within minutes.
const IDLE: Duration = Duration::from_secs(30);

/// Idle connections kept per server and user: as many as an account may have calls under way.
const IDLE_MAX: usize = everthread_core::limits::ACCOUNT_SLOTS as usize;

/// Mails over one connection before it is closed; servers set such limits too.
const USES_MAX: u32 = 50;

/// Open connections by server, user and password.
#[derive(Clone, Default)]
pub struct Pool {
    idle: Arc<Mutex<HashMap<Key, Vec<Open>>>>,
}

type Key = (String, String, String);

struct Open {
    connection: AsyncSmtpConnection,
    since: Instant,
    uses: u32,
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Pool")
    }
}

impl Pool {
    /// Hands one mail over.
    pub(super) async fn send(&self, request: &WireRequest, timeout: Duration) -> Answer {
        let end = Instant::now() + timeout;
        let mut open = match tokio::time::timeout(timeout, self.connection(request)).await {
            Ok(Ok(open)) => open,
            Ok(Err(answer)) => return answer,
            Err(_) => return Answer::NotSent { error: "timed out while connecting".to_owned() },
        };
        let left = end.saturating_duration_since(Instant::now());
        match tokio::time::timeout(left, envelope(&mut open.connection, request)).await {
            Ok(Ok(())) => {}
            Ok(Err((answer, usable))) => {
                if usable && open.connection.command("RSET\r\n").await.is_ok() {
                    self.keep(request, open);
                }
                return answer;
            }
            Err(_) => {
                return Answer::NotSent { error: "timed out before the mail was handed over".to_owned() };
            }
        }
        // From here on the mail may be taken, whatever we hear of it.
        let left = end.saturating_duration_since(Instant::now());
        let mail = dated(&request.body, crate::clock::now());
        match tokio::time::timeout(left, open.connection.message(&mail)).await {
            Ok(Ok(response)) => {
                self.keep(request, open);
                accepted(request, &response)
            }
            Ok(Err(error)) => match error.status() {
                Some(code) => reply(code.into(), "data", &said(&error)),
                None => {
                    Answer::NoAnswer { error: format!("after the mail was handed over: {}", said(&error)) }
                }
            },
            Err(_) => Answer::NoAnswer { error: "timed out after the mail was handed over".to_owned() },
        }
    }

    /// Logs in and sends nothing.
    pub(super) async fn knock(&self, request: &WireRequest, timeout: Duration) -> Answer {
        match tokio::time::timeout(timeout, connect(request)).await {
            Ok(Ok(mut connection)) => {
                let _ = tokio::time::timeout(CONNECT, connection.quit()).await;
                reply(200, "login", "accepted")
            }
            Ok(Err(answer)) => answer,
            Err(_) => Answer::NotSent { error: "timed out while connecting".to_owned() },
        }
    }

    /// An idle connection that still answers, else a new one.
    async fn connection(&self, request: &WireRequest) -> Result<Open, Answer> {
        while let Some(mut open) = self.take(request) {
            if open.since.elapsed() < IDLE && open.connection.test_connected().await {
                return Ok(open);
            }
        }
        let connection = connect(request).await?;
        Ok(Open { connection, since: Instant::now(), uses: 0 })
    }

    fn take(&self, request: &WireRequest) -> Option<Open> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.get_mut(&key(request))?.pop()
    }

    fn keep(&self, request: &WireRequest, mut open: Open) {
        open.uses += 1;
        open.since = Instant::now();
        if open.uses >= USES_MAX || open.connection.has_broken() {
            return;
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|_, all| {
            all.retain(|open| open.since.elapsed() < IDLE);
            !all.is_empty()
        });
        let all = idle.entry(key(request)).or_default();
        if all.len() < IDLE_MAX {
            all.push(open);
        }
    }
}

fn key(request: &WireRequest) -> Key {
    (request.url.clone(), header(request, "user").to_owned(), header(request, "password").to_owned())
}

/// What a server's certificate is judged by. Made once for each host: it reads every root of the system.
fn trust(host: &str) -> Result<TlsParameters, Error> {
    static KNOWN: Mutex<BTreeMap<String, TlsParameters>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(parameters) = known.get(host) {
        return Ok(parameters.clone());
    }
    let parameters = TlsParameters::new_rustls(host.into())?;
    known.insert(host.to_owned(), parameters.clone());
    Ok(parameters)
}

/// Connects, protects the connection and logs in. `Err` is the call's answer: nothing of a mail was said.
async fn connect(request: &WireRequest) -> Result<AsyncSmtpConnection, Answer> {
    let not_sent = |error: String| Answer::NotSent { error };
    let server = Server::read(&request.url).map_err(|e| not_sent(format!("the address {e}")))?;
    let failed = |step: &'static str| {
        move |error: Error| match error.status() {
            Some(code) => reply(code.into(), step, &said(&error)),
            None => Answer::NotSent { error: said(&error) },
        }
    };
    let hello = hello(header(request, "user"));
    let tls = match server.tls {
        Tls::None => None,
        Tls::Implicit | Tls::StartTls => Some(trust(&server.host).map_err(failed("connect"))?),
    };
    let implicit = tls.clone().filter(|_| server.tls == Tls::Implicit);
    let place = (server.host.as_str(), server.port);
    let mut connection = AsyncSmtpConnection::connect_tokio1(place, Some(CONNECT), &hello, implicit, None)
        .await
        .map_err(failed("connect"))?;
    if server.tls == Tls::StartTls {
        if !connection.can_starttls() {
            return Err(not_sent(
                "the server offers no STARTTLS; use smtps:// if it has a port for that".to_owned(),
            ));
        }
        let tls = tls.ok_or_else(|| not_sent("no TLS".to_owned()))?;
        connection.starttls(tls, &hello).await.map_err(failed("connect"))?;
    }
    let mechanisms = [Mechanism::Plain, Mechanism::Login];
    if connection.server_info().get_auth_mechanism(&mechanisms).is_some() {
        let who =
            Credentials::new(header(request, "user").to_owned(), header(request, "password").to_owned());
        connection.auth(&mechanisms, &who).await.map_err(failed("login"))?;
    } else if !server.is_here() {
        return Err(reply(534, "login", "the server offers no log-in by PLAIN or LOGIN"));
    }
    Ok(connection)
}

/// The domain of the user is as good a name as any: behind most connections there is no better one.
fn hello(user: &str) -> ClientId {
    let domain = user.rsplit_once('@').map_or("", |(_, domain)| domain);
    let plain = !domain.is_empty() && domain.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    ClientId::Domain(if plain { domain.to_owned() } else { "localhost".to_owned() })
}

/// Sender, recipient, and the server's word that it waits for the mail. `Err` says whether the connection is of
/// further use.
async fn envelope(connection: &mut AsyncSmtpConnection, request: &WireRequest) -> Result<(), (Answer, bool)> {
    let address = |name: &str| {
        header(request, name)
            .parse::<Address>()
            .map_err(|e| (reply(553, "rcpt", &format!("5.1.3 {e}")), true))
    };
    let (from, to) = (address("mail-from")?, address("rcpt-to")?);
    let failed = |step: &'static str| {
        move |error: Error| match error.status() {
            Some(code) => {
                let code: u16 = code.into();
                (reply(code, step, &said(&error)), code != 421)
            }
            None => (Answer::NotSent { error: format!("at {step}: {}", said(&error)) }, false),
        }
    };
    connection.command(Mail::new(Some(from), Vec::new())).await.map_err(failed("mail"))?;
    connection.command(Rcpt::new(to, Vec::new())).await.map_err(failed("rcpt"))?;
    connection.command(Data).await.map_err(failed("data"))?;
    Ok(())
}

fn accepted(request: &WireRequest, response: &Response) -> Answer {
    let text = response.message().collect::<Vec<_>>().join(" ");
    let headers = vec![("message-id".to_owned(), header(request, "message-id").to_owned())];
    Answer::Http { status: response.code().into(), headers, body: format!("at data: {text}").into_bytes() }
}

/// The mail with the time at which it leaves.
fn dated(mail: &[u8], now: everthread_core::time::Timestamp) -> Vec<u8> {
    let time = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let date = jiff::fmt::rfc2822::to_string(&time.to_zoned(jiff::tz::TimeZone::UTC)).unwrap_or_default();
    [format!("Date: {date}\r\n").as_bytes(), mail].concat()
}

/// The error and its causes in one line.
fn said(error: &Error) -> String {
    use std::error::Error as _;
    let mut text = match error.status() {
        // The library says the code and its kind before the server's text.
        Some(_) => String::new(),
        None => error.to_string(),
    };
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.replace(['\r', '\n'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_leaves_with_its_time() {
        let now = everthread_core::time::Timestamp::from_secs(1_795_772_000);
        let mail = String::from_utf8(dated(b"From: a@b\r\n", now)).expect("text");
        assert_eq!(mail, "Date: Fri, 27 Nov 2026 09:33:20 +0000\r\nFrom: a@b\r\n");
    }

    #[test]
    fn we_say_hello_with_a_domain() {
        assert_eq!(hello("shop@example.com"), ClientId::Domain("example.com".to_owned()));
        assert_eq!(hello("apikey"), ClientId::Domain("localhost".to_owned()));
        assert_eq!(hello("x@a b"), ClientId::Domain("localhost".to_owned()));
    }
}
