//! Reading back what a platform holds of an account's conversations (channel facts, 0.4): after an outage it is the only way to
//! messages whose webhooks never came.
//!
//! The platform is asked step by step; what it tells is written again as its own webhook, so that the parser of webhooks reads it and
//! every key is the one that the webhook would have had.

use everthread_core::outcome::Reason;
use everthread_core::time::{Span, Timestamp};
use serde_json::Value;

use crate::Account;
use crate::wire::{WireRequest, WireResponse};

/// How a channel's platform is read back. Pure, as [`crate::Channel`].
pub trait History: Send + Sync {
    /// Calls per second that the platform allows for this.
    fn per_s(&self) -> f64;

    /// The call for one step.
    fn request(&self, account: &Account<'_>, ask: &Ask<'_>) -> WireRequest;

    /// What the answer to that call says.
    fn read(&self, account: &Account<'_>, ask: &Ask<'_>, response: &WireResponse<'_>) -> Told;

    /// Messages as the webhook that would have told of them: what goes into the journal.
    fn webhook(&self, account: &Account<'_>, messages: &[Held]) -> Vec<u8>;
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask<'a> {
    /// Conversations, the last touched first; `after` is what the last page said.
    Threads { after: Option<&'a str> },
    /// Which messages a conversation has, the newest first.
    Messages { thread: &'a str, after: Option<&'a str> },
    /// One message.
    Message { id: &'a str },
}

/// What the platform told.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Threads {
        threads: Vec<Thread>,
        next: Option<String>,
    },
    Messages {
        messages: Vec<Listed>,
        next: Option<String>,
    },
    Message(Box<Held>),
    /// It does not hand this out, and will not later either; says why.
    Unreadable(String),
    /// It could not say: ask again later, not before `wait`.
    Failed {
        reason: Reason,
        wait: Option<Span>,
    },
}

/// A conversation as the platform lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    pub id: String,
    /// Time of its last message.
    pub updated_at: Option<Timestamp>,
    /// The customer's address and name there, where the list says.
    pub customer: Option<String>,
    pub name: Option<String>,
}

/// A message as a conversation lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub id: String,
    pub at: Option<Timestamp>,
}

/// A message that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// The provider's id, as in its webhook.
    pub id: String,
    pub at: Timestamp,
    /// Written on our side.
    pub ours: bool,
    /// The customer's address.
    pub customer: String,
    pub text: String,
    /// The item of the webhook that would have told of it.
    pub item: Value,
}
