//! A segment: its header, what is known about it, and the index file beside it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::{io, sync::Arc};

use everthread_core::time::Timestamp;
use uuid::Uuid;

use super::disk::{Disk, DiskFile, read_range};
use super::frame::{Expect, Step, Walk};
use super::record;
use super::types::Gap;

/// Where the first frame begins. The header stands at 0 and again at [`HEADER_COPY`].
pub(super) const BODY: u64 = 4096;
const HEADER_COPY: usize = 2048;
const HEADER_LEN: usize = 8 + 4 + 16 + 8 + 8 + 8 + 4 + 4;
const MAGIC: &[u8; 8] = b"EVTJRNL\0";
const INDEX_MAGIC: &[u8; 8] = b"EVTJIDX\0";
const VERSION: u32 = 1;
/// The time index has an entry at least every so many bytes.
const INDEX_STEP: u64 = 64 * 1024;

/// What a segment says about itself, written once when it is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Header {
    pub(super) journal: Uuid,
    /// Rises when a cursor did not fit the journal.
    pub(super) epoch: u64,
    /// Number of the first record; numbers from here on are void in earlier segments.
    pub(super) first: u64,
    pub(super) created: Timestamp,
    /// Start value of every check in this segment; random.
    pub(super) salt: u32,
}

impl Header {
    /// The first [`BODY`] bytes of a segment.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut one = Vec::with_capacity(HEADER_LEN);
        one.extend_from_slice(MAGIC);
        one.extend_from_slice(&VERSION.to_le_bytes());
        one.extend_from_slice(self.journal.as_bytes());
        one.extend_from_slice(&self.epoch.to_le_bytes());
        one.extend_from_slice(&self.first.to_le_bytes());
        one.extend_from_slice(&self.created.micros().to_le_bytes());
        one.extend_from_slice(&self.salt.to_le_bytes());
        let check = crc32c::crc32c(&one);
        one.extend_from_slice(&check.to_le_bytes());
        let mut out = vec![0_u8; BODY as usize];
        out[..HEADER_LEN].copy_from_slice(&one);
        out[HEADER_COPY..HEADER_COPY + HEADER_LEN].copy_from_slice(&one);
        out
    }

    /// Reads the header, from its copy if the first is damaged. `None` when both are.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        [0, HEADER_COPY].iter().find_map(|at| Self::decode_one(bytes.get(*at..*at + HEADER_LEN)?))
    }

    fn decode_one(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes);
        if fields.take(8)? != MAGIC || fields.u32()? != VERSION {
            return None;
        }
        let header = Self {
            journal: Uuid::from_slice(fields.take(16)?).ok()?,
            epoch: fields.u64()?,
            first: fields.u64()?,
            created: fields.time()?,
            salt: fields.u32()?,
        };
        (header.first > 0 && fields.u32()? == crc32c::crc32c(&bytes[..HEADER_LEN - 4])).then_some(header)
    }
}

/// Reads little-endian fields one after the other.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }
    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }
    fn time(&mut self) -> Option<Timestamp> {
        Some(Timestamp::from_micros(i64::from_le_bytes(self.take(8)?.try_into().ok()?)))
    }
}

/// A place in a segment by number and by time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Mark {
    pub(super) number: u64,
    pub(super) offset: u64,
    pub(super) received_at: Timestamp,
}

/// A segment as the journal and its readers share it.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) serial: u64,
    pub(super) header: Header,
    /// Where its durable frames end.
    end: AtomicU64,
    /// Its last durable record; `first - 1` while it has none.
    last: AtomicU64,
    /// The newest time of receipt in it, microseconds.
    newest: AtomicI64,
    marks: Mutex<Vec<Mark>>,
}

impl Segment {
    pub(super) fn new(serial: u64, header: Header) -> Self {
        Self {
            serial,
            header,
            end: AtomicU64::new(BODY),
            last: AtomicU64::new(header.first - 1),
            newest: AtomicI64::new(i64::MIN),
            marks: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Acquire)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.last() < self.header.first
    }

