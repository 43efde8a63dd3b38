//! A record that was in progress at two noted deaths of the process is not parsed again (design section 3).
//!
//! `DIR/apply.mark` exists while the apply stage runs. Found at start, it means that the last process did not end
//! in order: then every record is noted there before it is parsed, and applied before the next one is, until the stage
//! has caught up.

use std::path::{Path, PathBuf};

/// Records looked at carefully after an unclean end; what was in flight then is among them.
const CAREFUL_MAX: u32 = 4_096;

/// Noted deaths in a row after which a record is given up.
const DEATHS_MAX: u32 = 2;

/// Watches over records in progress.
#[derive(Debug)]
pub struct Marker {
    path: PathBuf,
    /// Record noted by the process before us, in its own careful mode, and how many in a row noted it. One is no proof:
    /// whoever ends a busy process from outside always finds some record in progress.
    suspect: Option<(u64, u32)>,
    careful_left: u32,
}

impl Marker {
    /// What people read of a record that is not tried again.
    pub const GIVEN_UP: &str =
        "the hub ended twice while it worked on it; kept unparsed, replay it after an update";

    /// Starts: careful where the last process left its mark behind.
    pub fn start(data: &Path) -> std::io::Result<Self> {
        let path = data.join("apply.mark");
        let left_behind = std::fs::read_to_string(&path).ok();
        let suspect = left_behind.as_deref().and_then(|text| {
            let (record, deaths) = text.trim().split_once(' ')?;
            Some((record.parse().ok()?, deaths.parse().ok()?))
        });
        let careful_left = if left_behind.is_some() { CAREFUL_MAX } else { 0 };
        if left_behind.is_none() {
            std::fs::write(&path, "running")?;
        }
        Ok(Self { path, suspect, careful_left })
    }

    /// True while records are looked at one by one: each is to be applied before the next is parsed, so that a death is charged to
    /// the record that caused it.
    pub const fn is_careful(&self) -> bool {
        self.careful_left > 0
    }

    /// Asks before `record` is parsed, or an item of it that was set aside is tried again. False: it was in progress at two deaths, keep it as a problem unparsed.
    pub fn may_begin(&mut self, record: u64) -> bool {
        if self.careful_left == 0 {
            return true;
        }
        self.careful_left -= 1;
        let deaths = self.suspect.filter(|(suspect, _)| *suspect == record).map_or(0, |(_, deaths)| deaths);
        if deaths >= DEATHS_MAX {
            return false;
        }
        let note =
            if self.careful_left == 0 { "running".to_owned() } else { format!("{record} {}", deaths + 1) };
        // A mark that can't be written only makes the next start less careful.
        let _ = std::fs::write(&self.path, note);
        true
    }

    /// The stage is idle or stopping: nothing is in progress.
    pub fn rest(&mut self) {
        if self.careful_left > 0 {
            let _ = std::fs::write(&self.path, "running");
        }
    }

    /// The process ends in order.
    pub fn end(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_were_in_progress_at_different_deaths_are_innocent() {
        let dir = tempfile::tempdir().expect("dir");
        assert!(Marker::start(dir.path()).expect("start").may_begin(7));
        for record in 7..20 {
            let mut marker = Marker::start(dir.path()).expect("start");
            assert!((7..=record).all(|old| marker.may_begin(old)), "{record}");
        }
    }

    #[test]
    fn a_record_is_given_up_after_two_noted_deaths_only() {
        let dir = tempfile::tempdir().expect("dir");
        let mut first = Marker::start(dir.path()).expect("start");
        assert!(first.may_begin(7), "dies here, without being careful");
        let mut second = Marker::start(dir.path()).expect("start");
        assert!(second.may_begin(6));
        assert!(second.may_begin(7), "dies here, noted");
        let mut third = Marker::start(dir.path()).expect("start");
        assert!(third.may_begin(6));
        assert!(third.may_begin(7), "dies here, noted twice");
        let mut fourth = Marker::start(dir.path()).expect("start");
        assert!(fourth.may_begin(6));
        assert!(!fourth.may_begin(7), "given up");
        assert!(fourth.may_begin(8));
        assert!(fourth.is_careful());
        fourth.end();
        assert!(Marker::start(dir.path()).expect("start").may_begin(7));
    }
}
