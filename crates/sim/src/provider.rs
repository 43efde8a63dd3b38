//! The platforms: what they carry out, what they answer, what they tell us later.

use std::collections::{HashMap, HashSet};

use everthread_core::content::Content;
use everthread_core::directory::AccountInfo;
use everthread_core::event::{Address, Echo, Event, EventKind, Fact, InMessage, Peer, Receipt, ReceiptOf};
use everthread_core::ids::{AccountId, PartId};
use everthread_core::limits::CALL_TIMEOUT;
use everthread_core::outbox::Settle;
use everthread_core::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::Outgoing;
use serde::{Deserialize, Serialize};

use crate::faults::Faults;
use crate::rng::Rng;
use crate::scene::customer_address;

/// The body of a webhook: one item of one account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Hook {
    pub(crate) account: AccountId,
    pub(crate) event: Event,
}

/// Something that a platform did for us.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) account: AccountId,
    pub(crate) part: PartId,
    pub(crate) provider_id: String,
    /// The highest fact that it told us, and that we acknowledged.
    pub(crate) told: Option<Fact>,
}

/// What comes of a call: an answer after a while, and webhooks after another.
#[derive(Debug)]
pub(crate) struct Reaction {
    pub(crate) after: Span,
    pub(crate) outcome: Outcome,
    pub(crate) hooks: Vec<(Span, Hook)>,
}

#[derive(Debug, Default)]
pub(crate) struct Provider {
    next: u64,
    pub(crate) sent: Vec<Sent>,
    keys: HashMap<String, String>,
    outages: HashMap<AccountId, Timestamp>,
    pub(crate) bad_tokens: HashSet<AccountId>,
}

impl Provider {
    pub(crate) fn id(&mut self) -> String {
        self.next += 1;
        format!("p{}", self.next)
    }

    pub(crate) fn outage(&mut self, account: AccountId, until: Timestamp) {
        self.outages.insert(account, until);
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
        out: &Outgoing,
        faults: &Faults,
        (now, rng): (Timestamp, &mut Rng),
    ) -> Reaction {
        let quick = rng.millis(5, 400);
        let not_executed = |class, wait, scope| Outcome::NotExecuted {
            class,
            reason: Reason::new("sim", "simulated"),
            wait,
            scope,
        };
        let plain = |after, outcome| Reaction { after, outcome, hooks: Vec::new() };
        let silence = Outcome::Uncertain { reason: Reason::new("timeout", "no answer") };
        if self.outages.get(&info.id).is_some_and(|until| now < *until) {
            return plain(quick, not_executed(ErrorClass::PlatformOutage, None, ThrottleScope::Account));
        }
        if rng.chance(faults.bad_token) {
            self.bad_tokens.insert(info.id);
        }
        if self.bad_tokens.contains(&info.id) {
            return plain(quick, not_executed(ErrorClass::Auth, None, ThrottleScope::Account));
        }
        if rng.chance(faults.throttle) {
            let wait = rng.chance(500).then(|| Span::secs(rng.below(40) as i64));
            let scope = if rng.chance(500) { ThrottleScope::Pair } else { ThrottleScope::Account };
            return plain(quick, not_executed(ErrorClass::Throttled, wait, scope));
        }
        if rng.chance(faults.refuse) {
            let reason = Reason::new("400", "simulated refusal");
            return plain(quick, Outcome::Refused { class: ErrorClass::BadRequest, reason });
        }
        if rng.chance(faults.lost_call) {
            return plain(CALL_TIMEOUT, silence);
        }
        let provider_id = self.execute(info, out);
        let mut hooks = Vec::new();
        let mut after = quick;
        if rng.chance(faults.early) {
            after = quick + rng.millis(200, 4_000);
        }
        tell(info, out, &provider_id, (now, rng, faults), &mut hooks);
        if rng.chance(faults.lost_answer) {
            return Reaction { after: CALL_TIMEOUT, outcome: silence, hooks };
        }
        Reaction { after, outcome: Outcome::Accepted { provider_id }, hooks }
    }

