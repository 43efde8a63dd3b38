//! The hub's own answers, by status alone.

use everthread_core::outcome::ErrorClass::{BadRequest, PlatformOutage, RecipientUnreachable};

use crate::table::{Code, Row};

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::refused(RecipientUnreachable, Code::Any, "the visitor is gone", "15").http(404, 404),
    Row::refused(BadRequest, Code::Any, "the part is not understood", "15").http(422, 422),
    Row::retry(PlatformOutage, Code::Any, "the store is away; nothing was written", "15").http(503, 503),
];
