//! One line each in the `changes` feed, for units that touch no conversation.

use everthread_core::ids::{Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use crate::{Db, Result, sql, vals};

/// Notes that something of a workspace changed. The caller holds the workspace's lock.
pub(crate) async fn note<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    kind: &'static str,
    uid: Uid,
    now: Timestamp,
) -> Result<After> {
    let (number,): (i64,) = db
        .one(
            "workspace",
            sql!("UPDATE workspaces SET change_seq = change_seq + 1 WHERE id = ?1 RETURNING change_seq"),
            &vals![workspace],
        )
        .await?;
    db.exec(
        sql!(
            "INSERT INTO changes (workspace_id, number, kind, uid, conversation_uid, at) VALUES (?1, ?2, ?3, ?4, NULL, ?5)"
        ),
        &vals![workspace, number, kind, uid, now],
    )
    .await?;
    Ok(After { changes: vec![(workspace, number)], ..After::default() })
}

/// Makes every client of a workspace start afresh, as what it shows may be gone: the feed jumps and its tail is dropped.
/// The number that the feed has then.
pub(crate) async fn restart_feed<D: Db>(db: &mut D, workspace: WorkspaceId) -> Result<i64> {
    let (number,): (i64,) = db
        .one(
            "workspace",
            sql!("UPDATE workspaces SET change_seq = change_seq + 1000 WHERE id = ?1 RETURNING change_seq"),
            &vals![workspace],
        )
        .await?;
    db.exec(sql!("DELETE FROM changes WHERE workspace_id = ?1"), &vals![workspace]).await?;
    Ok(number)
}
