//! One PostgreSQL transaction as a [`Db`].

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use bytes::BytesMut;
use deadpool_postgres::Object;
use everthread_core::ids::WorkspaceId;
use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type};

use super::Held;
use crate::value::{Cell, storable};
use crate::{Db, Engine, Error, FromRow, Result, Row, Sql, Val};

/// Internal ids taken from the sequence at once; its INCREMENT in the schema.
const ID_BLOCK: i64 = 4_096;

/// Marks a lost race for a unique key: it may also be an input that can't be stored.
pub(super) const UNIQUE: &str = "unique key: ";

/// Calls of one statement under way at once: bounds memory on both sides of the connection.
const PIPELINE_MAX: usize = 256;

/// Ids reserved and not yet given out. Ids of a transaction that rolls back are lost, which is no harm.
#[derive(Debug, Default)]
pub(crate) struct Ids(Mutex<(i64, i64)>);

impl Ids {
    fn take(&self, count: i64) -> Option<i64> {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let first = free.0;
        (free.0 + count <= free.1).then(|| {
            free.0 += count;
            first
        })
    }

    fn refill(&self, first: i64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (first, first + ID_BLOCK);
    }
}

pub(crate) struct Pg {
    held: Held,
    cache: bool,
    ids: Arc<Ids>,
}

impl Pg {
    pub(super) async fn begin(conn: Object, how: &str, cache: bool, ids: Arc<Ids>) -> Result<Self> {
        conn.batch_execute(how).await.map_err(|e| map_error(&e))?;
        Ok(Self { held: Held::new(conn), cache, ids })
    }

    pub(super) async fn commit(self) -> Result<()> {
        let done = self.held.conn()?.batch_execute("COMMIT").await;
        // After an error the session's state is unknown: dropping it closes the connection.
        done.map_err(|e| map_error(&e))?;
        self.held.release();
        Ok(())
    }

    pub(super) async fn rollback(self) {
        let done = match self.held.conn() {
            Ok(conn) => conn.batch_execute("ROLLBACK").await.is_ok(),
            Err(_) => false,
        };
        if done {
            self.held.release();
        }
    }

    /// Runs statements without values.
    pub(super) async fn batch(&self, text: &str) -> Result<()> {
        self.held.conn()?.batch_execute(text).await.map_err(|e| map_error(&e))
    }

