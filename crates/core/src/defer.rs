//! When an item that could not be applied for a passing reason is tried again.

use crate::limits::{DEFER_FIRST, DEFER_TRIES_MAX, DEFER_WAIT_MAX};
use crate::time::Span;

/// The wait before the next try, after `tries` that failed: doubling from [`DEFER_FIRST`] to [`DEFER_WAIT_MAX`].
/// `None`: given up, it becomes a problem and what waited behind it goes on.
pub fn wait(tries: u32) -> Option<Span> {
    (tries < DEFER_TRIES_MAX).then(|| (DEFER_FIRST * (1_i64 << tries.min(20))).min(DEFER_WAIT_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_end() {
        let waits: Vec<i64> = (0..).map_while(wait).map(|span| span.as_micros() / 1_000_000).collect();
        assert_eq!(waits[..4], [1, 2, 4, 8]);
        assert_eq!(waits.last(), Some(&600));
        let hours = waits.iter().sum::<i64>() / 3_600;
        assert!((2..=6).contains(&hours), "{hours} h until a person is told");
    }
}
