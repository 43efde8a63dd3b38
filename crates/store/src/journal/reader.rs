//! Reading the log back, in order, up to what is durable.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::disk::{DiskFile, read_range};
use super::frame::{Expect, Step, Walk};
use super::record::{self, Decoded, Record};
use super::segment::{Segment, segment_name};
use super::shared::{Place, Shared};
use super::types::{Cursor, Gap, GapCause, JournalError};

/// Read from the file at one time when records are small.
const READ_BYTES: usize = 256 * 1024;

/// Some records in order, and what is missing among them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Batch {
    /// Rising by number. A number that is neither here nor in a gap was erased.
    pub records: Vec<Record>,
    /// Losses found on the way; each is told once.
    pub gaps: Vec<Gap>,
    /// Records whose bytes are whole but which this program cannot read: written by a newer one.
    pub unknown: Vec<u64>,
    /// Everything up to this number was read: the next batch begins behind it.
    pub upto: u64,
}

/// Reads records from a place on. Cheap to make; many may read at once.
pub struct Reader {
    shared: Arc<Shared>,
    durable: watch::Receiver<u64>,
    next: u64,
    open: Option<Open>,
}

/// The segment being read.
struct Open {
    segment: Arc<Segment>,
    file: Arc<dyn DiskFile>,
    /// Where to read on, and the number that should come there.
    offset: u64,
    number: u64,
}

impl Reader {
    pub(super) fn new(shared: Arc<Shared>, next: u64) -> Self {
        let durable = shared.durable.subscribe();
        Self { shared, durable, next: next.max(1), open: None }
    }

    /// The cursor that says: everything read so far is done with.
    pub fn cursor(&self) -> Cursor {
        Cursor { journal: self.shared.journal, number: self.next - 1 }
    }

    /// Durable records not read yet.
    pub fn lag(&self) -> u64 {
        (self.shared.durable() + 1).saturating_sub(self.next)
    }

