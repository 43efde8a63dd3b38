//! Incidents: opened by the sums, moved on by the evidence, ended by it or by a person.

use super::sums::Sum;
use super::{
    Detector, Direction, EVIDENCE_LINES_MAX, EvidenceLine, Finding, Incident, IncidentKey, Phase, Scope,
    covers,
};
use crate::health::Attribution;
use crate::time::{Span, Timestamp};

/// A ramp from a 64th to the full rate takes six doublings; only then can an incident close.
const RAMP: Span = Span::mins(6);

/// Evidence for recovery that must be exceeded: a hundred to one, and two for the price of being wrong.
pub(super) const HEALTHY_NATS: f64 = 6.605;

/// After a person dismissed an incident, the same evidence opens none for this long.
const DISMISSED_FOR: Span = Span::mins(30);

/// A scope that was confirmed within this time before is flapping.
const FLAPPING: Span = Span::hours(2);

impl Detector {
    /// Opens an incident for every excursion that none explains yet.
    pub(super) fn open(&mut self, direction: Direction, h: f64, now: Timestamp, found: &mut Vec<Finding>) {
        let members = self.all_members();
        let over: Vec<(Scope, usize, Timestamp)> = self
            .sums
            .iter()
            .filter(|((_, d), _)| *d == direction)
            .map(|((scope, _), sum)| (scope, sum, sum.highest()))
            .filter(|(.., (_, highest))| *highest > h)
            .map(|(scope, sum, (effect, _))| (scope.clone(), effect, sum.zero_at[effect]))
            .collect();
        for (scope, effect, onset) in over {
            let explained = self.incidents.iter().any(|incident| {
                incident.direction == direction
                    && incident.scope().is_some_and(|known| {
                        covers(known, &scope, &members) || covers(&scope, known, &members)
                    })
            });
            if explained {
                continue;
            }
            let attribution = self.attribution(direction, onset);
            let Some(top) = attribution.top().cloned() else { continue };
            if self.incidents.iter().any(|i| i.direction == direction && i.scope() == Some(&top)) {
                continue;
            }
            let trips = self.trips(&top, direction);
            let mut incident = self.make(direction, Phase::Suspect, attribution, now);
            incident.since = onset;
            incident.effect = effect;
            incident.trips = trips;
            let inside = |line: &&EvidenceLine| {
                self.members.get(&line.account).is_some_and(|member| top.holds(member))
            };
            let lines = self.recent.values().map(|(_, line)| line).filter(inside).take(EVIDENCE_LINES_MAX);
            incident.evidence = lines.cloned().collect();
            found.push(Finding::new(now, &incident));
            self.incidents.push(incident);
        }
    }

    fn make(
        &mut self,
        direction: Direction,
        phase: Phase,
        attribution: Attribution,
        now: Timestamp,
    ) -> Incident {
        self.last_key += 1;
        Incident {
            key: IncidentKey(self.last_key),
            direction,
            phase,
            attribution,
            declared: false,
            since: now,
            suspected_at: now,
            confirmed_at: None,
            recovering_at: None,
            closed_at: None,
            evidence: Vec::new(),
            effect: 0,
            healthy: 0.0,
            good_since: None,
            trips: 0,
        }
    }

    fn trips(&self, scope: &Scope, direction: Direction) -> u32 {
        self.ended
            .iter()
            .filter(|(s, d, ..)| s == scope && *d == direction)
            .map(|(.., n)| *n)
            .max()
            .unwrap_or(0)
    }

    pub(super) fn step(&mut self, incident: &mut Incident, h: f64, now: Timestamp, found: &mut Vec<Finding>) {
        if incident.declared || !incident.is_open() {
            return;
        }
        let before = (incident.phase, incident.attribution.clone());
        if matches!(incident.phase, Phase::Suspect | Phase::Confirmed) && incident.good_since.is_none() {
            let weighed = self.attribution(incident.direction, incident.since);
            if !weighed.0.is_empty() {
                incident.attribution = weighed;
            }
        }
        let Some(scope) = incident.scope().cloned() else { return };
        let sum = self.sums.get(&(scope.clone(), incident.direction)).cloned().unwrap_or_default();
        let (_, highest) = sum.highest();
        match incident.phase {
            Phase::Suspect if highest < h / 3.0 => close(incident, now),
            // A burst that is over: what was tried since came through, so nobody has to wait for the sums to sink.
            Phase::Suspect if incident.healthy > HEALTHY_NATS => {
                self.start_over(&scope, incident.direction, now);
                close(incident, now);
            }
            Phase::Suspect if self.confirms(incident, &scope, &sum, now) => {
                incident.phase = Phase::Confirmed;
                incident.confirmed_at = Some(now);
                incident.effect = sum.highest().0;
                incident.trips += 1;
                incident.healthy = 0.0;
            }
            Phase::Confirmed => {
                let good = incident.healthy > HEALTHY_NATS && sum.s[incident.effect] < h / 2.0;
                incident.good_since = if good { incident.good_since.or(Some(now)) } else { None };
                let streak = self.config.paced(incident.streak());
                if incident.good_since.is_some_and(|since| now.since(since) >= streak) {
                    incident.phase = Phase::Recovering;
                    incident.recovering_at = Some(now);
                }
            }
            Phase::Recovering if sum.s[incident.effect] > h => {
                incident.phase = Phase::Confirmed;
                incident.recovering_at = None;
                incident.good_since = None;
                incident.healthy = 0.0;
                incident.trips += 1;
            }
            _ => {}
        }
        if incident.phase != before.0 {
            found.push(Finding::new(now, incident));
        } else if moved(&before.1, &incident.attribution) {
            found.push(Finding { scope_only: true, ..Finding::new(now, incident) });
        }
    }

