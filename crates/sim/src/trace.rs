//! A hash over everything that happened, and the last lines of it for people.

use std::collections::VecDeque;

/// Lines kept to print beside a violation.
const KEPT: usize = 60;

#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: u64,
    last: VecDeque<String>,
    verbose: bool,
}

impl Trace {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, ..Self::default() }
    }

    pub(crate) fn note(&mut self, line: String) {
        for byte in line.bytes() {
            self.hash = (self.hash.rotate_left(5) ^ u64::from(byte)).wrapping_mul(0x517C_C1B7_2722_0A95);
        }
        if self.verbose {
            println!("{line}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }

    pub(crate) const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) fn last(&self) -> impl Iterator<Item = &str> {
        self.last.iter().map(String::as_str)
    }
}