    /// Waits up to `timeout` for something durable, then reads like [`Self::read_batch`]. A batch whose
    /// `upto` has not moved means that nothing came.
    pub async fn next_batch(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        timeout: Duration,
    ) -> Result<Batch, JournalError> {
        if self.lag() == 0 {
            let next = self.next;
            let wait = self.durable.wait_for(|durable| *durable >= next);
            match tokio::time::timeout(timeout, wait).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Err(JournalError::Closed),
                Err(_) => return Ok(Batch { upto: self.next - 1, ..Batch::default() }),
            }
        }
        self.read_batch(max_records, max_bytes)
    }

    /// Reads what is durable now: at most `max_records`, and no further record once `max_bytes` of bodies are
    /// reached. Reads files, so it may block shortly.
    pub fn read_batch(&mut self, max_records: usize, max_bytes: usize) -> Result<Batch, JournalError> {
        let mut batch = Batch::default();
        let mut bytes = 0;
        while self.next <= self.shared.durable() && batch.records.len() < max_records && bytes < max_bytes {
            let Some(place) = self.place(&mut batch) else { break };
            self.read_some(&place, &mut batch, max_records, max_bytes, &mut bytes)?;
        }
        batch.upto = self.next - 1;
        debug_assert!(batch.records.is_sorted_by(|a, b| a.number < b.number));
        Ok(batch)
    }

    /// The segment to read from; moves on over records that retention has dropped.
    fn place(&mut self, batch: &mut Batch) -> Option<Place> {
        let place = self.shared.place(self.next)?;
        let first = place.segment.header.first;
        if self.next < first {
            batch.gaps.push(Gap { from: self.next, to: first - 1, cause: GapCause::Dropped });
            self.next = first;
        }
        Some(place)
    }

    fn read_some(
        &mut self,
        place: &Place,
        batch: &mut Batch,
        max_records: usize,
        max_bytes: usize,
        bytes: &mut usize,
    ) -> Result<(), JournalError> {
        // First the end, then the frames: what lies before it is durable and will not change.
        let end = place.segment.end();
        let fence = place.fence.min(self.shared.durable() + 1);
        let Some(mut open) = self.open_at(place)? else { return Ok(()) };
        let mut want = READ_BYTES;
        loop {
            let left = usize::try_from(end.saturating_sub(open.offset)).unwrap_or(usize::MAX);
            let buf = read_range(&*open.file, open.offset, want.min(left))?;
            let expect = Expect { next: open.number, fence };
            let mut walk =
                Walk::new(&buf, open.segment.header.salt, buf.len() >= left || buf.len() < want, expect);
            let mut used = 0;
            let over = loop {
                if batch.records.len() >= max_records || *bytes >= max_bytes {
                    break Over::Batch;
                }
                match walk.step() {
                    Step::Frame(frame) => {
                        used = frame.end;
                        if frame.number >= self.next {
                            *bytes += frame.end - frame.at;
                            self.keep(frame.number, &buf[frame.payload..frame.end], batch);
                            self.next = frame.number + 1;
                        }
                    }
                    Step::Gap(gap) => self.miss(gap, batch),
                    Step::More { from } => {
                        used = from;
                        break Over::Buffer;
                    }
                    Step::End { .. } | Step::Fence => break Over::Segment,
                }
            };
            open.number = walk.next_number();
            open.offset += used as u64;
            match over {
                Over::Batch => {
                    self.open = Some(open);
                    return Ok(());
                }
                // A record larger than the buffer, or damage: read more at once.
                Over::Buffer if used == 0 => want = want.saturating_mul(4),
                Over::Buffer => want = READ_BYTES,
                Over::Segment => {
                    self.leave(place, end, fence, open, batch);
                    return Ok(());
                }
            }
        }
    }

    /// `None` when retention dropped the segment this very moment.
    fn open_at(&mut self, place: &Place) -> Result<Option<Open>, JournalError> {
        if let Some(open) = self.open.take()
            && Arc::ptr_eq(&open.segment, &place.segment)
        {
            return Ok(Some(open));
        }
        let file = match self.shared.disk.open(&segment_name(place.segment.serial)) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && self.shared.oldest() > self.next => {
                return Ok(None);
            }
            file => file?,
        };
        let (number, offset) = place.segment.seek(self.next);
        Ok(Some(Open { segment: Arc::clone(&place.segment), file, offset, number }))
    }

    /// The walk has come to the end of the segment, or of what was durable in it when it was opened for this
    /// batch (`end`, `fence`).
    fn leave(&mut self, place: &Place, end: u64, fence: u64, open: Open, batch: &mut Batch) {
        let in_file = open.segment.last().min(fence - 1);
        let last = if place.finished { fence - 1 } else { in_file };
        // If the segment has grown meanwhile, the next look tells.
        if self.next <= last && (place.finished || open.segment.end() == end) {
            if self.next <= in_file {
                self.miss(Gap { from: self.next, to: in_file, cause: GapCause::Damaged }, batch);
            }
            if self.next <= last {
                self.miss(Gap { from: self.next, to: last, cause: GapCause::Missing }, batch);
            }
        }
        if !place.finished {
            self.open = Some(open);
        }
    }

    fn miss(&mut self, gap: Gap, batch: &mut Batch) {
        let from = gap.from.max(self.next);
        if gap.to >= from {
            match batch.gaps.last_mut() {
                Some(last) if last.to + 1 == from && last.cause == gap.cause => last.to = gap.to,
                _ => batch.gaps.push(Gap { from, ..gap }),
            }
            self.next = gap.to + 1;
        }
    }

    fn keep(&mut self, number: u64, payload: &[u8], batch: &mut Batch) {
        match record::decode(number, payload) {
            Ok(Decoded::Raw(record)) => batch.records.push(record),
            Ok(Decoded::Erased) => {}
            Ok(Decoded::Lost) => self.miss(Gap { from: number, to: number, cause: GapCause::Damaged }, batch),
            Err(_) => batch.unknown.push(number),
        }
    }
}

/// Why the walk over a buffer stopped.
enum Over {
    Batch,
    Buffer,
    Segment,
}
