//! What comes of a provider call.

use serde::{Deserialize, Serialize};

use crate::time::Span;

/// Classes of refusal, the same for every channel (channel facts, section 0.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// The vendor is failing.
    PlatformOutage,
    /// We are too fast; it was not executed.
    Throttled,
    /// Token bad, permission removed, app disconnected: stops sending until somebody acts.
    Auth,
    /// The reply window is over.
    WindowClosed,
    /// Blocked us, not on the channel, gone.
    RecipientUnreachable,
    /// Our payload is wrong.
    BadRequest,
    /// The vendor restricted the account or the content.
    PolicyBlocked,
    /// The vendor already has it: success.
    Duplicate,
    /// Sent, and no usable answer.
    UnknownOutcome,
}

impl ErrorClass {
    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PlatformOutage => "platform_outage",
            Self::Throttled => "throttled",
            Self::Auth => "auth",
            Self::WindowClosed => "window_closed",
            Self::RecipientUnreachable => "recipient_unreachable",
            Self::BadRequest => "bad_request",
            Self::PolicyBlocked => "policy_blocked",
            Self::Duplicate => "duplicate",
            Self::UnknownOutcome => "unknown_outcome",
        }
    }
}

/// Outcome of one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The provider took it, under this id.
    Accepted { provider_id: String },
    /// Known not executed, try again: too fast (`class` Throttled), a marked failure, or no connection
    /// (`class` PlatformOutage). `wait` is the provider's own word, already as a span.
    NotExecuted { class: ErrorClass, reason: Reason, wait: Option<Span>, scope: ThrottleScope },
    /// Refused for good.
    Refused { class: ErrorClass, reason: Reason },
    /// The request went out and nobody knows what came of it.
    Uncertain { reason: Reason },
}

/// Code of an outcome where not a byte of the request went out.
pub const NOT_SENT: &str = "not_sent";

/// Code of an outcome where the request went out and nothing that could be read came back.
pub const NO_ANSWER: &str = "no_answer";

impl Outcome {
    /// True where the provider answered, whatever it said.
    pub fn answered(&self) -> bool {
        match self {
            Self::Accepted { .. } => true,
            Self::NotExecuted { reason, .. } | Self::Refused { reason, .. } | Self::Uncertain { reason } => {
                ![NOT_SENT, NO_ANSWER].contains(&reason.code.as_str())
            }
        }
    }
}

/// The provider's code and text, both shown to people. Holds no secret and no customer text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub code: String,
    pub text: String,
}

impl Reason {
    /// A reason from a code and a text.
    pub fn new(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into() }
    }
}

/// How much a throttle holds back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThrottleScope {
    /// This conversation's peer only.
    Pair,
    /// Everything this account sends.
    #[default]
    Account,
}
