//! Reading a mailbox. Folders are examined, never selected: nothing in them changes by our looking.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_imap::error::Error as ImapError;
use async_imap::types::Fetch;
use async_imap::{Client, Session};
use everthread_channels::WireRequest;
use everthread_channels::email::{Server, Tls};
use everthread_core::limits::MAIL_BYTES_MAX;
use futures_util::TryStreamExt;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::{CONNECT, header, reply, tls};
use crate::http::Answer;

/// A connection, protected or (towards this machine) not.
#[derive(Debug)]
pub enum Wire {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// A connection that is logged in.
pub type Mailbox = Session<Wire>;

/// Why a mailbox can't be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server takes neither name nor password.
    #[error("the server refuses the log-in: {0}")]
    LogIn(String),
    /// It answered, and says no.
    #[error("the server says no: {0}")]
    No(String),
    /// No connection, or it ended.
    #[error("{0}")]
    Away(String),
}

impl From<ImapError> for Error {
    fn from(error: ImapError) -> Self {
        match error {
            ImapError::No(text) | ImapError::Bad(text) => Self::No(text),
            other => Self::Away(other.to_string()),
        }
    }
}

/// Connects and logs in as the adapter's request says.
pub async fn open(request: &WireRequest) -> Result<Mailbox, Error> {
    let client = tokio::time::timeout(CONNECT, connect(&request.url))
        .await
        .map_err(|_| Error::Away("timed out while connecting".to_owned()))??;
    let login = client.login(header(request, "user"), header(request, "password"));
    match tokio::time::timeout(CONNECT, login).await {
        Ok(Ok(mailbox)) => Ok(mailbox),
        // "Try again later" in one of its forms (RFC 5530) says nothing of the password.
        Ok(Err((ImapError::No(text), _))) if text.contains("UNAVAILABLE") || text.contains("LIMIT") => {
            Err(Error::Away(text))
        }
        Ok(Err((ImapError::No(text) | ImapError::Bad(text), _))) => Err(Error::LogIn(text)),
        Ok(Err((error, _))) => Err(error.into()),
        Err(_) => Err(Error::Away("timed out while logging in".to_owned())),
    }
}

async fn connect(url: &str) -> Result<Client<Wire>, Error> {
    let away = |error: &dyn std::fmt::Display| Error::Away(error.to_string());
    let server = Server::read(url).map_err(|e| Error::Away(format!("the address {e}")))?;
    let stream = TcpStream::connect((server.host.as_str(), server.port)).await.map_err(|e| away(&e))?;
    stream.set_nodelay(true).map_err(|e| away(&e))?;
    let wire = match server.tls {
        Tls::Implicit => protect(&server, stream).await?,
        Tls::StartTls | Tls::None => Wire::Plain(stream),
    };
    let mut client = Client::new(wire);
    let greeting = client.read_response().await.map_err(|e| away(&e))?;
    greeting.ok_or_else(|| Error::Away("the connection ended before the greeting".to_owned()))?;
    if server.tls != Tls::StartTls {
        return Ok(client);
    }
    client.run_command_and_check_ok("STARTTLS", None).await?;
    match client.into_inner() {
        Wire::Plain(stream) => Ok(Client::new(protect(&server, stream).await?)),
        wire @ Wire::Tls(_) => Ok(Client::new(wire)),
    }
}

async fn protect(server: &Server, stream: TcpStream) -> Result<Wire, Error> {
    let name = ServerName::try_from(server.host.clone()).map_err(|e| Error::Away(e.to_string()))?;
    let connector = tls::connector().map_err(Error::Away)?;
    let stream = connector.connect(name, stream).await.map_err(|e| Error::Away(e.to_string()))?;
    Ok(Wire::Tls(Box::new(stream)))
}

