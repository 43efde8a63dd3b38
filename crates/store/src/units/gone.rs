//! What goes with a message and with a conversation: for whatever removes them.

use everthread_core::content::{Content, MediaSource};
use everthread_core::ids::{MediaId, MessageId, Uid, WorkspaceId};

use crate::{Db, Result, Sql, Val, sql, vals};

/// What hangs on one message.
pub(crate) const OF_MESSAGE: &[Sql] = &[
    sql!("DELETE FROM attempts WHERE message_id = ?1"),
    sql!("DELETE FROM message_parts WHERE message_id = ?1"),
    sql!("DELETE FROM message_search WHERE rowid = ?1"),
    sql!(
        "INSERT INTO media_gone (storage_key, at) SELECT storage_key, created_at FROM media \
         WHERE message_id = ?1 AND storage_key IS NOT NULL ON CONFLICT DO NOTHING"
    ),
    sql!("DELETE FROM media WHERE message_id = ?1"),
];

/// What hangs on one conversation.
pub(crate) const OF_CONVERSATION: &[Sql] = &[
    sql!("DELETE FROM conversation_labels WHERE conversation_id = ?1"),
    sql!("DELETE FROM timers WHERE conversation_id = ?1"),
    sql!("DELETE FROM lanes WHERE conversation_id = ?1"),
    sql!("DELETE FROM plans WHERE conversation_id = ?1"),
    sql!("DELETE FROM continuation_links WHERE conversation_id = ?1"),
    sql!("DELETE FROM gaps WHERE conversation_id = ?1"),
    sql!("DELETE FROM conversations WHERE id = ?1"),
];

/// Removes messages with all that goes with them, each given with its content.
pub(crate) async fn remove_messages<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    messages: &[(MessageId, Option<String>)],
) -> Result<()> {
    let ids: Vec<[Val<'_>; 1]> = messages.iter().map(|(id, _)| vals![*id]).collect();
    for step in OF_MESSAGE {
        db.exec_all(*step, &ids).await?;
    }
    db.exec_all(sql!("DELETE FROM messages WHERE id = ?1"), &ids).await?;
    uploads(db, workspace, messages.iter().filter_map(|(_, content)| content.as_deref())).await
}

/// Files that were uploaded here for these messages.
async fn uploads<'a, D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    contents: impl Iterator<Item = &'a str> + Send,
) -> Result<()> {
    let contents = contents.map(serde_json::from_str::<Content>).collect::<Result<Vec<_>, _>>()?;
    let uids: Vec<Uid> = contents
        .iter()
        .flat_map(|content| &content.attachments)
        .filter_map(|file| match &file.source {
            Some(MediaSource::Stored(id)) => Uid::read(MediaId::PREFIX, id),
            _ => None,
        })
        .collect();
    let sets: Vec<[Val<'_>; 2]> = uids.iter().map(|uid| vals![*uid, workspace]).collect();
    db.exec_all(
        sql!(
            "INSERT INTO media_gone (storage_key, at) SELECT storage_key, created_at FROM media \
             WHERE uid = ?1 AND workspace_id = ?2 AND storage_key IS NOT NULL ON CONFLICT DO NOTHING"
        ),
        &sets,
    )
    .await?;
    db.exec_all(sql!("DELETE FROM media WHERE uid = ?1 AND workspace_id = ?2"), &sets).await?;
    Ok(())
}
