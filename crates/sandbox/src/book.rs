//! The books: everything that passed between an account and its customers.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;

/// The most messages an account remembers; older ones are forgotten, counts are not.
const KEPT: usize = 200_000;

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Author {
    Customer,
    /// Through the API.
    Business,
    /// A person of the business, in the platform's own app.
    App,
    /// The platform itself (an answer to STOP).
    Platform,
}

/// How far a message has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Accepted,
    Sent,
    Failed,
    Delivered,
    Read,
}

/// A button that a message offers.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub(crate) struct Button {
    pub(crate) id: String,
    pub(crate) title: String,
    /// A reply keyboard's button: pressing it sends its title as text.
    pub(crate) types: bool,
}

/// One message.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Message {
    /// The platform's id (Telegram: `chat:message_id`).
    pub(crate) id: String,
    pub(crate) customer: String,
    pub(crate) author: Author,
    pub(crate) kind: String,
    pub(crate) text: String,
    pub(crate) buttons: Vec<Button>,
    pub(crate) reply_to: Option<String>,
    /// Our correlation word, where the platform carries one.
    pub(crate) correlation: Option<String>,
    pub(crate) at_ms: i64,
    pub(crate) state: Stage,
    pub(crate) state_at: BTreeMap<&'static str, i64>,
    pub(crate) error: Option<i64>,
    /// Accepted, and then nothing: a fault swallowed it.
    pub(crate) lost: bool,
    pub(crate) deleted: bool,
    pub(crate) edited_ms: Option<i64>,
    pub(crate) reaction: Option<String>,
    /// The platform's own form of it (attachments, media, markup, status callback).
    pub(crate) raw: Value,
    /// What became of the webhooks that told of it.
    pub(crate) webhook: &'static str,
}

impl Message {
    pub(crate) fn new(
        id: String,
        customer: &str,
        author: Author,
        kind: &str,
        text: &str,
        at_ms: i64,
    ) -> Self {
        Self {
            id,
            customer: customer.to_owned(),
            author,
            kind: kind.to_owned(),
            text: text.to_owned(),
            buttons: Vec::new(),
            reply_to: None,
            correlation: None,
            at_ms,
            state: Stage::Accepted,
            state_at: BTreeMap::from([("accepted", at_ms)]),
            error: None,
            lost: false,
            deleted: false,
            edited_ms: None,
            reaction: None,
            raw: Value::Null,
            webhook: "PENDING",
        }
    }

    /// Raises the state; false if it was there already.
    pub(crate) fn raise(&mut self, stage: Stage, now: i64) -> bool {
        let name = match stage {
            Stage::Accepted => "accepted",
            Stage::Sent => "sent",
            Stage::Failed => "failed",
            Stage::Delivered => "delivered",
            Stage::Read => "read",
        };
        self.state_at.entry(name).or_insert(now);
        let higher = stage > self.state;
        self.state = self.state.max(stage);
        higher
    }
}

/// How often things happened.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Counts {
    /// Messages that customers wrote.
    pub(crate) received: u64,
    /// Messages accepted from the API.
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) read: u64,
    pub(crate) failed: u64,
    /// API calls refused, by the platform's code.
    pub(crate) refused: BTreeMap<String, u64>,
    /// Webhooks: first tries, answers taken as good, failures, gone for good, and those that faults dropped.
    pub(crate) hooks_posted: u64,
    pub(crate) hooks_ok: u64,
    pub(crate) hooks_failed: u64,
    pub(crate) hooks_given_up: u64,
    pub(crate) hooks_dropped: u64,
    /// Links to the business that customers opened, and those whose page they went on from.
    pub(crate) links_opened: u64,
    pub(crate) links_redeemed: u64,
    /// What the last failed webhook met.
    pub(crate) last_hook_error: Option<String>,
}

/// All messages of an account.
#[derive(Debug, Default)]
pub(crate) struct Book {
    messages: BTreeMap<u64, Message>,
    by_id: HashMap<String, u64>,
    next: u64,
    pub(crate) counts: Counts,
}

impl Book {
    pub(crate) fn add(&mut self, message: Message) {
        match message.author {
            Author::Business => self.counts.accepted += 1,
            Author::Customer => self.counts.received += 1,
            Author::App | Author::Platform => {}
        }
        self.next += 1;
        self.by_id.insert(message.id.clone(), self.next);
        self.messages.insert(self.next, message);
        if self.messages.len() > KEPT
            && let Some((_, old)) = self.messages.pop_first()
        {
            self.by_id.remove(&old.id);
        }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&Message> {
        self.by_id.get(id).and_then(|n| self.messages.get(n))
    }

    pub(crate) fn get_mut(&mut self, id: &str) -> Option<&mut Message> {
        self.by_id.get(id).and_then(|n| self.messages.get_mut(n))
    }

    /// Oldest first, with their numbers.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (u64, &Message)> {
        self.messages.iter().map(|(n, m)| (*n, m))
    }

    /// The number of a message in the order of the books.
    pub(crate) fn number(&self, id: &str) -> Option<u64> {
        self.by_id.get(id).copied()
    }
}
