//! Random streams: one per purpose, so that a change in one place does not shift all the others.

use everthread_core::ids::UidSource;
use everthread_core::time::Span;

/// A stream of numbers from a seed and a salt.
#[derive(Clone, Debug)]
pub(crate) struct Rng(UidSource);

impl Rng {
    pub(crate) fn new(seed: u64, salt: &str) -> Self {
        let mixed = salt.bytes().fold(seed ^ 0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(UidSource::new(mixed))
    }

    pub(crate) fn draw(&mut self) -> u64 {
        self.0.draw()
    }

    /// Below `n`; 0 where `n` is 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.draw() % n.max(1) as u64) as usize
    }

    /// True so many times in a thousand.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.draw() % 1_000 < u64::from(permille)
    }

    /// Between two numbers of milliseconds.
    pub(crate) fn millis(&mut self, least: i64, most: i64) -> Span {
        let room = u64::try_from(most - least).unwrap_or(0) * 1_000 + 1;
        Span::micros(least * 1_000 + (self.draw() % room) as i64)
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let at = self.below(from.len());
        from.get(at)
    }
}