/// `STATUS` and `FETCH`.
pub(super) async fn call(request: &WireRequest, timeout: Duration) -> Answer {
    let done = async {
        let mut mailbox = open(request).await?;
        let folder = mailbox.examine(header(request, "folder")).await?;
        let answer = if request.method == "FETCH" {
            fetch_one(&mut mailbox, request, folder.uid_validity).await?
        } else {
            reply(200, "examine", &format!("{} mails", folder.exists))
        };
        let _ = mailbox.logout().await;
        Ok::<_, Error>(answer)
    };
    match tokio::time::timeout(timeout, done).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(Error::LogIn(text))) => reply(535, "login", &format!("5.7.8 {text}")),
        Ok(Err(Error::No(text))) => reply(550, "examine", &text),
        Ok(Err(Error::Away(error))) => Answer::NotSent { error },
        Err(_) => Answer::NotSent { error: "timed out".to_owned() },
    }
}

/// By its place while the folder's numbers hold, else by its Message-ID.
async fn fetch_one(
    mailbox: &mut Mailbox,
    request: &WireRequest,
    validity: Option<u32>,
) -> Result<Answer, Error> {
    let same = validity.is_some_and(|now| header(request, "validity") == now.to_string());
    let uid = header(request, "uid").parse::<u32>().ok().filter(|_| same);
    let id = header(request, "id");
    let mut found = match uid {
        Some(uid) => bodies(mailbox, &uid.to_string()).await?.into_iter().next(),
        None => None,
    };
    if found.is_none() && !id.starts_with("sha256:") && id.is_ascii() && !id.contains(['"', '\\']) {
        let uids = mailbox.uid_search(format!("HEADER MESSAGE-ID \"<{id}>\"")).await?;
        if let Some(uid) = uids.into_iter().max() {
            found = bodies(mailbox, &uid.to_string()).await?.into_iter().next();
        }
    }
    Ok(match found {
        Some(mail) => Answer::Http { status: 200, headers: Vec::new(), body: mail.body },
        None => reply(404, "fetch", "no such mail"),
    })
}

/// One mail of a folder.
#[derive(Debug)]
pub struct Mail {
    pub uid: u32,
    /// When the server took it in, in seconds since 1970.
    pub at: Option<i64>,
    pub body: Vec<u8>,
    /// Bytes of the whole mail, where `body` is only its head.
    pub cut: Option<u64>,
}

/// Number and size of the mails from `first` on, in rising order. The server always names the last mail of the
/// folder, even where it is older: that is left out.
pub async fn sizes(mailbox: &mut Mailbox, first: u32) -> Result<Vec<(u32, u32)>, Error> {
    let fetched: Vec<Fetch> =
        mailbox.uid_fetch(format!("{first}:*"), "(UID RFC822.SIZE)").await?.try_collect().await?;
    let mut all: Vec<(u32, u32)> = fetched
        .iter()
        .filter_map(|mail| Some((mail.uid?, mail.size.unwrap_or(0))))
        .filter(|(uid, _)| *uid >= first)
        .collect();
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

/// Whole mails, seen marks untouched.
pub async fn bodies(mailbox: &mut Mailbox, uids: &str) -> Result<Vec<Mail>, Error> {
    let fetched: Vec<Fetch> =
        mailbox.uid_fetch(uids, "(UID INTERNALDATE BODY.PEEK[])").await?.try_collect().await?;
    let mail = |fetch: &Fetch| {
        let at = fetch.internal_date().map(|at| at.timestamp());
        Some(Mail { uid: fetch.uid?, at, body: fetch.body()?.to_vec(), cut: None })
    };
    let mut mails: Vec<Mail> = fetched.iter().filter_map(mail).collect();
    mails.sort_unstable_by_key(|mail| mail.uid);
    Ok(mails)
}

/// The head of a mail that is too large.
pub async fn head(mailbox: &mut Mailbox, uid: u32, size: u32) -> Result<Option<Mail>, Error> {
    let fetched: Vec<Fetch> = mailbox
        .uid_fetch(uid.to_string(), "(UID INTERNALDATE BODY.PEEK[HEADER])")
        .await?
        .try_collect()
        .await?;
    Ok(fetched.iter().find_map(|fetch| {
        let at = fetch.internal_date().map(|at| at.timestamp());
        let mut body = fetch.header()?.to_vec();
        body.truncate(MAIL_BYTES_MAX as usize);
        Some(Mail { uid: fetch.uid?, at, body, cut: Some(u64::from(size)) })
    }))
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
        }
    }
}
