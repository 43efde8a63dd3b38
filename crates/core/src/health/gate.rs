//! What open incidents mean for each account: may it send, hold, carry on elsewhere, or come back slowly.

use std::collections::BTreeMap;

use super::detector::Member;
use super::incident::{Incident, IncidentKey, Phase};
use crate::ids::AccountId;
use crate::time::{Span, Timestamp};

/// The ramp begins at this part of the configured rate and doubles every minute (outage model, 6.1).
const RAMP_FIRST: f64 = 1.0 / 64.0;

/// What holds for one account.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Gate {
    /// Nothing is known against it.
    Open,
    /// Wait: it may be over before a customer notices.
    Hold(IncidentKey),
    /// Wait here, and carry on over another route where one is.
    Carry(IncidentKey),
    /// Works again: this part of the configured rate.
    Ramp(IncidentKey, f64),
}

impl Gate {
    /// The incident behind it.
    pub const fn incident(self) -> Option<IncidentKey> {
        match self {
            Self::Open => None,
            Self::Hold(key) | Self::Carry(key) | Self::Ramp(key, _) => Some(key),
        }
    }

    /// True where nothing but canaries and a person's explicit choice may go.
    pub const fn is_shut(self) -> bool {
        matches!(self, Self::Hold(_) | Self::Carry(_))
    }

    const fn weight(self) -> u8 {
        match self {
            Self::Open => 0,
            Self::Ramp(..) => 1,
            Self::Hold(_) => 2,
            Self::Carry(_) => 3,
        }
    }
}

/// The gate of every account that is not open. Where several incidents hold one account, the strictest counts. `pace` as in
/// [`Config`](super::Config).
pub fn gates(
    incidents: &[Incident],
    members: &[Member],
    now: Timestamp,
    pace: f64,
) -> BTreeMap<AccountId, Gate> {
    let mut out: BTreeMap<AccountId, Gate> = BTreeMap::new();
    for incident in incidents.iter().filter(|i| i.is_open() && i.direction.stops_sending()) {
        let Some(scope) = incident.scope() else { continue };
        let gate = match incident.phase {
            Phase::Suspect => Gate::Hold(incident.key),
            Phase::Confirmed => Gate::Carry(incident.key),
            Phase::Recovering => Gate::Ramp(incident.key, ramp(incident, now, pace)),
            Phase::Closed => continue,
        };
        for member in members.iter().filter(|member| scope.holds(member)) {
            let known = out.entry(member.account).or_insert(gate);
            if gate.weight() > known.weight() {
                *known = gate;
            }
        }
    }
    out
}

/// Share of the configured rate, from a 64th, doubling every minute up to 1.
fn ramp(incident: &Incident, now: Timestamp, pace: f64) -> f64 {
    let since = incident.recovering_at.unwrap_or(now);
    let minutes = now.since(since).as_micros() as f64 / Span::mins(1).as_micros() as f64 * pace;
    (RAMP_FIRST * minutes.max(0.0).exp2()).min(1.0)
}
