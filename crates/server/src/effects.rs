//! Where the consequences of a commit go: lanes to delivery, files to the fetcher, changes to whoever listens.

use std::sync::Arc;

use everthread_store::units::After;
use tokio::sync::{Notify, mpsc, watch};

use crate::continuity::Continuity;
use crate::delivery::Note;
use crate::hub::Hub;
use crate::realtime::Realtime;

/// Passes consequences on. Cheap to clone; never blocks.
#[derive(Clone)]
pub struct Effects {
    delivery: mpsc::UnboundedSender<Note>,
    media: Arc<Notify>,
    webhooks: Arc<Notify>,
    changed: watch::Sender<u64>,
    realtime: Realtime,
    hub: Hub,
    continuity: Continuity,
}

impl std::fmt::Debug for Effects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Effects")
    }
}

impl Effects {
    /// Effects that end in `delivery`'s inbox. The inbox has no bound of its own: it holds at most a note per lane
    /// that a commit touched, and commits wait for the store.
    pub fn new(
        delivery: mpsc::UnboundedSender<Note>,
        realtime: Realtime,
        hub: Hub,
        continuity: Continuity,
    ) -> Self {
        Self {
            delivery,
            media: Arc::default(),
            webhooks: Arc::default(),
            changed: watch::Sender::new(0),
            realtime,
            hub,
            continuity,
        }
    }

    /// Passes on what followed from a commit.
    pub fn committed(&self, mut after: After) {
        self.continuity.wanted(std::mem::take(&mut after.plans));
        if !after.changes.is_empty() {
            self.changed.send_modify(|n| *n += 1);
            self.realtime.wake();
        }
        if !after.media.is_empty() {
            self.media.notify_one();
        }
        if after.webhooks {
            self.webhooks.notify_one();
        }
        if !after.stopped.is_empty() {
            self.hub.mark_stale();
        }
        let for_delivery = !after.heads.is_empty()
            || !after.idle.is_empty()
            || !after.stopped.is_empty()
            || !after.throttled.is_empty()
            || after.due.is_some();
        if for_delivery {
            // Fails only while the process stops.
            let _ = self.delivery.send(Note::After(after));
        }
    }

    /// Counts up with every commit that somebody may want to see.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Told when files wait to be fetched.
    pub fn media(&self) -> Arc<Notify> {
        Arc::clone(&self.media)
    }

    /// Told when outgoing webhooks wait.
    pub fn webhooks(&self) -> Arc<Notify> {
        Arc::clone(&self.webhooks)
    }
}
