//! The detector: observations in, changes of incidents out.

mod observe;
mod pairs;
mod phases;
mod sums;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub(super) use self::sums::Weight;
use self::sums::{Minutes, Sum};
use super::attribute::{attribute, covers};
use super::evidence::{EFFECTS, EvidenceLine, Nats, Signal};
use super::incident::{EVIDENCE_LINES_MAX, Incident, IncidentKey, Phase};
use super::{Direction, Observation, Scope};
use crate::ids::{AccountId, IdentityId};
use crate::time::{Span, Timestamp};

/// The operator's dials.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// At most one wrong automatic failover in so many months.
    pub months: f64,
    /// 1 for real life. A demonstration's *fast dial* divides every duration by this.
    pub pace: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { months: 3.0, pace: 1.0 }
    }
}

impl Config {
    /// A span of real life under the fast dial.
    #[must_use]
    pub fn paced(&self, span: Span) -> Span {
        Span::micros((span.as_micros() as f64 / self.pace.max(1.0)) as i64)
    }
}

/// An account as the detector sees it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    pub account: AccountId,
    pub channel: String,
    /// What it fails together with, its company first.
    pub fate: Vec<String>,
}

impl Member {
    /// Our own house: never called a platform's failure.
    pub fn is_own(&self) -> bool {
        super::is_own(&self.fate)
    }

    fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        [Scope::Account(self.account), Scope::Channel(self.channel.clone()), Scope::Network]
            .into_iter()
            .chain(self.fate.iter().cloned().map(Scope::Company))
    }
}

/// What changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub at: Timestamp,
    /// The incident as it stands now.
    pub incident: Incident,
    /// True where only the scope or the certainty moved.
    pub scope_only: bool,
}

impl Finding {
    fn new(at: Timestamp, incident: &Incident) -> Self {
        Self { at, incident: incident.clone(), scope_only: false }
    }
}

/// See the module. Serializable: its state survives restarts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Detector {
    config: Config,
    #[serde(skip)]
    members: BTreeMap<AccountId, Member>,
    #[serde(with = "pairs")]
    sums: BTreeMap<(Scope, Direction), Sum>,
    #[serde(with = "pairs")]
    minutes: BTreeMap<(AccountId, Direction), Minutes>,
    #[serde(with = "pairs")]
    tick: BTreeMap<(AccountId, Direction), Weight>,
    /// The last failed real send of an account and how many failed in a row; and the last failed messaging probe.
    #[serde(with = "pairs")]
    send_failed: BTreeMap<AccountId, (Timestamp, u32)>,
    #[serde(with = "pairs")]
    probe_failed: BTreeMap<AccountId, Timestamp>,
    /// What was seen lately, with when the counting began: an incident starts with it.
    #[serde(with = "pairs")]
    recent: BTreeMap<(AccountId, Signal), (Timestamp, EvidenceLine)>,
    /// Of our own network, from its canary; `None` where there never was one.
    network: Option<f64>,
    #[serde(with = "pairs")]
    peers: BTreeMap<(IdentityId, Direction), Timestamp>,
    /// Healthy bad ones to expect of what was observed, per direction, and since when it is counted.
    expected: [f64; Direction::ALL.len()],
    counted_since: Option<Timestamp>,
    incidents: Vec<Incident>,
    /// Closed after they were confirmed: flapping.
    ended: Vec<(Scope, Direction, Timestamp, u32)>,
    muted: Vec<(Scope, Direction, Timestamp)>,
    last_key: u64,
}

impl Detector {
    /// A new one that knows nothing yet.
    pub fn new(config: Config) -> Self {
        Self { config, ..Self::default() }
    }

    /// Changes the dials.
    pub fn configure(&mut self, config: Config) {
        self.config = config;
    }

    /// The dials.
    pub const fn config(&self) -> Config {
        self.config
    }

    /// Says which accounts there are. What is known of accounts that are gone is forgotten.
    pub fn members(&mut self, members: impl IntoIterator<Item = Member>) {
        self.members = members.into_iter().map(|member| (member.account, member)).collect();
        let known: BTreeSet<Scope> = self.members.values().flat_map(Member::scopes).collect();
        self.sums.retain(|(scope, _), _| known.contains(scope));
        self.minutes.retain(|(account, _), _| self.members.contains_key(account));
        self.tick.retain(|(account, _), _| self.members.contains_key(account));
        self.recent.retain(|(account, _), _| self.members.contains_key(account));
        self.send_failed.retain(|account, _| self.members.contains_key(account));
        self.probe_failed.retain(|account, _| self.members.contains_key(account));
    }

    /// Every account, in order.
    pub fn all_members(&self) -> Vec<Member> {
        self.members.values().cloned().collect()
    }

    /// Open incidents, oldest first.
    pub fn incidents(&self) -> &[Incident] {
        &self.incidents
    }

    /// Weighs what came in since the last call and moves incidents on. Call it every few seconds.
    pub fn evaluate(&mut self, now: Timestamp) -> Vec<Finding> {
        self.flush(now);
        let mut found = Vec::new();
        for direction in Direction::ALL {
            let h = self.threshold(direction, now);
            self.open(direction, h, now, &mut found);
        }
        let mut incidents = std::mem::take(&mut self.incidents);
        for incident in &mut incidents {
            let h = self.threshold(incident.direction, now);
            self.step(incident, h, now, &mut found);
        }
        self.incidents = incidents;
        self.merge(now, &mut found);
        self.forget(now);
        found
    }
}
