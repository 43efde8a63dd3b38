//! Payloads into events.

use everthread_core::event::Parsed;

use crate::json;

/// Our token in the query of a status callback.
pub(super) const CORRELATION: &str = "part";

/// Reads one record.
pub(super) fn parse(raw: &crate::wire::RawRecord<'_>) -> Parsed {
    json::unreadable("not understood", raw.body)
}
