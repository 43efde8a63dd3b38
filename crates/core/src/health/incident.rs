//! One incident: suspect, confirmed, recovering, closed (outage model, 2.6).

use serde::{Deserialize, Serialize};

use super::attribute::Attribution;
use super::evidence::{EvidenceLine, Signal};
use super::{Direction, Scope};
use crate::ids::AccountId;
use crate::time::{Span, Timestamp};

/// Lines of evidence kept: enough for every account of an agency's largest channel to be seen, bounded for all others.
pub(super) const EVIDENCE_LINES_MAX: usize = 256;

/// Names an incident within one detector; grows and is never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentKey(pub u64);

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Looks broken: hold, look closer, carry nobody.
    Suspect,
    /// Broken: carry on elsewhere.
    Confirmed,
    /// Works again: drain with care.
    Recovering,
    /// Over, or it never was one.
    Closed,
}

impl Phase {
    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspect => "suspect",
            Self::Confirmed => "confirmed",
            Self::Recovering => "recovering",
            Self::Closed => "closed",
        }
    }
}

/// A fault, what speaks for it, and how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    pub key: IncidentKey,
    pub direction: Direction,
    pub phase: Phase,
    pub attribution: Attribution,
    /// A person's word, not the evidence's: only a person ends it.
    pub declared: bool,
    /// When the fault began, as far as the evidence goes back.
    pub since: Timestamp,
    pub suspected_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub recovering_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
    /// What was seen since the onset.
    pub evidence: Vec<EvidenceLine>,
    /// Which effect size fits, as an index.
    pub(super) effect: usize,
    /// Evidence that it works again.
    pub(super) healthy: f64,
    /// Since when the evidence has spoken for recovery without a break.
    pub(super) good_since: Option<Timestamp>,
    /// Times this scope was confirmed within the last hours: each makes the all-clear slower.
    pub trips: u32,
}

impl Incident {
    /// The scope as it stands.
    pub fn scope(&self) -> Option<&Scope> {
        self.attribution.top()
    }

    /// True until it is closed.
    pub const fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Closed)
    }

    /// Accounts of ours that showed it.
    pub fn accounts_hit(&self) -> usize {
        let mut hit: Vec<AccountId> =
            self.evidence.iter().filter(|line| line.bad > 0).map(|line| line.account).collect();
        hit.sort_unstable();
        hit.dedup();
        hit.len()
    }

    /// How long the evidence must speak for recovery: longer each time it comes back (flapping).
    pub(super) const fn streak(&self) -> Span {
        match self.trips {
            0 | 1 => Span::mins(2),
            2 => Span::mins(15),
            _ => Span::mins(30),
        }
    }

    pub(super) fn note(
        &mut self,
        account: AccountId,
        signal: Signal,
        bad: bool,
        detail: &str,
        at: Timestamp,
    ) {
        let known = self.evidence.iter().position(|l| l.account == account && l.signal == signal);
        let index = match known {
            Some(index) => index,
            None if self.evidence.len() < EVIDENCE_LINES_MAX => {
                self.evidence.push(EvidenceLine::new(account, signal, at));
                self.evidence.len() - 1
            }
            None => return,
        };
        self.evidence[index].count(bad, detail, at);
    }
}
