//! What changed, as it changes: one task reads the `changes` table and fans out to everybody who listens.
//!
//! A listener gives the number it has seen; it gets what followed, then what comes. One that is too slow, or whose
//! number is too old, is told to read everything again. Nothing here holds more than [`BUFFER`] changes per workspace.

mod tail;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use everthread_core::ids::WorkspaceId;
use everthread_store::Store;
use everthread_store::read::changes::{ChangeRow, ChangesAfter, ChangesOut, NewestChange};
use tokio::sync::{Notify, broadcast};

pub use tail::POLL;

/// Batches of changes kept for a listener that is behind; a slower one is reset.
const BUFFER: usize = 256;

/// Listeners of one process. A browser holds one; each costs some kilobytes and a file descriptor.
const LISTENERS_MAX: usize = 2_000;

/// Changes read at once.
const BATCH: u32 = 500;

/// Feeds listeners. Cheap to clone.
#[derive(Clone)]
pub struct Realtime(Arc<Shared>);

struct Shared {
    store: Store,
    wake: Notify,
    channels: Mutex<HashMap<WorkspaceId, Channel>>,
}

/// One workspace that somebody listens to.
struct Channel {
    /// The newest number that was sent.
    newest: i64,
    sender: broadcast::Sender<Sent>,
}

/// What goes out to the listeners of a workspace.
#[derive(Clone, Debug)]
enum Sent {
    /// Consecutive changes.
    Changes(Arc<Vec<ChangeRow>>),
    /// Read everything again; the newest number.
    Reset(i64),
}

/// What a listener gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Change(ChangeRow),
    /// Read everything again and go on from this number.
    Reset(i64),
}

/// Why nobody can listen now.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("too many listeners")]
    Full,
    #[error(transparent)]
    Store(#[from] everthread_store::Error),
}

impl Realtime {
    /// Over this store; feeds nobody until [`Realtime::run`] runs.
    pub fn new(store: Store) -> Self {
        Self(Arc::new(Shared { store, wake: Notify::new(), channels: Mutex::default() }))
    }

    /// Something was written: look now instead of at the next poll. Never blocks; call it after commits.
    pub fn wake(&self) {
        self.0.wake.notify_one();
    }

    /// Listens to a workspace from behind the number `after`; without one, from now on.
    pub async fn listen(&self, workspace: WorkspaceId, after: Option<i64>) -> Result<Listener, Error> {
        let newest = self.0.store.read(NewestChange { workspace }).await?;
        let live = self.join(workspace, newest)?;
        // The table is read once more after joining: nothing can fall between the two.
        let seen = after.unwrap_or(newest);
        Ok(Listener { realtime: self.clone(), workspace, seen, caught_up: false, live, pending: Vec::new() })
    }

    /// How many listen now.
    pub fn listeners(&self) -> usize {
        self.channels().values().map(|channel| channel.sender.receiver_count()).sum()
    }

    fn join(&self, workspace: WorkspaceId, newest: i64) -> Result<broadcast::Receiver<Sent>, Error> {
        let mut channels = self.channels();
        let count: usize = channels.values().map(|channel| channel.sender.receiver_count()).sum();
        if count >= LISTENERS_MAX {
            return Err(Error::Full);
        }
        let channel = channels
            .entry(workspace)
            .or_insert_with(|| Channel { newest, sender: broadcast::channel(BUFFER).0 });
        Ok(channel.sender.subscribe())
    }

    fn channels(&self) -> std::sync::MutexGuard<'_, HashMap<WorkspaceId, Channel>> {
        self.0.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One who listens. Dropping it ends it.
pub struct Listener {
    realtime: Realtime,
    workspace: WorkspaceId,
    /// The last number handed out.
    seen: i64,
    /// False while what is already stored has to be read first.
    caught_up: bool,
    live: broadcast::Receiver<Sent>,
    /// Changes at hand, the next one last.
    pending: Vec<ChangeRow>,
}

impl Listener {
    /// Waits for the next change. Fails when the store is away; asking again goes on where it was.
    pub async fn next(&mut self) -> Result<Heard, Error> {
        loop {
            if let Some(change) = self.pending.pop() {
                self.seen = change.number;
                return Ok(Heard::Change(change));
            }
            if !self.caught_up {
                if let Some(reset) = self.read_stored().await? {
                    return Ok(reset);
                }
                continue;
            }
            match self.live.recv().await {
                Ok(Sent::Changes(changes)) => self.take(&changes),
                Ok(Sent::Reset(newest)) => return Ok(self.reset(newest)),
                // Too slow for the buffer, or the channel was renewed: the table still has what is missing.
                Err(broadcast::error::RecvError::Lagged(_)) => self.caught_up = false,
                Err(broadcast::error::RecvError::Closed) => {
                    let again = self.realtime.listen(self.workspace, Some(self.seen)).await?;
                    (self.live, self.caught_up) = (again.live, again.caught_up);
                }
            }
        }
    }

    /// Takes over what is new of a batch; a hole means that something has to be read first.
    fn take(&mut self, changes: &[ChangeRow]) {
        let Some(first) = changes.first() else { return };
        if first.number > self.seen + 1 {
            self.caught_up = false;
            return;
        }
        let seen = self.seen;
        self.pending = changes.iter().rev().filter(|change| change.number > seen).cloned().collect();
    }

    async fn read_stored(&mut self) -> Result<Option<Heard>, Error> {
        let unit = ChangesAfter { workspace: self.workspace, after: self.seen, limit: BATCH };
        match self.realtime.0.store.read(unit).await? {
            ChangesOut::Rows(rows) => {
                self.caught_up = rows.len() < BATCH as usize;
                self.pending = rows;
                self.pending.reverse();
                Ok(None)
            }
            ChangesOut::TooOld(newest) => Ok(Some(self.reset(newest))),
        }
    }

    fn reset(&mut self, newest: i64) -> Heard {
        self.pending.clear();
        self.seen = newest;
        self.caught_up = false;
        Heard::Reset(newest)
    }
}