    /// Long enough, not falling, and still bad now.
    fn confirms(&self, incident: &Incident, scope: &Scope, sum: &Sum, now: Timestamp) -> bool {
        let (age, minutes, nats) = match (incident.direction, scope) {
            (Direction::Send, Scope::Account(_)) => (Span::mins(4), 1, 2.0),
            (Direction::Send, _) => (Span::secs(150), 1, 2.0),
            (Direction::Auth, _) => (Span::mins(1), 1, 2.0),
            _ => (Span::mins(2), 2, 0.5),
        };
        let (effect, highest) = sum.highest();
        let from = self.minute(now) - minutes;
        let latest: f64 = self
            .members
            .values()
            .filter(|member| scope.holds(member))
            .map(|member| self.lately(member.account, incident.direction, from).about(scope)[effect])
            .sum();
        sum.third_at.is_some_and(|at| now.since(at) >= self.config.paced(age))
            && highest >= sum.peak - 1.0
            && latest > nats
    }

    /// An incident whose scope grew over another one's takes it in.
    pub(super) fn merge(&mut self, now: Timestamp, found: &mut Vec<Finding>) {
        let members = self.all_members();
        let scopes: Vec<(IncidentKey, Direction, Option<Scope>)> = self
            .incidents
            .iter()
            .filter(|i| i.is_open() && !i.declared)
            .map(|i| (i.key, i.direction, i.scope().cloned()))
            .collect();
        for incident in self.incidents.iter_mut().filter(|i| i.is_open() && !i.declared) {
            let taken = scopes.iter().any(|(key, direction, wide)| {
                let (Some(wide), Some(own)) = (wide, incident.scope()) else { return false };
                *key != incident.key
                    && *direction == incident.direction
                    && covers(wide, own, &members)
                    && (wide != own || *key < incident.key)
            });
            if taken {
                close(incident, now);
                found.push(Finding::new(now, incident));
            }
        }
        self.clear_closed(now);
    }

    /// Lets closed incidents go, and remembers for a while which of them were confirmed.
    fn clear_closed(&mut self, now: Timestamp) {
        for incident in self.incidents.extract_if(.., |incident| !incident.is_open()) {
            if let (Some(scope), Some(_)) = (incident.scope(), incident.confirmed_at) {
                self.ended.push((scope.clone(), incident.direction, now, incident.trips));
            }
        }
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        let flapping = self.config.paced(FLAPPING);
        self.ended.retain(|(.., at, _)| now.since(*at) < flapping);
        self.muted.retain(|(.., until)| *until > now);
    }

    /// True where the last evidence spoke for recovery: look more often.
    pub fn heals(&self, key: IncidentKey) -> bool {
        self.incidents.iter().any(|incident| incident.key == key && incident.healthy > 0.0)
    }

    /// The ramp is over and nothing waits any more: closes an incident that was recovering. `None` where it is too early.
    pub fn drained(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let ramp = self.config.paced(RAMP);
        let incident = self.incidents.iter().find(|i| i.key == key)?;
        let over = incident.recovering_at.is_some_and(|at| now.since(at) >= ramp);
        if incident.phase != Phase::Recovering || !over {
            return None;
        }
        self.end(key, now)
    }

    /// A person says that it is down: confirmed at once, until a person says otherwise.
    pub fn declare(&mut self, scope: Scope, direction: Direction, now: Timestamp) -> Finding {
        let mut incident = self.make(direction, Phase::Confirmed, Attribution::certain(scope), now);
        incident.declared = true;
        incident.confirmed_at = Some(now);
        let found = Finding::new(now, &incident);
        self.incidents.push(incident);
        found
    }

    /// A person says that it is over, or never was: what a declared one held is drained like after a recovery; evidence for the same
    /// scope opens none for half an hour.
    pub fn dismiss(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let until = now + self.config.paced(DISMISSED_FOR);
        let incident = self.incidents.iter().find(|i| i.key == key)?;
        let (scope, direction) = (incident.scope()?.clone(), incident.direction);
        self.start_over(&scope, direction, now);
        self.muted.push((scope, direction, until));
        self.end(key, now)
    }

    /// Forgets the evidence that a scope's members gave in one direction.
    fn start_over(&mut self, scope: &Scope, direction: Direction, now: Timestamp) {
        let members = self.all_members();
        for ((known, d), sum) in &mut self.sums {
            if *d == direction && (covers(scope, known, &members) || covers(known, scope, &members)) {
                *sum = Sum::new(now);
            }
        }
        for member in members.iter().filter(|member| scope.holds(member)) {
            self.minutes.remove(&(member.account, direction));
        }
    }

    fn end(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let incident = self.incidents.iter_mut().find(|i| i.key == key)?;
        close(incident, now);
        let found = Finding::new(now, incident);
        self.clear_closed(now);
        Some(found)
    }
}

fn close(incident: &mut Incident, now: Timestamp) {
    incident.phase = Phase::Closed;
    incident.closed_at = Some(now);
}

/// Worth telling: another scope leads, or its share moved by a tenth.
fn moved(before: &Attribution, after: &Attribution) -> bool {
    before.top() != after.top() || (before.sure() - after.sure()).abs() >= 0.10
}
