//! What open incidents ask for, and when: whose lanes are held, planned, tried with a canary, drained and brought home, which
//! accounts are probed, and which start again by themselves.
//!
//! One [`Course`] stands beside one [`Detector`]. It says what is due; the shell does it with the store's units.

use std::collections::{BTreeMap, BTreeSet};

use crate::health::{Detector, Direction, Gate, IncidentKey, gates};
use crate::ids::AccountId;
use crate::limits::RECEIPT_OVERDUE;
use crate::stuck::Watch;
use crate::time::{Span, Timestamp};

/// All lanes of shut accounts are planned again after this time, in case consent, windows or hours have changed.
const PASS_AGAIN: Span = Span::mins(10);

/// A lane with an unsettled call is looked at again after this time.
const BUSY_AGAIN: Span = Span::secs(15);

/// Two passes are never closer than this.
const PASS_LEAST: Span = Span::millis(200);

/// Between two canaries while a fault is only suspected: many are over before anybody notices.
const CANARY_SUSPECT: Span = Span::secs(5);

/// Between two canaries once one has come through, and when nothing is known.
const CANARY_SOON: Span = Span::secs(30);
const CANARY: Span = Span::mins(1);

/// Between two steps of the drain.
const RAMP_STEP: Span = Span::secs(1);

/// Lanes let go in one step of the drain at the most.
const RAMP_LANES_MAX: f64 = 10_000.0;

/// Between two looks at who can go home.
const RETURN_EVERY: Span = Span::mins(1);

/// Between two probes of one account while all is well, and while its company is in question.
const PROBE_SELDOM: Span = Span::mins(2);
const PROBE_OFTEN: Span = Span::secs(30);

/// First probes of accounts that appear together are spread over this many steps of the wait.
const PROBE_SPREAD: i64 = 97;

/// Good token probes in a row after which a stopped account sends again.
const TOKEN_GOOD: u32 = 2;

/// What changed at the gates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regated {
    /// Accounts that are shut now: their lanes are held, and the directory says so.
    pub shut: Vec<(AccountId, IncidentKey)>,
    /// Accounts that were shut and are open without a ramp (never confirmed, or dismissed): what waits there goes at once.
    pub opened: Vec<AccountId>,
}

/// Lanes to let go on an account that recovers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Release {
    pub account: AccountId,
    pub incident: IncidentKey,
    pub lanes: u32,
}

/// See the module. Not stored: a start of the process begins with [`Course::regate`].
#[derive(Clone, Debug, Default)]
pub struct Course {
    gates: BTreeMap<AccountId, Gate>,
    pass_at: Option<Timestamp>,
    canary_at: BTreeMap<AccountId, Timestamp>,
    ramp_at: Option<Timestamp>,
    return_at: Option<Timestamp>,
    probe_at: BTreeMap<AccountId, Timestamp>,
    token_good: BTreeMap<AccountId, u32>,
}

impl Course {
    /// Gates that are not open.
    pub const fn gates(&self) -> &BTreeMap<AccountId, Gate> {
        &self.gates
    }

    /// Brings the gates in line with the incidents: after every finding, and at the start.
    pub fn regate(&mut self, detector: &Detector, now: Timestamp) -> Regated {
        let before = std::mem::replace(&mut self.gates, now_gates(detector, now));
        let opened = before
            .iter()
            .filter(|(id, gate)| gate.is_shut() && !self.gates.contains_key(id))
            .map(|(id, _)| *id)
            .collect();
        let shut: Vec<_> = self.shut().collect();
        if !shut.is_empty() {
            self.pass_at = Some(now);
        }
        Regated { shut, opened }
    }

