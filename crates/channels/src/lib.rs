//! Channel adapters: one folder per channel, pure, the same file names everywhere, one compliance suite.
//!
//! An adapter knows its provider's payloads and answers and nothing else: it checks a signature, parses a raw
//! record into events, turns one outgoing part into one wire request, and classifies the answer by a table.

pub mod spec;
pub mod wire;

use everthread_core::account::{Secrets, Settings};
use everthread_core::event::Parsed;
use everthread_core::outcome::{Outcome, Reason};

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
    /// is a defect that the caller contains.
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

    /// Checks what `account add` was given: names what is missing or malformed, and what to do, as sentences.
    fn check(&self, settings: &Settings, secrets: &Secrets) -> Vec<String>;
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
    /// The file is gone for good; says why.
    Gone(String),
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
