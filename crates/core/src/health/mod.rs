//! Whether a channel is down, for whom, and how sure: evidence in, incidents out.
//!
//! A sequential log-likelihood-ratio accumulator for each scope and direction (outage model, 2.2 to 2.7), attribution by
//! the same sums, and a state machine for each incident. Pure: observations carry their time, nothing here probes or waits.
//! What is *not* here yet: learned baselines, silence tests, regions. The types leave room for them.

mod attribute;
mod detector;
mod evidence;
mod gate;
mod incident;
mod sentence;

use serde::{Deserialize, Serialize};

use crate::ids::{AccountId, IdentityId};
use crate::time::Timestamp;

pub use attribute::{Attribution, Likely};
pub use detector::{Config, Detector, Finding, Member};
pub use evidence::{EvidenceLine, Signal, of_call, of_outcome, of_probe};
pub use gate::{Gate, gates};
pub use incident::{Incident, IncidentKey, Phase};
pub use sentence::{SHARE_TOLD, sure, what};

/// What can fail apart. Each is judged by itself, because what to do about it differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// The provider refuses or does not answer.
    Send,
    /// Our credential is refused.
    Auth,
    /// Accepted, and no receipt or echo comes.
    Delivery,
    /// Messages exist at the provider and its webhooks never came.
    Webhook,
    /// Nothing arrives at all.
    Inbound,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Send, Self::Auth, Self::Delivery, Self::Webhook, Self::Inbound];

    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Auth => "auth",
            Self::Delivery => "delivery",
            Self::Webhook => "webhook",
            Self::Inbound => "inbound",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|direction| direction.as_str() == text)
    }

    /// True where what we send can't be relied on, so that lanes must wait or move.
    pub const fn stops_sending(self) -> bool {
        matches!(self, Self::Send | Self::Auth | Self::Delivery)
    }
}

/// For whom something is down, narrowest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Scope {
    /// One account of ours.
    Account(AccountId),
    /// One channel for everybody, by its word.
    Channel(String),
    /// Everything that shares a fate group, e.g. `meta`.
    Company(String),
    /// Our own way out.
    Network,
}

impl Scope {
    /// The stable word of its kind.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Account(_) => "account",
            Self::Channel(_) => "channel",
            Self::Company(_) => "company",
            Self::Network => "network",
        }
    }

    /// The stable text of its id, for the store: the account's number, the channel's word, the group's word, `own`.
    pub fn id(&self) -> String {
        match self {
            Self::Account(account) => account.0.to_string(),
            Self::Channel(name) | Self::Company(name) => name.clone(),
            Self::Network => "own".to_owned(),
        }
    }

    /// Reads the two stable texts.
    pub fn parse(word: &str, id: &str) -> Option<Self> {
        match word {
            "account" => id.parse().ok().map(|id| Self::Account(AccountId(id))),
            "channel" => Some(Self::Channel(id.to_owned())),
            "company" => Some(Self::Company(id.to_owned())),
            "network" => Some(Self::Network),
            _ => None,
        }
    }

    /// Whether an account lies in it.
    pub fn holds(&self, member: &Member) -> bool {
        self.reaches(member.account, &member.channel, &member.fate)
    }

    /// Whether an account of this channel, failing together with these groups, lies in it.
    pub(crate) fn reaches(&self, account: AccountId, channel: &str, fate: &[String]) -> bool {
        match self {
            Self::Account(known) => *known == account,
            Self::Channel(known) => known == channel,
            Self::Company(group) => fate.contains(group),
            Self::Network => !is_own(fate),
        }
    }
}

/// Our own house: never called a platform's failure.
fn is_own(fate: &[String]) -> bool {
    fate.iter().any(|group| group == "self")
}

/// One thing that was seen. Bad or good, never both: throttling, wrong recipients and closed windows are no evidence and are
/// not observed at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub at: Timestamp,
    pub account: AccountId,
    pub signal: Signal,
    pub bad: bool,
    /// The provider answered, whatever it said: our own way out works.
    pub answered: bool,
    /// The customer concerned: repeated failures towards one count once in ten minutes.
    pub peer: Option<IdentityId>,
    /// The provider's code and text, without customer data; may be empty.
    pub detail: String,
}

#[cfg(test)]
mod tests;
