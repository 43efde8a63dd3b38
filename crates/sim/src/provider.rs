//! The platforms: what they carry out, what they answer, what they tell us later.

use std::collections::{HashMap, HashSet};

use everthread_channels::WireRequest;
use everthread_core::directory::AccountInfo;
use everthread_core::event::Fact;
use everthread_core::ids::{AccountId, PartId};
use everthread_core::limits::CALL_TIMEOUT;
use everthread_core::outbox::Settle;
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::Outgoing;

use crate::faults::Faults;
use crate::outages::{Component, Outages};
use crate::rng::Rng;
use crate::scene::{customer_address, new_number, own_id};
use crate::wire::{self, Answer, Post, Wire};

/// What a webhook is about: what the judge holds the hub to once it is acknowledged.
#[derive(Clone, Debug)]
pub(crate) enum About {
    Message {
        id: String,
        text: String,
    },
    Typed(String),
    Echo(String),
    Receipt(String, Fact),
    /// Everything sent to a customer until this message was taken, itself included.
    Passed(String, Fact),
    Edit(String, String),
    Delete(String),
    Reaction(String),
    /// A customer has this number from now on.
    Moved(usize, String),
}

/// A webhook on its way: one item of one account, in the platform's own format.
#[derive(Clone)]
pub(crate) struct Hook {
    pub(crate) account: AccountId,
    pub(crate) query: String,
    pub(crate) body: Vec<u8>,
    pub(crate) about: About,
    /// It never came: the hub finds it when it reads the platform back.
    pub(crate) history: bool,
}

impl std::fmt::Debug for Hook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {:?} {} {}", self.account, self.about, self.query, String::from_utf8_lossy(&self.body))
    }
}

impl About {
    fn is_receipt(&self) -> bool {
        matches!(self, Self::Receipt(..) | Self::Passed(..))
    }
}

impl Hook {
    fn new(info: &AccountInfo, (query, body): Post, about: About) -> Self {
        Self { account: info.id, query, body, about, history: false }
    }
}

/// Something that a platform did for us.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) account: AccountId,
    pub(crate) part: PartId,
    pub(crate) provider_id: String,
    peer: String,
    /// The highest fact that it told us, and that we acknowledged.
    pub(crate) told: Option<Fact>,
    /// The same by a time, which a clock that jumped may take for another.
    pub(crate) told_by_time: Option<Fact>,
}

/// What comes of a call: an answer after a while, and webhooks after another.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) after: Span,
    pub(crate) answer: Answer,
    pub(crate) executed: bool,
    pub(crate) hooks: Vec<(Span, Hook)>,
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    next: u64,
    pub(crate) sent: Vec<Sent>,
    keys: HashMap<String, String>,
    pub(crate) outages: Outages,
    pub(crate) bad_tokens: HashSet<AccountId>,
    /// Customers with another number than at first.
    moved: HashMap<(AccountId, usize), String>,
    /// Messages of each customer, newest last.
    wrote: HashMap<(AccountId, String), Vec<String>>,
    /// When each customer last wrote: the platform's own reply window.
    pub(crate) last: HashMap<(AccountId, String), Timestamp>,
}

impl Provider {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// All is well again.
    pub(crate) fn heal(&mut self) {
        self.outages.clear();
        self.bad_tokens.clear();
    }

