//! Two contacts that are one person, and one that is two: [`MergeContacts`], [`UndoMerge`], [`SplitContact`]; and erasing
//! one, [`EraseContact`].
//!
//! A merge moves addresses, consents, conversations and leads to the contact that is kept, takes the other's row out of
//! the table, and writes all of it down (`contact_merges`), so that it can be taken back exactly. Conversations keep
//! their own sequence of messages: two stay two.

mod erase;
mod merge;
mod rows;
mod split;
mod undo;

pub use erase::{ContactErased, ContactTraces, EraseContact, Strays, Traces};
pub use merge::{MergeContacts, MergePreview, PreviewMerge};
pub use split::SplitContact;
pub use undo::UndoMerge;

use everthread_core::ids::{ContactId, ConversationId, IdentityId, UserId, WorkspaceId};
use everthread_core::time::Timestamp;
use serde_json::Value;

use super::people::Audit;
use super::work::Work;
use crate::{Db, Error, Result, Unit, sql, vals};

/// Writes who did it to whom into the audit log, in the same unit.
async fn audit<D: Db>(
    db: &mut D,
    work: &mut Work,
    (workspace, user): (WorkspaceId, Option<UserId>),
    action: &str,
    (object, detail): (String, &Value),
) -> Result<()> {
    let line = Audit {
        now: work.now,
        seed: work.uids.draw(),
        workspace: Some(workspace),
        user,
        action: action.to_owned(),
        object,
        detail: detail.to_string(),
    };
    line.run(db).await
}

/// After addresses went to another contact: no conversation may go on with an address of somebody else. `Err` where
/// something is on its way to one; routes, ways home, links and suggested plans that lead there are dropped.
async fn settle_routes<D: Db>(db: &mut D, conversation: ConversationId, now: Timestamp) -> Result<()> {
    let (waiting,): (i64,) = db
        .one(
            "conversation",
            sql!(
                "SELECT count(*) FROM message_parts p JOIN conversations v ON v.id = p.conversation_id \
                 JOIN identities i ON i.id = p.identity_id \
                 WHERE p.conversation_id = ?1 AND p.unsent = 1 AND i.contact_id <> v.contact_id"
            ),
            &vals![conversation],
        )
        .await?;
    if waiting > 0 {
        return Err(Error::Conflict(
            "a message to one of these addresses is still on its way: wait until it is out, or cancel it"
                .to_owned(),
        ));
    }
    let stray = db
        .exec(
            sql!(
                "UPDATE conversations SET route_identity_id = NULL, route_account_id = NULL WHERE id = ?1 AND \
                 EXISTS (SELECT 1 FROM identities i WHERE i.id = conversations.route_identity_id \
                 AND i.contact_id <> conversations.contact_id)"
            ),
            &vals![conversation],
        )
        .await?;
    if stray > 0 {
        last_route(db, conversation).await?;
    }
    db.exec(
        sql!(
            "UPDATE conversations SET home_identity_id = NULL, home_account_id = NULL WHERE id = ?1 AND \
             EXISTS (SELECT 1 FROM identities i WHERE i.id = conversations.home_identity_id \
             AND i.contact_id <> conversations.contact_id)"
        ),
        &vals![conversation],
    )
    .await?;
    db.exec(
        sql!(
            "UPDATE continuation_links SET revoked_at = ?2 WHERE conversation_id = ?1 AND revoked_at IS NULL \
             AND opened_at IS NULL AND EXISTS (SELECT 1 FROM identities i JOIN conversations v \
             ON v.id = continuation_links.conversation_id \
             WHERE i.id = continuation_links.over_identity_id AND i.contact_id <> v.contact_id)"
        ),
        &vals![conversation, now],
    )
    .await?;
    db.exec(
        sql!("UPDATE plans SET state = 'overtaken' WHERE conversation_id = ?1 AND state = 'suggested'"),
        &vals![conversation],
    )
    .await?;
    Ok(())
}

/// The address from which the customer wrote last in a conversation becomes its route, where there is one.
async fn last_route<D: Db>(db: &mut D, conversation: ConversationId) -> Result<()> {
    let found: Option<(IdentityId, i64, String)> = db
        .row(
            sql!(
                "SELECT m.identity_id, m.account_id, a.channel FROM messages m \
                 JOIN conversations v ON v.id = m.conversation_id \
                 JOIN identities i ON i.id = m.identity_id AND i.contact_id = v.contact_id \
                 JOIN accounts a ON a.id = m.account_id \
                 WHERE m.conversation_id = ?1 AND m.direction = 'in' ORDER BY m.seq DESC LIMIT 1"
            ),
            &vals![conversation],
        )
        .await?;
    if let Some((identity, account, channel)) = found {
        db.exec(
            sql!(
                "UPDATE conversations SET route_identity_id = ?2, route_account_id = ?3, channel = ?4 WHERE id = ?1"
            ),
            &vals![conversation, identity, account, channel.as_str()],
        )
        .await?;
    }
    Ok(())
}

/// A one-time code proves that two addresses are one contact's: one that is open between two of them ends.
async fn end_codes<D: Db>(db: &mut D, contact: ContactId, now: Timestamp) -> Result<()> {
    db.exec(
        sql!(
            "UPDATE identity_codes SET ended_at = ?2 WHERE contact_id = ?1 AND ended_at IS NULL \
             AND EXISTS (SELECT 1 FROM identities i WHERE i.id = identity_codes.over_identity_id AND i.contact_id <> ?1)"
        ),
        &vals![contact, now],
    )
    .await?;
    Ok(())
}

/// Moves conversations to a contact.
async fn move_conversations<D: Db>(db: &mut D, ids: &[ConversationId], to: ContactId) -> Result<()> {
    let sets: Vec<[crate::Val<'_>; 2]> = ids.iter().map(|id| vals![*id, to]).collect();
    db.exec_all(sql!("UPDATE conversations SET contact_id = ?2 WHERE id = ?1"), &sets).await?;
    Ok(())
}
