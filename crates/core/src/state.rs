//! Words for what became of a message, who wrote it, who owns a conversation.

use serde::{Deserialize, Serialize};

use crate::event::Fact;
use crate::time::Timestamp;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word used in exports and in the store.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// Reads the stable word.
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

words! {
    /// State of an outgoing part, and (as the lowest over its parts) of a message. `received` is for incoming ones.
    State {
        Received = "received",
        /// Waits its turn in the lane.
        Queued = "queued",
        /// Can't go now; has a reason and a deadline.
        Held = "held",
        /// A provider call is under way.
        Sending = "sending",
        /// The call went out, its outcome is not known and still being settled.
        Uncertain = "uncertain",
        /// Settling ended without an answer: may have been delivered.
        Unconfirmed = "unconfirmed",
        Accepted = "accepted",
        Failed = "failed",
        Delivered = "delivered",
        Read = "read",
        Cancelled = "cancelled",
    }
}

impl State {
    /// True where the part blocks its lane's later parts from starting.
    pub const fn blocks_lane(self) -> bool {
        matches!(self, Self::Queued | Self::Held | Self::Sending | Self::Uncertain)
    }
}

words! {
    /// Which way a message went.
    Direction { In = "in", Out = "out", Note = "note", }
}

words! {
    /// How urgent an outgoing message is, most urgent first.
    Class {
        /// A person is talking.
        Live = "live",
        /// Automation answers.
        Bot = "bot",
        /// Orders, appointments.
        Update = "update",
        /// Broadcasts.
        Bulk = "bulk",
    }
}

words! {
    /// Status of a conversation.
    Status {
        Open = "open",
        /// The bot's turn.
        Pending = "pending",
        Snoozed = "snoozed",
        Resolved = "resolved",
    }
}

words! {
    /// Kind of a conversation's owner; a person's id stands beside it.
    OwnerKind { Nobody = "nobody", Bot = "bot", Person = "person", }
}

words! {
    /// How well an identity is known (design section 5).
    Proof {
        /// Typed by somebody.
        Claimed = "claimed",
        /// Our signed link was redeemed.
        Invited = "invited",
        /// A code, the provider, or a person's decision confirmed it.
        Verified = "verified",
    }
}

/// What providers have said of one part: each fact with the first time it is known for. Facts only add up (I7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub accepted: Option<Timestamp>,
    pub failed: Option<Timestamp>,
    pub delivered: Option<Timestamp>,
    pub read: Option<Timestamp>,
}

impl Facts {
    /// Adds a fact. The earliest time wins, so that order and repetition do not matter. True where it changed
    /// anything.
    pub fn learn(&mut self, fact: Fact, at: Timestamp) -> bool {
        let slot = match fact {
            Fact::Accepted => &mut self.accepted,
            Fact::Failed => &mut self.failed,
            Fact::Delivered => &mut self.delivered,
            Fact::Read => &mut self.read,
        };
        let changed = slot.is_none_or(|known| at < known);
        if changed {
            *slot = Some(at);
        }
        changed
    }

    /// The highest fact: accepted < failed < delivered < read.
    pub const fn highest(&self) -> Option<Fact> {
        if self.read.is_some() {
            Some(Fact::Read)
        } else if self.delivered.is_some() {
            Some(Fact::Delivered)
        } else if self.failed.is_some() {
            Some(Fact::Failed)
        } else if self.accepted.is_some() {
            Some(Fact::Accepted)
        } else {
            None
        }
    }

    /// The time of a fact.
    pub const fn at(&self, fact: Fact) -> Option<Timestamp> {
        match fact {
            Fact::Accepted => self.accepted,
            Fact::Failed => self.failed,
            Fact::Delivered => self.delivered,
            Fact::Read => self.read,
        }
    }
}

/// State of one outgoing part: what providers said, over what we know ourselves.
///
/// A part that a provider speaks of went out, whatever we believed: even one that we cancelled or still hold.
pub const fn part_state(local: State, facts: &Facts) -> State {
    match facts.highest() {
        Some(Fact::Read) => State::Read,
        Some(Fact::Delivered) => State::Delivered,
        Some(Fact::Failed) => State::Failed,
        Some(Fact::Accepted) => match local {
            // Refused after all: our own record is a fact like theirs.
            State::Failed => State::Failed,
            _ => State::Accepted,
        },
        None => local,
    }
}

