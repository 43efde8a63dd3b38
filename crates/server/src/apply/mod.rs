//! From the journal into the store: records are parsed, their items go to bounded queues per account that are
//! served fairly, and small batches become units of work.
//!
//! The stored cursor is the lowest record that is not wholly applied; a restart applies the window again, and
//! the events' keys make that harmless.

mod deferral;
pub mod marker;
pub mod parse;
mod unit;
mod worker;

use std::sync::Arc;
use std::time::Duration;

use everthread_core::dedupe::KeySecret;
use everthread_core::event::Event;
use everthread_core::ids::AccountId;
use everthread_store::journal::{Cursor, Journal, JournalError, Reader};
use everthread_store::units::{GetCursor, KEYED, KeyEvents};
use everthread_store::{Error as StoreError, Store};
use metrics::gauge;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::effects::Effects;
use crate::http::Client;
use crate::hub::Rules;
use crate::registry::{Account, Registry};
use crate::supervisor::{Supervisor, TaskKind};

use self::deferral::Deferral;
use self::marker::Marker;
use self::worker::{WINDOW_ITEMS, Worker};

/// Records read at a time.
const READ_RECORDS: usize = 512;
const READ_BYTES: usize = 4 * 1024 * 1024;

/// While it falls further behind, apply pauses for this part of the time that a unit took: intake gets the processor, and the
/// backlog still shrinks to nothing once the flood ebbs.
const YIELD_PART: u32 = 3;

/// How long a read waits for something new.
const IDLE: Duration = Duration::from_millis(500);

/// Wait after the store was away.
const STORE_WAIT: Duration = Duration::from_millis(250);

/// Keys of events looked at in one unit.
const KEYS_AT_ONCE: u32 = 2_000;

/// Name of the cursor in the store.
pub const CURSOR: &str = "journal.applied";

/// What the stage works with.
#[derive(Clone)]
pub struct Stage {
    pub store: Store,
    pub journal: Journal,
    /// What events' keys are hashed under.
    pub keys: KeySecret,
    pub registry: watch::Receiver<Arc<Registry>>,
    pub rules: watch::Receiver<Arc<Rules>>,
    pub effects: Effects,
    pub data: std::path::PathBuf,
    pub stop: CancellationToken,
    /// Calls owed to a provider on receipt of an event; `None` while old records are applied again.
    pub acknowledge: Option<Acknowledge>,
}

/// Makes the calls that a platform waits for on receipt (Telegram's button presses spin until answered).
#[derive(Clone, Debug)]
pub struct Acknowledge {
    pub client: Client,
    pub supervisor: Supervisor,
    pub public_url: Arc<str>,
}

