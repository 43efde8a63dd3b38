//! A database on PostgreSQL as one stream of bytes, and back into an empty database.
//!
//! ```text
//! magic 8, length u32, head as JSON; per table of the head, in its order: (length u32, bytes)*, 0 u32
//! ```
//!
//! Integers are big-endian. A table's bytes are what `COPY ... TO STDOUT` says in its text form, which newer versions
//! of PostgreSQL read too. The head names the schema's steps, so that a newer program makes the tables as they were and
//! then brings them up to date.

use std::io::{Read, Write};

use bytes::Bytes;
use futures_util::{SinkExt, TryStreamExt};
use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::{SERVE_LOCK, connect, map_error};
use crate::backup::{COUNTED, Snapshot};
use crate::{Engine, Error, Result, schema};

const MAGIC: &[u8; 8] = b"EVTPGDB\x01";

/// Bytes of one chunk at most.
const CHUNK: usize = 256 * 1024;

/// A head is a list of tables and columns; a longer one is not ours.
const HEAD_BYTES_MAX: u32 = 4 << 20;

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    /// Version, name and checksum of the schema's steps that had run.
    steps: Vec<schema::Done>,
    /// The state of the sequence `ids`: at or above every id in the copy.
    ids: (i64, bool),
    tables: Vec<Table>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Table {
    name: String,
    columns: Vec<String>,
}

impl Table {
    /// `"name" ("column", ...)`; fails for what can't be a name of ours.
    fn list(&self) -> Result<String> {
        let plain = |name: &String| {
            let word = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            if word && !name.is_empty() {
                Ok(format!("\"{name}\""))
            } else {
                Err(damaged("a name is not one"))
            }
        };
        let columns: Vec<String> = self.columns.iter().map(plain).collect::<Result<_>>()?;
        Ok(format!("{} ({})", plain(&self.name)?, columns.join(", ")))
    }
}

fn damaged(what: &str) -> Error {
    Error::Invalid(format!("the copy of the database is damaged: {what}"))
}

fn io(error: std::io::Error) -> Error {
    Error::Unavailable(error.to_string())
}

/// Copies the database at `url` to `out` as of one moment. Writers go on meanwhile. `cursor` names the row of `cursors`
/// to read from the copy. `out` is written on the calling thread.
///
/// Fails where the database is away, was changed by a newer program, or `out` can't be written.
pub async fn copy_postgres(url: &str, cursor: &str, out: &mut dyn Write) -> Result<Snapshot> {
    let mut client = connect::single(url).await?;
    let start = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).read_only(true);
    let tx = start.start().await.map_err(|e| map_error(&e))?;
    // A big table takes as long as it takes.
    tx.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(|e| map_error(&e))?;
    let head = read_head(&tx).await?;
    out.write_all(MAGIC).map_err(io)?;
    let text = serde_json::to_vec(&head)?;
    out.write_all(&(text.len() as u32).to_be_bytes()).map_err(io)?;
    out.write_all(&text).map_err(io)?;
    for table in &head.tables {
        copy_table(&tx, table, out).await?;
    }
    let mut snapshot = Snapshot::default();
    for table in COUNTED {
        let row = tx.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await;
        snapshot.counts.push((*table, row.and_then(|row| row.try_get(0)).map_err(|e| map_error(&e))?));
    }
    let row = tx.query_opt("SELECT value FROM cursors WHERE name = $1", &[&cursor]).await;
    snapshot.cursor =
        row.and_then(|row| row.map(|row| row.try_get(0)).transpose()).map_err(|e| map_error(&e))?;
    tx.commit().await.map_err(|e| map_error(&e))?;
    Ok(snapshot)
}

