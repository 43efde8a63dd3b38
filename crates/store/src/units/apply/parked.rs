//! What must wait for our own record to be there, and what becomes of it.

use everthread_core::directory::Directory;
use everthread_core::event::{Event, EventKind, Fact, Receipt, ReceiptOf};
use everthread_core::ids::{AccountId, ConversationId, IdentityId, WorkspaceId};
use everthread_core::time::{Span, Timestamp};

use super::amend::{amend_message, target};
use super::facts::{PartRow, echoed_part, learn, learn_one, typed_elsewhere};
use super::watermark::told_until;
use super::{ApplyItem, Batch, ItemResult};
use crate::units::work::{Work, provider_key};
use crate::{Db, Result, Val, row_struct, sql, vals};

/// How long an event waits for a record of ours. Longer than any call takes with all that may follow it.
const PARK: Span = Span::mins(15);

impl Batch<'_> {
    /// Sets an event aside until the record that it is about is known.
    pub(super) async fn park<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        provider_id: Option<&str>,
        identity: Option<IdentityId>,
    ) -> Result<ItemResult> {
        let id = self.work.id(db).await?;
        let event = serde_json::to_string(&item.event)?;
        let expires_at = self.work.now + PARK;
        let values: [Val<'_>; 12] = vals![
            id,
            item.workspace,
            item.account,
            item.event.kind.word(),
            provider_id.map(provider_key),
            identity,
            event.as_str(),
            item.record,
            item.index,
            item.received_at,
            item.automation,
            expires_at
        ];
        db.exec(
            sql!(
                "INSERT INTO parked (id, workspace_id, account_id, kind, provider_key, identity_id, event, record, idx, \
                 received_at, automation, expires_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            ),
            &values,
        )
        .await?;
        self.work.after.due_by(Some(expires_at));
        Ok(ItemResult::Parked)
    }
}

/// True while a call to this customer is under way: its record may be what an echo is about.
pub(super) async fn under_way<D: Db>(db: &mut D, account: AccountId, identity: IdentityId) -> Result<bool> {
    let found: Option<(i64,)> = db
        .row(
            sql!(
                "SELECT id FROM message_parts WHERE identity_id = ?2 AND unsent = 1 AND account_id = ?1 \
                 AND state = 'sending' LIMIT 1"
            ),
            &vals![account, identity],
        )
        .await?;
    Ok(found.is_some())
}

row_struct! {
    /// An event that waits.
    struct ParkedRow {
        id: i64,
        event: String,
        received_at: Timestamp,
    }
}

async fn take_parked<D: Db>(
    db: &mut D,
    account: AccountId,
    provider_id: &str,
) -> Result<Vec<(Event, Timestamp)>> {
    let rows: Vec<ParkedRow> = db
        .rows(
            sql!(
                "SELECT id, event, received_at FROM parked WHERE account_id = ?1 AND provider_key = ?2 ORDER BY id"
            ),
            &vals![account, provider_key(provider_id)],
        )
        .await?;
    drop_parked(db, rows).await
}

async fn drop_parked<D: Db>(db: &mut D, rows: Vec<ParkedRow>) -> Result<Vec<(Event, Timestamp)>> {
    let ids: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
    db.exec_all(sql!("DELETE FROM parked WHERE id = ?1"), &ids).await?;
    let mut out = Vec::with_capacity(rows.len());
    for row in &rows {
        let event: Event = serde_json::from_str(&row.event)?;
        let at = event.at.map_or(row.received_at, |at| at.min(row.received_at));
        out.push((event, at));
    }
    Ok(out)
}

/// Edits, deletions and reactions that came before their message.
pub(super) async fn unpark_for_message<D: Db>(
    db: &mut D,
    work: &mut Work,
    account: AccountId,
    provider_id: &str,
) -> Result<()> {
    for (event, at) in take_parked(db, account, provider_id).await? {
        if let Some(target) = target(db, account, provider_id).await? {
            amend_message(db, work, &target, &event, at).await?;
        }
    }
    Ok(())
}

