//! The detector: observations in, changes of incidents out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use super::attribute::{Attribution, attribute, covers};
use super::evidence::{EFFECTS, EvidenceLine, Nats, Signal};
use super::incident::{EVIDENCE_LINES_MAX, Incident, IncidentKey, Phase};
use super::{Direction, Observation, Scope};
use crate::ids::{AccountId, IdentityId};
use crate::time::{Span, Timestamp};

/// One member's evidence in one tick counts at most this much either way.
const TICK_NATS: f64 = 12.0;

/// How far above its threshold an accumulator can rise: what it takes to come down again.
const CAP_NATS: f64 = 6.0;

/// Bad observations a month that even a quiet hub must expect; calibrates the smallest threshold (outage model, 2.5).
const BAD_PER_MONTH_MIN: f64 = 250.0;

/// Groups of scope kind and direction whose false alarms share the dial.
const GROUPS: f64 = 20.0;

/// Failures towards one customer count once in this time.
const PEER_ONCE: Span = Span::mins(10);

/// Failed sends in a row from which good probes are not believed: one alone is nothing.
const BLIND_FROM: u32 = 2;

/// A probe that failed within this time of a failed send failed with it.
const TOGETHER: Span = Span::mins(3);

/// Customers remembered for that; the oldest are forgotten first.
const PEERS_MAX: usize = 20_000;

/// Minutes of evidence kept per account and direction, for attribution and "still bad now".
const MINUTES: usize = 30;

/// A ramp from a 64th to the full rate takes six doublings; only then can an incident close.
const RAMP: Span = Span::mins(6);

/// Evidence for recovery that must be exceeded: a hundred to one, and two for the price of being wrong.
const HEALTHY_NATS: f64 = 6.605;

/// After a person dismissed an incident, the same evidence opens none for this long.
const DISMISSED_FOR: Span = Span::mins(30);

/// A scope that was confirmed within this time before is flapping.
const FLAPPING: Span = Span::hours(2);

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
        self.fate.iter().any(|group| group == "self")
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

/// One scope and direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Sum {
    s: Nats,
    /// When each was last zero: the onset of what is there now.
    zero_at: [Timestamp; EFFECTS.len()],
    /// Since when the highest has been above a third of the threshold.
    third_at: Option<Timestamp>,
    peak: f64,
}

impl Sum {
    /// The effect that fits best; of several at the cap, the largest.
    fn highest(&self) -> (usize, f64) {
        let mut best = (0, self.s[0]);
        for (effect, s) in self.s.iter().enumerate() {
            if *s >= best.1 {
                best = (effect, *s);
            }
        }
        best
    }
}

