//! The durable log of raw input: what a provider was told 200 for is here (I1, I11).
//!
//! Segments `<serial>.seg` hold length-prefixed records under CRC32C; one `fdatasync` serves a group of waiting
//! appenders. A record's number never changes and is never used twice. `<serial>.idx` beside a finished segment
//! is a time index that can be made again from it.
//!
//! What holds whatever happens:
//! - A number at or above the first number of a later segment is void. This is how the unacknowledged rest of a
//!   failed or torn segment is fenced off without touching it again.
//! - Readers see only what is durable.
//! - Nothing is deleted that is not applied; nothing unreadable is deleted at all.

mod backup;
mod disk;
mod erase;
mod frame;
mod log;
mod open;
mod reader;
mod record;
mod segment;
mod shared;
pub mod testing;
#[cfg(test)]
mod tests;
mod types;
mod writer;

pub use backup::{Copied, restore};
pub use disk::{Disk, DiskFile, FsDisk};
pub use erase::{Erased, Erasure};
pub use log::{Group, Log};
pub use reader::{Batch, Reader};
pub use record::{CONTENT_TYPE_BYTES_MAX, DecodeError, QUERY_BYTES_MAX, RawRecord, Record, Source};
pub use types::{AppendError, Cursor, CursorAlarm, Gap, GapCause, JournalError, OpenReport, Options, Status};
pub use writer::{Append, Journal};
