//! Receipts that name no message but a time: everything that was sent until then has come so far.

use everthread_core::directory::AccountInfo;
use everthread_core::event::{Event, EventKind, Fact, Receipt, ReceiptOf};
use everthread_core::ids::{AccountId, ConversationId, IdentityId};
use everthread_core::time::{Span, Timestamp};

use super::facts::{PartRow, learn_one};
use super::parked::{PARK, ParkedRow, drop_parked, parked_for};
use super::{ApplyItem, Batch, ItemResult};
use crate::units::work::Work;
use crate::{Db, Result, sql, vals};

/// `parked.kind` of a receipt.
pub(super) const RECEIPT: &str = "receipt";

/// Newest messages of a conversation that a watermark is looked up in.
const LOOK: i64 = 100;

/// Platforms count in whole milliseconds: a watermark reaches to the end of its own.
const WHOLE: Span = Span::millis(1);

impl Batch<'_> {
    /// A receipt for everything sent to this customer up to a time. It waits too where that may include what we do not know yet to
    /// have gone out.
    pub(super) async fn watermark<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        until: Timestamp,
    ) -> Result<ItemResult> {
        let person = match &item.event.peer {
            Some(peer) => self.person(db, info, peer).await?,
            None => None,
        };
        let Some(peer) = person else {
            return self.problem(db, item, "the receipt names no customer").await;
        };
        let Some(conversation) =
            self.contacts.get(&peer.contact).and_then(|contact| contact.row.conversation)
        else {
            return Ok(ItemResult::Nothing);
        };
        let event = (item.event.clone(), Self::happened(item));
        let parts = pass(db, &mut self.work, conversation, info.id, event).await?;
        if undecided(db, info.id, peer.identity, until).await? {
            return self.park(db, item, None, Some(peer.identity)).await;
        }
        Ok(ItemResult::Applied { message: parts.last().map(|part| part.message) })
    }
}

/// Whether some part to this customer was begun before then and is not known to have gone out.
async fn undecided<D: Db>(
    db: &mut D,
    account: AccountId,
    identity: IdentityId,
    until: Timestamp,
) -> Result<bool> {
    let found: Option<(i64,)> = db
        .row(
            sql!(
                "SELECT p.id FROM message_parts p JOIN attempts a ON a.id = p.attempt_id \
                 WHERE p.identity_id = ?2 AND p.account_id = ?1 AND p.state IN ('sending', 'uncertain', 'unconfirmed') \
                 AND a.started_at >= ?3 AND a.started_at < ?4 LIMIT 1"
            ),
            &vals![account, identity, until - PARK, until + WHOLE],
        )
        .await?;
    Ok(found.is_some())
}

/// Tells the parts that a watermark is about, and gives them, the newest last. A call begun before then whose answer said yes is meant:
/// the answer takes its time, and in a lane the next call begins only after it.
async fn pass<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: ConversationId,
    account: AccountId,
    (event, at): (Event, Timestamp),
) -> Result<Vec<PartRow>> {
    let Some((fact, until)) = mark(&event) else { return Ok(Vec::new()) };
    let mut parts: Vec<PartRow> = db
        .rows(
            sql!(
                "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
                 p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
                 p.error_class, p.error_code, p.error_text FROM conversations v \
                 JOIN messages m ON m.conversation_id = v.id AND m.seq > v.seq - ?4 \
                 JOIN message_parts p ON p.message_id = m.id LEFT JOIN attempts a ON a.id = p.attempt_id \
                 WHERE v.id = ?1 AND p.account_id = ?2 AND p.accepted_at IS NOT NULL \
                 AND (p.accepted_at < ?3 OR a.started_at < ?3) ORDER BY m.seq, p.idx"
            ),
            &vals![conversation, account, until + WHOLE, LOOK],
        )
        .await?;
    for part in &mut parts {
        learn_one(db, work, part, (fact, at), None, None).await?;
    }
    Ok(parts)
}

fn mark(event: &Event) -> Option<(Fact, Timestamp)> {
    match &event.kind {
        EventKind::Receipt(Receipt { of: ReceiptOf::Watermark(until), fact, .. }) => Some((*fact, *until)),
        _ => None,
    }
}

/// Watermarks that came before it was known that this part went out.
pub(super) async fn heard_up_to<D: Db>(db: &mut D, work: &mut Work, part: &mut PartRow) -> Result<()> {
    let rows = parked_for(db, part.account, part.identity).await?;
    let marks = rows.into_iter().filter(|row| row.kind == RECEIPT).collect();
    let passed = pass_parked(db, work, part.conversation, (part.account, part.identity), marks).await?;
    if let Some(known) = passed.into_iter().rev().find(|known| known.id == part.id) {
        *part = known;
    }
    Ok(())
}

/// As [`pass`], for watermarks that waited. They wait on while there is something that they may be about.
pub(super) async fn pass_parked<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: ConversationId,
    (account, identity): (AccountId, IdentityId),
    rows: Vec<ParkedRow>,
) -> Result<Vec<PartRow>> {
    let mut passed = Vec::new();
    let mut over = Vec::new();
    for row in rows {
        let (event, at) = row.event()?;
        let Some((_, until)) = mark(&event) else { continue };
        passed.extend(pass(db, work, conversation, account, (event, at)).await?);
        if !undecided(db, account, identity, until).await? {
            over.push(row);
        }
    }
    drop_parked(db, over).await?;
    Ok(passed)
}