    /// A call arrives.
    pub(crate) fn call(
        &mut self,
        info: &AccountInfo,
        (out, request): (&Outgoing, &WireRequest),
        faults: &Faults,
        (now, rng): (Timestamp, &mut Rng),
    ) -> Reaction {
        let quick = rng.millis(5, 400);
        let channel = info.channel.as_str();
        let plain = |after, answer| Reaction { after, answer, executed: false, hooks: Vec::new() };
        let slow = if rng.chance(faults.slow) { rng.millis(400, 25_000) } else { quick };
        if self.outages.hit(Component::Send, info, (now, rng)).is_some() {
            return plain(slow, wire::down(channel));
        }
        // The web chat is of our own house: it has no token and refuses nothing.
        let strange = channel != "webchat";
        if strange && rng.chance(faults.bad_token) {
            self.bad_tokens.insert(info.id);
        }
        let refused = strange && self.outages.hit(Component::Auth, info, (now, rng)).is_some();
        if refused || self.bad_tokens.contains(&info.id) {
            return plain(quick, wire::bad_token(channel));
        }
        if rng.chance(faults.throttle) {
            return plain(slow, wire::throttled(channel, rng));
        }
        if strange && rng.chance(faults.refuse) {
            return plain(quick, wire::refused(channel, rng));
        }
        if rng.chance(faults.lost_call) {
            return plain(CALL_TIMEOUT, wire::unclear(channel, rng.chance(500)));
        }
        let provider_id = self.execute(info, out);
        let mut hooks = Vec::new();
        let mut after = quick;
        if rng.chance(faults.early) {
            after = quick + rng.millis(200, 4_000);
        }
        let text = wire::text_of(channel, &request.body);
        tell(info, out, (&provider_id, &text), (now, rng, faults), &mut hooks);
        self.untold(info, (now, rng), &mut hooks);
        let mut answer = wire::accepted(channel, &provider_id);
        let unclear = self.outages.hit(Component::Answers, info, (now, rng)).is_some();
        if unclear || rng.chance(faults.lost_answer) {
            after = CALL_TIMEOUT;
            answer = wire::unclear(channel, rng.chance(700));
        }
        Reaction { after, answer, executed: true, hooks }
    }

    /// Receipts of what is stuck come when it is over, or never; so do those that only fail to be told.
    fn untold(&self, info: &AccountInfo, (now, rng): (Timestamp, &mut Rng), hooks: &mut Vec<(Span, Hook)>) {
        for component in [Component::Stuck, Component::Receipts] {
            let Some(outage) = self.outages.hit(component, info, (now, rng)) else { continue };
            let over = outage.until.since(now);
            let gone = rng.chance(400);
            hooks.retain(|(_, hook)| !gone || !hook.about.is_receipt());
            for (after, hook) in hooks.iter_mut() {
                if hook.about.is_receipt() {
                    *after = *after + over;
                }
            }
        }
    }

    /// Carries it out; an idempotent channel knows its key.
    fn execute(&mut self, info: &AccountInfo, out: &Outgoing) -> String {
        let key = out.correlation.show(PartId::PREFIX);
        if info.caps.settle == Settle::Idempotent
            && let Some(known) = self.keys.get(&key)
        {
            return known.clone();
        }
        let number = self.number();
        let provider_id = match info.channel.as_str() {
            "webchat" => key.clone(),
            _ => wire_to(info, &out.to.value, Timestamp::default()).provider_id(number),
        };
        self.keys.insert(key, provider_id.clone());
        let (account, part, peer) = (info.id, out.part, out.to.value.clone());
        self.sent.push(Sent {
            account,
            part,
            provider_id: provider_id.clone(),
            peer,
            told: None,
            told_by_time: None,
        });
        provider_id
    }

    /// A customer writes.
    pub(crate) fn customer(
        &mut self,
        info: &AccountInfo,
        peer: String,
        (text, picture): (&str, bool),
        now: Timestamp,
    ) -> Hook {
        let number = self.number();
        let wire = wire_to(info, &peer, now);
        let id = wire.provider_id(number);
        let post = wire.message(number, text, picture && info.channel != "webchat");
        self.last.insert((info.id, peer.clone()), now);
        self.wrote.entry((info.id, peer)).or_default().push(id.clone());
        Hook::new(info, post, About::Message { id, text: text.to_owned() })
    }

    /// Where a customer writes from.
    pub(crate) fn address(&self, info: &AccountInfo, customer: usize) -> String {
        let moved = self.moved.get(&(info.id, customer)).cloned();
        moved.unwrap_or_else(|| customer_address(info, customer).1)
    }

    /// A customer takes another number, once. `known`: whether the hub has heard of a message.
    pub(crate) fn change_number(
        &mut self,
        info: &AccountInfo,
        customer: usize,
        now: Timestamp,
        known: impl Fn(&str) -> bool,
    ) -> Option<Hook> {
        let (old, new) = (self.address(info, customer), new_number(info, customer));
        let wrote = self.wrote.get(&(info.id, old.clone()))?;
        if old == new || !wrote.iter().any(|id| known(id)) {
            return None;
        }
        let number = self.number();
        let post = wire_to(info, &old, now).moved(number, &new)?;
        Some(Hook::new(info, post, About::Moved(customer, new)))
    }

