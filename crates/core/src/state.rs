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
