//! Token buckets for the platforms' rate limits.

use serde::{Deserialize, Serialize};

/// How fast an account may be used; what isn't given is the platform's documented figure.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Sends per second over the whole account.
    pub account_per_s: Option<f64>,
    /// Sends per second to one customer.
    pub customer_per_s: Option<f64>,
    /// How many sends to one customer may come at once.
    pub customer_burst: Option<f64>,
    /// History reads per second.
    pub history_per_s: Option<f64>,
}

/// A bucket that refills evenly.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bucket {
    level: Option<f64>,
    at_ms: i64,
}

impl Bucket {
    /// Takes one token of a bucket that holds `burst` and gains `per_s`; `Err` is the wait in milliseconds.
    pub(crate) fn take(&mut self, now_ms: i64, per_s: f64, burst: f64) -> Result<(), u64> {
        let gained = (now_ms - self.at_ms).max(0) as f64 / 1000.0 * per_s;
        let level = self.level.map_or(burst, |level| (level + gained).min(burst));
        self.at_ms = now_ms;
        if level >= 1.0 {
            self.level = Some(level - 1.0);
            return Ok(());
        }
        self.level = Some(level);
        Err(((1.0 - level) / per_s.max(1e-9) * 1000.0).ceil() as u64)
    }

    /// How much of the bucket is used, in percent.
    pub(crate) fn used_percent(&self, burst: f64) -> u64 {
        let level = self.level.unwrap_or(burst);
        ((1.0 - level / burst.max(1.0)) * 100.0).clamp(0.0, 100.0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_then_its_rate() {
        let mut bucket = Bucket::default();
        assert!((0..45).all(|_| bucket.take(0, 1.0 / 6.0, 45.0).is_ok()));
        let wait = bucket.take(0, 1.0 / 6.0, 45.0).unwrap_err();
        assert!((5_999..=6_001).contains(&wait), "{wait}");
        assert!(bucket.take(5_900, 1.0 / 6.0, 45.0).is_err());
        assert!(bucket.take(6_010, 1.0 / 6.0, 45.0).is_ok());
        assert_eq!(bucket.used_percent(45.0), 99);
    }
}