    /// They write from there, once the hub has heard of it: nobody can tell who writes from a number that is not known yet.
    pub(crate) fn moved_to(&mut self, account: AccountId, customer: usize, number: String) {
        self.moved.insert((account, customer), number);
    }

    /// A customer corrects or withdraws what they wrote, or reacts to what we wrote.
    pub(crate) fn second_thought(
        &mut self,
        info: &AccountInfo,
        customer: usize,
        now: Timestamp,
        rng: &mut Rng,
    ) -> Option<Hook> {
        let number = self.number();
        let peer = self.address(info, customer);
        let wire = wire_to(info, &peer, now);
        let wrote = self.wrote.get(&(info.id, peer.clone())).cloned().unwrap_or_default();
        match rng.below(3) {
            0 => {
                let (id, text) = (rng.pick(&wrote)?.clone(), format!("better {number}"));
                let post = wire.edit(number, &id, &text)?;
                Some(Hook::new(info, post, About::Edit(id, text)))
            }
            1 => {
                let id = rng.pick(&wrote)?.clone();
                let post = wire.delete(number, &id)?;
                Some(Hook::new(info, post, About::Delete(id)))
            }
            _ => {
                let ours = self.sent.iter().rev().filter(|sent| sent.account == info.id && sent.peer == peer);
                let ours: Vec<_> = ours.take(3).map(|sent| sent.provider_id.clone()).collect();
                let id = rng.pick(&ours)?.clone();
                let post = wire.reaction(number, &id)?;
                Some(Hook::new(info, post, About::Reaction(id)))
            }
        }
    }

    /// Somebody answers in the platform's own app.
    pub(crate) fn typed(&mut self, info: &AccountInfo, customer: usize, now: Timestamp) -> Option<Hook> {
        let number = self.number();
        let peer = self.address(info, customer);
        let wire = wire_to(info, &peer, now);
        let id = wire.provider_id(number);
        let post = wire.echo(&id, &format!("typed by hand {number}"), None)?;
        Some(Hook::new(info, post, About::Typed(id)))
    }
}

fn wire_to<'a>(info: &'a AccountInfo, peer: &'a str, at: Timestamp) -> Wire<'a> {
    Wire { channel: &info.channel, own: own_id(info), peer, at }
}

/// Receipts and echoes of a message that went out, on their way in any order.
fn tell(
    info: &AccountInfo,
    out: &Outgoing,
    (id, text): (&str, &str),
    (now, rng, faults): (Timestamp, &mut Rng, &Faults),
    hooks: &mut Vec<(Span, Hook)>,
) {
    let correlation = out.correlation.show(PartId::PREFIX);
    let mut later = Span::ZERO;
    let mut hook = |rng: &mut Rng, post: &dyn Fn(Wire<'_>) -> Option<Post>, about: About| {
        later = later + rng.millis(0, 300);
        let Some(post) = post(wire_to(info, &out.to.value, now + later)) else { return };
        hooks.push((later + rng.millis(1, faults.webhook_millis), Hook::new(info, post, about)));
    };
    // WhatsApp echoes only what its own app sent.
    if matches!(info.channel.as_str(), "instagram" | "messenger") {
        hook(rng, &|wire| wire.echo(id, text, Some(&correlation)), About::Echo(id.to_owned()));
    }
    let last = if rng.chance(60) { Fact::Failed } else { Fact::Delivered };
    let read = last == Fact::Delivered && rng.chance(600);
    for fact in [Some(Fact::Accepted), Some(last), read.then_some(Fact::Read)].into_iter().flatten() {
        if info.channel == "messenger" {
            let named = (fact == Fact::Delivered && rng.chance(700)).then_some(id);
            let about = match named {
                Some(_) => About::Receipt(id.to_owned(), fact),
                None => About::Passed(id.to_owned(), fact),
            };
            hook(rng, &|wire| wire.passed(now, fact, named), about);
            continue;
        }
        hook(rng, &|wire| wire.receipt(id, fact, &correlation), About::Receipt(id.to_owned(), fact));
    }
}
