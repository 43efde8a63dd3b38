//! The sequential sums of each scope and direction, and the minutes behind them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::{Detector, Direction, EFFECTS, Member, Nats, Observation, Scope, attribute};
use crate::health::Attribution;
use crate::ids::AccountId;
use crate::time::{Span, Timestamp};

/// One member's evidence in one tick counts at most this much either way.
pub(super) const TICK_NATS: f64 = 12.0;

/// How far above its threshold an accumulator can rise: what it takes to come down again.
const CAP_NATS: f64 = 6.0;

/// Bad observations a month that even a quiet hub must expect; calibrates the smallest threshold (outage model, 2.5).
const BAD_PER_MONTH_MIN: f64 = 250.0;

/// Groups of scope kind and direction whose false alarms share the dial.
const GROUPS: f64 = 20.0;

/// Minutes of evidence kept per account and direction, for attribution and "still bad now".
const MINUTES: usize = 30;

/// What was seen of one account: about its provider, and about our own way out, which an answer proves whatever it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::health) struct Weight {
    provider: Nats,
    /// `None`: the same, as no failure was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    way_out: Option<Nats>,
}

impl Weight {
    /// What one observation adds.
    pub(super) fn of(seen: &Observation) -> Self {
        let way_out = (seen.bad && seen.answered).then(|| seen.signal.nats(false));
        Self { provider: seen.signal.nats(seen.bad), way_out }
    }

    pub(super) fn add(&mut self, more: &Self) {
        if self.way_out.is_some() || more.way_out.is_some() {
            let mut sum = *self.about(&Scope::Network);
            add(&mut sum, more.about(&Scope::Network));
            self.way_out = Some(sum);
        }
        add(&mut self.provider, &more.provider);
    }

    fn clipped(&self) -> Self {
        let clip = |nats: Nats| nats.map(|n| n.clamp(-TICK_NATS, TICK_NATS));
        Self { provider: clip(self.provider), way_out: self.way_out.map(clip) }
    }

    /// What it says about a scope.
    pub(in crate::health) fn about(&self, scope: &Scope) -> &Nats {
        match (scope, &self.way_out) {
            (Scope::Network, Some(way_out)) => way_out,
            _ => &self.provider,
        }
    }

    /// True where it speaks for any fault of the provider.
    pub(in crate::health) fn is_bad(&self) -> bool {
        self.provider.iter().any(|sum| *sum > 0.0)
    }
}

/// Minutes of one account's evidence in one direction, the newest last.
pub(super) type Minutes = VecDeque<(i64, Weight)>;

/// One scope and direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sum {
    pub(super) s: Nats,
    /// When each was last zero: the onset of what is there now.
    pub(super) zero_at: [Timestamp; EFFECTS.len()],
    /// Since when the highest has been above a third of the threshold.
    pub(super) third_at: Option<Timestamp>,
    pub(super) peak: f64,
}

impl Sum {
    /// Nothing yet.
    pub(super) fn new(now: Timestamp) -> Self {
        Self { zero_at: [now; EFFECTS.len()], ..Self::default() }
    }

    /// The effect that fits best; of several at the cap, the largest.
    pub(super) fn highest(&self) -> (usize, f64) {
        let mut best = (0, self.s[0]);
        for (effect, s) in self.s.iter().enumerate() {
            if *s >= best.1 {
                best = (effect, *s);
            }
        }
        best
    }
}

impl Detector {
    /// The threshold: at most one false excursion in the dial's months over all groups.
    pub(super) fn threshold(&self, direction: Direction, now: Timestamp) -> f64 {
        const MONTH: f64 = 30.44 * 24.0 * 3_600.0 * 1e6;
        let counted = self.counted_since.map_or(0.0, |since| now.since(since).as_micros() as f64);
        // Under an hour a rate means nothing: the floor counts alone.
        let monthly =
            if counted < 3_600.0 * 1e6 { 0.0 } else { self.expected[direction as usize] / counted * MONTH };
        (monthly.max(BAD_PER_MONTH_MIN) * self.config.months.max(0.1) * GROUPS).ln()
    }

    /// Moves what one tick brought into the sums of all scopes that it concerns.
    pub(super) fn flush(&mut self, now: Timestamp) {
        let minute = self.minute(now);
        let mut scopes: BTreeMap<(Scope, Direction), Nats> = BTreeMap::new();
        for ((account, direction), weight) in std::mem::take(&mut self.tick) {
            let Some(member) = self.members.get(&account) else { continue };
            // A person has just said that this is no fault: what it shows weighs nothing for a while.
            if self.muted.iter().any(|(scope, d, _)| *d == direction && scope.holds(member)) {
                continue;
            }
            let clipped = weight.clipped();
            let minutes = self.minutes.entry((account, direction)).or_default();
            match minutes.back_mut() {
                Some((last, sum)) if *last == minute => sum.add(&clipped),
                _ => minutes.push_back((minute, clipped)),
            }
            while minutes.len() > MINUTES {
                minutes.pop_front();
            }
            for scope in member.scopes() {
                let about = clipped.about(&scope);
                add(scopes.entry((scope, direction)).or_default(), about);
            }
        }
        for ((scope, direction), nats) in scopes {
            let h = self.threshold(direction, now);
            let sum = self.sums.entry((scope, direction)).or_insert_with(|| Sum::new(now));
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

    /// Evidence of one account in the minutes of real life from this one on.
    pub(super) fn lately(&self, account: AccountId, direction: Direction, from_minute: i64) -> Weight {
        let mut sum = Weight::default();
        let minutes = self.minutes.get(&(account, direction)).into_iter().flatten();
        for (_, weight) in minutes.filter(|(minute, _)| *minute >= from_minute) {
            sum.add(weight);
        }
        sum
    }

    pub(super) fn minute(&self, at: Timestamp) -> i64 {
        at.micros() / self.config.paced(Span::mins(1)).as_micros().max(1)
    }

    pub(super) fn attribution(&self, direction: Direction, onset: Timestamp) -> Attribution {
        let from = self.minute(onset);
        let members: Vec<(Member, Weight)> = self
            .members
            .values()
            .filter(|member| !member.is_own())
            .map(|member| (member.clone(), self.lately(member.account, direction, from)))
            .collect();
        attribute(direction, &members, self.network)
    }
}

fn add(sum: &mut Nats, nats: &Nats) {
    for (sum, add) in sum.iter_mut().zip(nats) {
        *sum += add;
    }
}