    fn shut(&self) -> impl Iterator<Item = (AccountId, IncidentKey)> + '_ {
        let shut = self.gates.iter().filter(|(_, gate)| gate.is_shut());
        shut.filter_map(|(id, gate)| Some((*id, gate.incident()?)))
    }

    /// Plans everything as soon as possible: a policy changed.
    pub fn plan_soon(&mut self, now: Timestamp) {
        self.pass_at = Some(now);
    }

    /// A lane could not be planned because a call of it is under way or not settled.
    pub fn busy(&mut self, now: Timestamp) {
        let again = now + BUSY_AGAIN;
        self.pass_at = Some(self.pass_at.map_or(again, |at| at.min(again)));
    }

    /// Accounts of which every lane is planned now; none until that is due. `hold_first` is what the account's policy says.
    pub fn pass(
        &mut self,
        detector: &Detector,
        hold_first: impl Fn(AccountId) -> Span,
        now: Timestamp,
    ) -> Vec<AccountId> {
        if self.pass_at.is_none_or(|at| at > now) {
            return Vec::new();
        }
        let shut: Vec<AccountId> = self.shut().map(|(id, _)| id).collect();
        let mut soonest = detector.config().paced(PASS_AGAIN);
        for account in &shut {
            for incident in detector.incidents() {
                let left = (incident.suspected_at + hold_first(*account)).since(now);
                if left > Span::ZERO {
                    soonest = soonest.min(left);
                }
            }
        }
        self.pass_at = (!shut.is_empty()).then(|| now + soonest.max(PASS_LEAST));
        shut
    }

    /// Which receipts of an account are missed, once a fault of its sending or delivering is confirmed. `None` before that.
    pub fn watch(&self, detector: &Detector, account: AccountId, now: Timestamp) -> Option<Watch> {
        let Some(Gate::Carry(key)) = self.gates.get(&account) else { return None };
        let incident = detector.incidents().iter().find(|known| known.key == *key)?;
        let misses = matches!(incident.direction, Direction::Send | Direction::Delivery);
        let overdue = detector.config().paced(RECEIPT_OVERDUE);
        misses.then(|| Watch::new(incident.since, overdue, now))
    }

    /// Accounts into whose fault a real message goes now. None into what a person declared: only a person ends that.
    pub fn canaries(&mut self, detector: &Detector, now: Timestamp) -> Vec<(AccountId, IncidentKey)> {
        let config = detector.config();
        let gates = &self.gates;
        self.canary_at.retain(|account, _| gates.get(account).is_some_and(|gate| gate.is_shut()));
        let mut due = Vec::new();
        for (account, gate) in gates.iter().filter(|(_, gate)| gate.is_shut()) {
            let incident = detector.incidents().iter().find(|known| Some(known.key) == gate.incident());
            let Some(incident) = incident.filter(|known| !known.declared) else { continue };
            let wait = match gate {
                Gate::Hold(_) => CANARY_SUSPECT,
                _ if detector.heals(incident.key) => CANARY_SOON,
                _ => CANARY,
            };
            let next = self.canary_at.entry(*account).or_insert(now + config.paced(CANARY_SUSPECT));
            if *next <= now {
                *next = now + config.paced(wait);
                due.push((*account, incident.key));
            }
        }
        due
    }

    /// The next step of the drain: `None` until it is due. `per_s` is each account's configured rate.
    pub fn ramp(
        &mut self,
        detector: &Detector,
        per_s: impl Fn(AccountId) -> f64,
        now: Timestamp,
    ) -> Option<Vec<Release>> {
        let last = *self.ramp_at.get_or_insert(now);
        let passed = now.since(last);
        if passed < RAMP_STEP {
            return None;
        }
        self.ramp_at = Some(now);
        let mut out = Vec::new();
        for (account, gate) in now_gates(detector, now) {
            let Gate::Ramp(incident, share) = gate else { continue };
            self.gates.insert(account, gate);
            let lanes = per_s(account) * share * passed.as_micros() as f64 / 1e6;
            let lanes = lanes.ceil().clamp(1.0, RAMP_LANES_MAX) as u32;
            out.push(Release { account, incident, lanes });
        }
        Some(out)
    }

    /// True when it is time to look who can go home.
    pub fn returns(&mut self, now: Timestamp) -> bool {
        let last = *self.return_at.get_or_insert(now);
        let due = now.since(last) >= RETURN_EVERY;
        if due {
            self.return_at = Some(now);
        }
        due
    }

    /// Accounts to probe now, at most `room`: seldom while all is well, often while one of their fate groups is in question.
    pub fn probes(&mut self, detector: &Detector, room: usize, now: Timestamp) -> Vec<AccountId> {
        let config = detector.config();
        let members = detector.all_members();
        let questioned: BTreeSet<&str> = members
            .iter()
            .filter(|m| detector.incidents().iter().any(|i| i.scope().is_some_and(|scope| scope.holds(m))))
            .flat_map(|m| m.fate.iter().map(String::as_str))
            .collect();
        let mut known = std::mem::take(&mut self.probe_at);
        let mut due = Vec::new();
        let mut waits = BTreeMap::new();
        for member in &members {
            let often = member.fate.iter().any(|group| questioned.contains(group.as_str()));
            let wait = config.paced(if often { PROBE_OFTEN } else { PROBE_SELDOM });
            // A first probe after a while and at a time of its own: a hub that has just started has better to do, and a hundred
            // accounts do not come at once.
            let part = member.account.0.rem_euclid(PROBE_SPREAD);
            let spread = Span::micros(part * wait.as_micros() / PROBE_SPREAD);
            let at = known.remove(&member.account).map_or(now + wait + spread, |at| at.min(now + wait));
            if at <= now {
                due.push((at, member.account));
            }
            self.probe_at.insert(member.account, at);
            waits.insert(member.account, wait);
        }
        // Who has waited longest comes first: where more are due than there is room for, all have their turn.
        due.sort_unstable();
        due.truncate(room);
        for (_, account) in &due {
            self.probe_at.insert(*account, now + waits.get(account).copied().unwrap_or(PROBE_SELDOM));
        }
        due.into_iter().map(|(_, account)| account).collect()
    }

    /// A token probe of an account has ended. True where a stopped account may send again by itself: its credential was accepted
    /// twice in a row, so that after a platform-wide login fault nobody has to reconnect anything.
    pub fn token(&mut self, account: AccountId, stopped: bool, good: bool) -> bool {
        if !stopped {
            self.token_good.remove(&account);
            return false;
        }
        let count = self.token_good.entry(account).or_insert(0);
        *count = if good { *count + 1 } else { 0 };
        *count >= TOKEN_GOOD
    }
}

fn now_gates(detector: &Detector, now: Timestamp) -> BTreeMap<AccountId, Gate> {
    gates(detector.incidents(), &detector.all_members(), now, detector.config().pace)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::health::{Config, Member};

    #[test]
    fn where_more_probes_are_due_than_there_is_room_for_all_have_their_turn() {
        let mut detector = Detector::new(Config::default());
        detector.members((1..=5).map(|id| Member {
            account: AccountId(id),
            channel: "chat".into(),
            fate: vec!["chat".into()],
        }));
        let (mut course, mut seen) = (Course::default(), BTreeSet::new());
        for minute in 0..12 {
            let now = Timestamp::default() + Span::mins(3 * minute);
            let probed = course.probes(&detector, 2, now);
            assert!(probed.len() <= 2);
            seen.extend(probed);
        }
        assert_eq!(seen.len(), 5);
    }
}
