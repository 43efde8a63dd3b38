//! The log itself, without threads: groups of records in, durable or refused.

use std::io::{self, Write};
use std::sync::Arc;

use everthread_core::ids::UidSource;
use everthread_core::limits;
use everthread_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::backup::{self, Copied};
use super::disk::{Disk, DiskFile};
use super::erase::{self, Erased, Erasure};
use super::frame::{self, HEAD};
use super::open;
use super::reader::Reader;
use super::record::{self, RawRecord, Record};
use super::segment::{BODY, Header, Mark, Segment, segment_name, write_index};
use super::shared::Shared;
use super::types::{AppendError, Cursor, CursorAlarm, JournalError, OpenReport, Options, Status};

/// A group must fit a `u32` length many times over, and one write should not take a second.
pub(super) const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Records that become durable together. The buffer is laid out as it will be on disk; heads are filled in when
/// the numbers are known.
#[derive(Default)]
pub struct Group {
    buf: Vec<u8>,
    starts: Vec<usize>,
}

impl Group {
    /// An empty group.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a copy of `record`.
    pub fn push(&mut self, record: &RawRecord<'_>) {
        self.starts.push(self.buf.len());
        self.buf.extend_from_slice(&[0; HEAD]);
        record::encode(record, &mut self.buf);
    }

    /// Records in it.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// Bytes it will take on disk.
    pub fn bytes(&self) -> usize {
        self.buf.len()
    }

    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.starts.clear();
        // One flood must not hold its memory for ever.
        if self.buf.capacity() > GROUP_BYTES_MAX {
            self.buf = Vec::new();
        }
    }

    pub(super) fn push_payload(&mut self, payload: &[u8]) {
        self.starts.push(self.buf.len());
        self.buf.extend_from_slice(&[0; HEAD]);
        self.buf.extend_from_slice(payload);
    }

    /// Writes heads for `first` and the numbers after it; the first record is the `group`-th of its group.
    fn seal(&mut self, first: u64, salt: u32) {
        for i in 0..self.starts.len() {
            let end = self.starts.get(i + 1).copied().unwrap_or(self.buf.len());
            frame::seal(&mut self.buf[self.starts[i]..end], first + i as u64, i as u32, salt);
        }
    }

    /// Writes the group as a whole new segment and syncs it.
    pub(super) fn into_segment(
        mut self,
        serial: u64,
        header: Header,
        file: &dyn DiskFile,
    ) -> io::Result<Segment> {
        self.seal(header.first, header.salt);
        file.write_at(&header.encode(), 0)?;
        file.write_at(&self.buf, BODY)?;
        file.sync()?;
        let segment = Segment::new(serial, header);
        let (marks, newest) = self.marks(header.first, BODY);
        let last = header.first + self.len() as u64 - 1;
        segment.extend(&marks, BODY + self.bytes() as u64, last, newest);
        Ok(segment)
    }

    fn received_at(&self, i: usize) -> Timestamp {
        let payload = self.starts[i] + HEAD;
        record::received_at(&self.buf[payload..]).unwrap_or_default()
    }

    /// Some places for the time index, and the newest time.
    fn marks(&self, first: u64, offset: u64) -> (Vec<Mark>, Timestamp) {
        let mut newest = Timestamp::from_micros(i64::MIN);
        let mut marks = Vec::new();
        for i in 0..self.starts.len() {
            let received_at = self.received_at(i);
            newest = newest.max(received_at);
            if i % 64 == 0 {
                marks.push(Mark {
                    number: first + i as u64,
                    offset: offset + self.starts[i] as u64,
                    received_at,
                });
            }
        }
        (marks, newest)
    }
}

/// The log: one writer, no threads, no clock. The server drives it from a thread of its own ([`super::Journal`]),
/// the simulator calls it directly.
pub struct Log {
    shared: Arc<Shared>,
    active: Option<Active>,
    /// Records of the last group found at opening, whose sync is not certain: written first of all.
    carry: Group,
    /// Number of the next record (of `carry`'s first, while there is one).
    next: u64,
    serial: u64,
    epoch: u64,
    created: Timestamp,
    salts: UidSource,
}

struct Active {
    file: Arc<dyn DiskFile>,
    segment: Arc<Segment>,
    reserved: u64,
}