/// Receipts, echoes and changes that came before our own record of this part: called when it is known under
/// `provider_id`, or is at least not under way any more.
pub(crate) async fn apply_parked<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &mut PartRow,
    directory: &Directory,
) -> Result<()> {
    heard_before(db, work, part).await?;
    release_waiting(db, work, part.account, part.identity, part.conversation, directory).await
}

/// What was parked under the id by which the provider knows this part.
pub(super) async fn heard_before<D: Db>(db: &mut D, work: &mut Work, part: &mut PartRow) -> Result<()> {
    let Some(provider_id) = part.provider_id.clone() else { return Ok(()) };
    for (event, at) in take_parked(db, part.account, &provider_id).await? {
        match &event.kind {
            EventKind::Receipt(receipt) => {
                let fact = (receipt.fact, at);
                learn_one(db, work, part, fact, receipt.error.as_ref(), None).await?;
            }
            EventKind::Echo(_) => {
                learn_one(db, work, part, (Fact::Accepted, at), None, None).await?;
            }
            _ => {
                if let Some(target) = target(db, part.account, &provider_id).await? {
                    amend_message(db, work, &target, &event, at).await?;
                }
            }
        }
    }
    Ok(())
}

/// What waits for a customer to whom no call is under way any more. An echo with the text of an uncertain part settles
/// it, any other was typed in the platform's own app; receipts up to a time follow, as echoes say what was sent when.
async fn release_waiting<D: Db>(
    db: &mut D,
    work: &mut Work,
    account: AccountId,
    identity: IdentityId,
    conversation: ConversationId,
    directory: &Directory,
) -> Result<()> {
    let rows: Vec<ParkedRow> = db
        .rows(
            sql!(
                "SELECT id, event, received_at FROM parked WHERE identity_id = ?1 AND account_id = ?2 ORDER BY id"
            ),
            &vals![identity, account],
        )
        .await?;
    if rows.is_empty() || under_way(db, account, identity).await? {
        return Ok(());
    }
    let Some(info) = directory.get(account) else { return Ok(()) };
    let mut receipts = Vec::new();
    for (event, at) in drop_parked(db, rows).await? {
        let echo = match &event.kind {
            EventKind::Echo(echo) => echo,
            EventKind::Receipt(Receipt { of: ReceiptOf::Watermark(until), fact, .. }) => {
                receipts.push(((*fact, at), *until));
                continue;
            }
            _ => continue,
        };
        if let Some(mut part) = echoed_part(db, account, identity, (&echo.content.text, at)).await? {
            learn(db, work, &mut part, (Fact::Accepted, at), None, Some(&echo.provider_id)).await?;
        } else {
            typed_elsewhere(db, work, info, identity, conversation, (echo, at)).await?;
        }
    }
    for (fact, until) in receipts {
        told_until(db, work, (account, conversation), fact, until).await?;
    }
    Ok(())
}

/// Ends the wait of what is overdue: an echo becomes a message, the rest was about something that is not ours.
/// True where there may be more.
pub(crate) async fn park_expired<D: Db>(
    db: &mut D,
    work: &mut Work,
    directory: &Directory,
    (workspace, limit): (WorkspaceId, i64),
) -> Result<bool> {
    let due: Vec<(i64, AccountId, Option<IdentityId>)> = db
        .rows(
            sql!(
                "SELECT id, account_id, identity_id FROM parked WHERE workspace_id = ?1 AND expires_at <= ?2 \
                 ORDER BY expires_at, id LIMIT ?3"
            ),
            &vals![workspace, work.now, limit],
        )
        .await?;
    for (id, account, identity) in &due {
        let conversation: Option<(ConversationId,)> = db
            .row(
                sql!(
                    "SELECT c.conversation_id FROM identities i JOIN contacts c ON c.id = i.contact_id \
                     WHERE i.id = ?1 AND c.conversation_id IS NOT NULL"
                ),
                &vals![*identity],
            )
            .await?;
        if let (Some(identity), Some((conversation,))) = (identity, conversation) {
            release_waiting(db, work, *account, *identity, conversation, directory).await?;
        }
        db.exec(sql!("DELETE FROM parked WHERE id = ?1"), &vals![*id]).await?;
    }
    Ok(due.len() as i64 == limit)
}
