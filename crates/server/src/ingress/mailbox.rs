//! Watches one folder of a mailbox. A mail is journaled before the cursor moves on; a crash between the two takes
//! it in again, and its Message-ID tells that it is known.

use std::sync::Arc;
use std::time::Duration;

use async_imap::extensions::idle::IdleResponse;
use everthread_channels::email::{self, Place};
use everthread_core::limits::MAIL_BYTES_MAX;
use everthread_store::Store;
use everthread_store::journal::{Journal, RawRecord, Source};
use everthread_store::units::{GetCursor, SetCursor};
use tokio_util::sync::CancellationToken;

use crate::mail::imap::{self, Error, Mail, Mailbox};
use crate::registry::Account;

/// IDLE is begun anew this often, and the folder looked at: servers and routers drop quiet connections silently.
const IDLE: Duration = Duration::from_mins(5);

/// Where the server knows no IDLE, the folder is looked at this often.
const LOOK: Duration = Duration::from_secs(20);

/// Time for one command besides IDLE.
const COMMAND: Duration = Duration::from_mins(2);

/// Wait after a lost connection, doubled up to the maximum.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(2);

/// A refused log-in is tried again only this often: some servers lock a mailbox after a few.
const WAIT_REFUSED: Duration = Duration::from_mins(5);

/// Mails fetched at a time, and the bytes after which no more are added.
const BATCH_MAILS: usize = 32;
const BATCH_BYTES: u64 = 8 * 1024 * 1024;

/// After the folder's numbers have changed, mail of so many days is taken in again; what is known is told by its
/// Message-ID.
const RESYNC_DAYS: i64 = 14;

/// What the worker works with.
#[derive(Clone)]
pub struct Watch {
    pub account: Arc<Account>,
    pub folder: String,
    pub store: Store,
    pub journal: Journal,
    pub public_url: Arc<str>,
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("account", &self.account.id)
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

/// How far a folder was read: its UIDVALIDITY and the first number not yet taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cursor {
    validity: u32,
    next: u32,
}

impl Cursor {
    fn read(text: &str) -> Option<Self> {
        let (validity, next) = text.split_once(' ')?;
        Some(Self { validity: validity.parse().ok()?, next: next.parse().ok()? })
    }

    fn write(self) -> String {
        format!("{} {}", self.validity, self.next)
    }
}

impl Watch {
    /// Runs until it is stopped; connects again whenever the connection is lost.
    pub async fn run(self) -> Result<(), std::convert::Infallible> {
        let mut wait = WAIT_MIN;
        loop {
            let stop = self.stop.clone();
            let ended = tokio::select! {
                () = stop.cancelled() => return Ok(()),
                ended = self.connected(&mut wait) => ended,
            };
            let Err(error) = ended else { return Ok(()) };
            if matches!(error, Error::LogIn(_)) {
                wait = WAIT_REFUSED;
            }
            tracing::warn!(
                account.id = self.account.id.0,
                %error,
                wait_s = wait.as_secs(),
                "the mailbox can't be read, trying again"
            );
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(wait) => {}
            }
            wait = (wait * 2).min(WAIT_MAX.max(wait));
        }
    }

    /// One connection until it ends.
    async fn connected(&self, wait: &mut Duration) -> Result<(), Error> {
        let request = email::watch(&self.account.view(&self.public_url), &self.folder);
        let mut mailbox = imap::open(&request).await?;
        let can_idle = timed(mailbox.capabilities()).await?.has_str("IDLE");
        let mut cursor = self.begin(&mut mailbox).await?;
        loop {
            self.take_in(&mut mailbox, &mut cursor).await?;
            *wait = WAIT_MIN;
            if !can_idle {
                tokio::time::sleep(LOOK).await;
            }
            // What comes in while nobody idles is told with the next answer, and only once.
            timed(mailbox.noop()).await?;
            if told(|| mailbox.unsolicited_responses.try_recv().is_ok()) || !can_idle {
                continue;
            }
            mailbox = idle(mailbox).await?;
        }
    }

    fn name(&self) -> String {
        format!("imap.{}.{}", self.account.id.0, self.folder)
    }

    /// Opens the folder and finds where to go on: at the stored cursor, or (a new account) after the newest mail or
    /// from the day that the operator named, or (the folder's numbers have changed) some days back.
    async fn begin(&self, mailbox: &mut Mailbox) -> Result<Cursor, Error> {
        let folder = timed(mailbox.examine(&self.folder)).await?;
        let validity = folder.uid_validity.ok_or_else(|| {
            Error::No("the folder has no UIDVALIDITY; such a server can't be used".to_owned())
        })?;
        let known = self.store.read(GetCursor { name: self.name() }).await.map_err(store_away)?;
        let known = known.as_deref().and_then(Cursor::read);
        if let Some(cursor) = known.filter(|cursor| cursor.validity == validity) {
            return Ok(cursor);
        }
        let since = match known {
            Some(_) => Some(days_ago(RESYNC_DAYS)),
            None => email::since(&self.account.settings),
        };
        let after_newest = match folder.uid_next {
            Some(next) => next,
            None => timed(imap::sizes(mailbox, 1)).await?.last().map_or(1, |(uid, _)| uid + 1),
        };
        let next = match since {
            Some(day) => timed(mailbox.uid_search(format!("SINCE {day}"))).await?.into_iter().min(),
            None => None,
        };
        let cursor = Cursor { validity, next: next.unwrap_or(after_newest) };
        self.keep(cursor).await?;
        Ok(cursor)
    }

    async fn keep(&self, cursor: Cursor) -> Result<(), Error> {
        let unit = SetCursor { name: self.name(), value: cursor.write() };
        self.store.write(unit).await.map(drop).map_err(store_away)
    }

    /// Everything from the cursor on, batch by batch: fetched, on disk, then the cursor.
    async fn take_in(&self, mailbox: &mut Mailbox, cursor: &mut Cursor) -> Result<(), Error> {
        let sizes = timed(imap::sizes(mailbox, cursor.next)).await?;
        let mut rest = sizes.as_slice();
        while let Some((uid, size)) = rest.first().copied() {
            let (mails, taken) = if size > MAIL_BYTES_MAX {
                (timed(imap::head(mailbox, uid, size)).await?.into_iter().collect(), 1)
            } else {
                let taken = batch(rest);
                let uids: Vec<String> = rest[..taken].iter().map(|(uid, _)| uid.to_string()).collect();
                (timed(imap::bodies(mailbox, &uids.join(","))).await?, taken)
            };
            self.journal(cursor.validity, &mails).await?;
            let last = rest[taken - 1].0;
            cursor.next = last + 1;
            self.keep(*cursor).await?;
            rest = &rest[taken..];
        }
        Ok(())
    }

    async fn journal(&self, validity: u32, mails: &[Mail]) -> Result<(), Error> {
        for mail in mails {
            let place =
                Place { folder: self.folder.clone(), validity, uid: mail.uid, at: mail.at, cut: mail.cut };
            let record = RawRecord {
                received_at: crate::clock::now(),
                endpoint: self.account.endpoint.0,
                secret: self.account.fingerprint,
                source: Source::Poll,
                content_type: "message/rfc822",
                query: &email::facts(&self.account.settings, &place),
                body: &mail.body,
            };
            let kept = self.journal.append(&record).await;
            kept.map_err(|e| Error::Away(format!("a mail can't be kept: {e}")))?;
        }
        Ok(())
    }
}

