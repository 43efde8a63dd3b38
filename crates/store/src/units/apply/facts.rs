//! What providers say of our messages: receipts and echoes.

use everthread_core::conversation::Input;
use everthread_core::directory::AccountInfo;
use everthread_core::event::{Echo, Fact, Receipt, ReceiptError, ReceiptOf};
use everthread_core::ids::{AccountId, ConversationId, IdentityId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::state::{Class, Direction, Facts, State, part_state};
use everthread_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::parked::{heard_before, under_way, unpark_for_message};
use super::people::ConversationState;
use super::{ApplyItem, Batch, ItemResult};
use crate::units::out::cancel_bot;
use crate::units::rows::{self, AuthorKind, ConversationRow, NewMessage, insert_message, save_conversation};
use crate::units::work::{Shown, Work, provider_key, refresh_message, text_hash};
use crate::{Db, Result, row_struct, sql, vals};

/// An echo of a call says a time at most so much before its start, as clocks differ ...
const ECHO_BEFORE: Span = Span::secs(5);

/// ... and so much after it, as platforms are slow when they give no answer.
const ECHO_AFTER: Span = Span::mins(10);

row_struct! {
    /// A part as receipts and outcomes need it.
    #[derive(Clone, Debug)]
    pub(crate) struct PartRow {
        pub(crate) id: PartId,
        pub(crate) workspace: WorkspaceId,
        pub(crate) conversation: ConversationId,
        pub(crate) conversation_uid: Uid,
        pub(crate) message: MessageId,
        pub(crate) message_uid: Uid,
        pub(crate) parts: i64,
        pub(crate) account: AccountId,
        pub(crate) identity: IdentityId,
        pub(crate) state: State,
        pub(crate) accepted: Option<Timestamp>,
        pub(crate) failed: Option<Timestamp>,
        pub(crate) delivered: Option<Timestamp>,
        pub(crate) read: Option<Timestamp>,
        pub(crate) provider_id: Option<String>,
        pub(crate) error_class: Option<String>,
        pub(crate) error_code: Option<String>,
        pub(crate) error_text: Option<String>,
    }
}

impl PartRow {
    pub(crate) fn facts(&self) -> Facts {
        Facts { accepted: self.accepted, failed: self.failed, delivered: self.delivered, read: self.read }
    }

    pub(crate) fn set_facts(&mut self, facts: &Facts) {
        self.accepted = facts.accepted;
        self.failed = facts.failed;
        self.delivered = facts.delivered;
        self.read = facts.read;
    }

    fn shown(&self) -> Shown<'_> {
        if self.state != State::Failed {
            return Shown::default();
        }
        Shown {
            class: self.error_class.as_deref(),
            code: self.error_code.as_deref(),
            text: self.error_text.as_deref(),
        }
    }
}

/// The part that the provider knows under this id.
async fn part_by_provider<D: Db>(
    db: &mut D,
    account: AccountId,
    provider_id: &str,
) -> Result<Option<PartRow>> {
    db.row(
        sql!(
            "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
             p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
             p.error_class, p.error_code, p.error_text FROM message_parts p \
             JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
             WHERE p.account_id = ?1 AND p.provider_key = ?2 AND p.provider_id = ?3"
        ),
        &vals![account, provider_key(provider_id), provider_id],
    )
    .await
}

/// The part with this correlation, if it is one of this account.
pub(crate) async fn part_by_uid<D: Db>(db: &mut D, account: AccountId, uid: Uid) -> Result<Option<PartRow>> {
    db.row(
        sql!(
            "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
             p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
             p.error_class, p.error_code, p.error_text FROM message_parts p \
             JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
             WHERE p.uid = ?2 AND p.account_id = ?1"
        ),
        &vals![account, uid],
    )
    .await
}

/// The part that an echo without a known id is about: an uncertain one with its text, else one that ended unconfirmed
/// and was sent when the echo says. `None`: it was typed in the platform's own app.
pub(super) async fn echoed_part<D: Db>(
    db: &mut D,
    account: AccountId,
    identity: IdentityId,
    (text, at): (&str, Timestamp),
) -> Result<Option<PartRow>> {
    if let Some(part) = uncertain_part(db, account, identity, text).await? {
        return Ok(Some(part));
    }
    db.row(
        sql!(
            "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
             p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
             p.error_class, p.error_code, p.error_text FROM message_parts p JOIN attempts a ON a.id = p.attempt_id \
             JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
             WHERE p.identity_id = ?2 AND p.state = 'unconfirmed' AND p.account_id = ?1 AND p.text_hash = ?3 \
             AND p.provider_id IS NULL AND a.started_at BETWEEN ?4 AND ?5 ORDER BY p.id LIMIT 1"
        ),
        &vals![account, identity, text_hash(text), at - ECHO_AFTER, at + ECHO_BEFORE],
    )
    .await
}

