//! What rules want done, written in the unit of the message that made them want it.

use everthread_core::content::Content;
use everthread_core::conversation::{Input, Owner};
use everthread_core::event::{Address, AddressKind};
use everthread_core::ids::{IdentityId, MessageId, RuleId, Uid, UserId};
use everthread_core::outbox::Author;
use everthread_core::rules::{Assignee, Effect, EffectId};
use everthread_core::state::{Class, Direction, Proof, State};

use super::Batch;
use super::incoming::RuleFacts;
use super::people::{ConversationState, NewIdentity, PeerState, insert_identity};
use crate::units::out::{OutMessage, queue};
use crate::units::rows::{AuthorKind, NewMessage, insert_message};
use crate::units::{conversation, leads, problems, webhooks};
use crate::{Db, Result, sql, vals};

impl Batch<'_> {
    /// Applies effects: changes of the conversation first, so that messages carry the version that then holds.
    pub(super) async fn effects<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        peer: PeerState,
        state: &mut ConversationState,
        effects: Vec<Effect>,
    ) -> Result<()> {
        let mut say: Vec<(EffectId, Content)> = Vec::new();
        for effect in effects {
            match effect {
                Effect::Reply { id, content } => say.push((id, content)),
                Effect::Ask { id, content, question } => {
                    state.row.question = Some(serde_json::to_string(&question)?);
                    say.push((id, content));
                }
                Effect::CloseQuestion => state.row.question = None,
                other => self.change(db, about, peer, state, other).await?,
            }
        }
        for (id, content) in say {
            self.say(db, about, peer, state, (id.rule, &content)).await?;
        }
        Ok(())
    }

    async fn change<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        peer: PeerState,
        state: &mut ConversationState,
        effect: Effect,
    ) -> Result<()> {
        match effect {
            Effect::SetField { field, value } => {
                let known = peer.proof != Proof::Invited;
                if let Some(contact) = self.contacts.get_mut(&peer.contact)
                    && (known || !contact.fields.contains_key(&field))
                {
                    contact.fields.insert(field, value);
                    contact.dirty = true;
                    self.work.changed(contact.workspace, "contact", contact.row.uid, None);
                }
            }
            Effect::Labels { add, remove } => {
                conversation::set_labels(db, &mut self.work, &mut state.row, &add, &remove).await?;
            }
            Effect::Assign { to } => self.assign(db, about, state, to).await?,
            Effect::HandOver { note } => {
                self.step(db, state, Input::HandOver, "handed over to people").await?;
                if let Some(note) = note {
                    self.note(db, state, &note).await?;
                }
            }
            Effect::Lead { id, pipeline, stage } => {
                let channel = about.info.channel.as_str();
                let set =
                    leads::set_stage(db, &mut self.work, &state.row, (&pipeline, &stage), channel).await?;
                if set.is_none() {
                    let why = format!("there is no stage {stage:?} in a pipeline {pipeline:?}");
                    self.rule_problem(db, about, id, &why).await?;
                }
            }
            Effect::Claim { address, wording, .. } => {
                self.claim(db, about, peer, &address, &wording).await?;
            }
            Effect::Webhook { id, webhook } => {
                let contact = self.contacts.get(&peer.contact).map(|contact| contact.row.uid);
                let body = webhook_body(about, contact, state, &id);
                let event_id = id.to_string();
                let workspace = about.info.workspace;
                if !webhooks::queue(db, &mut self.work, workspace, (&event_id, &webhook), &body).await? {
                    self.rule_problem(db, about, id, "there is no such outgoing webhook").await?;
                }
            }
            Effect::Problem { id, reason } => self.rule_problem(db, about, id, &reason).await?,
            Effect::Reply { .. } | Effect::Ask { .. } | Effect::CloseQuestion => {}
        }
        Ok(())
    }

    async fn say<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        peer: PeerState,
        state: &mut ConversationState,
        (rule, content): (RuleId, &Content),
    ) -> Result<()> {
        let out = OutMessage {
            author: Author::Bot,
            kind: AuthorKind::Bot(Some(rule)),
            content,
            identity: peer.identity,
            reply_to: None,
            client_id: None,
            class: Class::Bot,
            aside_until: None,
        };
        let queued = queue(db, &mut self.work, &mut state.row, about.info, &out).await?;
        if let Err(error) = queued {
            let id = EffectId { event: about.id.0, rule, action: 0 };
            self.rule_problem(db, about, id, &error.to_string()).await?;
        }
        Ok(())
    }

    async fn assign<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        state: &mut ConversationState,
        to: Assignee,
    ) -> Result<()> {
        let owner = match to {
            Assignee::Bot => Owner::Bot,
            Assignee::Nobody => Owner::Nobody,
            Assignee::User(shown) => {
                let uid = Uid::read(UserId::PREFIX, &shown);
                let member: Option<(UserId,)> = db
                    .row(
                        sql!(
                            "SELECT u.id FROM users u JOIN memberships m ON m.user_id = u.id \
                             WHERE u.uid = ?1 AND m.workspace_id = ?2 AND u.disabled_at IS NULL AND m.disabled_at IS NULL"
                        ),
                        &vals![uid, about.info.workspace],
                    )
                    .await?;
                match member {
                    Some((user,)) => Owner::Person(Some(user)),
                    None => Owner::Nobody,
                }
            }
        };
        self.step(db, state, Input::Assign { to: owner, expected: None }, "assigned by a rule").await
    }

    /// A note of the bot for the people who go on.
    async fn note<D: Db>(&mut self, db: &mut D, state: &mut ConversationState, text: &str) -> Result<()> {
        let (id, uid, now) = (MessageId(self.work.id(db).await?), self.work.uid(), self.work.now);
        state.row.seq += 1;
        let content = Content::text(text);
        let new = NewMessage {
            id,
            uid,
            seq: state.row.seq,
            direction: Direction::Note,
            author: AuthorKind::Bot(None),
            account: None,
            identity: None,
            provider_id: None,
            content: &content,
            reply_to: None,
            postback: None,
            referral: None,
            class: Class::Live,
            state: State::Received,
            accepted_at: None,
            parts: 0,
            late: false,
            at: now,
            client_id: None,
        };
        insert_message(db, &state.row, &new, now).await?;
        self.work.message_changed(state.row.workspace, uid, state.row.uid);
        Ok(())
    }

    /// An address that the customer typed: claimed, with consent in the words that were said. An address that
    /// belongs to another contact proves nothing and stays there.
    async fn claim<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        peer: PeerState,
        address: &Address,
        wording: &str,
    ) -> Result<()> {
        // Who merely had a link may bring no address: a code could be sent there.
        if !address.kind.is_global() || peer.proof == Proof::Invited {
            return Ok(());
        }
        let workspace = about.info.workspace;
        let key = (workspace, address.kind, 0, address.value.clone());
        let new = NewIdentity {
            id: IdentityId(self.work.id(db).await?),
            uid: self.work.uid(),
            workspace,
            contact: peer.contact,
            scope: 0,
            kind: address.kind,
            value: &address.value,
            username: None,
            proof: Proof::Claimed,
        };
        insert_identity(db, &new, self.work.now).await?;
        let owner = self.owner_of(db, &key).await?;
        if let Some(identity) =
            owner.filter(|owner| owner.contact == peer.contact).map(|owner| owner.identity)
        {
            let source = format!("{} message", about.info.channel);
            let consent = leads::NewConsent {
                workspace,
                contact: peer.contact,
                identity,
                purpose: "continue",
                wording,
                source: &source,
            };
            leads::insert_consent(db, &mut self.work, &consent).await?;
        }
        if let Some(contact) = self.contacts.get(&peer.contact) {
            self.work.changed(workspace, "contact", contact.row.uid, None);
        }
        Ok(())
    }

    async fn owner_of<D: Db>(
        &mut self,
        db: &mut D,
        (workspace, kind, scope, value): &(everthread_core::ids::WorkspaceId, AddressKind, i64, String),
    ) -> Result<Option<PeerState>> {
        let found: Option<(IdentityId, everthread_core::ids::ContactId, Proof)> = db
            .row(
                sql!(
                    "SELECT id, contact_id, proof FROM identities \
                     WHERE workspace_id = ?1 AND kind = ?2 AND scope = ?3 AND value = ?4"
                ),
                &vals![*workspace, *kind, *scope, value.as_str()],
            )
            .await?;
        Ok(found.map(|(identity, contact, proof)| PeerState { identity, contact, proof }))
    }

    async fn rule_problem<D: Db>(
        &mut self,
        db: &mut D,
        about: &RuleFacts<'_>,
        id: EffectId,
        reason: &str,
    ) -> Result<()> {
        let problem = problems::Recurring {
            workspace: about.info.workspace,
            account: about.info.id,
            channel: about.info.channel.clone(),
            topic: problems::Topic::Rule(id.rule),
            reason: reason.to_owned(),
            raw: serde_json::to_string(&about.item.event)?,
            record: about.item.record,
            index: about.item.index,
        };
        problems::recur(db, &mut self.work, &problem, true).await
    }
}

/// What an outgoing webhook of a rule says.
fn webhook_body(
    about: &RuleFacts<'_>,
    contact: Option<Uid>,
    state: &ConversationState,
    id: &EffectId,
) -> String {
    serde_json::json!({
        "type": "rule.matched",
        "event_id": id.to_string(),
        "conversation_id": state.row.uid.show(everthread_core::ids::ConversationId::PREFIX),
        "channel": about.info.channel,
        "account": about.info.name,
        "contact_id": contact.map(|uid| uid.show(everthread_core::ids::ContactId::PREFIX)),
        "message": {
            "text": about.message.content.text,
            "provider_id": about.message.provider_id,
            "postback": about.message.postback,
        },
    })
    .to_string()
}
