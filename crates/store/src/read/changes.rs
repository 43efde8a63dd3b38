//! The numbered changes of a workspace, which feed the realtime stream.

use everthread_core::ids::{Uid, WorkspaceId};

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// Something changed: read it again.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ChangeRow {
        /// Rises by one with each change of the workspace.
        pub number: i64,
        /// `conversation`, `message`, `contact`, `lead`, `account` or `problem`.
        pub kind: String,
        pub uid: Uid,
        pub conversation_uid: Option<Uid>,
    }
}

/// What followed a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChangesOut {
    /// The changes after it, in order, at most as many as asked for.
    Rows(Vec<ChangeRow>),
    /// Some of them are gone, or the number was never given out: everything has to be read again. The newest number.
    TooOld(i64),
}

/// Changes of a workspace after a number.
#[derive(Debug)]
pub struct ChangesAfter {
    pub workspace: WorkspaceId,
    pub after: i64,
    pub limit: u32,
}

impl Unit for ChangesAfter {
    type Out = ChangesOut;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT number, kind, uid, conversation_uid FROM changes
             WHERE workspace_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3"
        );
        let rows = db.rows::<ChangeRow>(sql, &vals![self.workspace, self.after, self.limit]).await?;
        let whole = rows.first().is_some_and(|row| row.number == self.after + 1);
        if whole {
            return Ok(ChangesOut::Rows(rows));
        }
        let newest = newest(db, self.workspace).await?;
        Ok(if newest == self.after { ChangesOut::Rows(Vec::new()) } else { ChangesOut::TooOld(newest) })
    }
}

/// The newest number of a workspace; 0 before its first change.
#[derive(Debug)]
pub struct NewestChange {
    pub workspace: WorkspaceId,
}

impl Unit for NewestChange {
    type Out = i64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<i64> {
        newest(db, self.workspace).await
    }
}

async fn newest<D: Db>(db: &mut D, workspace: WorkspaceId) -> Result<i64> {
    let (seq,): (i64,) = db
        .one("workspace", sql!("SELECT change_seq FROM workspaces WHERE id = ?1"), &vals![workspace])
        .await?;
    Ok(seq)
}
