//! Who talks in a conversation and whether it is open: transitions as pure functions.
//!
//! The version grows with every change of owner. A bot's message carries the version that held after the unit
//! which wrote it; it may be sent only while that is still the version (I10, [`bot_may_send`]).

use crate::ids::UserId;
use crate::state::{OwnerKind, Status};
use crate::time::Timestamp;

/// Who owns a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    Nobody,
    Bot,
    /// `None`: somebody who answers in the platform's own app.
    Person(Option<UserId>),
}

impl Owner {
    /// The word for it.
    pub const fn kind(self) -> OwnerKind {
        match self {
            Self::Nobody => OwnerKind::Nobody,
            Self::Bot => OwnerKind::Bot,
            Self::Person(_) => OwnerKind::Person,
        }
    }

    /// The person, if it is one that we know.
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::Person(user) => user,
            Self::Nobody | Self::Bot => None,
        }
    }

    /// From the two stored columns.
    pub const fn from_parts(kind: OwnerKind, user: Option<UserId>) -> Self {
        match kind {
            OwnerKind::Nobody => Self::Nobody,
            OwnerKind::Bot => Self::Bot,
            OwnerKind::Person => Self::Person(user),
        }
    }
}

/// What transitions read and change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conversation {
    pub status: Status,
    /// Only while snoozed.
    pub snoozed_until: Option<Timestamp>,
    pub owner: Owner,
    /// Grows by one with every change of owner.
    pub version: i64,
}

/// What happened to the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// The customer wrote. `automation`: the workspace has rules that could answer (never for late input).
    CustomerMessage {
        automation: bool,
    },
    /// Somebody answered in the platform's own app.
    TypedElsewhere,
    /// Somebody answered here.
    PersonReplied(UserId),
    /// A person or a rule gives it to somebody. `expected`: the version that they saw.
    Assign {
        to: Owner,
        expected: Option<i64>,
    },
    /// Automation gives it to people.
    HandOver,
    Resolve,
    Reopen,
    Snooze {
        until: Timestamp,
    },
    /// The time of a snooze came. Harmless when it is not snoozed or not due.
    SnoozeOver,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    pub next: Conversation,
    /// Cancel, in the same unit, every unsent bot part whose version is lower than `next.version`.
    pub cancel_bot: bool,
    /// It was resolved or snoozed and is not any more.
    pub reopened: bool,
}

/// Why a change was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// Somebody was faster.
    #[error("the conversation has changed hands: version {actual}, not {expected}")]
    Version { expected: i64, actual: i64 },
    #[error("a conversation can be snoozed only until a later time")]
    SnoozeInThePast,
}

impl Conversation {
    /// A new one, before its first message. `automation` as in [`Input::CustomerMessage`].
    pub const fn new(automation: bool) -> Self {
        let (owner, status) =
            if automation { (Owner::Bot, Status::Pending) } else { (Owner::Nobody, Status::Open) };
        Self { status, snoozed_until: None, owner, version: 1 }
    }

    /// The next state. Fails only for a person's or a rule's wish that came too late.
    pub fn step(&self, input: Input, now: Timestamp) -> Result<Change, Conflict> {
        let mut next = *self;
        match input {
            Input::CustomerMessage { automation } => self.customer_wrote(automation, &mut next),
            Input::TypedElsewhere => {
                if !matches!(self.owner, Owner::Person(_)) {
                    next.owner = Owner::Person(None);
                }
                next.wake();
            }
            Input::PersonReplied(user) => {
                if !matches!(self.owner, Owner::Person(Some(_))) {
                    next.owner = Owner::Person(Some(user));
                }
                next.wake();
            }
            Input::Assign { to, expected } => {
                if let Some(expected) = expected.filter(|version| *version != self.version) {
                    return Err(Conflict::Version { expected, actual: self.version });
                }
                next.owner = to;
                if matches!(self.status, Status::Open | Status::Pending) {
                    next.status = if to == Owner::Bot { Status::Pending } else { Status::Open };
                }
            }
            Input::HandOver => {
                if self.owner == Owner::Bot {
                    next.owner = Owner::Nobody;
                }
                if self.status == Status::Pending {
                    next.status = Status::Open;
                }
            }
            Input::Resolve => (next.status, next.snoozed_until) = (Status::Resolved, None),
            Input::Reopen => next.wake(),
            Input::Snooze { until } if until <= now => return Err(Conflict::SnoozeInThePast),
            Input::Snooze { until } => (next.status, next.snoozed_until) = (Status::Snoozed, Some(until)),
            Input::SnoozeOver => {
                if self.status == Status::Snoozed && self.snoozed_until.is_some_and(|until| until <= now) {
                    next.wake();
                }
            }
        }
        Ok(self.change(next))
    }

    /// A resolved case starts over; a snoozed one wakes with the owner it had.
    fn customer_wrote(&self, automation: bool, next: &mut Self) {
        if self.status == Status::Resolved {
            next.owner = if automation { Owner::Bot } else { Owner::Nobody };
        }
        next.wake();
    }

    /// Open, or pending when it is the bot's turn.
    fn wake(&mut self) {
        self.status = if self.owner == Owner::Bot { Status::Pending } else { Status::Open };
        self.snoozed_until = None;
    }

    fn change(&self, mut next: Self) -> Change {
        let moved = next.owner != self.owner;
        if moved {
            next.version = self.version.saturating_add(1);
        }
        let asleep = |status| matches!(status, Status::Resolved | Status::Snoozed);
        Change { next, cancel_bot: moved, reopened: asleep(self.status) && !asleep(next.status) }
    }
}

