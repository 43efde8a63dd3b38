//! *Stuck*: accepted by a platform, and no receipt came, when an incident of its channel is confirmed (outage model, 5 and 6.3).
//!
//! Such a message may surface hours later, so it is never copied. It is marked; the first line on the new route says that it may come
//! late; and when its receipt comes after all, that is marked too. No channel that tells of deliveries can take a message back
//! (channel facts, 0.3), so there is nothing to revoke.

use serde::{Deserialize, Serialize};

use crate::fit::Capabilities;
use crate::state::{Facts, State};
use crate::time::{Span, Timestamp};

/// Added to the first line on another route where something is stuck.
pub const STUCK_LINE: &str = "What we wrote there last may still reach you late.";

/// What an incident asks of receipts: they are missed for what was accepted from `since` to `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watch {
    pub since: Timestamp,
    pub until: Timestamp,
}

impl Watch {
    /// For a fault that began at `onset`, where a receipt is overdue after `overdue`. What was accepted shortly before the onset may
    /// be caught in it.
    pub fn new(onset: Timestamp, overdue: Span, now: Timestamp) -> Self {
        Self { since: onset - overdue, until: now - overdue }
    }

    /// Whether a part is stuck: its channel tells of deliveries, the platform took it in this time, and nothing more is known.
    pub fn catches(&self, caps: &Capabilities, state: State, facts: &Facts) -> bool {
        let taken = facts.accepted.is_some_and(|at| at >= self.since && at <= self.until);
        let silent = facts.delivered.is_none() && facts.read.is_none() && facts.failed.is_none();
        caps.delivered_receipts && state == State::Accepted && taken && silent
    }
}

/// How a part stands that was marked once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Still on its way, as far as anybody knows.
    Stuck,
    /// It reached the customer after it had been given up.
    Late { at: Timestamp },
}

/// The standing of a part that was marked at `stuck_at`. `None`: it was never marked, only its receipt was late, or it failed after
/// all, which its state says.
pub fn standing(stuck_at: Option<Timestamp>, facts: &Facts) -> Option<Standing> {
    let marked = stuck_at?;
    let reached = [facts.delivered, facts.read].into_iter().flatten().min();
    match reached {
        Some(at) if at > marked => Some(Standing::Late { at }),
        Some(_) => None,
        None if facts.failed.is_some() => None,
        None => Some(Standing::Stuck),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::event::Fact;
    use crate::fit::tests::caps;
    use crate::invariants::never_copied;
    use crate::state::part_state;

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(1_000_000 + secs)
    }

    fn facts(known: &[(Fact, i64)]) -> Facts {
        let mut facts = Facts::default();
        for (fact, secs) in known {
            facts.learn(*fact, at(*secs));
        }
        facts
    }

    #[test]
    fn what_is_stuck_and_what_is_not() {
        // The fault begins at 100, a receipt is overdue after 60, it is 200 now.
        let watch = Watch::new(at(100), Span::secs(60), at(200));
        let (tells, silent) = (caps(), Capabilities { delivered_receipts: false, ..caps() });
        for (caps, known, expected) in [
            (&tells, vec![(Fact::Accepted, 100)], true),
            (&tells, vec![(Fact::Accepted, 40)], true),
            (&tells, vec![(Fact::Accepted, 39)], false),
            (&tells, vec![(Fact::Accepted, 140)], true),
            (&tells, vec![(Fact::Accepted, 141)], false),
            (&silent, vec![(Fact::Accepted, 100)], false),
            (&tells, vec![(Fact::Accepted, 100), (Fact::Delivered, 101)], false),
            (&tells, vec![(Fact::Accepted, 100), (Fact::Failed, 101)], false),
            (&tells, vec![], false),
        ] {
            let facts = facts(&known);
            let state = part_state(State::Sending, &facts);
            assert_eq!(watch.catches(caps, state, &facts), expected, "{known:?}");
        }
    }

    #[test]
    fn a_receipt_tells_late_from_told_late() {
        let accepted = (Fact::Accepted, 0);
        for (marked, known, expected) in [
            (None, vec![accepted], None),
            (Some(at(50)), vec![accepted], Some(Standing::Stuck)),
            (Some(at(50)), vec![accepted, (Fact::Delivered, 90)], Some(Standing::Late { at: at(90) })),
            (Some(at(50)), vec![accepted, (Fact::Read, 90)], Some(Standing::Late { at: at(90) })),
            (Some(at(50)), vec![accepted, (Fact::Delivered, 20)], None),
            (Some(at(50)), vec![accepted, (Fact::Failed, 90)], None),
            (
                Some(at(50)),
                vec![accepted, (Fact::Failed, 60), (Fact::Delivered, 90)],
                Some(Standing::Late { at: at(90) }),
            ),
        ] {
            assert_eq!(standing(marked, &facts(&known)), expected, "{known:?}");
        }
    }

    proptest! {
        /// Whatever is heard of a part, and in whatever order: a marked one stays sent, and what reached the customer is marked
        /// neither before nor after.
        #[test]
        fn what_is_stuck_is_never_sent_again(
            heard in proptest::collection::vec((0_usize..4, 0_i64..300), 0..10),
            onset in 0_i64..200, overdue in 1_i64..100, now in 0_i64..400,
        ) {
            const FACTS: [Fact; 4] = [Fact::Accepted, Fact::Failed, Fact::Delivered, Fact::Read];
            let watch = Watch::new(at(onset), Span::secs(overdue), at(now));
            let (mut known, mut marked) = (Facts::default(), None);
            for (fact, secs) in heard {
                known.learn(FACTS[fact], at(secs));
                let state = part_state(State::Sending, &known);
                let caught = watch.catches(&caps(), state, &known);
                let reached = known.delivered.is_some() || known.read.is_some();
                prop_assert!(!(caught && reached));
                marked = marked.or(caught.then(|| at(now)));
                prop_assert!(never_copied(marked.is_some(), state));
                let stuck = standing(marked, &known) == Some(Standing::Stuck);
                prop_assert_eq!(stuck, marked.is_some() && !reached && known.failed.is_none());
            }
        }
    }
}
