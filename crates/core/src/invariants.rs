//! The invariants of the design as predicates: used by `debug_assert!`, property tests and the simulator.

use crate::event::Fact;
use crate::health::Phase;
use crate::outbox::{Author, Window};
use crate::pacing::Limit;
use crate::routing::{Consent, Fault, Way};
use crate::state::{Facts, State, part_state};
use crate::time::Timestamp;

/// I3 for sequences: numbers 1, 2, 3, ... without gap or repetition.
pub fn sequence_without_gaps(numbers: impl IntoIterator<Item = i64>) -> bool {
    numbers.into_iter().zip(1_i64..).all(|(number, expected)| number == expected)
}

/// I4: in a lane, in order, a part that has started comes before any that has not; so at most one is under way,
/// and nothing starts behind a part that blocks.
pub fn lane_in_order(states: impl IntoIterator<Item = State>) -> bool {
    let mut blocked = false;
    for state in states {
        let started = matches!(state, State::Sending | State::Uncertain);
        if blocked && started {
            return false;
        }
        blocked |= state.blocks_lane();
    }
    true
}

/// I5: at most one attempt of a part is live.
pub fn one_live_attempt(live: usize) -> bool {
    live <= 1
}

/// I5: whether a part may be sent again by itself, after its attempts so far.
pub fn may_send_again(author: Author, idempotent: bool, attempts: &[Ended]) -> bool {
    let uncertain = attempts.iter().filter(|ended| **ended == Ended::Uncertain).count();
    let accepted = attempts.contains(&Ended::Accepted);
    !accepted && (uncertain == 0 || idempotent || (author == Author::Notice && uncertain == 1))
}

/// How an attempt ended, as far as sending again is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    Accepted,
    /// Known not executed.
    NotExecuted,
    Refused,
    Uncertain,
}

/// I6: whether routing may take a way: outside the attributed scope of every open incident (unless a person chose it), with
/// consent, inside its window or with a template, and for content that it can carry.
pub fn route_allowed(faults: &[Fault], way: &Way, author: Author, explicit: bool) -> bool {
    let faulty = faults.iter().any(|fault| {
        matches!(fault.phase, Phase::Suspect | Phase::Confirmed)
            && fault.direction.stops_sending()
            && fault.holds(way)
    });
    let consent = matches!(way.consent, Consent::WroteThere | Consent::Granted);
    let open = match way.window {
        Window::Unlimited | Window::Open { .. } => true,
        Window::HumanOnly { .. } => author == Author::Person || way.template.is_some(),
        Window::Closed => way.template.is_some(),
    };
    (!faulty || explicit) && consent && open && way.misfit.is_none()
}

/// I7: the state is the one that the facts give.
pub fn state_follows_facts(local: State, facts: &Facts, state: State) -> bool {
    part_state(local, facts) == state
        && facts
            .highest()
            .is_none_or(|fact| fact <= Fact::Failed || matches!(state, State::Delivered | State::Read))
}

/// I8: a part that waits without a call under way is held with a reason and a deadline, or queued with a deadline.
pub fn waits_visibly(state: State, has_reason: bool, deadline: Option<Timestamp>) -> bool {
    match state {
        State::Held => has_reason && deadline.is_some(),
        State::Queued | State::Uncertain => deadline.is_some(),
        _ => true,
    }
}

/// What a platform accepted and never told of again is not sent a second time, here or elsewhere.
pub fn never_copied(stuck: bool, state: State) -> bool {
    !stuck || !state.blocks_lane()
}

/// I8: what did not reach the customer says why.
pub fn ends_with_reason(state: State, has_reason: bool) -> bool {
    has_reason || !matches!(state, State::Failed | State::Cancelled | State::Unconfirmed)
}

/// Sends (in rising order) never exceed burst and rate in any window.
pub fn within_rate(limit: &Limit, sends: &[Timestamp]) -> bool {
    // In each window [first, last] at most burst + length/interval: so the n-th send after a first one is at
    // least (n - burst) intervals later. One pass: the work left never exceeds the burst.
    let interval = limit.interval().as_micros();
    let capacity = limit.burst().saturating_mul(interval);
    let mut busy_until = i64::MIN;
    sends.iter().all(|at| {
        busy_until = busy_until.max(at.micros()).saturating_add(interval);
        busy_until.saturating_sub(at.micros()) <= capacity
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pacing::Rate;
    use crate::time::Span;

    #[test]
    fn predicates_can_fail() {
        assert!(
            sequence_without_gaps([1, 2, 3])
                && !sequence_without_gaps([1, 3])
                && !sequence_without_gaps([1, 1])
        );
        use State::{Accepted, Cancelled, Held, Queued, Sending, Uncertain};
        assert!(lane_in_order([Accepted, Sending, Queued, Held]));
        assert!(!lane_in_order([Queued, Sending]) && !lane_in_order([Uncertain, Sending]));
        assert!(!one_live_attempt(2));
        assert!(may_send_again(Author::Person, false, &[Ended::NotExecuted]));
        assert!(!may_send_again(Author::Person, false, &[Ended::Uncertain]));
        assert!(may_send_again(Author::Bot, true, &[Ended::Uncertain]));
        assert!(!may_send_again(Author::Notice, false, &[Ended::Uncertain, Ended::Uncertain]));
        assert!(!may_send_again(Author::Notice, true, &[Ended::Accepted]));
        assert!(
            !waits_visibly(Held, false, Some(Timestamp::default())) && !waits_visibly(Queued, true, None)
        );
        assert!(ends_with_reason(Cancelled, true) && !ends_with_reason(Cancelled, false));
        let limit = Limit::from(Rate { per_s: 1.0, burst: 2 });
        let at = |seconds: &[i64]| {
            seconds.iter().map(|s| Timestamp::default() + Span::secs(*s)).collect::<Vec<_>>()
        };
        assert!(within_rate(&limit, &at(&[0, 0, 1, 2, 9, 9])));
        assert!(!within_rate(&limit, &at(&[0, 0, 0])) && !within_rate(&limit, &at(&[0, 0, 1, 1])));
    }
}
