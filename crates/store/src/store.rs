//! The store as the rest of the program holds it.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::postgres::{PgOptions, Postgres};
use crate::sqlite::{self, Checkpointer, LiteOptions, Place, Pressure, Readers, UnitJob, Writer};
use crate::{Error, Result, Unit};

/// Units that may wait for the writer; beyond it callers wait for a place (I13).
const QUEUE_MAX: usize = 4_096;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    Sqlite(Place),
    /// `postgres://...` or key=value pairs, as PostgreSQL's own clients read them.
    Postgres(String),
}

impl StoreUrl {
    /// A SQLite file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite(Place::File(path.into()))
    }
}

/// Settings of either engine; only those of the one that is opened count.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub sqlite: LiteOptions,
    pub postgres: PgOptions,
}

/// A database and the threads or connections that serve it. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    driver: Driver,
}

#[derive(Clone)]
enum Driver {
    Lite(Arc<LiteStore>),
    Pg(Arc<Postgres>),
}

/// Fields are dropped in this order: readers and writer end before the last checkpoint look.
struct LiteStore {
    readers: Readers,
    writer: Writer,
    _checkpointer: Option<Checkpointer>,
    places: Arc<Semaphore>,
}

impl Store {
    /// Opens the database, brings its schema up to date and starts what serves it.
    ///
    /// Fails where the place can't be opened, was made by a newer program, or (PostgreSQL, `exclusive`) another
    /// process serves it.
    pub async fn open(url: StoreUrl, options: Options) -> Result<Self> {
        let driver = match url {
            StoreUrl::Sqlite(place) => {
                let open = tokio::task::spawn_blocking(move || LiteStore::open(&place, &options.sqlite));
                let store = open.await.map_err(|e| Error::Unavailable(e.to_string()))??;
                Driver::Lite(Arc::new(store))
            }
            StoreUrl::Postgres(url) => Driver::Pg(Arc::new(Postgres::open(&url, &options.postgres).await?)),
        };
        Ok(Self { driver })
    }

    /// Runs a unit of work; answers after its commit. A caller that goes away does not stop it.
    pub async fn write<U: Unit>(&self, unit: U) -> Result<U::Out> {
        match &self.driver {
            Driver::Lite(store) => {
                let _place = store.places.acquire().await.map_err(|e| Error::Unavailable(e.to_string()))?;
                let (job, answer) = UnitJob::make(unit);
                store.writer.send(job);
                wait(answer).await
            }
            Driver::Pg(store) => store.write(unit).await,
        }
    }

    /// Runs a unit that only reads, in one snapshot. Writing in it fails.
    pub async fn read<U: Unit>(&self, unit: U) -> Result<U::Out> {
        match &self.driver {
            Driver::Lite(store) => {
                let (job, answer) = UnitJob::make(unit);
                store.readers.send(job);
                wait(answer).await
            }
            Driver::Pg(store) => store.read(unit).await,
        }
    }
}

impl LiteStore {
    fn open(place: &Place, options: &LiteOptions) -> Result<Self> {
        let writer = sqlite::open_writer(place, options)?;
        let readers = (0..options.readers.max(1))
            .map(|_| sqlite::open_reader(place, options))
            .collect::<Result<Vec<_>>>()?;
        let pressure = Pressure::new(options.wal_pages_max);
        let checkpointer = match place {
            Place::File(_) => {
                Some(Checkpointer::start(sqlite::open_checkpointer(place, options)?, Arc::clone(&pressure))?)
            }
            Place::Memory(_) => None,
        };
        Ok(Self {
            readers: Readers::start(readers)?,
            writer: Writer::start(writer, pressure)?,
            _checkpointer: checkpointer,
            places: Arc::new(Semaphore::new(QUEUE_MAX)),
        })
    }
}

async fn wait<T>(answer: oneshot::Receiver<Result<T>>) -> Result<T> {
    answer.await.unwrap_or_else(|_| Err(Error::Unavailable("the store was closed".to_owned())))
}
