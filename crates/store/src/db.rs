//! The two traits that every query body is written against.

use std::future::Future;

use everthread_core::ids::WorkspaceId;

use crate::{Error, FromRow, Result, Sql, Val};

/// Which engine a transaction runs on. Only for what can't be said in a statement pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// A transaction. On SQLite every future is ready at once; on PostgreSQL the `_all` forms are pipelined, so
/// they cost one round trip.
pub trait Db: Send {
    /// The engine behind it.
    fn engine(&self) -> Engine;

    /// Runs a statement; the number of rows it changed.
    fn exec(&mut self, sql: Sql, vals: &[Val<'_>]) -> impl Future<Output = Result<u64>> + Send;

    /// Runs a query; all its rows.
    fn rows<T: FromRow>(&mut self, sql: Sql, vals: &[Val<'_>])
    -> impl Future<Output = Result<Vec<T>>> + Send;

    /// Runs a statement once for each set of values, in order; the number of rows each changed.
    fn exec_all<const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> impl Future<Output = Result<Vec<u64>>> + Send;

    /// Runs a query once for each set of values; the rows of each.
    fn rows_all<T: FromRow, const N: usize>(
        &mut self,
        sql: Sql,
        sets: &[[Val<'_>; N]],
    ) -> impl Future<Output = Result<Vec<Vec<T>>>> + Send;

    /// Makes this transaction the only writer of these workspaces until it ends, as SQLite's writer always is.
    /// Every unit that reads and then writes calls it first. Takes them in a fixed order, so units can't
    /// deadlock over it.
    fn lock(&mut self, workspaces: &[WorkspaceId]) -> impl Future<Output = Result<()>> + Send;

    /// The first row, if there is one.
    fn row<T: FromRow>(
        &mut self,
        sql: Sql,
        vals: &[Val<'_>],
    ) -> impl Future<Output = Result<Option<T>>> + Send {
        async move { Ok(self.rows(sql, vals).await?.into_iter().next()) }
    }

    /// The first row; `what` names it where there is none.
    fn one<T: FromRow>(
        &mut self,
        what: &'static str,
        sql: Sql,
        vals: &[Val<'_>],
    ) -> impl Future<Output = Result<T>> + Send {
        async move { self.row(sql, vals).await?.ok_or(Error::NotFound(what)) }
    }

    /// Reserves `count` internal ids and returns the first; the others follow it.
    fn ids(&mut self, count: u32) -> impl Future<Output = Result<i64>> + Send;
}

/// A unit of work: all of it is stored, or nothing. It may run more than once before it is stored (a lost race
/// on PostgreSQL), so it takes itself by reference and keeps no state.
pub trait Unit: Send + Sync + 'static {
    /// What it returns.
    type Out: Send + 'static;

    /// Does the work. Waits for nothing but the database.
    fn run<D: Db>(&self, db: &mut D) -> impl Future<Output = Result<Self::Out>> + Send;
}
