//! Words of the journal that callers see: options, cursors, gaps, errors, status.

use std::io;

use everthread_core::limits;
use everthread_core::time::{Span, Timestamp};
use uuid::Uuid;

/// How a journal is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// A segment is closed when the next group would make it larger than this many bytes.
    pub segment_bytes: u64,
    /// All segments together; beyond it appends answer [`AppendError::Full`] once nothing applied is left to drop.
    pub bytes_max: u64,
    /// Larger payloads answer [`AppendError::TooLarge`].
    pub record_bytes_max: usize,
    /// Bytes that may wait for the disk at one time; beyond it appends answer [`AppendError::Unavailable`].
    pub pending_bytes_max: usize,
    /// Space is taken from the disk in steps of this many bytes; 0 switches it off.
    pub reserve_bytes: u64,
    /// How long applied records are kept (I2).
    pub retention: Span,
    /// Seeds the UUID of a new journal and the salts of its segments; unpredictable in production.
    pub seed: u64,
    /// The time of opening.
    pub now: Timestamp,
}

impl Options {
    /// The product's limits.
    pub fn new(now: Timestamp, seed: u64) -> Self {
        Self {
            segment_bytes: limits::JOURNAL_SEGMENT_BYTES,
            bytes_max: limits::JOURNAL_BYTES_MAX,
            record_bytes_max: limits::WEBHOOK_BODY_BYTES_MAX + 1024,
            pending_bytes_max: limits::JOURNAL_PENDING_BYTES_MAX,
            reserve_bytes: limits::JOURNAL_RESERVE_BYTES,
            retention: limits::JOURNAL_RETENTION,
            seed,
            now,
        }
    }
}

/// The last record somebody is done with. Kept in the store; 0 is before the first record.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Cursor {
    /// Which journal.
    pub journal: Uuid,
    /// The last record done with.
    pub number: u64,
}

/// A cursor that does not fit the journal on disk. The journal has begun a new epoch and the reader starts at
/// the oldest record, so that nothing is skipped; what was applied before is recognised by its keys.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CursorAlarm {
    /// The cursor belongs to another journal: this one was replaced, or the store was.
    #[error("the cursor belongs to journal {cursor}, on disk is {found}")]
    Foreign {
        /// The cursor's journal.
        cursor: Uuid,
        /// The journal on disk.
        found: Uuid,
    },
    /// Records up to `cursor` were applied, but the journal ends at `last`: its tail was lost.
    #[error("the journal ends at record {last}, but records up to {cursor} were applied")]
    Shorter {
        /// The cursor's record number.
        cursor: u64,
        /// The last durable record.
        last: u64,
    },
}

/// Records that should be there and are not. Both ends belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// First missing record.
    pub from: u64,
    /// Last missing record.
    pub to: u64,
    /// What is known about the loss.
    pub cause: GapCause,
}

/// Why records are missing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GapCause {
    /// The bytes are there, but not as they were written.
    Damaged,
    /// No bytes: a lost tail, a missing segment, or a jump of numbers at a new epoch.
    Missing,
    /// Retention has dropped them.
    Dropped,
}

/// Why a record was not taken. Nothing of it will be read later unless the process died meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AppendError {
    /// The disk failed, or too much waits for it. Answer 503; a later append tries a new segment.
    #[error("the journal is unavailable")]
    Unavailable,
    /// The disk or the journal's own limit is full. Answer 503.
    #[error("the journal is full")]
    Full,
    /// The record is larger than the limit. Answer 413.
    #[error("the record is too large for the journal")]
    TooLarge,
}

/// A failure outside the append path.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The disk failed.
    #[error("journal: {0}")]
    Io(#[from] io::Error),
    /// The writer thread is gone: the journal was closed.
    #[error("journal is closed")]
    Closed,
    /// A backup stream that is none, or damaged.
    #[error("not a journal backup, or damaged: {0}")]
    Backup(&'static str),
    /// The place to restore into holds a journal already.
    #[error("there is a journal in this place already")]
    Occupied,
}

/// What opening found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OpenReport {
    /// True when there was no journal and a new one was made.
    pub created: bool,
    /// Segments that belong to the journal.
    pub segments: usize,
    /// Bytes cut from the end of the last segment: an append that never finished.
    pub torn_bytes: u64,
    /// Records of the last group written again into a new segment, since their sync may not have happened.
    pub rewritten: u64,
    /// Damage found in segments that had to be read; sealed ones are checked when they are read.
    pub gaps: Vec<Gap>,
    /// Files with a journal's name and no readable header, set aside under `<name>.bad`.
    pub unreadable: Vec<String>,
    /// Files of another journal, left alone.
    pub foreign: Vec<String>,
}

/// For `/readyz` and metrics.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// Bytes of all segments.
    pub bytes: u64,
    /// Number of segments.
    pub segments: usize,
    /// Oldest record kept, by number.
    pub oldest: u64,
    /// Last durable record; 0 when there is none.
    pub last: u64,
    /// Last record known to be applied.
    pub applied: u64,
    /// Bytes waiting for the disk.
    pub pending_bytes: usize,
    /// Whether the last write went well.
    pub healthy: bool,
    /// Why not.
    pub reason: Option<String>,
    /// Segments dropped before their time because the limit was reached.
    pub dropped_early: u64,
}
