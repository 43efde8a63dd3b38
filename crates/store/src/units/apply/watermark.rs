//! Receipts that name a time instead of a message: all that was sent up to then was delivered, or read.

use everthread_core::directory::AccountInfo;
use everthread_core::event::Fact;
use everthread_core::ids::{AccountId, ConversationId, MessageId};
use everthread_core::time::Timestamp;

use super::facts::{PartRow, learn};
use super::parked::under_way;
use super::{ApplyItem, Batch, ItemResult};
use crate::units::work::Work;
use crate::{Db, Result, sql, vals};

/// Newest messages of a conversation that a watermark is looked up in.
const WATERMARK_LOOK: i64 = 100;

impl Batch<'_> {
    /// Everything sent to this customer up to a time.
    pub(super) async fn watermark<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        fact: Fact,
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
        let at = Self::happened(item);
        let last = told_until(db, &mut self.work, (info.id, conversation), (fact, at), until).await?;
        // What is being sent may be meant too: the receipt is looked at again when our own record is there.
        if under_way(db, info.id, peer.identity).await? {
            return self.park(db, item, None, Some(peer.identity)).await;
        }
        Ok(ItemResult::Applied { message: last })
    }
}

/// Adds a fact to all that an account sent in a conversation up to a time. The last message that it is about.
pub(super) async fn told_until<D: Db>(
    db: &mut D,
    work: &mut Work,
    (account, conversation): (AccountId, ConversationId),
    fact: (Fact, Timestamp),
    until: Timestamp,
) -> Result<Option<MessageId>> {
    let parts: Vec<PartRow> = db
        .rows(
            sql!(
                "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
                 p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
                 p.error_class, p.error_code, p.error_text FROM conversations v \
                 JOIN messages m ON m.conversation_id = v.id AND m.seq > v.seq - ?4 \
                 JOIN message_parts p ON p.message_id = m.id \
                 WHERE v.id = ?1 AND p.account_id = ?2 AND p.accepted_at <= ?3 ORDER BY m.seq, p.idx"
            ),
            &vals![conversation, account, until, WATERMARK_LOOK],
        )
        .await?;
    let mut last = None;
    for mut part in parts {
        learn(db, work, &mut part, fact, None, None).await?;
        last = Some(part.message);
    }
    Ok(last)
}
