//! How fast an account may send: generic cell rate algorithm in whole microseconds.

use serde::{Deserialize, Serialize};

use crate::time::{Span, Timestamp};

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
    /// Calls per second, sustained. Zero, negative or not a number: none at all.
    pub per_s: f64,
    /// Calls that may go at once after a pause; 0 counts as 1.
    pub burst: u32,
}

/// A rate as whole microseconds, rounded so that it is never exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Time that one call takes up.
    interval: i64,
    burst: i64,
}

/// The time taken up by a limit that lets nothing through: a century.
const NEVER: i64 = 100 * 365 * 24 * 3_600 * 1_000_000;

impl From<Rate> for Limit {
    fn from(rate: Rate) -> Self {
        let interval = 1_000_000.0 / rate.per_s;
        let interval =
            if rate.per_s > 0.0 && interval < NEVER as f64 { (interval.ceil() as i64).max(1) } else { NEVER };
        Self { interval, burst: i64::from(rate.burst.max(1)) }
    }
}

impl Limit {
    /// The time one call takes up at the sustained rate.
    pub const fn interval(&self) -> Span {
        Span::micros(self.interval)
    }

    /// Calls that may go at once after a pause.
    pub const fn burst(&self) -> i64 {
        self.burst
    }
}

/// State of one limit: when the calls so far will have been worked off at the sustained rate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gcra {
    free_at: Timestamp,
}

impl Gcra {
    /// The earliest time at which a call may go, leaving `reserve` calls of the burst for others. At most
    /// the whole burst but one can be reserved.
    pub fn earliest(&self, limit: &Limit, reserve: i64) -> Timestamp {
        let ahead = (limit.burst - reserve.clamp(0, limit.burst - 1) - 1).saturating_mul(limit.interval);
        self.free_at - Span::micros(ahead)
    }

    /// Books one call at `now`. Booking before [`Gcra::earliest`] is counted all the same: what went out went out.
    pub fn book(&mut self, limit: &Limit, now: Timestamp) {
        self.free_at = self.free_at.max(now) + limit.interval();
    }

    /// When nothing is left of the past: from then on it is as good as new.
    pub const fn free_at(&self) -> Timestamp {
        self.free_at
    }
}