async fn read_head(tx: &Transaction<'_>) -> Result<Head> {
    let read = async || -> Result<Head, tokio_postgres::Error> {
        // The first query takes the snapshot. The sequence stands outside of it and only rises: read after it, it is
        // not below any id in it.
        let steps = tx
            .query("SELECT version, name, checksum FROM schema_migrations ORDER BY version", &[])
            .await?
            .iter()
            .map(|row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
            .collect::<Result<Vec<schema::Done>, tokio_postgres::Error>>()?;
        let ids = tx.query_one("SELECT last_value, is_called FROM ids", &[]).await?;
        let ids = (ids.try_get(0)?, ids.try_get(1)?);
        let mut tables = Vec::new();
        for name in schema::tables() {
            let columns = tx
                .query(
                    "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1::text) AND attnum > 0 \
                     AND NOT attisdropped ORDER BY attnum",
                    &[&name],
                )
                .await?;
            let columns = columns.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
            tables.push(Table { name, columns });
        }
        Ok(Head { steps, ids, tables })
    };
    let head = read().await.map_err(|e| map_error(&e))?;
    if let Some(step) = schema::missing(&head.steps)?.first() {
        return Err(Error::Invalid(format!(
            "the database lacks schema step {} ({})",
            step.version, step.name
        )));
    }
    Ok(head)
}

async fn copy_table(tx: &Transaction<'_>, table: &Table, out: &mut dyn Write) -> Result<()> {
    let rows = tx.copy_out(&format!("COPY {} TO STDOUT", table.list()?)).await.map_err(|e| map_error(&e))?;
    let mut rows = std::pin::pin!(rows);
    let mut buffer = Vec::with_capacity(CHUNK);
    while let Some(row) = rows.try_next().await.map_err(|e| map_error(&e))? {
        buffer.extend_from_slice(&row);
        if buffer.len() >= CHUNK {
            write_chunks(&mut buffer, out).map_err(io)?;
        }
    }
    write_chunks(&mut buffer, out).and_then(|()| out.write_all(&0_u32.to_be_bytes())).map_err(io)
}

fn write_chunks(buffer: &mut Vec<u8>, out: &mut dyn Write) -> std::io::Result<()> {
    for chunk in buffer.chunks(CHUNK) {
        out.write_all(&(chunk.len() as u32).to_be_bytes())?;
        out.write_all(chunk)?;
    }
    buffer.clear();
    Ok(())
}

/// An empty database that a copy is brought back into. While it lives, nobody serves the database.
#[derive(Debug)]
pub struct PgRestore {
    client: Client,
}

impl PgRestore {
    /// Connects. Fails where something is in the database already, or another process serves it.
    pub async fn begin(url: &str) -> Result<Self> {
        let client = connect::exclusive(url, SERVE_LOCK).await?;
        let rows = client
            .query(
                "SELECT c.relname FROM pg_class c WHERE c.relnamespace = to_regnamespace(current_schema()::text) \
                 AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT EXISTS (SELECT 1 FROM pg_depend d \
                 WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') \
                 ORDER BY c.relname LIMIT 1",
                &[],
            )
            .await
            .map_err(|e| map_error(&e))?;
        match rows.first().map(|row| row.try_get::<_, String>(0)).transpose() {
            Ok(None) => Ok(Self { client }),
            Ok(Some(name)) => Err(Error::Conflict(format!("the database is not empty (it has {name})"))),
            Err(error) => Err(map_error(&error)),
        }
    }

    /// Makes the tables as they were and fills them from what [`copy_postgres`] wrote: all of it, or nothing where it
    /// fails. `from` is read on the calling thread.
    pub async fn load(&self, from: &mut dyn Read) -> Result<()> {
        self.run("BEGIN; SET LOCAL statement_timeout = 0").await?;
        match self.fill(from).await {
            Ok(()) => self.run("COMMIT").await,
            Err(error) => {
                // Where this fails too, the end of the connection does it.
                self.run("ROLLBACK").await.ok();
                Err(error)
            }
        }
    }

    /// Removes what [`PgRestore::load`] made, and what was made since.
    pub async fn discard(&self) -> Result<()> {
        let tables = schema::tables().join(", ");
        self.run(&format!("DROP TABLE IF EXISTS {tables}; DROP SEQUENCE IF EXISTS ids")).await
    }

    async fn run(&self, text: &str) -> Result<()> {
        self.client.batch_execute(text).await.map_err(|e| map_error(&e))
    }

    async fn fill(&self, from: &mut dyn Read) -> Result<()> {
        let head = read_copied_head(from)?;
        let missing = schema::missing(&head.steps)?;
        self.run(schema::bootstrap(Engine::Postgres)).await?;
        for step in schema::STEPS.iter().filter(|step| missing.iter().all(|m| m.version != step.version)) {
            self.run(&step.expand(Engine::Postgres)).await?;
        }
        let known = schema::tables();
        for table in &head.tables {
            if !known.contains(&table.name) {
                return Err(damaged(&format!("it has a table {:?} that is not known", table.name)));
            }
            self.fill_table(table, from).await?;
        }
        let set = self.client.execute("SELECT setval('ids', $1, $2)", &[&head.ids.0, &head.ids.1]).await;
        set.map(drop).map_err(|e| map_error(&e))
    }

    async fn fill_table(&self, table: &Table, from: &mut dyn Read) -> Result<()> {
        let text = format!("COPY {} FROM STDIN", table.list()?);
        let sink = self.client.copy_in::<_, Bytes>(&text).await.map_err(|e| map_error(&e))?;
        let mut sink = std::pin::pin!(sink);
        loop {
            let length = u32::from_be_bytes(array(from)?) as usize;
            if length == 0 {
                return sink.finish().await.map(drop).map_err(|e| map_error(&e));
            }
            if length > CHUNK {
                return Err(damaged("a chunk is too long"));
            }
            let mut chunk = vec![0; length];
            from.read_exact(&mut chunk).map_err(io)?;
            sink.send(Bytes::from(chunk)).await.map_err(|e| map_error(&e))?;
        }
    }
}

fn read_copied_head(from: &mut dyn Read) -> Result<Head> {
    if array::<8>(from)? != *MAGIC {
        return Err(damaged("wrong beginning"));
    }
    let length = u32::from_be_bytes(array(from)?);
    if length > HEAD_BYTES_MAX {
        return Err(damaged("its head is too long"));
    }
    let mut text = vec![0; length as usize];
    from.read_exact(&mut text).map_err(io)?;
    serde_json::from_slice(&text).map_err(|_| damaged("its head is not readable"))
}

fn array<const N: usize>(from: &mut dyn Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(io)?;
    Ok(bytes)
}
