//! SQLite: one writer thread with group commit, reader threads, checkpoints off the writer's path, and the same
//! driver polled inline for the simulator.

mod checkpoint;
mod inline;
mod job;
mod lite;
mod readers;
mod writer;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{Engine, Error, Result, schema};

pub(crate) use checkpoint::{Checkpointer, Pressure};
pub use inline::InlineStore;
pub(crate) use job::{Job, UnitJob, poll_now};
pub(crate) use lite::{Lite, map_error};
pub(crate) use readers::Readers;
pub(crate) use writer::Writer;

/// Versions before this have the WAL-reset corruption bug.
const SQLITE_MIN: i32 = 3_051_003;

/// Prepared statements kept per connection: more than the whole crate has.
const STATEMENTS_MAX: usize = 512;

/// Where a database lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    /// In memory, under this name, gone when the last connection closes.
    Memory(String),
}

impl Place {
    fn open(&self, flags: OpenFlags) -> Result<Connection> {
        let opened = match self {
            Self::File(path) => Connection::open_with_flags(path, flags),
            Self::Memory(name) => Connection::open_with_flags(
                format!("file:/{name}?vfs=memdb"),
                flags | OpenFlags::SQLITE_OPEN_URI,
            ),
        };
        opened.map_err(|e| map_error(&e))
    }
}

/// Settings of a SQLite store that are not the product's to choose.
#[derive(Clone, Debug)]
pub struct LiteOptions {
    /// Reader threads.
    pub readers: usize,
    /// Pages (4 KiB) that the write-ahead log may hold before the writer pauses for a restart checkpoint.
    pub wal_pages_max: u32,
    /// Upper bound of the database in pages, as a full disk would set one. For tests.
    pub pages_max: Option<u32>,
    /// False: `synchronous=OFF`, for a simulator that crashes processes and never the machine.
    pub fsync: bool,
}

impl Default for LiteOptions {
    fn default() -> Self {
        // 64 MiB of log: some ten seconds of the heaviest load measured, and a restart of a fraction of a second.
        Self { readers: 2, wal_pages_max: 16_384, pages_max: None, fsync: true }
    }
}

/// Opens the connection that writes, and brings the schema up to date.
pub(crate) fn open_writer(place: &Place, options: &LiteOptions) -> Result<Lite> {
    if rusqlite::version_number() < SQLITE_MIN {
        return Err(Error::Invalid(format!(
            "SQLite {} has a bug that can corrupt the database; 3.51.3 or newer is needed",
            rusqlite::version()
        )));
    }
    let conn = place.open(
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    configure(&conn, options)?;
    conn.pragma_update(None, "wal_autocheckpoint", 0).map_err(|e| map_error(&e))?;
    if let Some(pages) = options.pages_max {
        conn.pragma_update(None, "max_page_count", pages).map_err(|e| map_error(&e))?;
    }
    let mut lite = Lite::new(conn);
    migrate(&mut lite)?;
    Ok(lite)
}

/// Opens a connection that can't write.
pub(crate) fn open_reader(place: &Place, options: &LiteOptions) -> Result<Lite> {
    let conn = match place {
        Place::File(_) => place.open(OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?,
        Place::Memory(_) => {
            place.open(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?
        }
    };
    configure(&conn, options)?;
    conn.pragma_update(None, "query_only", true).map_err(|e| map_error(&e))?;
    Ok(Lite::new(conn))
}

/// Opens the connection that only moves pages from the log into the database.
pub(crate) fn open_checkpointer(place: &Place, options: &LiteOptions) -> Result<Lite> {
    let conn = place.open(OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    configure(&conn, options)?;
    Ok(Lite::new(conn))
}

fn configure(conn: &Connection, options: &LiteOptions) -> Result<()> {
    let set = || -> rusqlite::Result<()> {
        conn.busy_timeout(Duration::from_secs(5))?;
        if !conn.is_readonly("main")? {
            // `memdb` answers "memory" and keeps its own journal: that is fine.
            let _mode: String = conn.query_row("PRAGMA journal_mode=WAL", [], |row| row.get(0))?;
            conn.pragma_update(None, "synchronous", if options.fsync { "FULL" } else { "OFF" })?;
        }
        conn.pragma_update(None, "foreign_keys", true)?;
        // What was deleted is overwritten (docs/adr/0020): erased words do not stay in free pages.
        conn.pragma_update(None, "secure_delete", true)?;
        // Otherwise the planner peeks at bound values and prepares a statement again whenever they change: with
        // it, more than a third of applying an event was spent on parsing SQL.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // 32 MiB at most per connection, taken only as it is used.
        conn.pragma_update(None, "cache_size", -32_768)?;
        conn.pragma_update(None, "temp_store", "MEMORY")?;
        Ok(())
    };
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    set().map_err(|e| map_error(&e))
}

fn migrate(lite: &mut Lite) -> Result<()> {
    lite.batch("BEGIN IMMEDIATE")?;
    let done = (|| {
        lite.batch(schema::bootstrap(Engine::Sqlite))?;
        for step in poll_now(schema::pending(lite))? {
            lite.batch(&step.expand(Engine::Sqlite))?;
            poll_now(schema::applied(lite, &step))?;
        }
        lite.batch("COMMIT")
    })();
    if done.is_err() {
        lite.batch("ROLLBACK").ok();
    }
    done
}

/// The file of the write-ahead log beside `path`.
pub fn wal_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use rusqlite::StatementStatus;

    use super::*;

    #[test]
    fn other_values_do_not_prepare_a_statement_again() {
        let lite = open_writer(&Place::Memory("prepare".into()), &LiteOptions::default()).expect("opens");
        let text = "SELECT c.id FROM identities i JOIN contacts c ON c.id = i.contact_id \
                    WHERE i.workspace_id = ?1 AND i.kind = ?2 AND i.scope = ?3 AND i.value = ?4";
        let mut statement = lite.conn().prepare(text).expect("prepared");
        for n in 0..3 {
            let found = statement.exists((n, "phone", n, format!("+49{n}"))).expect("asked");
            assert!(!found);
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }
}
