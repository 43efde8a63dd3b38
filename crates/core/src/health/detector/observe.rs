//! Taking observations in.

use super::phases::HEALTHY_NATS;
use super::sums::{TICK_NATS, Weight};
use super::{Detector, Direction, EvidenceLine, Observation, Signal};
use crate::ids::AccountId;
use crate::time::{Span, Timestamp};

/// What was seen within this time may belong to one fault.
const ONE_FAULT: Span = Span::mins(10);

/// Failures towards one customer count once in this time.
const PEER_ONCE: Span = Span::mins(10);

/// Customers remembered for that; the oldest are forgotten first.
const PEERS_MAX: usize = 20_000;

/// Failed sends in a row from which good probes are not believed: one alone is nothing.
const BLIND_FROM: u32 = 2;

/// A failed send says nothing of now after this time: where nothing waits that could be tried, good probes are believed again.
const BLIND_FOR: Span = Span::mins(30);

/// A probe that failed within this time of a failed send failed with it.
const TOGETHER: Span = Span::mins(3);

impl Detector {
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
        if seen.signal == Signal::Messaging && !seen.bad && self.is_blind(seen.account, seen.at) {
            return;
        }
        if seen.bad && self.counted_lately(seen, direction) {
            return;
        }
        self.expected[direction as usize] += seen.signal.bad_when_healthy_of(1.0);
        self.counted_since.get_or_insert(seen.at);
        let weight = Weight::of(seen);
        self.tick.entry((seen.account, direction)).or_default().add(&weight);
        for incident in self.incidents.iter_mut().filter(|i| i.direction == direction && i.is_open()) {
            let Some(scope) = incident.scope().filter(|scope| scope.holds(&member)) else { continue };
            let bad = weight.about(scope)[incident.effect];
            incident.healthy = (incident.healthy - bad).clamp(0.0, HEALTHY_NATS * 3.0);
        }
    }

    /// Counts anew where the last counting began too long ago to belong to one fault.
    fn note_recent(&mut self, seen: &Observation) {
        let window = self.config.paced(ONE_FAULT);
        let fresh = || (seen.at, EvidenceLine::new(seen.account, seen.signal, seen.at));
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
    /// good probe says nothing until a real send succeeds, or none has been tried for long.
    fn is_blind(&self, account: AccountId, now: Timestamp) -> bool {
        let together = self.config.paced(TOGETHER);
        self.send_failed.get(&account).is_some_and(|(failed, in_a_row)| {
            *in_a_row >= BLIND_FROM
                && now.since(*failed) < self.config.paced(BLIND_FOR)
                && self.probe_failed.get(&account).is_none_or(|probe| failed.since(*probe) > together)
        })
    }

    fn counted_lately(&mut self, seen: &Observation, direction: Direction) -> bool {
        let Some(peer) = seen.peer else { return false };
        let once = self.config.paced(PEER_ONCE);
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
}
