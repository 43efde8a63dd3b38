//! Reads back after an incident what a platform holds and we did not hear of.
//!
//! Which accounts are read is decided where incidents are kept. Every message goes the way of a webhook: journal, parser, apply. It
//! keeps its own time, is marked as late and starts no automation.

mod reader;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use everthread_core::dedupe::KeySecret;
use everthread_core::ids::AccountId;
use everthread_store::Store;
use everthread_store::journal::Journal;
use everthread_store::units::{DueReadings, EndReading, Reading};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::effects::Effects;
use crate::http::Client;
use crate::registry::Registry;

use self::reader::Reader;

/// Accounts read at one time: platforms bound the pace of each, and this bounds ours.
const AT_ONCE: usize = 16;

/// Due readings are looked for this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What the task works with.
#[derive(Clone)]
pub struct Historian {
    pub store: Store,
    pub journal: Journal,
    /// What event keys are stored under.
    pub keys: KeySecret,
    pub registry: watch::Receiver<Arc<Registry>>,
    pub client: Client,
    pub effects: Effects,
    pub public_url: Arc<str>,
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Historian {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Historian")
    }
}

impl Historian {
    /// Reads what is due until it is stopped; what is cut off goes on where it was at the next start. Trouble with one account touches
    /// no other.
    pub async fn run(self) -> Result<(), std::convert::Infallible> {
        let mut running = FuturesUnordered::new();
        let mut busy: BTreeSet<AccountId> = BTreeSet::new();
        loop {
            let limit = (AT_ONCE + busy.len()) as u32;
            let due = match self.store.read(DueReadings { now: clock::now(), limit }).await {
                Ok(due) => due,
                Err(error) => {
                    tracing::warn!(%error, "what is to be read back can't be looked up");
                    Vec::new()
                }
            };
            for reading in due {
                if busy.len() < AT_ONCE && busy.insert(reading.account) {
                    running.push(self.read(reading));
                }
            }
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                Some(account) = running.next() => {
                    busy.remove(&account);
                }
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    async fn read(&self, reading: Reading) -> AccountId {
        let account = reading.account;
        let known = self.registry.borrow().account(account).cloned();
        let history = known.as_ref().and_then(|known| known.channel.history());
        let done = match (known, history) {
            (Some(known), Some(history)) => Reader::new(self, known, history, reading).run().await,
            _ => self.give_up(reading).await,
        };
        if let Err(error) = done {
            tracing::warn!(account.id = account.0, %error, "reading back was cut off; it goes on later");
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        account
    }

    async fn give_up(&self, reading: Reading) -> Result<(), everthread_store::Error> {
        let reason = Some("the account is gone".to_owned());
        let (now, seed) = (clock::now(), clock::seed());
        let after =
            self.store.write(EndReading { now, seed, reading, again: None, reason, line: None }).await?;
        self.effects.committed(after);
        Ok(())
    }
}