/// Where the log goes on after opening.
pub(super) struct Resume {
    pub(super) shared: Arc<Shared>,
    pub(super) carry: Group,
    pub(super) next: u64,
    pub(super) serial: u64,
    pub(super) epoch: u64,
    pub(super) salts: UidSource,
}

impl Log {
    /// Opens the journal on `disk`, or makes a new one. A full or failing disk does not prevent opening: appends
    /// are refused then, until one succeeds.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, OpenReport), JournalError> {
        let created = options.now;
        let (resume, report) = open::open(disk, options)?;
        let Resume { shared, carry, next, serial, epoch, salts } = resume;
        let mut log = Self { shared, active: None, carry, next, serial, epoch, created, salts };
        if let Err(error) = log.start_segment() {
            tracing::error!(%error, "journal opened without a segment to write to");
            log.shared.set_trouble(Some(error.to_string()));
        }
        Ok((log, report))
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Writes `group` and syncs once. Answers the number of its first record; the others follow it without a
    /// hole. After an error nothing of the group is durable as far as readers are concerned.
    pub fn append(&mut self, group: &mut Group) -> Result<u64, AppendError> {
        if group.is_empty() {
            return Ok(self.next);
        }
        match self.try_append(group) {
            Ok(first) => {
                self.shared.set_trouble(None);
                Ok(first)
            }
            Err(Refusal::Full) => {
                self.shared.set_trouble(Some("journal is at its size limit and waits for apply".to_owned()));
                Err(AppendError::Full)
            }
            Err(Refusal::Disk(error)) => {
                let full = is_full(&error);
                self.abandon(&error);
                Err(if full { AppendError::Full } else { AppendError::Unavailable })
            }
        }
    }

    fn try_append(&mut self, group: &mut Group) -> Result<u64, Refusal> {
        let bytes = group.bytes() as u64;
        if !self.shared.make_room(bytes + BODY)? {
            return Err(Refusal::Full);
        }
        let limit = self.shared.options.segment_bytes;
        if self.active.as_ref().is_some_and(|a| !a.segment.is_empty() && a.segment.end() + bytes > limit) {
            self.finish();
        }
        if self.active.is_none() {
            self.start_segment()?;
        }
        let reserve = self.shared.options.reserve_bytes;
        let first = self.next;
        let Some(active) = &mut self.active else { return Err(io::Error::other("no segment").into()) };
        active.write(group, first, reserve, limit)?;
        self.next = first + group.len() as u64;
        self.shared.durable.send_replace(self.next - 1);
        Ok(first)
    }

    /// Makes a new segment and, in it, makes durable what opening carried over.
    fn start_segment(&mut self) -> io::Result<()> {
        let disk = Arc::clone(&self.shared.disk);
        self.serial += 1;
        let name = segment_name(self.serial);
        let header = Header {
            journal: self.shared.journal,
            epoch: self.epoch,
            first: self.next,
            created: self.created,
            salt: self.salts.draw() as u32,
        };
        let file = disk.create(&name)?;
        let made = Self::fill(&*disk, &*file, &header, &mut self.carry);
        if let Err(error) = made {
            // Nothing in it was acknowledged, and what it carried is still where it was.
            let _ = disk.remove(&name);
            return Err(error);
        }
        let segment = Arc::new(Segment::new(self.serial, header));
        if !self.carry.is_empty() {
            let (marks, newest) = self.carry.marks(self.next, BODY);
            self.next += self.carry.len() as u64;
            segment.extend(&marks, BODY + self.carry.bytes() as u64, self.next - 1, newest);
        }
        let reserved = segment.end();
        self.shared.add(Arc::clone(&segment));
        self.active = Some(Active { file, segment, reserved });
        if !self.carry.is_empty() {
            self.carry = Group::new();
            self.shared.durable.send_replace(self.next - 1);
        }
        Ok(())
    }

    fn fill(disk: &dyn Disk, file: &dyn DiskFile, header: &Header, carry: &mut Group) -> io::Result<()> {
        carry.seal(header.first, header.salt);
        let mut bytes = header.encode();
        bytes.extend_from_slice(&carry.buf);
        file.write_at(&bytes, 0)?;
        file.sync()?;
        disk.sync_dir()
    }