/// The oldest part to this customer with this text whose outcome nobody knows; what a restore holds is such a part.
async fn uncertain_part<D: Db>(
    db: &mut D,
    account: AccountId,
    identity: IdentityId,
    text: &str,
) -> Result<Option<PartRow>> {
    db.row(
        sql!(
            "SELECT p.id, p.workspace_id, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.account_id, \
             p.identity_id, p.state, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.provider_id, \
             p.error_class, p.error_code, p.error_text FROM message_parts p \
             JOIN messages m ON m.id = p.message_id JOIN conversations v ON v.id = p.conversation_id \
             WHERE p.identity_id = ?2 AND p.unsent = 1 AND p.account_id = ?1 AND p.text_hash = ?3 \
             AND (p.state = 'uncertain' OR (p.state = 'held' AND p.reason = 'restored')) \
             AND p.provider_id IS NULL ORDER BY p.id LIMIT 1"
        ),
        &vals![account, identity, text_hash(text)],
    )
    .await
}

/// Our correlation as a channel gives it back: the part's public id.
fn correlation_uid(text: Option<&str>) -> Option<Uid> {
    let text = text?;
    Uid::read(PartId::PREFIX, text).or_else(|| Uuid::try_parse(text).ok().map(Uid))
}

/// Adds a fact to a part and what follows from it to its message and lane. Where it makes the part known under
/// `provider_id`, what came before under that id is added too.
pub(crate) async fn learn<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &mut PartRow,
    fact: (Fact, Timestamp),
    error: Option<&ReceiptError>,
    provider_id: Option<&str>,
) -> Result<bool> {
    let found = part.provider_id.is_none() && provider_id.is_some();
    let changed = learn_one(db, work, part, fact, error, provider_id).await?;
    if found {
        heard_before(db, work, part).await?;
    }
    Ok(changed)
}

pub(super) async fn learn_one<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &mut PartRow,
    (fact, at): (Fact, Timestamp),
    error: Option<&ReceiptError>,
    provider_id: Option<&str>,
) -> Result<bool> {
    let mut facts = part.facts();
    let mut changed = facts.learn(fact, at);
    if let (Fact::Failed, Some(error), None) = (fact, error, &part.error_class) {
        part.error_class = Some(error.class.as_str().to_owned());
        part.error_code = Some(error.code.clone());
        part.error_text = Some(error.text.clone());
        changed = true;
    }
    if part.provider_id.is_none() && provider_id.is_some() {
        part.provider_id = provider_id.map(str::to_owned);
        changed = true;
    }
    if !changed {
        return Ok(false);
    }
    part.set_facts(&facts);
    let before = part.state;
    part.state = part_state(before, &facts);
    save_part(db, work, part, before).await?;
    Ok(true)
}

/// Writes a part's state and facts, then its message's.
pub(crate) async fn save_part<D: Db>(
    db: &mut D,
    work: &mut Work,
    part: &PartRow,
    before: State,
) -> Result<()> {
    let now = work.now;
    db.exec(
        sql!(
            "UPDATE message_parts SET state = ?2, state_at = CASE WHEN state = ?2 THEN state_at ELSE ?3 END, \
             unsent = ?4, due_at = CASE WHEN CAST(?4 AS BIGINT) = 1 THEN due_at ELSE NULL END, accepted_at = ?5, failed_at = ?6, \
             delivered_at = ?7, read_at = ?8, provider_id = ?9, provider_key = ?10, error_class = ?11, \
             error_code = ?12, error_text = ?13 WHERE id = ?1"
        ),
        &vals![
            part.id,
            part.state,
            now,
            part.state.blocks_lane(),
            part.accepted,
            part.failed,
            part.delivered,
            part.read,
            part.provider_id.as_deref(),
            part.provider_id.as_deref().map(provider_key),
            part.error_class.as_deref(),
            part.error_code.as_deref(),
            part.error_text.as_deref()
        ],
    )
    .await?;
    let only = (part.parts == 1).then(|| (part.state, part.facts()));
    refresh_message(db, part.message, only, part.shown(), now).await?;
    work.message_changed(part.workspace, part.message_uid, part.conversation_uid);
    if before.blocks_lane() {
        work.lane_touched(part.workspace, part.conversation);
    }
    Ok(())
}

