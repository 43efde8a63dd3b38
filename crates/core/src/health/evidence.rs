//! What each signal is worth, in natural-log units (outage model, 1.1 and 2.3).

use serde::{Deserialize, Serialize};

use super::{Direction, Observation};
use crate::ids::{AccountId, IdentityId};
use crate::outcome::{ErrorClass, Outcome};
use crate::time::Timestamp;

/// Shares of operations that fail in the three kinds of fault looked for: partial outages exist.
pub(super) const EFFECTS: [f64; 3] = [0.30, 0.60, 0.95];

/// One value per effect.
pub(super) type Nats = [f64; EFFECTS.len()];

/// Kinds of observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// First attempt of a message: accepted, or a failure of the platform or an unknown outcome.
    Send,
    /// A real message sent during an incident to see whether the platform is back.
    Canary,
    /// Our credential was accepted or refused, by a send or by the token probe.
    Token,
    /// The messaging probe: lists conversations, reads the phone number.
    Messaging,
    /// The provider's host answers well-formed responses.
    Edge,
    /// A receipt came in time, or its deadline passed.
    Receipt,
    /// History shows a message whose webhook came, or never did.
    History,
    /// Neutral hosts answer, or do not: our own network.
    Network,
}

impl Signal {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Canary => "canary",
            Self::Token => "token",
            Self::Messaging => "messaging",
            Self::Edge => "edge",
            Self::Receipt => "receipt",
            Self::History => "history",
            Self::Network => "network",
        }
    }

    /// Which direction it says something about. `None`: it only tells causes apart.
    pub const fn direction(self) -> Option<Direction> {
        match self {
            Self::Send | Self::Canary | Self::Messaging => Some(Direction::Send),
            Self::Token => Some(Direction::Auth),
            Self::Receipt => Some(Direction::Delivery),
            Self::History => Some(Direction::Webhook),
            Self::Edge | Self::Network => None,
        }
    }

    /// The chance of a bad one while all is well: the pessimistic end.
    const fn bad_when_healthy(self) -> f64 {
        match self {
            Self::Send | Self::Canary => 0.01,
            Self::Token => 0.000_5,
            Self::Messaging => 0.004,
            Self::Edge => 0.001,
            Self::Receipt => 0.30,
            Self::History => 0.003,
            Self::Network => 0.002,
        }
    }

    /// The chance of a bad one in a fault of that effect.
    fn bad_when_broken(self, effect: f64) -> f64 {
        match self {
            Self::Send | Self::Canary | Self::Messaging => effect,
            Self::Token | Self::Edge | Self::Network => 0.95,
            Self::Receipt => 0.30 + 0.67 * (effect / 0.95),
            Self::History => 0.90,
        }
    }

    /// What one observation adds, per effect: positive towards "broken".
    pub(super) fn nats(self, bad: bool) -> Nats {
        let p0 = self.bad_when_healthy();
        EFFECTS.map(|effect| {
            let p1 = self.bad_when_broken(effect);
            if bad { (p1 / p0).ln() } else { ((1.0 - p1) / (1.0 - p0)).ln() }
        })
    }

    /// Bad ones a healthy hub sees in a month, for so many observations of it.
    pub(super) fn bad_when_healthy_of(self, observed: f64) -> f64 {
        self.bad_when_healthy() * observed
    }
}

/// What an attempt's outcome says: signals and whether each is bad. Throttling, wrong recipients, closed windows and our own
/// mistakes say nothing about the platform.
pub fn of_outcome(outcome: &Outcome) -> &'static [(Signal, bool)] {
    const GOOD: &[(Signal, bool)] = &[(Signal::Send, false), (Signal::Token, false)];
    const DOWN: &[(Signal, bool)] = &[(Signal::Send, true)];
    const REFUSED: &[(Signal, bool)] = &[(Signal::Token, true)];
    match outcome {
        Outcome::Accepted { .. } => GOOD,
        Outcome::Uncertain { .. } => DOWN,
        Outcome::NotExecuted { class, .. } | Outcome::Refused { class, .. } => match class {
            ErrorClass::PlatformOutage | ErrorClass::UnknownOutcome => DOWN,
            ErrorClass::Auth => REFUSED,
            ErrorClass::Duplicate => GOOD,
            ErrorClass::Throttled
            | ErrorClass::WindowClosed
            | ErrorClass::RecipientUnreachable
            | ErrorClass::BadRequest
            | ErrorClass::PolicyBlocked => &[],
        },
    }
}

/// What a real call came to, as observations. Only a message's first attempt says something: its retries are one observation. A
/// canary says something each time, and is no observation about its customer.
pub fn of_call(
    (at, account, peer): (Timestamp, AccountId, IdentityId),
    (number, canary): (u32, bool),
    outcome: &Outcome,
) -> Vec<Observation> {
    if number > 1 && !canary {
        return Vec::new();
    }
    let detail = words(outcome);
    of_outcome(outcome)
        .iter()
        .map(|(signal, bad)| {
            let signal = if canary && *signal == Signal::Send { Signal::Canary } else { *signal };
            let peer = (!canary).then_some(peer);
            let answered = outcome.answered();
            Observation { at, account, signal, bad: *bad, answered, peer, detail: detail.clone() }
        })
        .collect()
}

/// What a probe of an account showed. `outcome`: what its answer means; `reached`: any well-formed answer came at all.
pub fn of_probe(at: Timestamp, account: AccountId, reached: bool, outcome: &Outcome) -> Vec<Observation> {
    let edge = (Signal::Edge, !reached);
    let signals = match outcome {
        Outcome::Accepted { .. } => vec![(Signal::Messaging, false), (Signal::Token, false), edge],
        Outcome::Uncertain { .. } => vec![(Signal::Messaging, true), edge],
        Outcome::NotExecuted { class, .. } | Outcome::Refused { class, .. } => match class {
            ErrorClass::Auth => vec![(Signal::Token, true), edge],
            ErrorClass::PlatformOutage | ErrorClass::UnknownOutcome => vec![(Signal::Messaging, true), edge],
            // Throttled, or a mistake of ours: no evidence.
            _ => vec![edge],
        },
    };
    let detail = words(outcome);
    signals
        .into_iter()
        .map(|(signal, bad)| {
            let detail = if bad { detail.clone() } else { String::new() };
            Observation { at, account, signal, bad, answered: reached, peer: None, detail }
        })
        .collect()
}

/// The provider's code and text.
fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Accepted { .. } => String::new(),
        Outcome::NotExecuted { reason, .. }
        | Outcome::Refused { reason, .. }
        | Outcome::Uncertain { reason } => format!("{} {}", reason.code, reason.text),
    }
}

/// What was seen of one account by one signal since an incident's onset.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceLine {
    pub account: AccountId,
    pub signal: Signal,
    pub bad: u64,
    pub good: u64,
    /// The provider's last words on it; empty where it said nothing.
    pub detail: String,
    pub last_at: Timestamp,
}

impl EvidenceLine {
    /// Nothing counted yet.
    pub(super) fn new(account: AccountId, signal: Signal, at: Timestamp) -> Self {
        Self { account, signal, bad: 0, good: 0, detail: String::new(), last_at: at }
    }

    /// Counts one observation; a bad one leaves the provider's words.
    pub(super) fn count(&mut self, bad: bool, detail: &str, at: Timestamp) {
        self.last_at = self.last_at.max(at);
        if bad {
            self.bad += 1;
            if !detail.is_empty() {
                detail.clone_into(&mut self.detail);
            }
        } else {
            self.good += 1;
        }
    }
}
