//! A customer's message: stored first, then STOP words, then rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use everthread_core::content::Content;
use everthread_core::conversation::Input;
use everthread_core::directory::AccountInfo;
use everthread_core::event::InMessage;
use everthread_core::ids::{IdentityId, MessageId, PartId, Uid};
use everthread_core::limits::{LATE_AFTER, TEXT_BYTES_MAX};
use everthread_core::outcome::Reason;
use everthread_core::rules::{Effect, Facts, RuleSet, decide};
use everthread_core::state::{Class, Direction, Proof, State, Status};
use everthread_core::stop::{self, StopWord};
use everthread_core::time::{Span, Timestamp};

use super::people::{ConversationState, PeerState};
use super::{ApplyItem, Batch, ItemResult, parked};
use crate::units::give_back;
use crate::units::out::{cancel_bot, cancel_parts};
use crate::units::rows::{AuthorKind, ConversationRow, NewMessage, insert_media, insert_message};
use crate::{Db, Result, sql, vals};

/// A contact's time of last contact is a row of its own: not written more often than this.
const CONTACT_SEEN_EVERY: Span = Span::mins(1);

/// What stands at the end of a text that was cut.
const CUT: &str = " […]";

impl Batch<'_> {
    pub(super) async fn message<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        message: &InMessage,
    ) -> Result<ItemResult> {
        let person = match &item.event.peer {
            Some(peer) => self.person(db, info, peer).await?,
            None => None,
        };
        let Some(peer) = person else {
            return self.problem(db, item, "the message names no customer").await;
        };
        let at = Self::happened(item);
        let late = !item.automation || item.received_at.since(at) > LATE_AFTER;
        let rules = self
            .apply
            .rules
            .get(&item.workspace)
            .filter(|rules| !late && !message.standby && !rules.is_empty())
            .map(Arc::clone);
        let mut state = self.conversation(db, info, peer, rules.is_some()).await?;
        let said = Said::of(db, &state.row, at, late).await?;
        if !said.closed_since {
            let input = Input::CustomerMessage { automation: rules.is_some() };
            self.step(db, &mut state, input, "the conversation started over").await?;
        }
        let (id, uid) = self.store_message(db, (item, info, message), peer, &mut state, said).await?;
        let first = self.note_contact(peer, at);
        parked::unpark_for_message(db, &mut self.work, info.id, &message.provider_id).await?;
        let word = stop::word(&message.content.text, info.network == "sms");
        let muted = self.heed(db, word, peer, &mut state, said).await?;
        let silent = word.is_some() || (muted && info.network == "sms");
        if let Some(rules) = rules.filter(|_| !silent) {
            let facts = RuleFacts { item, info, message, id, late, first };
            let effects = self.decide(db, &rules, &facts, peer, &state).await?;
            self.effects(db, &facts, peer, &mut state, effects).await?;
        }
        self.work.message_changed(info.workspace, uid, state.row.uid);
        self.work.conversation_changed(info.workspace, state.row.uid);
        self.keep(state);
        Ok(ItemResult::Applied { message: Some(id) })
    }

    /// Makes a transition that can't be refused, or leaves the conversation as it is.
    pub(super) async fn step<D: Db>(
        &mut self,
        db: &mut D,
        state: &mut ConversationState,
        input: Input,
        why: &str,
    ) -> Result<()> {
        if let Ok(change) = state.row.state().step(input, self.work.now) {
            state.row.set(&change.next, self.work.now);
            if change.cancel_bot && state.row.seq > 0 {
                cancel_bot(db, &mut self.work, &state.row, why).await?;
            }
        }
        Ok(())
    }

    async fn store_message<D: Db>(
        &mut self,
        db: &mut D,
        (item, info, message): (&ApplyItem, &AccountInfo, &InMessage),
        peer: PeerState,
        state: &mut ConversationState,
        said: Said,
    ) -> Result<(MessageId, Uid)> {
        let (id, uid) = (MessageId(self.work.id(db).await?), self.work.uid());
        let Said { at, late, .. } = said;
        let row = &mut state.row;
        said.note(row, id);
        let left = row.route_account.filter(|route| *route != info.id);
        let shut = left.and_then(|route| self.apply.directory.get(route));
        let left_behind = shut.is_some_and(|left| left.fault.is_some() || left.stopped.is_some());
        if !said.overtaken {
            row.route_identity = Some(peer.identity);
            row.route_account = Some(info.id);
            info.channel.as_str().clone_into(&mut row.channel);
        }
        let cut = cut(&message.content);
        let content = cut.as_ref().unwrap_or(&message.content);
        let new = NewMessage {
            id,
            uid,
            seq: row.seq,
            direction: Direction::In,
            author: AuthorKind::Customer,
            account: Some(info.id),
            identity: Some(peer.identity),
            provider_id: Some(&message.provider_id),
            content,
            reply_to: message.reply_to.as_deref(),
            postback: message.postback.as_deref(),
            referral: message.referral.as_deref(),
            class: Class::Live,
            state: State::Received,
            accepted_at: None,
            parts: 0,
            late,
            at,
            client_id: None,
        };
        insert_message(db, row, &new, item.received_at).await?;
        insert_media(db, &mut self.work, info.workspace, info.id, id, content).await?;
        heard_from(db, peer.identity, info, at).await?;
        if said.overtaken {
            return Ok((id, uid));
        }
        came_home(db, row).await?;
        if left_behind {
            self.follow(db, &state.row, peer).await?;
        }
        Ok((id, uid))
    }

    /// What waits for a route that is shut follows the customer, by a plan. It was written for the customer: from who merely had a
    /// link it goes back to its author, and holds up no answer.
    async fn follow<D: Db>(&mut self, db: &mut D, row: &ConversationRow, peer: PeerState) -> Result<()> {
        if peer.proof == Proof::Invited {
            let why = "the customer seems to go on in the web chat, and has not proved who they are there";
            return give_back(db, &mut self.work, row, None, &Reason::new("unverified", why)).await;
        }
        self.work.after.plans.push((row.workspace, row.id));
        Ok(())
    }

    /// True where this is the contact's first message ever.
    fn note_contact(&mut self, peer: PeerState, at: Timestamp) -> bool {
        let Some(contact) = self.contacts.get_mut(&peer.contact) else { return false };
        let first = contact.row.last_in_at.is_none();
        if contact.row.last_in_at.is_none_or(|seen| at.since(seen) > CONTACT_SEEN_EVERY) {
            contact.row.last_in_at = Some(at);
            contact.dirty = true;
        }
        first
    }

    /// Obeys STOP and START (before any rule, whatever the owner). True where the contact has said STOP.
    async fn heed<D: Db>(
        &mut self,
        db: &mut D,
        word: Option<StopWord>,
        peer: PeerState,
        state: &mut ConversationState,
        said: Said,
    ) -> Result<bool> {
        let now = self.work.now;
        let Some(contact) = self.contacts.get_mut(&peer.contact) else { return Ok(false) };
        match word {
            None => return Ok(contact.row.stopped_at.is_some()),
            // Who has proved nothing can ask for silence, never for messages.
            Some(StopWord::Start) if peer.proof == Proof::Invited => {
                return Ok(contact.row.stopped_at.is_some());
            }
            // Said before the STOP, heard after it.
            Some(StopWord::Start) if said.late && contact.row.stopped_at.is_some_and(|at| at >= said.at) => {
                return Ok(true);
            }
            Some(StopWord::Start) => {
                contact.row.stopped_at = None;
                contact.dirty = true;
                return Ok(false);
            }
            Some(StopWord::Stop) => {
                contact.row.stopped_at = Some(now);
                contact.dirty = true;
                self.work.changed(contact.workspace, "contact", contact.row.uid, None);
            }
        }
        state.row.question = None;
        db.exec(
            sql!(
                "UPDATE consents SET withdrawn_at = ?2, withdrawn_by = 'stop' \
                 WHERE contact_id = ?1 AND withdrawn_at IS NULL"
            ),
            &vals![peer.contact, now],
        )
        .await?;
        let parts: Vec<(PartId, MessageId, Uid, i64)> = db
            .rows(
                sql!(
                    "SELECT p.id, p.message_id, m.uid, m.parts FROM message_parts p \
                     JOIN messages m ON m.id = p.message_id \
                     WHERE p.conversation_id = ?1 AND p.unsent = 1 AND p.author <> 'person' \
                     AND p.state IN ('queued', 'held')"
                ),
                &vals![state.row.id],
            )
            .await?;
        let conversation = (state.row.id, state.row.uid);
        cancel_parts(db, &mut self.work, state.row.workspace, conversation, &parts, "the customer said STOP")
            .await?;
        Ok(true)
    }

    /// Asks the rules.
    async fn decide<D: Db>(
        &mut self,
        db: &mut D,
        rules: &RuleSet,
        about: &RuleFacts<'_>,
        peer: PeerState,
        state: &ConversationState,
    ) -> Result<Vec<Effect>> {
        let business = self.business(db, about.info.workspace).await?;
        let question = state.row.question.as_deref().map(serde_json::from_str).transpose()?;
        let mut labels: Vec<String> = serde_json::from_str(&state.row.labels)?;
        let Some(contact) = self.contacts.get(&peer.contact) else { return Ok(Vec::new()) };
        // No answer may tell a name or a field to who merely had a link.
        let known = peer.proof != Proof::Invited;
        let nothing = BTreeMap::new();
        labels.extend(contact.labels.iter().cloned());
        let facts = Facts {
            event: about.id.0,
            now: self.work.now,
            channel: &about.info.channel,
            business: &business,
            text: &about.message.content.text,
            postback: about.message.postback.as_deref(),
            first_contact: about.first,
            late: about.late,
            contact_name: contact.row.name.as_deref().filter(|_| known),
            fields: if known { &contact.fields } else { &nothing },
            labels: &labels,
            owner: state.row.state().owner,
            open_question: question.as_ref(),
        };
        Ok(decide(rules, &facts))
    }

    async fn business<D: Db>(
        &mut self,
        db: &mut D,
        workspace: everthread_core::ids::WorkspaceId,
    ) -> Result<String> {
        if let Some(name) = self.businesses.get(&workspace) {
            return Ok(name.clone());
        }
        let (name,): (String,) =
            db.one("workspace", sql!("SELECT name FROM workspaces WHERE id = ?1"), &vals![workspace]).await?;
        self.businesses.insert(workspace, name.clone());
        Ok(name)
    }
}

