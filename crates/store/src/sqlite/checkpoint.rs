//! Keeps the write-ahead log short without making the writer do it.
//!
//! A second connection moves pages into the database while the writer goes on. Under constant load such a
//! passive checkpoint never lets the log start again from its beginning, so above a bound the writer itself
//! pauses for a restart: by then little is left to move.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::Lite;
use crate::{Error, Result};

const EVERY: Duration = Duration::from_millis(200);

/// Pages worth a passive checkpoint.
const WORTH: u32 = 500;

/// What the checkpointer tells the writer.
pub(crate) struct Pressure {
    pages_max: u32,
    pages: AtomicU32,
    wrote: AtomicBool,
}

impl Pressure {
    pub(crate) fn new(pages_max: u32) -> Arc<Self> {
        Arc::new(Self { pages_max, pages: AtomicU32::new(0), wrote: AtomicBool::new(false) })
    }

    /// Called by the writer after each commit: restarts the log where it is too long.
    pub(crate) fn relieve(&self, lite: &Lite) {
        self.wrote.store(true, Ordering::Relaxed);
        if self.pages.load(Ordering::Relaxed) < self.pages_max {
            return;
        }
        // A reader in a long query can hold the log; the busy time-out bounds the pause, and the next commit
        // after the checkpointer's next look tries again.
        if let Err(error) = checkpoint(lite, "RESTART") {
            tracing::warn!(%error, "restart of the write-ahead log failed");
        }
        self.pages.store(0, Ordering::Relaxed);
    }
}

/// Handle to the checkpoint thread; it ends when this is dropped.
pub(crate) struct Checkpointer {
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    pub(crate) fn start(lite: Lite, pressure: Arc<Pressure>) -> Result<Self> {
        let (stop, stopped) = mpsc::channel::<()>();
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                    step(&lite, &pressure);
                }
            })
            .map_err(|e| Error::Unavailable(format!("checkpoint thread: {e}")))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn step(lite: &Lite, pressure: &Pressure) {
    if !pressure.wrote.swap(false, Ordering::Relaxed) {
        return;
    }
    match checkpoint(lite, "PASSIVE") {
        Ok((pages, _)) if pages > WORTH => pressure.pages.store(pages, Ordering::Relaxed),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "checkpoint failed"),
    }
}

/// Pages in the log, and how many of them are in the database now.
fn checkpoint(lite: &Lite, mode: &str) -> Result<(u32, u32)> {
    let (log, moved): (i64, i64) = lite
        .conn()
        .query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| Ok((row.get(1)?, row.get(2)?)))
        .map_err(|e| super::map_error(&e))?;
    let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    Ok((count(log), count(moved)))
}