/// True where a bot's part may be sent: nobody has taken over since it was written (I10). `written` is the version
/// that held when the unit which wrote it had finished, so a bot's own last words before a hand-over go out.
pub const fn bot_may_send(written: i64, conversation: &Conversation) -> bool {
    written == conversation.version
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time::Span;

    const NOW: Timestamp = Timestamp::from_secs(1_000_000);
    const ANA: Owner = Owner::Person(Some(UserId(1)));

    fn with(status: Status, owner: Owner) -> Conversation {
        let snoozed_until = (status == Status::Snoozed).then_some(NOW + Span::hours(1));
        Conversation { status, snoozed_until, owner, version: 3 }
    }

    #[test]
    fn each_input_has_its_effect() {
        use Status::{Open, Pending, Resolved, Snoozed};
        let message = Input::CustomerMessage { automation: true };
        let give = |to| Input::Assign { to, expected: Some(3) };
        for ((status, owner), input, (next_status, next_owner), cancel_bot) in [
            ((Open, ANA), message, (Open, ANA), false),
            ((Pending, Owner::Bot), message, (Pending, Owner::Bot), false),
            ((Resolved, ANA), message, (Pending, Owner::Bot), true),
            (
                (Resolved, Owner::Bot),
                Input::CustomerMessage { automation: false },
                (Open, Owner::Nobody),
                true,
            ),
            ((Snoozed, ANA), message, (Open, ANA), false),
            ((Pending, Owner::Bot), Input::TypedElsewhere, (Open, Owner::Person(None)), true),
            ((Open, ANA), Input::TypedElsewhere, (Open, ANA), false),
            ((Resolved, ANA), Input::TypedElsewhere, (Open, ANA), false),
            ((Pending, Owner::Bot), Input::PersonReplied(UserId(1)), (Open, ANA), true),
            ((Open, Owner::Person(None)), Input::PersonReplied(UserId(1)), (Open, ANA), true),
            ((Open, ANA), Input::PersonReplied(UserId(2)), (Open, ANA), false),
            ((Pending, Owner::Bot), give(ANA), (Open, ANA), true),
            ((Open, ANA), give(Owner::Bot), (Pending, Owner::Bot), true),
            ((Open, ANA), give(ANA), (Open, ANA), false),
            ((Resolved, ANA), give(Owner::Bot), (Resolved, Owner::Bot), true),
            ((Pending, Owner::Bot), Input::HandOver, (Open, Owner::Nobody), true),
            ((Open, ANA), Input::HandOver, (Open, ANA), false),
            ((Open, ANA), Input::Resolve, (Resolved, ANA), false),
            ((Open, ANA), Input::Snooze { until: NOW + Span::secs(1) }, (Snoozed, ANA), false),
            ((Snoozed, ANA), Input::SnoozeOver, (Snoozed, ANA), false),
            ((Resolved, Owner::Bot), Input::Reopen, (Pending, Owner::Bot), false),
        ] {
            let change = with(status, owner).step(input, NOW).expect("no conflict");
            let got = (change.next.status, change.next.owner);
            assert_eq!(
                (got, change.cancel_bot),
                ((next_status, next_owner), cancel_bot),
                "{status:?} {owner:?} {input:?}"
            );
        }
        assert_eq!(
            with(Snoozed, ANA).step(Input::SnoozeOver, NOW + Span::hours(1)).map(|c| c.next.status),
            Ok(Open)
        );
    }

    #[test]
    fn who_is_late_is_told() {
        let open = with(Status::Open, ANA);
        let late = Input::Assign { to: Owner::Bot, expected: Some(2) };
        assert_eq!(open.step(late, NOW), Err(Conflict::Version { expected: 2, actual: 3 }));
        assert_eq!(open.step(Input::Snooze { until: NOW }, NOW), Err(Conflict::SnoozeInThePast));
    }

    fn inputs() -> impl Strategy<Value = Input> {
        prop_oneof![
            any::<bool>().prop_map(|automation| Input::CustomerMessage { automation }),
            Just(Input::TypedElsewhere),
            (1_i64..3).prop_map(|user| Input::PersonReplied(UserId(user))),
            proptest::sample::select(vec![Owner::Bot, Owner::Nobody, ANA])
                .prop_map(|to| Input::Assign { to, expected: None }),
            Just(Input::HandOver),
            Just(Input::Resolve),
            Just(Input::Reopen),
            Just(Input::Snooze { until: NOW + Span::secs(5) }),
            Just(Input::SnoozeOver),
        ]
    }

    proptest! {
        /// I10: what a bot wrote before the owner changed is never sent after it.
        #[test]
        fn the_bot_never_talks_over_anybody(steps in proptest::collection::vec(inputs(), 1..30), automation: bool) {
            let mut conversation = Conversation::new(automation);
            for input in steps {
                let written = conversation.version;
                let Ok(change) = conversation.step(input, NOW) else { continue };
                let moved = change.next.owner != conversation.owner;
                prop_assert_eq!(change.cancel_bot, moved);
                prop_assert_eq!(bot_may_send(written, &change.next), !moved);
                prop_assert_eq!(change.next.snoozed_until.is_some(), change.next.status == Status::Snoozed);
                prop_assert!(change.next.status != Status::Pending || change.next.owner == Owner::Bot);
                prop_assert!(change.next.status != Status::Open || change.next.owner != Owner::Bot);
                if matches!(input, Input::TypedElsewhere | Input::PersonReplied(_)) {
                    prop_assert!(matches!(change.next.owner, Owner::Person(_)));
                }
                conversation = change.next;
            }
        }
    }
}