/// When a message was said, and what has happened since: one that comes late leaves the conversation as it would be had it come in
/// time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) at: Timestamp,
    /// From history, or older than [`LATE_AFTER`] when it came.
    pub(super) late: bool,
    /// It came late, and the customer has written or the lane was moved since: the route stays.
    pub(super) overtaken: bool,
    /// The case was resolved since, and nobody has opened it again.
    pub(super) closed_since: bool,
}

impl Said {
    pub(super) async fn of<D: Db>(
        db: &mut D,
        row: &ConversationRow,
        at: Timestamp,
        late: bool,
    ) -> Result<Self> {
        let resolved = row.resolved_at.filter(|_| row.status == Status::Resolved);
        let closed_since = late && resolved.is_some_and(|resolved| resolved >= at);
        // Channels' clocks differ by seconds: what did not come late is the last word, as it came last.
        let mut overtaken = late && row.last_in_at.is_some_and(|last| at < last);
        if late && !overtaken && row.seq > 0 {
            let (moved,): (Option<Timestamp>,) = db
                .one(
                    "conversation",
                    sql!("SELECT carried_at FROM conversations WHERE id = ?1"),
                    &vals![row.id],
                )
                .await?;
            overtaken = moved.is_some_and(|moved| at <= moved);
        }
        Ok(Self { at, late, overtaken, closed_since })
    }

