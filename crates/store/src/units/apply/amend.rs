//! Edits, deletions and reactions.

use everthread_core::content::Content;
use everthread_core::event::{Event, EventKind};
use everthread_core::ids::{AccountId, MessageId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use super::{ApplyItem, Batch, ItemResult};
use crate::units::rows::{self, content_json};
use crate::units::work::{Work, provider_key};
use crate::{Db, Result, row_struct, sql, vals};

impl Batch<'_> {
    /// An edit, deletion or reaction.
    pub(super) async fn amend<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        provider_id: &str,
    ) -> Result<ItemResult> {
        let at = Self::happened(item);
        match target(db, item.account, provider_id).await? {
            Some(target) => {
                amend_message(db, &mut self.work, &target, &item.event, at).await?;
                Ok(ItemResult::Applied { message: Some(target.id) })
            }
            None => self.park(db, item, Some(provider_id), None).await,
        }
    }
}

row_struct! {
    /// A message that an edit, a deletion or a reaction is about.
    #[derive(Clone, Debug)]
    pub(crate) struct Target {
        pub(crate) id: MessageId,
        uid: Uid,
        workspace: WorkspaceId,
        conversation_uid: Uid,
        edited_at: Option<Timestamp>,
        deleted_at: Option<Timestamp>,
        reactions: Option<String>,
    }
}

pub(super) async fn target<D: Db>(
    db: &mut D,
    account: AccountId,
    provider_id: &str,
) -> Result<Option<Target>> {
    let key = provider_key(provider_id);
    let found: Option<Target> = db
        .row(
            sql!(
                "SELECT m.id, m.uid, m.workspace_id, v.uid, m.edited_at, m.deleted_at, m.reactions \
                 FROM messages m JOIN conversations v ON v.id = m.conversation_id \
                 WHERE m.account_id = ?1 AND m.provider_key = ?2 AND m.provider_id = ?3"
            ),
            &vals![account, key, provider_id],
        )
        .await?;
    if found.is_some() {
        return Ok(found);
    }
    db.row(
        sql!(
            "SELECT m.id, m.uid, m.workspace_id, v.uid, m.edited_at, m.deleted_at, m.reactions \
             FROM message_parts p JOIN messages m ON m.id = p.message_id \
             JOIN conversations v ON v.id = m.conversation_id \
             WHERE p.account_id = ?1 AND p.provider_key = ?2 AND p.provider_id = ?3"
        ),
        &vals![account, key, provider_id],
    )
    .await
}

/// Edits are applied by their own time, so their order of arrival does not matter; a deletion is for good.
pub(super) async fn amend_message<D: Db>(
    db: &mut D,
    work: &mut Work,
    target: &Target,
    event: &Event,
    at: Timestamp,
) -> Result<()> {
    match &event.kind {
        EventKind::Edit { content, .. } => {
            if target.deleted_at.is_some() || target.edited_at.is_some_and(|known| known > at) {
                return Ok(());
            }
            edit(db, target, content, at).await?;
        }
        EventKind::Delete { .. } => erase_content(db, target.id, at).await?,
        EventKind::Reaction { emoji, .. } => {
            let mut all: Vec<Reaction> =
                target.reactions.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default();
            let known = all.iter().find(|r| r.by == CUSTOMER).map(|r| r.at);
            if known.is_some_and(|known| known > at) {
                return Ok(());
            }
            all.retain(|reaction| reaction.by != CUSTOMER);
            all.push(Reaction { by: CUSTOMER.to_owned(), emoji: emoji.clone(), at });
            let json = serde_json::to_string(&all)?;
            db.exec(
                sql!("UPDATE messages SET reactions = ?2 WHERE id = ?1"),
                &vals![target.id, json.as_str()],
            )
            .await?;
        }
        _ => return Ok(()),
    }
    work.message_changed(target.workspace, target.uid, target.conversation_uid);
    Ok(())
}

const CUSTOMER: &str = "customer";

/// A reaction as stored in `messages.reactions`: one for each side. Without an emoji it was taken back; its time
/// stays, so that an older one arriving later does not come back.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Reaction {
    by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    emoji: Option<String>,
    at: Timestamp,
}

async fn edit<D: Db>(db: &mut D, target: &Target, content: &Content, at: Timestamp) -> Result<()> {
    let json = content_json(content)?;
    db.exec(
        sql!("UPDATE messages SET text = ?2, content = ?3, edited_at = ?4 WHERE id = ?1"),
        &vals![target.id, content.text.as_str(), json.as_deref(), at],
    )
    .await?;
    rows::unindex(db, target.id).await?;
    rows::index(db, target.workspace, target.id, &content.text).await
}

/// A withdrawn message loses its content here too; that it was there stays visible.
async fn erase_content<D: Db>(db: &mut D, id: MessageId, at: Timestamp) -> Result<()> {
    db.exec(
        sql!(
            "UPDATE messages SET text = '', content = NULL, deleted_at = coalesce(deleted_at, ?2) WHERE id = ?1"
        ),
        &vals![id, at],
    )
    .await?;
    db.exec(
        sql!(
            "UPDATE media SET state = 'gone', next_at = NULL, reason = 'the message was withdrawn' \
             WHERE message_id = ?1"
        ),
        &vals![id],
    )
    .await?;
    rows::unindex(db, id).await
}