impl Acknowledge {
    /// Fire and forget: its outcome matters to nobody.
    fn event(&self, account: &Account, event: &Event) {
        let Some(request) = account.channel.acknowledge(event, &account.view(&self.public_url)) else {
            return;
        };
        let client = self.client.clone();
        self.supervisor.spawn(TaskKind::ProviderCall, async move {
            client.call(&request).await;
            Ok::<_, std::convert::Infallible>(())
        });
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

/// Why the stage ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the journal can't be read: {0}")]
    Journal(#[from] JournalError),
    #[error("the store refused: {0}")]
    Store(#[from] StoreError),
    #[error("the mark of records in progress can't be written: {0}")]
    Mark(#[from] std::io::Error),
}

impl Stage {
    /// Applies what comes in until it is stopped.
    pub async fn run(self) -> Result<(), Error> {
        self.key_events().await;
        let cursor = self.cursor().await;
        let (mut reader, alarm) = self.journal.reader_from(cursor)?;
        if let Some(alarm) = alarm {
            tracing::error!(%alarm, "the journal on disk is not the one that the store knows; all of it is applied again");
        }
        let marker = Marker::start(&self.data)?;
        let deferral = self.deferral().await;
        let mut worker = Worker::new(self, reader.cursor().number, (true, Some(marker), deferral));
        let stop = worker.stage.stop.clone();
        loop {
            if worker.waiting < WINDOW_ITEMS / 2 {
                let wait = if worker.waiting == 0 { IDLE } else { Duration::ZERO };
                tokio::select! {
                    () = stop.cancelled() => break,
                    batch = reader.next_batch(READ_RECORDS, READ_BYTES, wait) => {
                        let batch = batch?;
                        worker.take(batch).await?;
                    }
                }
            }
            let from = tokio::time::Instant::now();
            worker.step().await?;
            if worker.falls_behind(reader.lag()) {
                tokio::time::sleep(from.elapsed() / YIELD_PART).await;
            }
            worker.try_deferred().await?;
            worker.note_cursor(false).await;
            gauge!("everthread_apply_deferred_customers").set(worker.deferral.len() as f64);
            gauge!("everthread_apply_lag_records").set((reader.lag() + worker.open.len() as u64) as f64);
        }
        worker.note_cursor(true).await;
        if let Some(marker) = &worker.marker {
            marker.end();
        }
        Ok(())
    }

    /// Applies a stretch of the journal again; rules see none of it. Returns records read.
    pub async fn replay(self, reader: Reader) -> Result<u64, Error> {
        self.stretch(reader, false).await
    }

    /// Applies what the store does not know yet, up to the present end, and writes the cursor down. Returns records
    /// read.
    pub async fn catch_up(self, reader: Reader) -> Result<u64, Error> {
        self.stretch(reader, true).await
    }

    async fn stretch(self, mut reader: Reader, automation: bool) -> Result<u64, Error> {
        self.key_events().await;
        let deferral = self.deferral().await;
        let mut worker = Worker::new(self, reader.cursor().number, (automation, None, deferral));
        let mut records = 0;
        while reader.lag() > 0 {
            let batch = reader.read_batch(READ_RECORDS, READ_BYTES)?;
            records += batch.records.len() as u64;
            worker.take(batch).await?;
            while worker.waiting > 0 {
                worker.step().await?;
            }
        }
        worker.note_cursor(true).await;
        Ok(records)
    }

    /// Replaces the plain hashes that an earlier version kept of events, once. Waits for the store.
    async fn key_events(&self) {
        let mut after = (AccountId(0), Vec::new());
        loop {
            let done = async {
                if self.store.read(GetCursor { name: KEYED.to_owned() }).await?.is_some() {
                    return Ok(None);
                }
                let unit = KeyEvents { secret: self.keys.clone(), after: after.clone(), limit: KEYS_AT_ONCE };
                self.store.write(unit).await.map(|done| done.next)
            };
            match done.await {
                Ok(Some(next)) => after = next,
                Ok(None) => return,
                Err(error) => {
                    let error: StoreError = error;
                    tracing::warn!(%error, "keys of events can't be replaced yet; what comes in is kept in the journal");
                    tokio::select! {
                        () = self.stop.cancelled() => return,
                        () = tokio::time::sleep(STORE_WAIT * 4) => {}
                    }
                }
            }
        }
    }

    /// Waits for the store.
    async fn deferral(&self) -> Deferral {
        loop {
            match Deferral::load(&self.store).await {
                Ok(known) => return known,
                Err(error) => {
                    tracing::warn!(%error, "what was set aside can't be read yet");
                    tokio::time::sleep(STORE_WAIT * 4).await;
                }
            }
        }
    }

    /// Waits for the store, as at start it may be away.
    async fn cursor(&self) -> Option<Cursor> {
        loop {
            match self.store.read(GetCursor { name: CURSOR.to_owned() }).await {
                Ok(text) => return text.as_deref().and_then(read_cursor),
                Err(error) => {
                    tracing::warn!(%error, "the store is away; what comes in is kept in the journal");
                    tokio::time::sleep(STORE_WAIT * 4).await;
                }
            }
        }
    }
}

/// `<journal uuid>:<number>`.
pub fn read_cursor(text: &str) -> Option<Cursor> {
    let (journal, number) = text.split_once(':')?;
    Some(Cursor { journal: uuid::Uuid::try_parse(journal).ok()?, number: number.parse().ok()? })
}

/// The text of a cursor.
pub fn write_cursor(cursor: Cursor) -> String {
    format!("{}:{}", cursor.journal, cursor.number)
}