    /// `None` while it is empty.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        let micros = self.newest.load(Ordering::Acquire);
        (micros != i64::MIN).then(|| Timestamp::from_micros(micros))
    }

    /// The time of its first record, about.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.marks().first().map(|m| m.received_at)
    }

    /// Numbers above `last` turned out to be void or were never durable.
    pub(super) fn fence(&self, last: u64) {
        self.last.fetch_min(last, Ordering::AcqRel);
    }

    /// A group has become durable.
    pub(super) fn extend(&self, marks: &[Mark], end: u64, last: u64, newest: Timestamp) {
        {
            let mut all = self.marks();
            for mark in marks {
                if all.last().is_none_or(|m| mark.offset >= m.offset + INDEX_STEP) {
                    all.push(*mark);
                }
            }
        }
        self.newest.fetch_max(newest.micros(), Ordering::AcqRel);
        self.end.store(end, Ordering::Release);
        self.last.store(last, Ordering::Release);
    }

    fn marks(&self) -> std::sync::MutexGuard<'_, Vec<Mark>> {
        self.marks.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The last marked place at or before record `number`, as (number, offset).
    pub(super) fn seek(&self, number: u64) -> (u64, u64) {
        let marks = self.marks();
        let upto = marks.partition_point(|m| m.number <= number);
        let place = upto.checked_sub(1).and_then(|i| marks.get(i));
        place.map_or((self.header.first, BODY), |m| (m.number, m.offset))
    }

    /// A record number at or before the first record received at `time` or later.
    pub(super) fn seek_time(&self, time: Timestamp) -> u64 {
        let marks = self.marks();
        let upto = marks.partition_point(|m| m.received_at < time);
        upto.checked_sub(1).and_then(|i| marks.get(i)).map_or(self.header.first, |m| m.number)
    }

    /// The bytes of its index file.
    pub(super) fn encode_index(&self) -> Vec<u8> {
        let marks = self.marks();
        let mut out = Vec::with_capacity(64 + marks.len() * 24);
        out.extend_from_slice(INDEX_MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&self.header.salt.to_le_bytes());
        out.extend_from_slice(&self.end().to_le_bytes());
        out.extend_from_slice(&self.last().to_le_bytes());
        out.extend_from_slice(&self.newest.load(Ordering::Acquire).to_le_bytes());
        out.extend_from_slice(&(marks.len() as u32).to_le_bytes());
        for mark in marks.iter() {
            out.extend_from_slice(&mark.number.to_le_bytes());
            out.extend_from_slice(&mark.offset.to_le_bytes());
            out.extend_from_slice(&mark.received_at.micros().to_le_bytes());
        }
        let check = crc32c::crc32c(&out);
        out.extend_from_slice(&check.to_le_bytes());
        out
    }

    /// A segment as its index file tells. `None` when the file is damaged or belongs to other contents.
    pub(super) fn from_index(serial: u64, header: Header, bytes: &[u8], file_len: u64) -> Option<Self> {
        let (body, check) = bytes.split_last_chunk::<4>()?;
        let mut fields = Fields(body);
        if u32::from_le_bytes(*check) != crc32c::crc32c(body)
            || fields.take(8)? != INDEX_MAGIC
            || fields.u32()? != VERSION
            || fields.u32()? != header.salt
        {
            return None;
        }
        let (end, last, newest) = (fields.u64()?, fields.u64()?, fields.time()?);
        let count = fields.u32()? as usize;
        let marks: Option<Vec<Mark>> = (0..count)
            .map(|_| Some(Mark { number: fields.u64()?, offset: fields.u64()?, received_at: fields.time()? }))
            .collect();
        (end <= file_len).then_some(())?;
        let segment = Self::new(serial, header);
        *segment.marks() = marks?;
        segment.newest.store(newest.micros(), Ordering::Release);
        segment.end.store(end, Ordering::Release);
        segment.last.store(last, Ordering::Release);
        Some(segment)
    }
}

/// The file name of a segment.
pub(super) fn segment_name(serial: u64) -> String {
    format!("{serial:012}.seg")
}

/// The file name of a segment's index.
pub(super) fn index_name(serial: u64) -> String {
    format!("{serial:012}.idx")
}

/// The serial in a segment's file name. `None` for any other file.
pub(super) fn serial_of(name: &str) -> Option<u64> {
    name.strip_suffix(".seg").filter(|s| s.len() == 12)?.parse().ok()
}

/// What reading a whole segment found.
pub(super) struct Scanned {
    pub(super) segment: Segment,
    pub(super) gaps: Vec<Gap>,
    /// Bytes behind the last good frame that are not just reserved space.
    pub(super) torn: u64,
    /// The records of the last group: where they begin, and how the first is numbered.
    pub(super) last_group: Option<(u64, u64)>,
}

/// Reads a whole segment frame by frame.
pub(super) fn scan(file: &dyn DiskFile, serial: u64, header: Header, fence: u64) -> io::Result<Scanned> {
    let len = file.len()?;
    let buf = read_range(file, BODY, usize::try_from(len.saturating_sub(BODY)).unwrap_or(usize::MAX))?;
    let segment = Segment::new(serial, header);
    let mut walk = Walk::new(&buf, header.salt, true, Expect { next: header.first, fence });
    let (mut gaps, mut end, mut last_group) = (Vec::new(), 0, None);
    loop {
        match walk.step() {
            Step::Frame(frame) => {
                let received_at = record::received_at(&buf[frame.payload..frame.end]).unwrap_or_default();
                let mark = Mark { number: frame.number, offset: BODY + frame.at as u64, received_at };
                let first_of_group = frame.number.saturating_sub(u64::from(frame.group));
                if last_group.is_none_or(|(_, first)| first != first_of_group) {
                    last_group = Some((mark.offset, first_of_group));
                }
                segment.extend(&[mark], BODY + frame.end as u64, frame.number, received_at);
                end = frame.end;
            }
            Step::Gap(gap) => gaps.push(gap),
            Step::More { .. } | Step::End { .. } | Step::Fence => break,
        }
    }
    let rest = &buf[end..];
    let torn = rest.iter().rposition(|b| *b != 0).map_or(0, |i| i as u64 + 1);
    Ok(Scanned { segment, gaps, torn, last_group })
}

/// Writes the index file of a finished segment. It can be made again, so it is not synced and a failure is no
/// reason to stop.
pub(super) fn write_index(disk: &dyn Disk, segment: &Segment) {
    let name = index_name(segment.serial);
    let written = disk
        .remove(&name)
        .or_else(|e| if e.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(e) })
        .and_then(|()| disk.create(&name))
        .and_then(|file: Arc<dyn DiskFile>| file.write_at(&segment.encode_index(), 0));
    if let Err(error) = written {
        tracing::warn!(segment = segment.serial, %error, "journal index not written; it will be made again");
    }
}
