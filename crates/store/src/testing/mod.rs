//! For tests only: a private PostgreSQL server, and stores on either engine that look the same.

mod postgres;

pub use postgres::{PgServer, postgres};
