//! PostgreSQL: a pool, each unit in a spawned task and a transaction of its own, repeated when it lost a race.

pub(crate) mod backup;
mod connect;
mod pg;

use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use everthread_core::contain::panic_text;
use futures_util::FutureExt;

use crate::{Engine, Error, Result, Unit, schema};

pub(crate) use pg::{Ids, Pg, PgCell, map_error};

/// How often a unit that lost against another transaction is run again.
const TRIES: u32 = 8;

/// A unique key that is still taken at the third run is no race.
const UNIQUE_TRIES: u32 = 3;

/// Key of the advisory lock that keeps a second `serve` off one database.
const SERVE_LOCK: i64 = 0x4576_6572_7468_7264;

/// Settings of a PostgreSQL store.
#[derive(Clone, Debug)]
pub struct PgOptions {
    /// Connections at most.
    pub connections: usize,
    /// False behind a pooler in transaction mode: statements are then never kept prepared.
    pub statement_cache: bool,
    /// True for `serve`: refuses to start where another one holds this database.
    pub exclusive: bool,
}

impl Default for PgOptions {
    fn default() -> Self {
        Self { connections: 8, statement_cache: true, exclusive: false }
    }
}

/// The PostgreSQL driver.
pub(crate) struct Postgres {
    pool: Pool,
    ids: Arc<Ids>,
    cache: bool,
    exclusive: Option<Exclusive>,
}

/// The session that owns the advisory lock for as long as the store lives.
struct Exclusive {
    url: String,
    session: tokio::sync::RwLock<tokio_postgres::Client>,
}

impl Exclusive {
    async fn take(url: &str) -> Result<Self> {
        let session = connect::exclusive(url, SERVE_LOCK).await?;
        Ok(Self { url: url.to_owned(), session: tokio::sync::RwLock::new(session) })
    }

    /// Takes the lock again where its session was lost with the server or the network. While another process has it, and
    /// while somebody else asks for it here, the store is as good as away.
    async fn hold(&self) -> Result<()> {
        let taking = || Error::Unavailable("the lock of the database is just being taken".to_owned());
        if !self.session.try_read().map_err(|_| taking())?.is_closed() {
            return Ok(());
        }
        let mut session = self.session.try_write().map_err(|_| taking())?;
        if session.is_closed() {
            *session = connect::exclusive(&self.url, SERVE_LOCK).await.map_err(|error| match error {
                Error::Conflict(why) => Error::Unavailable(why),
                other => other,
            })?;
        }
        Ok(())
    }
}

impl Postgres {
    /// Connects, takes the lock if asked for, and brings the schema up to date.
    pub(crate) async fn open(url: &str, options: &PgOptions) -> Result<Self> {
        let pool = connect::pool(url, options)?;
        let exclusive = if options.exclusive { Some(Exclusive::take(url).await?) } else { None };
        let store = Self { pool, ids: Arc::default(), cache: options.statement_cache, exclusive };
        store.migrate().await?;
        Ok(store)
    }

    async fn begin(&self, how: &str) -> Result<Pg> {
        if let Some(exclusive) = &self.exclusive {
            exclusive.hold().await?;
        }
        let conn = self.pool.get().await.map_err(|e| Error::Unavailable(e.to_string()))?;
        Pg::begin(conn, how, self.cache, Arc::clone(&self.ids)).await
    }

    async fn migrate(&self) -> Result<()> {
        let mut pg = self.begin("BEGIN").await?;
        pg.batch(&format!("SELECT pg_advisory_xact_lock({})", SERVE_LOCK + 1)).await?;
        pg.batch(schema::bootstrap(Engine::Postgres)).await?;
        for step in schema::pending(&mut pg).await? {
            pg.batch(&step.expand(Engine::Postgres)).await?;
            schema::applied(&mut pg, &step).await?;
        }
        pg.commit().await
    }

    /// Runs a unit in a task of its own, so that a caller that goes away never leaves a transaction behind.
    #[expect(
        clippy::disallowed_methods,
        reason = "the task is awaited here, and must outlive a caller that is not"
    )]
    pub(crate) async fn write<U: Unit>(self: &Arc<Self>, unit: U) -> Result<U::Out> {
        let own = Arc::clone(self);
        finish(tokio::spawn(async move { own.write_here(&unit).await }).await)
    }

    async fn write_here<U: Unit>(&self, unit: &U) -> Result<U::Out> {
        let mut tries = 0;
        loop {
            tries += 1;
            let done = self.once(unit, "BEGIN").await;
            match done {
                Err(Error::Contended(why)) if tries >= UNIQUE_TRIES && why.starts_with(pg::UNIQUE) => {
                    return Err(Error::Conflict(why));
                }
                Err(Error::Contended(why)) if tries < TRIES => {
                    tracing::debug!(why, tries, "unit lost against another transaction, run again");
                    tokio::time::sleep(Duration::from_millis(u64::from(tries) * 3)).await;
                }
                other => return other,
            }
        }
    }

    /// Runs a unit in a read-only transaction that sees one snapshot.
    #[expect(clippy::disallowed_methods, reason = "as in `write`")]
    pub(crate) async fn read<U: Unit>(self: &Arc<Self>, unit: U) -> Result<U::Out> {
        let own = Arc::clone(self);
        let run = async move { own.once(&unit, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await };
        finish(tokio::spawn(run).await)
    }

    async fn once<U: Unit>(&self, unit: &U, how: &str) -> Result<U::Out> {
        let mut pg = self.begin(how).await?;
        let out = std::panic::AssertUnwindSafe(unit.run(&mut pg)).catch_unwind().await;
        match out {
            Ok(Ok(out)) => {
                pg.commit().await?;
                Ok(out)
            }
            Ok(Err(error)) => {
                pg.rollback().await;
                Err(error)
            }
            Err(panic) => {
                pg.rollback().await;
                Err(Error::Panicked(panic_text(panic.as_ref())))
            }
        }
    }
}

fn finish<T>(joined: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    joined.unwrap_or_else(|e| Err(Error::Unavailable(format!("store task: {e}"))))
}

/// A pooled connection that is closed, not returned, unless its transaction has ended.
pub(crate) struct Held(Option<Object>);

impl Held {
    pub(crate) fn new(conn: Object) -> Self {
        Self(Some(conn))
    }

    /// Gives it back to the pool.
    pub(crate) fn release(mut self) {
        self.0.take();
    }

    pub(crate) fn conn(&self) -> Result<&Object> {
        self.0.as_ref().ok_or_else(|| Error::Defect("connection used after release".to_owned()))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            drop(Object::take(conn));
        }
    }
}