    /// Closes the segment that is written to; the next append makes a new one.
    pub fn finish(&mut self) {
        let Some(active) = self.active.take() else { return };
        self.shared.finish_active();
        if active.reserved > active.segment.end() {
            let _ = active.file.truncate(active.segment.end());
        }
        write_index(&*self.shared.disk, &active.segment);
    }

    /// Never writes to or syncs the present file again.
    fn abandon(&mut self, error: &io::Error) {
        tracing::error!(%error, "journal write failed; the next append starts a new segment");
        self.shared.set_trouble(Some(error.to_string()));
        let Some(active) = self.active.take() else { return };
        self.shared.finish_active();
        if active.segment.is_empty() {
            // A disk that fails for hours must not leave a file behind for every try.
            self.shared.forget(active.segment.serial);
            let _ = self.shared.disk.remove(&segment_name(active.segment.serial));
        }
    }

    /// See [`super::Journal::reader_from`].
    pub fn reader_from(&mut self, cursor: Option<Cursor>) -> (Reader, Option<CursorAlarm>) {
        let start = self.shared.start_from(cursor);
        if let Some((floor, _)) = start.alarm {
            self.begin_epoch(floor);
        }
        (Reader::new(Arc::clone(&self.shared), start.next), start.alarm.map(|a| a.1))
    }

    /// See [`super::Journal::reader_at`].
    pub fn reader_at(&self, time: Timestamp) -> Reader {
        Reader::new(Arc::clone(&self.shared), self.shared.seek_time(time))
    }

    /// See [`super::Journal::set_applied`].
    pub fn set_applied(&self, number: u64) {
        self.shared.set_applied(number);
    }

    /// See [`super::Journal::sweep`].
    pub fn sweep(&mut self, now: Timestamp, within: Option<Span>) -> Result<usize, JournalError> {
        if self.shared.active_since().is_some_and(|since| since + limits::JOURNAL_SEGMENT_AGE < now) {
            self.finish();
        }
        Ok(self.shared.sweep(now, within)?)
    }

    /// See [`super::Journal::erase`].
    pub fn erase(
        &mut self,
        seed: u64,
        decide: impl FnMut(&Record) -> Erasure,
    ) -> Result<Erased, JournalError> {
        self.finish();
        erase::erase(&self.shared, seed, decide)
    }

    /// See [`super::Journal::copy_from`].
    pub fn copy_from(&mut self, cursor: Option<Cursor>, out: &mut dyn Write) -> Result<Copied, JournalError> {
        self.finish();
        backup::copy(&self.shared, self.shared.copy_above(cursor), out)
    }

    /// See [`super::Journal::status`].
    pub fn status(&self) -> Status {
        self.shared.status(0)
    }

    /// Which journal this is.
    pub fn id(&self) -> Uuid {
        self.shared.journal
    }

    /// Begins a new epoch, in which numbers lie above `floor`.
    pub(super) fn begin_epoch(&mut self, floor: u64) {
        self.finish();
        self.epoch += 1;
        if self.carry.is_empty() {
            self.next = self.next.max(floor + 1);
        }
        if let Err(error) = self.start_segment() {
            self.abandon(&error);
        }
        if self.next <= floor {
            // The carried records kept their old numbers; everything after them lies above the floor.
            self.finish();
            self.next = floor + 1;
        }
    }
}

impl Active {
    fn write(&mut self, group: &mut Group, first: u64, reserve: u64, limit: u64) -> io::Result<()> {
        let at = self.segment.end();
        let end = at + group.bytes() as u64;
        if reserve > 0 && end > self.reserved {
            self.reserve(end, (end + reserve).min(limit.max(end)))?;
        }
        group.seal(first, self.segment.header.salt);
        self.file.write_at(&group.buf, at)?;
        self.file.sync()?;
        let (marks, newest) = group.marks(first, at);
        self.segment.extend(&marks, end, first + group.len() as u64 - 1, newest);
        Ok(())
    }

    /// Takes a step of space, or just what is needed where the disk has no more.
    fn reserve(&mut self, needed: u64, wanted: u64) -> io::Result<()> {
        match self.file.reserve(wanted) {
            Ok(()) => self.reserved = wanted,
            Err(e) if is_full(&e) => {
                self.file.reserve(needed)?;
                self.reserved = needed;
            }
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.finish();
    }
}

enum Refusal {
    Full,
    Disk(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
