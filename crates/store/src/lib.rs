//! State on disk: SQL written once, two drivers, one conformance suite.
//!
//! A [`Unit`] is a piece of work that is stored as a whole or not at all. It is written against [`Db`] and runs
//! on SQLite's writer thread, inline on the calling thread, or in a PostgreSQL transaction. Units load, call
//! `everthread_core` for the decisions, and write what came out; they decide nothing and read no clock.

pub mod backup;
mod db;
mod error;
pub mod journal;
pub mod postgres;
pub mod read;
mod schema;
pub mod search;
mod sql;
pub mod sqlite;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
pub mod units;
mod value;

pub use db::{Db, Engine, Unit};
pub use error::{Error, Result};
pub use postgres::PgOptions;
pub use sql::Sql;
pub use sqlite::{InlineStore, LiteOptions, Place};
pub use store::{Options, Store, StoreUrl};
pub use value::{Cell, FromCell, FromRow, Row, Val};