impl Batch<'_> {
    pub(super) async fn receipt<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        receipt: &Receipt,
    ) -> Result<ItemResult> {
        let at = Self::happened(item);
        let provider_id = match &receipt.of {
            ReceiptOf::ProviderId(id) => id,
            ReceiptOf::Watermark(until) => return self.watermark(db, item, info, receipt.fact, *until).await,
        };
        let mut part = part_by_provider(db, info.id, provider_id).await?;
        if part.is_none()
            && let Some(uid) = correlation_uid(receipt.correlation.as_deref())
        {
            part = part_by_uid(db, info.id, uid).await?;
        }
        let Some(mut part) = part else {
            return self.park(db, item, Some(provider_id), None).await;
        };
        let fact = (receipt.fact, at);
        learn(db, &mut self.work, &mut part, fact, receipt.error.as_ref(), Some(provider_id)).await?;
        Ok(ItemResult::Applied { message: Some(part.message) })
    }

    pub(super) async fn echo<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        echo: &Echo,
    ) -> Result<ItemResult> {
        let at = Self::happened(item);
        let mut part = part_by_provider(db, info.id, &echo.provider_id).await?;
        if part.is_none()
            && let Some(uid) = correlation_uid(echo.correlation.as_deref())
        {
            part = part_by_uid(db, info.id, uid).await?;
        }
        if let Some(mut part) = part {
            learn(db, &mut self.work, &mut part, (Fact::Accepted, at), None, Some(&echo.provider_id)).await?;
            return Ok(ItemResult::Applied { message: Some(part.message) });
        }
        let person = match &item.event.peer {
            Some(peer) => self.person(db, info, peer).await?,
            None => None,
        };
        let Some(peer) = person else {
            return self.problem(db, item, "the echo names no customer").await;
        };
        if under_way(db, info.id, peer.identity).await? {
            return self.park(db, item, Some(&echo.provider_id), Some(peer.identity)).await;
        }
        if let Some(mut part) = echoed_part(db, info.id, peer.identity, (&echo.content.text, at)).await? {
            learn(db, &mut self.work, &mut part, (Fact::Accepted, at), None, Some(&echo.provider_id)).await?;
            return Ok(ItemResult::Applied { message: Some(part.message) });
        }
        let mut state: ConversationState = self.conversation(db, info, peer, false).await?;
        let id = write_typed(db, &mut self.work, info, peer.identity, &mut state.row, (echo, at)).await?;
        unpark_for_message(db, &mut self.work, info.id, &echo.provider_id).await?;
        self.keep(state);
        Ok(ItemResult::Applied { message: Some(id) })
    }
}

/// Writes a message that somebody typed in the platform's own app; they own the conversation then.
async fn write_typed<D: Db>(
    db: &mut D,
    work: &mut Work,
    info: &AccountInfo,
    identity: IdentityId,
    conversation: &mut ConversationRow,
    (echo, at): (&Echo, Timestamp),
) -> Result<MessageId> {
    if let Ok(change) = conversation.state().step(Input::TypedElsewhere, work.now) {
        conversation.set(&change.next, work.now);
        if change.cancel_bot && conversation.seq > 0 {
            cancel_bot(db, work, conversation, "somebody answered in the platform's own app").await?;
        }
    }
    let (id, uid) = (MessageId(work.id(db).await?), work.uid());
    conversation.seq += 1;
    conversation.last_message = Some(id);
    conversation.last_at = conversation.last_at.max(at);
    conversation.waiting_since = None;
    let new = NewMessage {
        id,
        uid,
        seq: conversation.seq,
        direction: Direction::Out,
        author: AuthorKind::App,
        account: Some(info.id),
        identity: Some(identity),
        provider_id: Some(&echo.provider_id),
        content: &echo.content,
        reply_to: echo.reply_to.as_deref(),
        postback: None,
        referral: None,
        class: Class::Live,
        state: State::Accepted,
        accepted_at: Some(at),
        parts: 0,
        late: false,
        at,
        client_id: None,
    };
    insert_message(db, conversation, &new, work.now).await?;
    rows::insert_media(db, work, info.workspace, info.id, id, &echo.content).await?;
    work.message_changed(info.workspace, uid, conversation.uid);
    work.conversation_changed(info.workspace, conversation.uid);
    Ok(id)
}

/// As [`write_typed`], for a conversation that is not in a batch.
pub(super) async fn typed_elsewhere<D: Db>(
    db: &mut D,
    work: &mut Work,
    info: &AccountInfo,
    identity: IdentityId,
    conversation: ConversationId,
    typed: (&Echo, Timestamp),
) -> Result<()> {
    let mut row = rows::conversation(db, info.workspace, conversation).await?;
    write_typed(db, work, info, identity, &mut row, typed).await?;
    save_conversation(db, &row, work.now).await
}