/// Minutes of one account's evidence in one direction, the newest last.
type Minutes = VecDeque<(i64, Nats)>;

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
    tick: BTreeMap<(AccountId, Direction), Nats>,
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

    /// Takes one observation in. It counts from the next [`Detector::evaluate`] on.
    pub fn observe(&mut self, seen: &Observation) {
        let Some(member) = self.members.get(&seen.account).filter(|member| !member.is_own()).cloned() else {
            return;
        };
        if seen.signal == Signal::Network {
            let add = seen.signal.nats(seen.bad)[0];
            self.network = Some((self.network.unwrap_or(0.0) + add).clamp(-TICK_NATS, TICK_NATS));
            return;
        }
        self.note_recent(seen);
        for incident in &mut self.incidents {
            if incident.scope().is_some_and(|scope| scope.holds(&member)) {
                incident.note(seen.account, seen.signal, seen.bad, &seen.detail, seen.at);
            }
        }
        let Some(direction) = seen.signal.direction() else { return };
        self.note_failures(seen);
        if seen.signal == Signal::Messaging && !seen.bad && self.is_blind(seen.account) {
            return;
        }
        if seen.bad && self.counted_lately(seen, direction) {
            return;
        }
        self.expected[direction as usize] += seen.signal.bad_when_healthy_of(1.0);
        self.counted_since.get_or_insert(seen.at);
        let nats = seen.signal.nats(seen.bad);
        let sum = self.tick.entry((seen.account, direction)).or_default();
        for (sum, add) in sum.iter_mut().zip(nats) {
            *sum += add;
        }
        for incident in self.incidents.iter_mut().filter(|i| i.direction == direction) {
            if incident.is_open() && incident.scope().is_some_and(|scope| scope.holds(&member)) {
                incident.healthy = (incident.healthy - nats[incident.effect]).clamp(0.0, HEALTHY_NATS * 3.0);
            }
        }
    }

    /// Counts anew where the last counting began too long ago to belong to one fault.
    fn note_recent(&mut self, seen: &Observation) {
        let window = self.paced(Span::mins(10));
        let fresh = || {
            let line = EvidenceLine {
                account: seen.account,
                signal: seen.signal,
                bad: 0,
                good: 0,
                detail: String::new(),
                last_at: seen.at,
            };
            (seen.at, line)
        };
        let (since, line) = self.recent.entry((seen.account, seen.signal)).or_insert_with(fresh);
        if seen.at.since(*since) > window {
            (*since, *line) = fresh();
        }
        line.count(seen.bad, &seen.detail, seen.at);
    }

    fn note_failures(&mut self, seen: &Observation) {
        match (seen.signal, seen.bad) {
            (Signal::Send | Signal::Canary, true) => {
                let (at, count) = self.send_failed.entry(seen.account).or_default();
                (*at, *count) = (seen.at, *count + 1);
            }
            (Signal::Send | Signal::Canary, false) => drop(self.send_failed.remove(&seen.account)),
            (Signal::Messaging, true) => drop(self.probe_failed.insert(seen.account, seen.at)),
            _ => {}
        }
    }

    /// True where real sends fail in a row and the messaging probe does not: it then shows an API that answers, not one that delivers, and a
    /// good probe says nothing until a real send succeeds.
    fn is_blind(&self, account: AccountId) -> bool {
        let together = self.paced(TOGETHER);
        self.send_failed.get(&account).is_some_and(|(failed, in_a_row)| {
            *in_a_row >= BLIND_FROM
                && self.probe_failed.get(&account).is_none_or(|probe| failed.since(*probe) > together)
        })
    }

    fn counted_lately(&mut self, seen: &Observation, direction: Direction) -> bool {
        let Some(peer) = seen.peer else { return false };
        let once = self.paced(PEER_ONCE);
        if self.peers.get(&(peer, direction)).is_some_and(|last| seen.at.since(*last) < once) {
            return true;
        }
        if self.peers.len() >= PEERS_MAX {
            self.peers.retain(|_, last| seen.at.since(*last) < once);
            while self.peers.len() >= PEERS_MAX {
                self.peers.pop_first();
            }
        }
        self.peers.insert((peer, direction), seen.at);
        false
    }

    /// A span of real life under the fast dial.
    fn paced(&self, span: Span) -> Span {
        Span::micros((span.as_micros() as f64 / self.config.pace.max(1.0)) as i64)
    }

    /// The threshold: at most one false excursion in the dial's months over all groups.
    fn threshold(&self, direction: Direction, now: Timestamp) -> f64 {
        const MONTH: f64 = 30.44 * 24.0 * 3_600.0 * 1e6;
        let counted = self.counted_since.map_or(0.0, |since| now.since(since).as_micros() as f64);
        // Under an hour a rate means nothing: the floor counts alone.
        let monthly =
            if counted < 3_600.0 * 1e6 { 0.0 } else { self.expected[direction as usize] / counted * MONTH };
        (monthly.max(BAD_PER_MONTH_MIN) * self.config.months.max(0.1) * GROUPS).ln()
    }

    /// Weighs what came in since the last call and moves incidents on. Call it every few seconds, see
    /// [`Detector::deadline`].
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

    /// When to evaluate again: every ten seconds of real life while anything is in question.
    pub fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        let quiet = self.tick.is_empty()
            && self.incidents.is_empty()
            && self.sums.values().all(|sum| sum.highest().1 <= 0.0);
        (!quiet).then(|| now + self.paced(Span::secs(10)))
    }

    fn flush(&mut self, now: Timestamp) {
        let minute = now.micros() / self.paced(Span::mins(1)).as_micros().max(1);
        let mut scopes: BTreeMap<(Scope, Direction), Nats> = BTreeMap::new();
        for ((account, direction), nats) in std::mem::take(&mut self.tick) {
            let Some(member) = self.members.get(&account) else { continue };
            // A person has just said that this is no fault: what it shows weighs nothing for a while.
            if self.muted.iter().any(|(scope, d, _)| *d == direction && scope.holds(member)) {
                continue;
            }
            let clipped = nats.map(|n| n.clamp(-TICK_NATS, TICK_NATS));
            let minutes = self.minutes.entry((account, direction)).or_default();
            match minutes.back_mut() {
                Some((last, sum)) if *last == minute => add(sum, &clipped),
                _ => minutes.push_back((minute, clipped)),
            }
            while minutes.len() > MINUTES {
                minutes.pop_front();
            }
            for scope in member.scopes() {
                add(scopes.entry((scope, direction)).or_default(), &clipped);
            }
        }
        for ((scope, direction), nats) in scopes {
            let h = self.threshold(direction, now);
            let fresh = Sum { zero_at: [now; EFFECTS.len()], ..Sum::default() };
            let sum = self.sums.entry((scope, direction)).or_insert(fresh);
            for (effect, add) in nats.iter().enumerate() {
                if sum.s[effect] <= 0.0 {
                    sum.zero_at[effect] = now;
                }
                sum.s[effect] = (sum.s[effect] + add).clamp(0.0, h + CAP_NATS);
            }
            let (_, highest) = sum.highest();
            if highest < h / 3.0 {
                sum.third_at = None;
                sum.peak = highest;
            } else {
                sum.third_at.get_or_insert(now);
                sum.peak = sum.peak.max(highest);
            }
        }
    }

    /// Evidence of one account in the last `minutes` of real life, this one included.
    fn lately(&self, account: AccountId, direction: Direction, from_minute: i64) -> Nats {
        let mut sum = Nats::default();
        for (_, nats) in self
            .minutes
            .get(&(account, direction))
            .into_iter()
            .flatten()
            .filter(|(minute, _)| *minute >= from_minute)
        {
            add(&mut sum, nats);
        }
        sum
    }

    fn minute(&self, at: Timestamp) -> i64 {
        at.micros() / self.paced(Span::mins(1)).as_micros().max(1)
    }

    fn attribution(&self, direction: Direction, onset: Timestamp) -> Attribution {
        let from = self.minute(onset);
        let members: Vec<(Member, Nats)> = self
            .members
            .values()
            .filter(|member| !member.is_own())
            .map(|member| (member.clone(), self.lately(member.account, direction, from)))
            .collect();
        attribute(direction, &members, self.network)
    }

    /// Opens an incident for every excursion that none explains yet.
    fn open(&mut self, direction: Direction, h: f64, now: Timestamp, found: &mut Vec<Finding>) {
        let members = self.all_members();
        let over: Vec<(Scope, usize, Timestamp)> = self
            .sums
            .iter()
            .filter(|((_, d), sum)| *d == direction && sum.highest().1 > h)
            .map(|((scope, _), sum)| (scope.clone(), sum.highest().0, sum.zero_at[sum.highest().0]))
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
            found.push(Finding { at: now, incident: incident.clone(), scope_only: false });
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

    fn step(&mut self, incident: &mut Incident, h: f64, now: Timestamp, found: &mut Vec<Finding>) {
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
                let streak = self.paced(incident.streak());
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
            found.push(Finding { at: now, incident: incident.clone(), scope_only: false });
        } else if moved(&before.1, &incident.attribution) {
            found.push(Finding { at: now, incident: incident.clone(), scope_only: true });
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
            .map(|member| self.lately(member.account, incident.direction, from)[effect])
            .sum();
        sum.third_at.is_some_and(|at| now.since(at) >= self.paced(age))
            && highest >= sum.peak - 1.0
            && latest > nats
    }

    /// An incident whose scope grew over another one's takes it in.
    fn merge(&mut self, now: Timestamp, found: &mut Vec<Finding>) {
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
                found.push(Finding { at: now, incident: incident.clone(), scope_only: false });
            }
        }
        for incident in self.incidents.iter().filter(|i| !i.is_open() && i.confirmed_at.is_some()) {
            if let Some(scope) = incident.scope() {
                self.ended.push((scope.clone(), incident.direction, now, incident.trips));
            }
        }
        self.incidents.retain(Incident::is_open);
    }

    fn forget(&mut self, now: Timestamp) {
        let flapping = self.paced(FLAPPING);
        self.ended.retain(|(.., at, _)| now.since(*at) < flapping);
        self.muted.retain(|(.., until)| *until > now);
    }

    /// True where the last evidence spoke for recovery: look more often.
    pub fn heals(&self, key: IncidentKey) -> bool {
        self.incidents.iter().any(|incident| incident.key == key && incident.healthy > 0.0)
    }

    /// The ramp is over and nothing waits any more: closes an incident that was recovering. `None` where it is too early.
    pub fn drained(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let ramp = self.paced(RAMP);
        let incident = self.incidents.iter_mut().find(|i| i.key == key)?;
        let over = incident.recovering_at.is_some_and(|at| now.since(at) >= ramp);
        if incident.phase != Phase::Recovering || !over {
            return None;
        }
        close(incident, now);
        self.end(key, now)
    }

    /// A person says that it is down: confirmed at once, until a person says otherwise.
    pub fn declare(&mut self, scope: Scope, direction: Direction, now: Timestamp) -> Finding {
        let mut incident = self.make(direction, Phase::Confirmed, Attribution::certain(scope), now);
        incident.declared = true;
        incident.confirmed_at = Some(now);
        self.incidents.push(incident.clone());
        Finding { at: now, incident, scope_only: false }
    }

    /// A person says that it is over, or never was: what a declared one held is drained like after a recovery; evidence for the same
    /// scope opens none for half an hour.
    pub fn dismiss(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let until = now + self.paced(DISMISSED_FOR);
        let incident = self.incidents.iter_mut().find(|i| i.key == key)?;
        let (scope, direction) = (incident.scope()?.clone(), incident.direction);
        self.start_over(&scope, direction, now);
        let incident = self.incidents.iter_mut().find(|i| i.key == key)?;
        self.muted.push((scope, direction, until));
        close(incident, now);
        self.end(key, now)
    }

    /// Forgets the evidence that a scope's members gave in one direction.
    fn start_over(&mut self, scope: &Scope, direction: Direction, now: Timestamp) {
        let members = self.all_members();
        for ((known, d), sum) in &mut self.sums {
            if *d == direction && (covers(scope, known, &members) || covers(known, scope, &members)) {
                *sum = Sum { zero_at: [now; EFFECTS.len()], ..Sum::default() };
            }
        }
        for member in members.iter().filter(|member| scope.holds(member)) {
            self.minutes.remove(&(member.account, direction));
        }
    }

    fn end(&mut self, key: IncidentKey, now: Timestamp) -> Option<Finding> {
        let at = self.incidents.iter().position(|i| i.key == key)?;
        let incident = self.incidents.remove(at);
        if let (Some(scope), Some(_)) = (incident.scope(), incident.confirmed_at) {
            self.ended.push((scope.clone(), incident.direction, now, incident.trips));
        }
        Some(Finding { at: now, incident, scope_only: false })
    }
}

fn close(incident: &mut Incident, now: Timestamp) {
    incident.phase = Phase::Closed;
    incident.closed_at = Some(now);
}

fn add(sum: &mut Nats, nats: &Nats) {
    for (sum, add) in sum.iter_mut().zip(nats) {
        *sum += add;
    }
}

/// Worth telling: another scope leads, or its share moved by a tenth.
fn moved(before: &Attribution, after: &Attribution) -> bool {
    before.top() != after.top() || (before.sure() - after.sure()).abs() >= 0.10
}

/// Maps with keys that JSON can't have as keys, written as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(from: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(from)?.into_iter().collect())
    }
}