    /// Counts the message into its conversation.
    fn note(self, row: &mut ConversationRow, id: MessageId) {
        // What came late and is all that there is was said then, not now.
        let first = row.seq == 0 && self.late;
        row.seq += 1;
        if first || self.at >= row.last_at || !self.late {
            row.last_message = Some(id);
        }
        row.last_at = if first { self.at } else { row.last_at.max(self.at) };
        row.last_in_at = row.last_in_at.max(Some(self.at));
        if !self.closed_since {
            row.waiting_since = row.waiting_since.or(Some(self.at));
        }
        row.unread += 1;
    }
}

/// What rules are asked about.
#[derive(Clone, Copy)]
pub(super) struct RuleFacts<'a> {
    pub(super) item: &'a ApplyItem,
    pub(super) info: &'a AccountInfo,
    pub(super) message: &'a InMessage,
    pub(super) id: MessageId,
    pub(super) late: bool,
    pub(super) first: bool,
}

/// A customer who writes on the channel that the conversation was carried away from has brought it back.
async fn came_home<D: Db>(db: &mut D, row: &mut ConversationRow) -> Result<()> {
    if row.home_account.is_none() || row.home_account != row.route_account {
        return Ok(());
    }
    row.home_account = None;
    db.exec(
        sql!(
            "UPDATE conversations SET home_identity_id = NULL, home_account_id = NULL, carried_incident_id = NULL, \
             carried_at = NULL, plan_id = NULL WHERE id = ?1"
        ),
        &vals![row.id],
    )
    .await?;
    Ok(())
}

/// Notes when the customer last wrote over this account: the reply window counts from there. Writing to us also
/// shows that we can be reached again.
async fn heard_from<D: Db>(
    db: &mut D,
    identity: IdentityId,
    info: &AccountInfo,
    at: Timestamp,
) -> Result<()> {
    db.exec(
        sql!(
            "INSERT INTO reaches (identity_id, account_id, last_in_at, reachable, changed_at) \
             VALUES (?1, ?2, ?3, 1, ?3) ON CONFLICT (identity_id, account_id) DO UPDATE \
             SET last_in_at = excluded.last_in_at, reachable = 1, reason = NULL, changed_at = excluded.changed_at \
             WHERE reaches.last_in_at IS NULL OR reaches.last_in_at < excluded.last_in_at"
        ),
        &vals![identity, info.id, at],
    )
    .await?;
    Ok(())
}

/// A shortened copy where the text is too long to store.
fn cut(content: &Content) -> Option<Content> {
    (content.text.len() > TEXT_BYTES_MAX).then(|| {
        let end = content.text.floor_char_boundary(TEXT_BYTES_MAX);
        Content { text: format!("{}{CUT}", &content.text[..end]), ..content.clone() }
    })
}
