//! One SQLite connection as a [`Db`]. Every future it makes is ready at once.

use std::borrow::Cow;
use std::future::{Future, ready};

use everthread_core::ids::WorkspaceId;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};

use crate::value::storable;
use crate::{Db, Engine, Error, FromRow, Result, Row, Sql, Val, sql};

pub(crate) struct Lite {
    conn: Connection,
}

impl Lite {
    pub(crate) fn new(conn: Connection) -> Self {
        Self { conn }
    }

    /// Runs statements without values.
    pub(crate) fn batch(&self, text: &str) -> Result<()> {
        self.conn.execute_batch(text).map_err(|e| map_error(&e))
    }

    /// Runs one statement without values or rows, prepared once.
    pub(crate) fn quick(&self, text: &str) -> Result<()> {
        let mut statement = self.conn.prepare_cached(text).map_err(|e| map_error(&e))?;
        statement.raw_execute().map(drop).map_err(|e| map_error(&e))
    }

    /// True where no transaction is open, as after an error that made SQLite roll back by itself.
    pub(crate) fn is_autocommit(&self) -> bool {
        self.conn.is_autocommit()
    }

    pub(crate) fn conn(&self) -> &Connection {
        &self.conn
    }

    fn prepare(&self, sql: Sql) -> Result<CachedStatement<'_>> {
        self.conn.prepare_cached(sql.lite).map_err(|e| with_text(map_error(&e), sql.lite))
    }

    fn exec_now(&self, sql: Sql, vals: &[Val<'_>]) -> Result<u64> {
        let mut statement = self.prepare(sql)?;
        execute(&mut statement, sql, vals)
    }

    fn exec_all_now<const N: usize>(&self, sql: Sql, sets: &[[Val<'_>; N]]) -> Result<Vec<u64>> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.prepare(sql)?;
        sets.iter().map(|vals| execute(&mut statement, sql, vals)).collect()
    }

    fn rows_now<T: FromRow>(&self, sql: Sql, vals: &[Val<'_>]) -> Result<Vec<T>> {
        let mut statement = self.prepare(sql)?;
        query(&mut statement, sql, vals)
    }

    fn rows_all_now<T: FromRow, const N: usize>(
        &self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> Result<Vec<Vec<T>>> {
        if sets.is_empty() {
            return Ok(Vec::new());
        }
        let mut statement = self.prepare(sql)?;
        sets.iter().map(|vals| query(&mut statement, sql, vals)).collect()
    }
}

fn bind(statement: &mut CachedStatement<'_>, vals: &[Val<'_>]) -> rusqlite::Result<()> {
    for (at, val) in vals.iter().enumerate() {
        statement.raw_bind_parameter(at + 1, val)?;
    }
    Ok(())
}

fn execute(statement: &mut CachedStatement<'_>, sql: Sql, vals: &[Val<'_>]) -> Result<u64> {
    check_count(statement, sql, vals)?;
    bind(statement, vals)
        .and_then(|()| statement.raw_execute())
        .map(|n| n as u64)
        .map_err(|e| with_text(map_error(&e), sql.lite))
}

fn query<T: FromRow>(statement: &mut CachedStatement<'_>, sql: Sql, vals: &[Val<'_>]) -> Result<Vec<T>> {
    check_count(statement, sql, vals)?;
    bind(statement, vals).map_err(|e| with_text(map_error(&e), sql.lite))?;
    let mut rows = statement.raw_query();
    let mut out = Vec::new();
    while let Some(row) = rows.next().map_err(|e| with_text(map_error(&e), sql.lite))? {
        out.push(T::from_row(&Row::Lite(row)).map_err(|e| with_text(e, sql.lite))?);
    }
    Ok(out)
}

/// A forgotten value would stay bound from the statement's last run.
fn check_count(statement: &CachedStatement<'_>, sql: Sql, vals: &[Val<'_>]) -> Result<()> {
    let want = statement.parameter_count();
    if want == vals.len() {
        return Ok(());
    }
    Err(Error::Defect(format!("{} values for {want} placeholders: {}", vals.len(), sql.lite)))
}

impl Db for Lite {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn exec(&mut self, sql: Sql, vals: &[Val<'_>]) -> impl Future<Output = Result<u64>> + Send {
        ready(self.exec_now(sql, vals))
    }

    fn rows<T: FromRow>(
        &mut self,
        sql: Sql,
        vals: &[Val<'_>],
    ) -> impl Future<Output = Result<Vec<T>>> + Send {
        ready(self.rows_now(sql, vals))
    }

    fn exec_all<const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> impl Future<Output = Result<Vec<u64>>> + Send {
        ready(self.exec_all_now(sql, sets))
    }

    fn rows_all<T: FromRow, const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> impl Future<Output = Result<Vec<Vec<T>>>> + Send {
        ready(self.rows_all_now(sql, sets))
    }

    fn lock(&mut self, _workspaces: &[WorkspaceId]) -> impl Future<Output = Result<()>> + Send {
        ready(Ok(()))
    }

    async fn ids(&mut self, count: u32) -> Result<i64> {
        let reserve = sql!(
            lite: "UPDATE counters SET value = value + ?1 WHERE name = 'ids' RETURNING value",
            pg: "SELECT nextval('ids') + ?1"
        );
        let last: Vec<(i64,)> = self.rows_now(reserve, &[Val::Int(i64::from(count))])?;
        let (last,) = last.first().ok_or(Error::Defect("no id counter".to_owned()))?;
        Ok(last - i64::from(count) + 1)
    }
}

impl ToSql for Val<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Real(x) => ValueRef::Real(*x),
            Self::Text(t) => match storable(t) {
                Cow::Borrowed(text) => ValueRef::Text(text.as_bytes()),
                Cow::Owned(text) => return Ok(ToSqlOutput::Owned(text.into())),
            },
            Self::Blob(b) => ValueRef::Blob(b),
            Self::Uid(uid) => ValueRef::Blob(uid.0.as_bytes()),
        }))
    }
}

fn with_text(error: Error, text: &str) -> Error {
    match error {
        Error::Defect(why) => {
            Error::Defect(format!("{why} in {}", text.split_whitespace().collect::<Vec<_>>().join(" ")))
        }
        other => other,
    }
}

/// What a SQLite error means for the caller.
pub(crate) fn map_error(error: &rusqlite::Error) -> Error {
    use rusqlite::ErrorCode as Code;
    let code = error.sqlite_error_code();
    match code {
        Some(
            Code::DiskFull
            | Code::SystemIoFailure
            | Code::CannotOpen
            | Code::ReadOnly
            | Code::PermissionDenied
            | Code::DatabaseBusy
            | Code::DatabaseLocked
            | Code::FileLockingProtocolFailed
            | Code::OutOfMemory
            | Code::DatabaseCorrupt
            | Code::NotADatabase
            | Code::OperationInterrupted,
        ) => Error::Unavailable(error.to_string()),
        Some(Code::ConstraintViolation) => Error::Conflict(error.to_string()),
        _ => Error::Defect(error.to_string()),
    }
}