/// State of a message: a failed part is shown, else the lowest over its parts. A held part is shown before
/// the queued ones behind it, as it has the reason. `None` where there are no parts.
pub fn message_state(parts: impl IntoIterator<Item = State>) -> Option<State> {
    parts.into_iter().min_by_key(|state| match state {
        State::Failed => 0,
        State::Held => 1,
        State::Queued => 2,
        State::Sending => 3,
        State::Uncertain => 4,
        State::Cancelled => 5,
        State::Unconfirmed => 6,
        State::Accepted => 7,
        State::Delivered => 8,
        State::Read => 9,
        State::Received => 10,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::invariants::state_follows_facts;

    const FACTS: [Fact; 4] = [Fact::Accepted, Fact::Failed, Fact::Delivered, Fact::Read];

    #[test]
    fn facts_beat_what_we_believed() {
        let known = |facts: &[Fact]| {
            let mut known = Facts::default();
            for fact in facts {
                known.learn(*fact, Timestamp::from_secs(1));
            }
            known
        };
        for (local, facts, expected) in [
            (State::Queued, vec![], State::Queued),
            (State::Cancelled, vec![Fact::Accepted], State::Accepted),
            (State::Uncertain, vec![Fact::Delivered], State::Delivered),
            (State::Accepted, vec![Fact::Delivered, Fact::Failed], State::Delivered),
            (State::Accepted, vec![Fact::Accepted, Fact::Failed], State::Failed),
            (State::Failed, vec![Fact::Accepted], State::Failed),
            (State::Failed, vec![Fact::Read], State::Read),
            (State::Unconfirmed, vec![Fact::Accepted], State::Accepted),
        ] {
            assert_eq!(part_state(local, &known(&facts)), expected, "{local:?} {facts:?}");
        }
    }

    #[test]
    fn a_message_is_as_far_as_its_last_part_and_shows_failure() {
        use State::{Accepted, Cancelled, Delivered, Failed, Held, Queued, Read, Sending};
        for (parts, expected) in [
            (vec![Read, Delivered, Accepted], Some(Accepted)),
            (vec![Read, Failed, Queued], Some(Failed)),
            (vec![Accepted, Held, Queued], Some(Held)),
            (vec![Sending, Queued], Some(Queued)),
            (vec![Delivered, Cancelled], Some(Cancelled)),
            (vec![], None),
        ] {
            assert_eq!(message_state(parts.clone()), expected, "{parts:?}");
        }
    }

    proptest! {
        /// I7: receipts in whatever order, however often, end in one state with the same times.
        #[test]
        fn order_and_repetition_do_not_matter(
            facts in proptest::collection::vec((0_usize..4, 0_i64..50), 0..12),
            order in any::<u64>(),
            local in proptest::sample::select(State::ALL),
        ) {
            let learn = |facts: &[(usize, i64)]| {
                let mut known = Facts::default();
                for (fact, at) in facts {
                    known.learn(FACTS[*fact], Timestamp::from_secs(*at));
                }
                known
            };
            let straight = learn(&facts);
            let mut shuffled = [facts.clone(), facts].concat();
            let mut source = crate::ids::UidSource::new(order);
            shuffled.sort_by_cached_key(|_| source.draw());
            prop_assert_eq!(learn(&shuffled), straight);
            prop_assert!(state_follows_facts(local, &straight, part_state(local, &straight)));
        }

        #[test]
        fn a_state_never_falls_when_facts_are_added(
            facts in proptest::collection::vec(0_usize..4, 0..8),
            local in proptest::sample::select(State::ALL),
        ) {
            let rank = |state| match state {
                State::Accepted => 1,
                State::Failed => 2,
                State::Delivered => 3,
                State::Read => 4,
                _ => 0,
            };
            let mut known = Facts::default();
            for fact in facts {
                let before = part_state(local, &known);
                known.learn(FACTS[fact], Timestamp::from_secs(1));
                let after = part_state(local, &known);
                // What we believed ourselves may be corrected; what providers said may only rise.
                prop_assert!(before == local || rank(after) >= rank(before), "{:?} -> {:?}", before, after);
            }
        }
    }
}
