//! The SQLite driver polled on the calling thread: no threads, no waiting. For the simulator, and for short
//! commands that own the database.

use super::job::run_caught;
use super::{Lite, LiteOptions, Place, open_writer};
use crate::{Result, Unit};

/// A store without threads. Dropping it at any moment is what a crash of the process is: what was committed is
/// there when the place is opened again.
pub struct InlineStore {
    lite: Lite,
}

impl InlineStore {
    /// Opens the database and brings its schema up to date.
    pub fn open(place: &Place, options: &LiteOptions) -> Result<Self> {
        let lite = open_writer(place, options)?;
        lite.conn().pragma_update(None, "wal_autocheckpoint", 1_000).map_err(|e| super::map_error(&e))?;
        Ok(Self { lite })
    }

    /// Runs a unit in a transaction of its own and commits it.
    pub fn write<U: Unit>(&mut self, unit: &U) -> Result<U::Out> {
        self.lite.quick("BEGIN IMMEDIATE")?;
        let out = run_caught(unit, &mut self.lite);
        let closed = if out.is_ok() { self.lite.quick("COMMIT") } else { Ok(()) };
        if !self.lite.is_autocommit() {
            self.lite.quick("ROLLBACK").ok();
        }
        closed.and(out)
    }

    /// Runs a unit that only reads.
    pub fn read<U: Unit>(&mut self, unit: &U) -> Result<U::Out> {
        self.lite.quick("BEGIN")?;
        self.lite.conn().pragma_update(None, "query_only", true).map_err(|e| super::map_error(&e))?;
        let out = run_caught(unit, &mut self.lite);
        self.lite.conn().pragma_update(None, "query_only", false).map_err(|e| super::map_error(&e))?;
        if !self.lite.is_autocommit() {
            self.lite.quick("ROLLBACK")?;
        }
        out
    }
}
