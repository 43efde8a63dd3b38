//! A consistent copy of a database, taken without stopping its writers.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use crate::sqlite::map_error;
use crate::{Error, Result};

pub use crate::postgres::backup::{PgRestore, copy_postgres};

/// What people want to know of a copy: table by table, how many rows.
pub(crate) const COUNTED: &[&str] =
    &["workspaces", "users", "accounts", "contacts", "conversations", "messages", "message_parts", "media"];

/// What a copy holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Rows of the tables that people know.
    pub counts: Vec<(&'static str, i64)>,
    /// Value of the cursor that was asked for, as it is in the copy.
    pub cursor: Option<String>,
}

/// Copies the SQLite database `from` into `to`, which must be missing or empty, as of one moment. Writers go on
/// meanwhile; only the write-ahead log grows until the copy is done. Space that erased rows have left does not come
/// along. `cursor` names the row of `cursors` to read from the copy. Blocks.
///
/// Fails where `from` is missing, or the disk of `to` is full.
pub fn copy_sqlite(from: &Path, to: &Path, cursor: &str) -> Result<Snapshot> {
    let target = to.to_str().ok_or_else(|| Error::Invalid("the target's path is not UTF-8".to_owned()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let read = || -> rusqlite::Result<Snapshot> {
        let source = Connection::open_with_flags(from, flags)?;
        source.busy_timeout(std::time::Duration::from_secs(5))?;
        source.execute("VACUUM INTO ?1", [target])?;
        drop(source);
        let copy = Connection::open_with_flags(to, flags)?;
        let mut counts = Vec::with_capacity(COUNTED.len());
        for table in COUNTED {
            let count = copy.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?;
            counts.push((*table, count));
        }
        let cursor = copy
            .query_row("SELECT value FROM cursors WHERE name = ?1", [cursor], |row| row.get(0))
            .optional()?;
        Ok(Snapshot { counts, cursor })
    };
    read().map_err(|e| map_error(&e))
}