    async fn exec_one(&self, sql: Sql, vals: &[Val<'_>]) -> Result<u64> {
        let text = numbered(sql.pg);
        let conn = self.held.conn()?;
        let done = if self.cache {
            let statement = conn.prepare_cached(&text).await.map_err(|e| told(&e, &text))?;
            conn.execute_raw(&statement, vals.iter().map(|v| v as &dyn ToSql)).await
        } else {
            let typed: Vec<(&(dyn ToSql + Sync), Type)> =
                vals.iter().map(|v| (v as _, v.pg_type())).collect();
            conn.execute_typed(&text, &typed).await
        };
        done.map_err(|e| told(&e, &text))
    }

    async fn rows_one<T: FromRow>(&self, sql: Sql, vals: &[Val<'_>]) -> Result<Vec<T>> {
        let text = numbered(sql.pg);
        let conn = self.held.conn()?;
        let rows = if self.cache {
            let statement = conn.prepare_cached(&text).await.map_err(|e| told(&e, &text))?;
            let refs: Vec<&(dyn ToSql + Sync)> = vals.iter().map(|v| v as _).collect();
            conn.query(&statement, &refs).await
        } else {
            let typed: Vec<(&(dyn ToSql + Sync), Type)> =
                vals.iter().map(|v| (v as _, v.pg_type())).collect();
            conn.query_typed(&text, &typed).await
        };
        rows.map_err(|e| told(&e, &text))?.iter().map(|row| T::from_row(&Row::Pg(row))).collect()
    }
}

impl Db for Pg {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    async fn exec(&mut self, sql: Sql, vals: &[Val<'_>]) -> Result<u64> {
        self.exec_one(sql, vals).await
    }

    async fn rows<T: FromRow>(&mut self, sql: Sql, vals: &[Val<'_>]) -> Result<Vec<T>> {
        self.rows_one(sql, vals).await
    }

    async fn exec_all<const N: usize>(&mut self, sql: Sql, sets: &[[Val<'_>; N]]) -> Result<Vec<u64>> {
        let mut out = Vec::with_capacity(sets.len());
        let this = &*self;
        for some in sets.chunks(PIPELINE_MAX) {
            // Polled in order, so they are sent in order and run in order.
            out.extend(try_join_all(some.iter().map(|vals| this.exec_one(sql, vals))).await?);
        }
        Ok(out)
    }

    async fn rows_all<T: FromRow, const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> Result<Vec<Vec<T>>> {
        let mut out = Vec::with_capacity(sets.len());
        let this = &*self;
        for some in sets.chunks(PIPELINE_MAX) {
            out.extend(try_join_all(some.iter().map(|vals| this.rows_one(sql, vals))).await?);
        }
        Ok(out)
    }

    async fn lock(&mut self, workspaces: &[WorkspaceId]) -> Result<()> {
        let mut ids: Vec<i64> = workspaces.iter().map(|id| id.0).collect();
        ids.sort_unstable();
        ids.dedup();
        for id in ids {
            let lock = crate::sql!(lite: "SELECT ?1", pg: "SELECT 1 FROM pg_advisory_xact_lock(?1)");
            self.rows_one::<(i32,)>(lock, &[Val::Int(id)]).await?;
        }
        Ok(())
    }

    async fn ids(&mut self, count: u32) -> Result<i64> {
        let count = i64::from(count);
        if count > ID_BLOCK {
            return Err(Error::Invalid(format!("a unit may take {ID_BLOCK} ids at once, not {count}")));
        }
        loop {
            if let Some(first) = self.ids.take(count) {
                return Ok(first);
            }
            let next = crate::sql!(lite: "SELECT 1", pg: "SELECT nextval('ids')");
            if let Some((first,)) = self.rows_one::<(i64,)>(next, &[]).await?.into_iter().next() {
                self.ids.refill(first);
            }
        }
    }
}

/// `?1` becomes `$1`; worked out once per statement. Texts are literals of this program, so there are few.
fn numbered(text: &'static str) -> Arc<str> {
    /// By address and length: a literal has one.
    type Known = HashMap<(usize, usize), Arc<str>>;
    static KNOWN: LazyLock<Mutex<Known>> = LazyLock::new(Mutex::default);
    let key = (text.as_ptr() as usize, text.len());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(known.entry(key).or_insert_with(|| rewrite(text).into()))
}

/// Replaces placeholders outside quotes.
fn rewrite(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        quoted ^= c == '\'';
        let placeholder = c == '?' && !quoted && chars.peek().is_some_and(char::is_ascii_digit);
        out.push(if placeholder { '$' } else { c });
    }
    out
}

impl Val<'_> {
    fn pg_type(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Int(_) => Type::INT8,
            Self::Real(_) => Type::FLOAT8,
            Self::Text(_) => Type::TEXT,
            Self::Blob(_) | Self::Uid(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Val<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match (self, ty) {
            (Self::Null, _) => Ok(IsNull::Yes),
            (Self::Int(n), &Type::INT8) => n.to_sql(ty, out),
            (Self::Int(n), &Type::INT4) => i32::try_from(*n)?.to_sql(ty, out),
            (Self::Int(n), &Type::FLOAT8) => (*n as f64).to_sql(ty, out),
            (Self::Real(x), &Type::FLOAT8) => x.to_sql(ty, out),
            (Self::Text(t), &Type::TEXT | &Type::VARCHAR | &Type::UNKNOWN | &Type::NAME) => {
                storable(t).to_sql(&Type::TEXT, out)
            }
            (Self::Blob(b), &Type::BYTEA) => b.to_sql(ty, out),
            (Self::Uid(uid), &Type::BYTEA) => uid.0.as_bytes().as_slice().to_sql(ty, out),
            _ => Err(format!("a value of type {} was given for {ty}", self.pg_type()).into()),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    tokio_postgres::types::to_sql_checked!();
}

/// A cell read by its wire type.
pub(crate) struct PgCell<'a>(pub Cell<'a>);

impl<'a> FromSql<'a> for PgCell<'a> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(match *ty {
            Type::INT8 => Cell::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Cell::Int(i64::from(i32::from_sql(ty, raw)?)),
            Type::INT2 => Cell::Int(i64::from(i16::from_sql(ty, raw)?)),
            Type::BOOL => Cell::Int(i64::from(bool::from_sql(ty, raw)?)),
            Type::FLOAT8 => Cell::Real(f64::from_sql(ty, raw)?),
            Type::BYTEA => Cell::Blob(raw),
            Type::TEXT | Type::VARCHAR | Type::NAME => Cell::Text(std::str::from_utf8(raw)?),
            _ => return Err(format!("columns of type {ty} are not used").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(Cell::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

fn told(error: &tokio_postgres::Error, text: &str) -> Error {
    match map_error(error) {
        Error::Defect(why) => Error::Defect(format!("{why} in {text}")),
        other => other,
    }
}

/// What a PostgreSQL error means for the caller.
pub(crate) fn map_error(error: &tokio_postgres::Error) -> Error {
    let text = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
    let Some(code) = error.code() else {
        return if error.is_closed()
            || StdError::source(error).is_some_and(<dyn StdError>::is::<std::io::Error>)
        {
            Error::Unavailable(text)
        } else {
            Error::Defect(with_source(error, text))
        };
    };
    // A row that another transaction inserted first is seen by the second run, which then takes it as it is.
    if *code == SqlState::UNIQUE_VIOLATION {
        return Error::Contended(format!("{UNIQUE}{text}"));
    }
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE]
        .contains(code)
    {
        return Error::Contended(text);
    }
    match code.code().get(..2) {
        // Connection, resources, operator intervention, system error, read-only transaction.
        Some("08" | "53" | "57" | "58" | "XX" | "25") => Error::Unavailable(text),
        Some("23") => Error::Conflict(text),
        _ => Error::Defect(text),
    }
}

fn with_source(error: &tokio_postgres::Error, text: String) -> String {
    StdError::source(error).map_or(text.clone(), |source| format!("{text}: {source}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_outside_quotes_are_rewritten() {
        assert_eq!(rewrite("SELECT '?1', ?1, ?12 ?"), "SELECT '?1', $1, $12 ?");
    }
}
