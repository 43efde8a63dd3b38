//! Words for what became of a message, who wrote it, who owns a conversation.

use serde::{Deserialize, Serialize};

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
