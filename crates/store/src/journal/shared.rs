//! What the writer, the readers and the housekeeping of one journal share.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use everthread_core::time::{Span, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use super::disk::Disk;
use super::segment::{Segment, index_name, segment_name};
use super::types::{Cursor, CursorAlarm, Options, Status};

/// The list of segments and the durable end.
pub(super) struct Shared {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) options: Options,
    pub(super) journal: Uuid,
    pub(super) durable: watch::Sender<u64>,
    list: Mutex<List>,
    applied: AtomicU64,
    dropped_early: AtomicU64,
    /// Why the last write failed; `None` while all is well.
    trouble: Mutex<Option<String>>,
    /// One rewriting or dropping of segments at a time.
    pub(super) housekeeping: Mutex<()>,
}

struct List {
    segments: VecDeque<Arc<Segment>>,
    /// The segment that is written to is the last one and must stay.
    active: bool,
}

/// A segment and the number at which the next one takes over.
pub(super) struct Place {
    pub(super) segment: Arc<Segment>,
    pub(super) fence: u64,
    /// Whether a later segment exists, so that nothing will be added to this one.
    pub(super) finished: bool,
}

/// Where a reader begins, and the floor of the new epoch if one must begin.
pub(super) struct Start {
    pub(super) next: u64,
    pub(super) alarm: Option<(u64, CursorAlarm)>,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        options: Options,
        journal: Uuid,
        segments: VecDeque<Arc<Segment>>,
        durable: u64,
    ) -> Self {
        Self {
            disk,
            options,
            journal,
            durable: watch::Sender::new(durable),
            list: Mutex::new(List { segments, active: false }),
            applied: AtomicU64::new(0),
            dropped_early: AtomicU64::new(0),
            trouble: Mutex::new(None),
            housekeeping: Mutex::new(()),
        }
    }

    pub(super) fn durable(&self) -> u64 {
        *self.durable.borrow()
    }

    pub(super) fn add(&self, segment: Arc<Segment>) {
        let mut list = lock(&self.list);
        list.segments.push_back(segment);
        list.active = true;
    }

    /// The last segment will not be written to again.
    pub(super) fn finish_active(&self) {
        lock(&self.list).active = false;
    }

    pub(super) fn set_trouble(&self, reason: Option<String>) {
        *lock(&self.trouble) = reason;
    }

    pub(super) fn set_applied(&self, number: u64) {
        self.applied.fetch_max(number, Ordering::AcqRel);
    }

    /// Where a reader with `cursor` begins. A cursor that does not fit takes the applied mark back: nothing is
    /// known to be applied then.
    pub(super) fn start_from(&self, cursor: Option<Cursor>) -> Start {
        let last = self.durable();
        let alarm = match cursor {
            None => return Start { next: self.oldest(), alarm: None },
            Some(c) if c.journal != self.journal => {
                (last, CursorAlarm::Foreign { cursor: c.journal, found: self.journal })
            }
            Some(c) if c.number > last => (c.number, CursorAlarm::Shorter { cursor: c.number, last }),
            Some(c) => {
                self.set_applied(c.number);
                return Start { next: c.number + 1, alarm: None };
            }
        };
        self.applied.store(0, Ordering::Release);
        Start { next: self.oldest(), alarm: Some(alarm) }
    }

    /// The segment in which `number` is or would be, or the oldest one when it is older than all.
    pub(super) fn place(&self, number: u64) -> Option<Place> {
        let list = lock(&self.list);
        let upto = list.segments.partition_point(|s| s.header.first <= number);
        let at = upto.saturating_sub(1);
        let next = list.segments.get(at + 1);
        Some(Place {
            segment: Arc::clone(list.segments.get(at)?),
            fence: next.map_or(u64::MAX, |s| s.header.first),
            finished: next.is_some(),
        })
    }

    /// All segments that are not written to any more, oldest first.
    pub(super) fn finished(&self) -> Vec<Arc<Segment>> {
        let list = lock(&self.list);
        let n = list.segments.len() - usize::from(list.active);
        list.segments.iter().take(n).cloned().collect()
    }

    /// The segment with this serial, if it is still kept.
    pub(super) fn by_serial(&self, serial: u64) -> Option<Arc<Segment>> {
        lock(&self.list).segments.iter().find(|s| s.serial == serial).cloned()
    }

    /// Above which record a backup for `cursor` begins: with a cursor of another journal, at the beginning.
    pub(super) fn copy_above(&self, cursor: Option<Cursor>) -> u64 {
        cursor.filter(|c| c.journal == self.journal).map_or(0, |c| c.number)
    }

    /// Puts a rewritten segment in the place of the old one.
    pub(super) fn replace(&self, segment: Arc<Segment>) {
        let mut list = lock(&self.list);
        if let Some(old) = list.segments.iter_mut().find(|s| s.serial == segment.serial) {
            *old = segment;
        }
    }

    /// A record number at or before the first record received at `time` or later.
    pub(super) fn seek_time(&self, time: Timestamp) -> u64 {
        let list = lock(&self.list);
        let found = list.segments.iter().find(|s| s.newest().is_some_and(|newest| newest >= time));
        found.map_or_else(|| self.durable() + 1, |s| s.seek_time(time))
    }

    /// When the first record of the segment that is written to was received.
    pub(super) fn active_since(&self) -> Option<Timestamp> {
        let list = lock(&self.list);
        list.segments.back().filter(|_| list.active)?.oldest()
    }

    /// Takes a segment without records off the list.
    pub(super) fn forget(&self, serial: u64) {
        lock(&self.list).segments.retain(|s| s.serial != serial);
    }

    pub(super) fn oldest(&self) -> u64 {
        lock(&self.list).segments.front().map_or(1, |s| s.header.first)
    }

    pub(super) fn bytes(&self) -> u64 {
        lock(&self.list).segments.iter().map(|s| s.end()).sum()
    }

    /// Drops the oldest segment if it is finished, applied, and `old_enough` says so of its newest record.
    fn drop_oldest(&self, old_enough: impl Fn(Option<Timestamp>) -> bool) -> io::Result<bool> {
        let oldest = {
            let mut list = lock(&self.list);
            // The last segment stays even when it is finished: it carries the numbers on.
            let Some(oldest) = list.segments.front().filter(|_| list.segments.len() > 1) else {
                return Ok(false);
            };
            let applied = self.applied.load(Ordering::Acquire);
            if !(oldest.is_empty() || oldest.last() <= applied) || !old_enough(oldest.newest()) {
                return Ok(false);
            }
            list.segments.pop_front()
        };
        let Some(oldest) = oldest else { return Ok(false) };
        let _ = self.disk.remove(&index_name(oldest.serial));
        self.disk.remove(&segment_name(oldest.serial))?;
        Ok(true)
    }

    /// Drops what is applied and past its retention, or `within` where that is shorter. Answers how many segments went.
    pub(super) fn sweep(&self, now: Timestamp, within: Option<Span>) -> io::Result<usize> {
        let _one_at_a_time = lock(&self.housekeeping);
        let age = within.map_or(self.options.retention, |age| age.min(self.options.retention));
        let mut dropped = 0;
        while self.drop_oldest(|newest| newest.is_none_or(|t| t + age < now))? {
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Makes room for `bytes` under the limit, giving up applied segments before their time. False when the rest
    /// is not applied yet.
    pub(super) fn make_room(&self, bytes: u64) -> io::Result<bool> {
        if self.bytes() + bytes <= self.options.bytes_max {
            return Ok(true);
        }
        let _one_at_a_time = lock(&self.housekeeping);
        while self.bytes() + bytes > self.options.bytes_max {
            if !self.drop_oldest(|_| true)? {
                return Ok(false);
            }
            self.dropped_early.fetch_add(1, Ordering::Relaxed);
        }
        Ok(true)
    }

    pub(super) fn status(&self, pending_bytes: usize) -> Status {
        let (bytes, segments, oldest) = {
            let list = lock(&self.list);
            let bytes = list.segments.iter().map(|s| s.end()).sum();
            (bytes, list.segments.len(), list.segments.front().map_or(1, |s| s.header.first))
        };
        let reason = lock(&self.trouble).clone();
        Status {
            bytes,
            segments,
            oldest,
            last: self.durable(),
            applied: self.applied.load(Ordering::Acquire),
            pending_bytes,
            healthy: reason.is_none(),
            reason,
            dropped_early: self.dropped_early.load(Ordering::Relaxed),
        }
    }
}
