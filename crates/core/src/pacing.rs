//! How fast an account may send.

use serde::{Deserialize, Serialize};

/// Pacing of an account; each number is sends per second with a burst. Overridden per account
/// (`--set rate_per_s=...`).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pacing {
    pub account: Rate,
    /// Our account and one customer.
    pub pair: Rate,
}

/// Sustained rate and burst.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// Calls per second, sustained.
    pub per_s: f64,
    /// Calls that may go at once after a pause.
    pub burst: u32,
}
