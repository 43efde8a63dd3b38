//! The one place that reads the clock (I14).

use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use everthread_core::time::{Span, Timestamp};

/// The highest time handed out; the clock never falls below it.
static LAST_MICROS: AtomicI64 = AtomicI64::new(0);

/// A difference between wall clock and monotonic clock larger than this is a jump.
pub const JUMP: Duration = Duration::from_mins(1);

/// Now, in microseconds. Never earlier than any time handed out before, in this process or (once
/// [`not_before`] has been told) in the one before it.
pub fn now() -> Timestamp {
    let wall = wall_micros();
    let last = LAST_MICROS.fetch_max(wall, Ordering::AcqRel);
    Timestamp::from_micros(wall.max(last))
}

/// Tells the clock the last time that an earlier process wrote down.
pub fn not_before(time: Timestamp) {
    LAST_MICROS.fetch_max(time.micros(), Ordering::AcqRel);
}

/// How long this process has been running, monotonic.
pub fn uptime() -> Span {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed();
    Span::micros(i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX))
}

/// 64 unpredictable bits, for the seeds that units of work take.
pub fn seed() -> u64 {
    uuid::Uuid::new_v4().as_u64_pair().0
}

/// Notices jumps of the wall clock against the monotonic one.
#[derive(Debug)]
pub struct JumpWatch {
    wall_micros: i64,
    monotonic: Instant,
}

impl JumpWatch {
    /// Starts watching.
    pub fn new() -> Self {
        Self { wall_micros: wall_micros(), monotonic: Instant::now() }
    }

    /// True when the wall clock has moved more than [`JUMP`] away from the monotonic clock since the last call:
    /// the caller then lets one catch-up pass happen before anything expires.
    pub fn jumped(&mut self) -> bool {
        let (wall, monotonic) = (wall_micros(), Instant::now());
        let passed = monotonic.duration_since(self.monotonic).as_micros() as i64;
        let drift = (wall - self.wall_micros - passed).unsigned_abs();
        (self.wall_micros, self.monotonic) = (wall, monotonic);
        u128::from(drift) > JUMP.as_micros()
    }
}

impl Default for JumpWatch {
    fn default() -> Self {
        Self::new()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the shell's clock, the one exception")]
fn wall_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64)
}

/// The wall clock for libraries that take the standard library's own type.
#[expect(clippy::disallowed_methods, reason = "this is the shell's clock, the one exception")]
pub fn system_time() -> SystemTime {
    SystemTime::now()
}
