//! Where a conversation's next message goes, and why: a verdict with a reason for every way to the contact, then a choice or
//! a hold with a time (design section 5, I6). Pure; the store gives the ways, stores the plan and moves the lane.

mod drain;
mod plan;
mod policy;
mod sentence;

use serde::{Deserialize, Serialize};

use crate::directory::AccountInfo;
use crate::event::AddressKind;
use crate::health::{Direction, IncidentKey, Phase, Scope};
use crate::ids::{AccountId, IdentityId};
use crate::outbox::{Author, Window};
use crate::state::Proof;
use crate::time::Timestamp;

pub use drain::{Waiting, drain_order, thin};
pub use plan::plan;
pub use policy::{CARRY_LINE, CARRY_LINE_LINK, Mode, Policy, PolicyError, Quiet, first_line, wants_link};
pub use sentence::{Names, decision_sentence, hold_sentence, verdict_sentence};

/// One way to the contact: one of their identities over one of our accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct Way {
    pub identity: IdentityId,
    pub account: AccountId,
    pub channel: String,
    pub kind: AddressKind,
    /// What the account fails together with.
    pub fate: Vec<String>,
    pub proof: Proof,
    /// Why the account sends nothing, if it does not.
    pub stopped: Option<String>,
    /// Why this customer can't be written to there, if so.
    pub unreachable: Option<String>,
    pub consent: Consent,
    pub window: Window,
    /// An approved template that can open a closed window, by name; `None` where there is none.
    pub template: Option<String>,
    /// Why what waits can't be carried there even in parts or with its buttons as lines; `None` where it fits.
    pub misfit: Option<String>,
    /// When the customer last wrote there.
    pub last_in_at: Option<Timestamp>,
    /// In millionths of the policy's currency for one message; 0 where it costs nothing.
    pub cost: i64,
    /// The contact said that they prefer it.
    pub preferred: bool,
}

/// What allows us to write on an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// Nothing: a known address is not consent.
    None,
    /// The customer opened a conversation there.
    WroteThere,
    /// A recorded grant for this purpose, not withdrawn.
    Granted,
    /// They said STOP there.
    Withdrawn,
}

/// An open incident as routing sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fault {
    pub incident: IncidentKey,
    /// The number people read.
    pub number: i64,
    pub phase: Phase,
    pub direction: Direction,
    /// The *attributed scope*: an unclear one within a company is the company.
    pub attributed: Scope,
    /// True where the likeliest scope is narrower: the sentence says "undecided".
    pub undecided: bool,
    pub suspected_at: Timestamp,
}

impl Fault {
    /// Whether routing chooses no way of this account while it lasts: I6.
    pub fn forbids(&self, info: &AccountInfo) -> bool {
        matches!(self.phase, Phase::Suspect | Phase::Confirmed)
            && self.direction.stops_sending()
            && self.attributed.reaches(info.id, &info.channel, &info.fate)
    }

    /// Whether a way lies in it.
    pub fn holds(&self, way: &Way) -> bool {
        self.attributed.reaches(way.account, &way.channel, &way.fate)
    }
}

/// What has to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Need {
    pub author: Author,
    /// Text without files: may use the human-agent tag where a person typed it.
    pub text_only: bool,
    /// Since when the customer waits for an answer.
    pub waiting_since: Option<Timestamp>,
    /// When the customer last wrote anywhere.
    pub last_in_at: Option<Timestamp>,
    /// In millionths, over this incident so far.
    pub spent: i64,
    /// True where the line was said in this conversation and incident before: no second one.
    pub carried: bool,
    /// True where the customer turned the route, and what waited for the old one still waits there.
    pub left_behind: bool,
}

/// The way that a person wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub identity: IdentityId,
    /// `None`: the best that reaches the address.
    pub account: Option<AccountId>,
}

impl Wish {
    /// Whether this way is meant.
    pub fn means(self, identity: IdentityId, account: AccountId) -> bool {
        self.identity == identity && self.account.is_none_or(|wanted| wanted == account)
    }
}

/// All that a plan is made from.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    pub ways: &'a [Way],
    pub route: (IdentityId, AccountId),
    pub faults: &'a [Fault],
    pub policy: &'a Policy,
    pub need: Need,
    /// A person's explicit choice of an address: exempt from I6's scope, never from consent or window.
    pub explicit: Option<Wish>,
    pub now: Timestamp,
}

/// Why a way is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code")]
pub enum Why {
    /// It is what failed, or inside its attributed scope.
    SameFault {
        incident: i64,
        scope: Scope,
        undecided: bool,
    },
    AccountStopped {
        reason: String,
    },
    Unreachable {
        reason: String,
    },
    Withdrawn,
    NoConsent,
    /// The identity is only claimed or invited, and the policy asks for more.
    Unproven {
        proof: Proof,
    },
    WindowClosed,
    /// Only an approved template could go, and none is set.
    NeedsTemplate,
    CannotCarry {
        reason: String,
    },
    TooDear {
        cost: i64,
        limit: i64,
    },
    Excluded,
    /// Good, and another one is better.
    Second,
}

/// What came of one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub identity: IdentityId,
    pub account: AccountId,
    pub channel: String,
    pub chosen: bool,
    /// `None` where it is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// It goes as this template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_in_at: Option<Timestamp>,
    pub cost: i64,
}

/// Why a lane waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldWhy {
    /// Not confirmed yet.
    Suspect,
    /// The policy holds first: many outages are shorter than a customer's patience.
    HoldFirst,
    /// Night at the business, and the customer does not wait just now.
    Quiet,
    /// No other way is allowed.
    NoWay,
    /// Nobody waits there any more: it may wait for the first channel.
    NotLive,
}

/// What to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Decision {
    /// The route is fine.
    Stay,
    /// Move the lane there as a whole; to the route itself, where it was left behind.
    Carry { identity: IdentityId, account: AccountId, template: Option<String>, line: bool },
    /// Wait, and look again then at the latest.
    Hold { until: Timestamp, why: HoldWhy },
}

/// The recorded decision where a lane goes and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub decision: Decision,
    /// Ordered as considered: the best first.
    pub verdicts: Vec<Verdict>,
}

#[cfg(test)]
pub(crate) mod tests;
