//! How far the journal is applied, answers kept for repeated requests, and pruning.

use everthread_core::ids::WorkspaceId;
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, sql, vals};

/// Reads a named cursor.
#[derive(Clone, Debug)]
pub struct GetCursor {
    pub name: String,
}

impl Unit for GetCursor {
    type Out = Option<String>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Option<String>> {
        let row: Option<(String,)> =
            db.row(sql!("SELECT value FROM cursors WHERE name = ?1"), &vals![self.name.as_str()]).await?;
        Ok(row.map(|(value,)| value))
    }
}

/// Writes a named cursor.
#[derive(Clone, Debug)]
pub struct SetCursor {
    pub name: String,
    pub value: String,
}

impl Unit for SetCursor {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(
            sql!(
                "INSERT INTO cursors (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value"
            ),
            &vals![self.name.as_str(), self.value.as_str()],
        )
        .await?;
        Ok(())
    }
}

/// What is known of a repeated request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Idempotency {
    /// Not seen: do it, then [`FinishIdempotent`].
    New,
    /// Seen, and still under way.
    Running,
    /// Done: this was the answer.
    Done { status: u16, body: String },
    /// The key was used for another request.
    Other,
}

/// Begins a request under a key.
#[derive(Clone, Debug)]
pub struct StartIdempotent {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub key: String,
    /// Hash of method, path and body.
    pub request_hash: Vec<u8>,
    /// When this process began. A request begun earlier died with its process, and is done again.
    pub alive_since: Timestamp,
}

impl Unit for StartIdempotent {
    type Out = Idempotency;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Idempotency> {
        let added = db
            .exec(
                sql!(
                    "INSERT INTO idempotency_keys (workspace_id, key, request_hash, created_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (workspace_id, key) DO NOTHING"
                ),
                &vals![self.workspace, self.key.as_str(), self.request_hash.as_slice(), self.now],
            )
            .await?;
        if added == 1 {
            return Ok(Idempotency::New);
        }
        let (hash, status, body, begun): (Vec<u8>, Option<u16>, Option<String>, Timestamp) = db
            .one(
                "idempotency key",
                sql!(
                    "SELECT request_hash, status, body, created_at FROM idempotency_keys
                     WHERE workspace_id = ?1 AND key = ?2"
                ),
                &vals![self.workspace, self.key.as_str()],
            )
            .await?;
        Ok(match (status, body) {
            _ if hash != self.request_hash => Idempotency::Other,
            (Some(status), Some(body)) => Idempotency::Done { status, body },
            _ if begun < self.alive_since && self.take_over(db, begun).await? => Idempotency::New,
            _ => Idempotency::Running,
        })
    }
}

impl StartIdempotent {
    /// Takes a key over from a process that died. True for the one request that did.
    async fn take_over<D: Db>(&self, db: &mut D, begun: Timestamp) -> Result<bool> {
        let sql = sql!(
            "UPDATE idempotency_keys SET created_at = ?4
             WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL AND created_at = ?3"
        );
        Ok(db.exec(sql, &vals![self.workspace, self.key.as_str(), begun, self.now]).await? == 1)
    }
}

/// Keeps the answer of a request, or (`answer` `None`) forgets that it was begun.
#[derive(Clone, Debug)]
pub struct FinishIdempotent {
    pub workspace: WorkspaceId,
    pub key: String,
    pub answer: Option<(u16, String)>,
}

impl Unit for FinishIdempotent {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        match &self.answer {
            Some((status, body)) => {
                db.exec(
                    sql!("UPDATE idempotency_keys SET status = ?3, body = ?4 WHERE workspace_id = ?1 AND key = ?2"),
                    &vals![self.workspace, self.key.as_str(), *status, body.as_str()],
                )
                .await?;
            }
            None => {
                db.exec(
                    sql!(
                        "DELETE FROM idempotency_keys WHERE workspace_id = ?1 AND key = ?2 AND status IS NULL"
                    ),
                    &vals![self.workspace, self.key.as_str()],
                )
                .await?;
            }
        }
        Ok(())
    }
}

/// Drops kept answers older than `before`; how many.
#[derive(Clone, Debug)]
pub struct PruneIdempotency {
    pub before: Timestamp,
}

impl Unit for PruneIdempotency {
    type Out = u64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(sql!("DELETE FROM idempotency_keys WHERE created_at < ?1"), &vals![self.before]).await
    }
}

/// Drops lines of the feed older than `before`, at most `limit`; how many. A client that is further behind gets a
/// reset.
#[derive(Clone, Debug)]
pub struct PruneChanges {
    pub workspace: WorkspaceId,
    pub before: Timestamp,
    pub limit: u32,
}

impl Unit for PruneChanges {
    type Out = u64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(
            sql!(
                "DELETE FROM changes WHERE workspace_id = ?1 AND number IN (
                   SELECT number FROM changes WHERE workspace_id = ?1 AND at < ?2 ORDER BY number LIMIT ?3)"
            ),
            &vals![self.workspace, self.before, i64::from(self.limit)],
        )
        .await
    }
}
