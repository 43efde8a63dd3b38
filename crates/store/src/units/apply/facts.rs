//! What providers say of messages: receipts, echoes, edits, deletions, reactions; and what must wait for our own
//! record to be there.

use everthread_core::content::Content;
use everthread_core::conversation::Input;
use everthread_core::directory::AccountInfo;
use everthread_core::event::{Echo, Event, EventKind, Fact, Receipt, ReceiptError, ReceiptOf};
use everthread_core::ids::{AccountId, ConversationId, IdentityId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::state::{Class, Direction, Facts, State, part_state};
use everthread_core::time::{Span, Timestamp};
use uuid::Uuid;

use super::people::ConversationState;
use super::{ApplyItem, Batch, ItemResult};
use crate::units::out::cancel_bot;
use crate::units::rows::{
    self, AuthorKind, ConversationRow, NewMessage, content_json, insert_message, save_conversation,
};
use crate::units::work::{Shown, Work, provider_key, refresh_message, text_hash};
use crate::{Db, Result, Val, row_struct, sql, vals};

/// How long an event waits for a record of ours. Longer than any call takes with all that may follow it.
const PARK: Span = Span::mins(15);

/// An echo of a call says a time at most so much before its start, as clocks differ ...
const ECHO_BEFORE: Span = Span::secs(5);

/// ... and so much after it, as platforms are slow when they give no answer.
const ECHO_AFTER: Span = Span::mins(10);

/// Newest messages of a conversation that a watermark is looked up in.
const WATERMARK_LOOK: i64 = 100;

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
async fn echoed_part<D: Db>(
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

async fn learn_one<D: Db>(
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

    /// Everything sent to this customer up to a time.
    async fn watermark<D: Db>(
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
                &vals![conversation, info.id, until, WATERMARK_LOOK],
            )
            .await?;
        let at = Self::happened(item);
        let mut last = None;
        for mut part in parts {
            learn(db, &mut self.work, &mut part, (fact, at), None, None).await?;
            last = Some(part.message);
        }
        Ok(ItemResult::Applied { message: last })
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

    async fn park<D: Db>(
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
async fn under_way<D: Db>(db: &mut D, account: AccountId, identity: IdentityId) -> Result<bool> {
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

async fn target<D: Db>(db: &mut D, account: AccountId, provider_id: &str) -> Result<Option<Target>> {
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
async fn amend_message<D: Db>(
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
pub(crate) async fn typed_elsewhere<D: Db>(
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
    directory: &everthread_core::directory::Directory,
) -> Result<()> {
    heard_before(db, work, part).await?;
    release_echoes(db, work, part.account, part.identity, part.conversation, directory).await
}

/// What was parked under the id by which the provider knows this part.
async fn heard_before<D: Db>(db: &mut D, work: &mut Work, part: &mut PartRow) -> Result<()> {
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

/// Echoes to a customer to whom no call is under way any more: one with the text of an uncertain part settles it,
/// any other was typed in the platform's own app.
async fn release_echoes<D: Db>(
    db: &mut D,
    work: &mut Work,
    account: AccountId,
    identity: IdentityId,
    conversation: ConversationId,
    directory: &everthread_core::directory::Directory,
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
    for (event, at) in drop_parked(db, rows).await? {
        let EventKind::Echo(echo) = &event.kind else { continue };
        if let Some(mut part) = echoed_part(db, account, identity, (&echo.content.text, at)).await? {
            learn(db, work, &mut part, (Fact::Accepted, at), None, Some(&echo.provider_id)).await?;
        } else {
            typed_elsewhere(db, work, info, identity, conversation, (echo, at)).await?;
        }
    }
    Ok(())
}

/// Ends the wait of what is overdue: an echo becomes a message, the rest was about something that is not ours.
/// True where there may be more.
pub(crate) async fn park_expired<D: Db>(
    db: &mut D,
    work: &mut Work,
    directory: &everthread_core::directory::Directory,
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
            release_echoes(db, work, *account, *identity, conversation, directory).await?;
        }
        db.exec(sql!("DELETE FROM parked WHERE id = ?1"), &vals![*id]).await?;
    }
    Ok(due.len() as i64 == limit)
}
