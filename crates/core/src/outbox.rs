//! What follows an attempt: retry, hold, settle, fail.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// What settles an uncertain outcome (channel facts, 0.3; outage model, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// Repeat with the same key: never uncertain for long.
    Idempotent,
    /// A status or echo that carries our correlation, or matches by peer, text and time, within this span.
    ByCallback(Span),
    /// Nothing can; the message ends unconfirmed at once.
    Never,
}
