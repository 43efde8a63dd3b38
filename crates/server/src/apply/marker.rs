//! A record that killed the process twice is not parsed a third time (design section 3).
//!
//! `DIR/apply.mark` exists while the apply stage runs. Found at start, it means that the last process did not end
//! in order: then every record is noted there before it is parsed, until the stage has caught up.

use std::path::{Path, PathBuf};

/// Records looked at carefully after an unclean end; what was in flight then is among them.
const CAREFUL_MAX: u32 = 4_096;

/// Watches over records in progress.
#[derive(Debug)]
pub struct Marker {
    path: PathBuf,
    /// Record noted by the process before us, in its own careful mode.
    suspect: Option<u64>,
    careful_left: u32,
}

impl Marker {
    /// Starts: careful where the last process left its mark behind.
    pub fn start(data: &Path) -> std::io::Result<Self> {
        let path = data.join("apply.mark");
        let left_behind = std::fs::read_to_string(&path).ok();
        let suspect = left_behind.as_deref().and_then(|text| text.trim().parse().ok());
        let careful_left = if left_behind.is_some() { CAREFUL_MAX } else { 0 };
        if left_behind.is_none() {
            std::fs::write(&path, "running")?;
        }
        Ok(Self { path, suspect, careful_left })
    }

    /// Asks before `record` is parsed. False: it was in progress at two deaths, keep it as a problem unparsed.
    pub fn may_parse(&mut self, record: u64) -> bool {
        if self.careful_left == 0 {
            return true;
        }
        self.careful_left -= 1;
        if self.suspect == Some(record) {
            return false;
        }
        let note = if self.careful_left == 0 { "running".to_owned() } else { record.to_string() };
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
    fn a_record_is_given_up_at_its_third_try_only() {
        let dir = tempfile::tempdir().expect("dir");
        let mut first = Marker::start(dir.path()).expect("start");
        assert!(first.may_parse(7), "dies here, without being careful");
        let mut second = Marker::start(dir.path()).expect("start");
        assert!(second.may_parse(6));
        assert!(second.may_parse(7), "dies here, noted");
        let mut third = Marker::start(dir.path()).expect("start");
        assert!(third.may_parse(6));
        assert!(!third.may_parse(7), "given up");
        assert!(third.may_parse(8));
        third.end();
        assert!(Marker::start(dir.path()).expect("start").may_parse(7));
    }
}
