//! Channel adapters: one folder per channel, pure, the same file names everywhere, one compliance suite.
//!
//! An adapter knows its provider's payloads and answers and nothing else: it checks a signature, parses a raw
//! record into events, turns one outgoing part into one wire request, and classifies the answer by a table.

pub mod form;
pub mod history;
mod json;
mod sign;
pub mod spec;
pub mod table;
pub mod wire;

pub mod email;
pub mod instagram;
pub mod messenger;
pub mod meta;
pub mod telegram;
pub mod twilio;
pub mod webchat;
pub mod whatsapp;

#[cfg(test)]
mod compliance;
#[cfg(test)]
mod harness;

use everthread_core::account::{Secrets, Settings};
use everthread_core::event::{Event, Parsed};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::time::Span;

pub use spec::Spec;
pub use wire::{HookRequest, Outbound, RawRecord, WireRequest, WireResponse};

/// What every channel can do. All methods are pure: no clock, no I/O.
pub trait Channel: Send + Sync {
    /// The channel as data: limits, capabilities, fate groups, settle rule.
    fn spec(&self) -> &'static Spec;

    /// Checks the signature over the raw bytes in constant time, against every secret given.
    ///
    /// Returns the index of the first secret that verified; the journal record keeps it.
    fn verify(&self, request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject>;

    /// Answers the provider's verification handshake (Meta's GET). `None` where the request is no handshake.
    fn handshake(&self, request: &HookRequest<'_>, verify_tokens: &[&str]) -> Option<Result<String, Reject>>;

    /// Turns one raw record (a webhook body, one poll's answer) into events and problems. Never fails; a panic
    /// is a defect that the caller contains. The raw piece of a problem parses again by itself.
    fn parse(&self, raw: &RawRecord<'_>) -> Parsed;

    /// The provider call for one outgoing part. `Err` where this channel cannot carry it: a permanent refusal
    /// of class `bad_request` that never left the house.
    fn request(&self, out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason>;

    /// Classifies the answer to [`Channel::request`] by the channel's error table.
    fn classify(&self, response: &WireResponse<'_>) -> Outcome;

    /// How to fetch a file: the next request, given the answers so far. `None` where the channel has no such file.
    fn media(
        &self,
        source: &everthread_core::content::MediaSource,
        account: &Account<'_>,
        answers: &[WireResponse<'_>],
    ) -> Option<MediaStep>;

    /// The cheap call that tells whether our credential is accepted (level *token* of the channel facts, 0.5).
    /// `None` for channels of our own house.
    fn probe(&self, account: &Account<'_>) -> Option<WireRequest>;

    /// The cheap call that tells whether the messaging component itself works (level *messaging* of the channel facts,
    /// 0.5). The same as [`Channel::probe`] where the provider has no better one.
    fn messaging_probe(&self, account: &Account<'_>) -> Option<WireRequest> {
        self.probe(account)
    }

    /// Calls that make events come in, in order: towards our webhook address, or (`webhook` false) away from it so
    /// that [`Channel::poll`] works. Empty where the operator does this in the provider's own console.
    fn connect(&self, _account: &Account<'_>, _webhook: bool) -> Vec<WireRequest> {
        Vec::new()
    }

    /// The next long poll; `cursor` is what the last [`Channel::polled`] said. `None` where the channel has none.
    fn poll(&self, _account: &Account<'_>, _cursor: Option<&str>) -> Option<WireRequest> {
        None
    }

    /// What an answer to [`Channel::poll`] means. Its body is journaled before the cursor moves on.
    fn polled(&self, _response: &WireResponse<'_>) -> Polled {
        Polled::Failed(Reason::new("poll", "this channel is not polled"))
    }

    /// The provider's id of our account, by which items of a shared endpoint are routed; `None` where the
    /// endpoint serves one account. Reads settings only, e.g. `phone_number_id`.
    fn external_id(&self, settings: &Settings) -> Option<String>;

    /// Every id by which an item may name our account, [`Channel::external_id`] first: what [`Item::account`]
    /// and [`Item::also`] are compared with.
    ///
    /// [`Item::account`]: everthread_core::event::Item::account
    /// [`Item::also`]: everthread_core::event::Item::also
    fn external_ids(&self, settings: &Settings) -> Vec<String> {
        self.external_id(settings).into_iter().collect()
    }

    /// Checks what `account add` was given: names what is missing or malformed, and what to do, as sentences.
    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String>;

    /// The channel's error table, most particular rows first; for the docs page and the compliance suite.
    fn errors(&self) -> &'static [&'static [table::Row]];

    /// A call owed to the provider on receipt of this event (Telegram's button presses spin until answered).
    /// Fire and forget: its outcome matters to nobody.
    fn acknowledge(&self, _event: &Event, _account: &Account<'_>) -> Option<WireRequest> {
        None
    }

    /// Reading back what the platform holds. `None` where it hands out nothing that it has told once.
    fn history(&self) -> Option<&'static dyn history::History> {
        None
    }

    /// How much of our allowance is used, where the answer's headers say so.
    fn usage(&self, _response: &WireResponse<'_>) -> Option<Usage> {
        None
    }
}

/// Every channel of this build.
pub const CHANNELS: &[&dyn Channel] = &[
    &webchat::Webchat,
    &telegram::Telegram,
    &whatsapp::Whatsapp,
    &instagram::Instagram,
    &messenger::Messenger,
    &twilio::Twilio,
    &email::Email,
];

/// The channel of this name, e.g. `whatsapp`. `None` where this build has none.
pub fn find(name: &str) -> Option<&'static dyn Channel> {
    CHANNELS.iter().copied().find(|channel| channel.spec().name == name)
}

/// Share of our allowance that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Percent of the tightest allowance. Slow down from 75, stop at 95.
    pub percent: u32,
    /// Time until calls are allowed again, where we are over.
    pub regain: Option<Span>,
}

/// An account as an adapter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Account<'a> {
    pub settings: &'a Settings,
    pub secrets: &'a Secrets,
    /// Our own public address, without a trailing slash, for callbacks.
    pub public_url: &'a str,
    /// `/hooks/<channel>/<key>` of this account.
    pub webhook_path: &'a str,
}

/// What came of a long poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Polled {
    /// Nothing new.
    Empty,
    /// Events: journal the body, then go on with this cursor.
    Events { cursor: String },
    /// No use of it: try again later, or (class by [`Channel::classify`]) stop.
    Failed(Reason),
}

/// One step of fetching a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaStep {
    /// Ask this next and come back with the answer.
    Ask(WireRequest),
    /// Fetch the bytes with this.
    Fetch(WireRequest),
    /// The last answer held the bytes.
    Bytes { mime: String, bytes: Vec<u8> },
    /// The file is gone for good; says why.
    Gone(String),
    /// The provider can't say now: begin again later, without the answers so far.
    Later(String),
}

/// Why a webhook was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    #[error("signature missing")]
    Missing,
    #[error("signature malformed")]
    Malformed,
    #[error("signature matches none of the secrets")]
    Mismatch,
    #[error("verification token does not match")]
    VerifyToken,
}
