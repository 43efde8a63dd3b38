//! The log of erasures: lines of JSON in `DIR/erasures.log`, outside the database and outside of any backup that was made
//! before them. It holds no address, only hashes under the key file and random ids.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Name of the file in the data folder.
pub const FILE: &str = "erasures.log";

/// One erasure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub id: String,
    /// Microseconds; what was taken in until then goes.
    pub at: i64,
    /// `ws_...`
    pub workspace: String,
    /// `cont_...`: the contact, and those that were merged into it.
    pub contacts: Vec<String>,
    /// Hashes of kind, account and value of every address.
    pub addresses: Vec<String>,
    /// Hashes of the values alone, as providers write them in their payloads.
    pub values: Vec<String>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Line {
    Erase(Entry),
    /// It is carried out.
    Done {
        id: String,
    },
}

impl Line {
    pub(super) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Erase(entry) => Some(entry),
            Self::Done { .. } => None,
        }
    }

    pub(super) fn done(&self) -> Option<&str> {
        match self {
            Self::Done { id } => Some(id),
            Self::Erase(_) => None,
        }
    }
}

/// The log of a data folder.
pub fn path(data: &Path) -> PathBuf {
    data.join(FILE)
}

/// Adds a line; on disk when this returns.
pub fn append(data: &Path, line: &Line) -> io::Result<()> {
    let mut text = serde_json::to_string(line)?;
    text.push('\n');
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path(data))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(data)?.sync_all()
}

/// All lines; none where there is no log. A last line that was cut off by a crash was never acknowledged and is passed
/// over; any other line that can't be read is an error, as an erasure would be forgotten.
pub fn read(path: &Path) -> io::Result<Vec<Line>> {
    let text = match std::fs::read_to_string(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut lines = Vec::new();
    for (number, line) in text.split_inclusive('\n').enumerate() {
        match serde_json::from_str(line) {
            Ok(read) => lines.push(read),
            Err(_) if !line.ends_with('\n') => {}
            Err(e) => {
                let what = format!("line {} of {} can't be read: {e}", number + 1, path.display());
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_back_and_a_torn_last_one_is_passed_over() {
        let dir = tempfile::tempdir().expect("dir");
        assert_eq!(read(&path(dir.path())).expect("none yet"), []);
        let done = Line::Done { id: "1".into() };
        append(dir.path(), &done).expect("written");
        append(dir.path(), &done).expect("written");
        let mut file = OpenOptions::new().append(true).open(path(dir.path())).expect("opens");
        file.write_all(b"{\"erase\":{\"id\"").expect("written");
        assert_eq!(read(&path(dir.path())).expect("read"), [done.clone(), done.clone()]);
        file.write_all(b"\n").expect("written");
        assert!(read(&path(dir.path())).is_err(), "a whole line that says nothing is no small matter");
    }
}
