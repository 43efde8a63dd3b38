//! Typed ids: an internal `i64` per table, and a public UUIDv7 with a prefix that is safe to show and to log.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl $name {
            /// What a public id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "#{}"), self.0)
            }
        }
    )+};
}

ids! {
    /// One business; every row belongs to one.
    WorkspaceId = "ws";
    /// Somebody who signs in to the console.
    UserId = "user";
    /// A path under `/hooks/<channel>/` with its secrets; it may serve many accounts.
    EndpointId = "hook";
    /// Our login on a channel.
    AccountId = "acct";
    /// A person.
    ContactId = "cont";
    /// A person's address on a network.
    IdentityId = "iden";
    /// One open case with one contact, over all channels. Also names its lane: a conversation has exactly one.
    ConversationId = "conv";
    /// What was said.
    MessageId = "msg";
    /// What one provider call carries of a message.
    PartId = "part";
    /// One provider call.
    AttemptId = "att";
    /// A file that came with a message.
    MediaId = "media";
    /// A contact with a commercial aim.
    LeadId = "lead";
    /// Trigger, conditions, actions.
    RuleId = "rule";
    /// Something that could not be understood or done; listed and replayable.
    ProblemId = "prob";
    /// A declared failure.
    IncidentId = "inc";
    /// The recorded decision where a lane goes and why.
    PlanId = "plan";
    /// A signed way back into a conversation, for a browser.
    LinkId = "link";
    /// A one-time code that was sent to prove who a visitor is.
    CodeId = "code";
}

/// A public id: 128 bits, UUIDv7, so it sorts by the time it was made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uid(pub Uuid);

impl Uid {
    /// Writes the id the way users see it: `conv_0198c0ffee...` (32 hexadecimal digits after the prefix).
    pub fn show(self, prefix: &str) -> String {
        format!("{prefix}_{}", self.0.simple())
    }

    /// Reads an id as users write it. `None` where the prefix is another one or the rest is no UUID.
    pub fn read(prefix: &str, text: &str) -> Option<Self> {
        let rest = text.strip_prefix(prefix)?.strip_prefix('_')?;
        (rest.len() == 32).then(|| Uuid::try_parse(rest).ok().map(Self)).flatten()
    }
}

/// Makes public ids from a seed and the time, both given by the caller: the same inputs give the same ids.
#[derive(Clone, Debug)]
pub struct UidSource {
    state: u64,
}

impl UidSource {
    /// A source for one unit of work; `seed` must be unpredictable in production.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next id, stamped with `now` (milliseconds, RFC 9562 section 5.7).
    pub fn next(&mut self, now: Timestamp) -> Uid {
        let mut random = [0_u8; 10];
        random[..8].copy_from_slice(&self.draw().to_be_bytes());
        random[8..].copy_from_slice(&self.draw().to_be_bytes()[..2]);
        let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
        Uid(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// SplitMix64: full period, one multiplication deep; unpredictability comes from the seed.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn public_id_reads_back_only_under_its_own_prefix() {
        let uid = UidSource::new(7).next(Timestamp::from_millis(1_764_000_000_000));
        let shown = uid.show(ConversationId::PREFIX);
        assert_eq!(Uid::read("conv", &shown), Some(uid));
        assert_eq!(Uid::read("msg", &shown), None);
        assert_eq!(Uid::read("conv", "conv_12"), None);
        assert_eq!(uid.0.get_version_num(), 7);
    }
}
