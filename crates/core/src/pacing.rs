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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invariants::within_rate;

    fn limit(per_s: f64, burst: u32) -> Limit {
        Rate { per_s, burst }.into()
    }

    #[test]
    fn burst_goes_at_once_and_then_one_per_interval() {
        let limit = limit(2.0, 3);
        let start = Timestamp::from_secs(100);
        let (mut gcra, mut sent) = (Gcra::default(), Vec::new());
        for _ in 0..5 {
            let at = gcra.earliest(&limit, 0).max(start);
            gcra.book(&limit, at);
            sent.push(at.since(start).as_micros() / 1_000);
        }
        assert_eq!(sent, [0, 0, 0, 500, 1_000]);
    }

    #[test]
    fn a_reserve_is_left_for_others() {
        let limit = limit(1.0, 4);
        let now = Timestamp::from_secs(100);
        let mut gcra = Gcra::default();
        for _ in 0..3 {
            assert!(gcra.earliest(&limit, 1) <= now);
            gcra.book(&limit, now);
        }
        assert!(gcra.earliest(&limit, 1) > now, "bulk must leave one");
        assert!(gcra.earliest(&limit, 0) <= now, "talk may take it");
        let one = self::limit(1.0, 1);
        assert!(Gcra::default().earliest(&one, 5) <= now, "a burst of one is open to all");
    }

    #[test]
    fn odd_rates_are_safe() {
        for per_s in [0.0, -1.0, f64::NAN, f64::MIN_POSITIVE] {
            let limit = limit(per_s, 1);
            let mut gcra = Gcra::default();
            gcra.book(&limit, Timestamp::from_secs(1));
            assert!(gcra.earliest(&limit, 0) > Timestamp::from_secs(1_000_000_000), "{per_s}");
        }
        assert_eq!(limit(f64::INFINITY, 0).interval(), Span::micros(1));
        assert_eq!(limit(3.0, 1).interval(), Span::micros(333_334));
    }

    proptest::proptest! {
        #[test]
        fn no_window_holds_more_than_burst_and_rate(
            per_s in 0.01_f64..5_000.0,
            burst in 1_u32..50,
            tries in proptest::collection::vec((0_i64..3_000_000, 0_i64..10), 1..200),
        ) {
            let limit = limit(per_s, burst);
            let (mut gcra, mut now, mut sends) = (Gcra::default(), Timestamp::from_secs(1_000), Vec::new());
            for (step, reserve) in tries {
                now = now + Span::micros(step);
                if gcra.earliest(&limit, reserve) <= now {
                    gcra.book(&limit, now);
                    sends.push(now);
                }
            }
            proptest::prop_assert!(within_rate(&limit, &sends));
            // The same by counting, window by window: the predicate must not share the mistake.
            for (first, from) in sends.iter().enumerate() {
                for (last, to) in sends.iter().enumerate().skip(first) {
                    let allowed = f64::from(burst) + to.since(*from).as_micros() as f64 * per_s / 1e6;
                    proptest::prop_assert!((last - first + 1) as f64 <= allowed + 1e-6);
                }
            }
            // And it is not needlessly slow: after a pause the whole burst is there.
            let later = now + Span::micros((f64::from(burst) * 1_000_001.0 / per_s) as i64 + i64::from(burst));
            for _ in 0..burst {
                proptest::prop_assert!(gcra.earliest(&limit, 0) <= later);
                gcra.book(&limit, later);
            }
            proptest::prop_assert!(gcra.earliest(&limit, 0) > later);
        }
    }
}