/// Waits until something happens in the folder, at most [`IDLE`].
async fn idle(mailbox: Mailbox) -> Result<Mailbox, Error> {
    let answers = mailbox.unsolicited_responses.clone();
    let mut idle = mailbox.idle();
    timed(idle.init()).await?;
    if !told(|| answers.try_recv().is_ok()) {
        // The library begins its own time anew with every sign of life; ours is the whole.
        let (news, _interrupt) = idle.wait_with_timeout(IDLE);
        let news = tokio::time::timeout(IDLE, news).await;
        if matches!(news, Ok(Ok(IdleResponse::ManualInterrupt))) {
            return Err(Error::Away("the connection ended".to_owned()));
        }
        news.unwrap_or(Ok(IdleResponse::Timeout))?;
    }
    timed(idle.done()).await
}

/// True where the server told something since this was last asked.
fn told(mut next: impl FnMut() -> bool) -> bool {
    let any = next();
    while any && next() {}
    any
}

/// How many of the next mails go into one batch: the first always, none that is too large.
fn batch(sizes: &[(u32, u32)]) -> usize {
    let mut bytes = 0;
    let fits = |(_, size): &&(u32, u32)| {
        bytes += u64::from(*size);
        *size <= MAIL_BYTES_MAX && bytes <= BATCH_BYTES
    };
    sizes.iter().take(BATCH_MAILS).take_while(fits).count().max(1)
}

/// A day as IMAP's SEARCH writes it.
fn days_ago(days: i64) -> String {
    let then = crate::clock::now() - everthread_core::time::Span::hours(24 * days);
    let time = jiff::Timestamp::from_microsecond(then.micros()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%d-%b-%Y").to_string()
}

fn store_away(error: everthread_store::Error) -> Error {
    Error::Away(format!("the store is away: {error}"))
}

async fn timed<T, E: Into<Error>>(command: impl Future<Output = Result<T, E>>) -> Result<T, Error> {
    match tokio::time::timeout(COMMAND, command).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Error::Away("the server does not answer".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_are_read_as_written() {
        let cursor = Cursor { validity: 7, next: 42 };
        assert_eq!(Cursor::read(&cursor.write()), Some(cursor));
        assert_eq!(Cursor::read("7"), None);
        assert_eq!(Cursor::read("x 1"), None);
    }

    #[test]
    fn batches_have_limits() {
        assert_eq!(batch(&[(1, 10), (2, 10)]), 2);
        assert_eq!(batch(&[(1, 30 << 20), (2, 10)]), 1, "a large one goes alone");
        assert_eq!(batch(&[(1, 10), (2, MAIL_BYTES_MAX + 1)]), 1, "a too large one is another matter");
        assert_eq!(batch(&vec![(1, 1); 100]), BATCH_MAILS);
    }
}
