//! Payloads into events.

use everthread_core::event::Parsed;

use crate::json;

/// What the provider id of a pressed button begins with; the rest is the id to acknowledge.
pub(super) const CALLBACK: &str = "callback:";

/// Reads one record.
pub(super) fn parse(body: &[u8]) -> Parsed {
    json::unreadable("not understood", body)
}