    /// Carries it out; an idempotent channel knows its key.
    fn execute(&mut self, info: &AccountInfo, out: &Outgoing) -> String {
        let key = out.correlation.show(PartId::PREFIX);
        if info.caps.settle == Settle::Idempotent
            && let Some(known) = self.keys.get(&key)
        {
            return known.clone();
        }
        let provider_id = self.id();
        self.keys.insert(key, provider_id.clone());
        let sent = Sent { account: info.id, part: out.part, provider_id: provider_id.clone(), told: None };
        self.sent.push(sent);
        provider_id
    }

    /// A customer writes.
    pub(crate) fn customer(
        &mut self,
        info: &AccountInfo,
        customer: usize,
        text: &str,
        now: Timestamp,
    ) -> Hook {
        let provider_id = self.id();
        let (kind, value) = customer_address(info, customer);
        let peer = Peer { addresses: vec![Address { kind, value }], ..Peer::default() };
        let message = InMessage {
            provider_id: provider_id.clone(),
            content: Content::text(text),
            ..InMessage::default()
        };
        let kind = EventKind::Message(message);
        Hook { account: info.id, event: Event { key: provider_id, at: Some(now), peer: Some(peer), kind } }
    }

    /// Somebody answers in the platform's own app.
    pub(crate) fn typed(&mut self, info: &AccountInfo, customer: usize, now: Timestamp) -> Hook {
        let provider_id = self.id();
        let (kind, value) = customer_address(info, customer);
        let peer = Peer { addresses: vec![Address { kind, value }], ..Peer::default() };
        let content = Content::text(format!("typed by hand {provider_id}"));
        let echo = Echo { provider_id: provider_id.clone(), content, reply_to: None, correlation: None };
        let kind = EventKind::Echo(echo);
        Hook { account: info.id, event: Event { key: provider_id, at: Some(now), peer: Some(peer), kind } }
    }
}

/// Receipts and echoes of a message that went out, on their way in any order.
fn tell(
    info: &AccountInfo,
    out: &Outgoing,
    provider_id: &str,
    (now, rng, faults): (Timestamp, &mut Rng, &Faults),
    hooks: &mut Vec<(Span, Hook)>,
) {
    let correlation = out.correlation.show(PartId::PREFIX);
    let correlated = matches!(info.channel.as_str(), "whatsapp" | "twilio");
    let correlation = correlated.then_some(correlation);
    let peer = Some(Peer { addresses: vec![out.to.clone()], ..Peer::default() });
    let mut later = Span::ZERO;
    let mut hook = |rng: &mut Rng, key: String, kind: EventKind| {
        later = later + rng.millis(0, 300);
        let event = Event { key, at: Some(now + later), peer: peer.clone(), kind };
        hooks.push((later + rng.millis(1, faults.webhook_millis), Hook { account: info.id, event }));
    };
    if info.caps.echoes {
        let content = Content { buttons: Vec::new(), ..out.content.clone() };
        let echo = Echo {
            provider_id: provider_id.to_owned(),
            content,
            reply_to: None,
            correlation: correlation.clone(),
        };
        hook(rng, provider_id.to_owned(), EventKind::Echo(echo));
    }
    let mut facts = Vec::new();
    if info.caps.delivered_receipts {
        facts.extend([Fact::Accepted, Fact::Delivered]);
    }
    if info.caps.read_receipts && rng.chance(600) {
        facts.push(Fact::Read);
    }
    for fact in facts {
        let of = ReceiptOf::ProviderId(provider_id.to_owned());
        let receipt = Receipt { of, fact, error: None, correlation: correlation.clone() };
        hook(rng, format!("{provider_id}:{fact:?}"), EventKind::Receipt(receipt));
    }
}
