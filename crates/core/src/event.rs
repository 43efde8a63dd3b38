//! One item of a provider's webhook, poll or socket, after parsing.

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::outcome::ErrorClass;
use crate::time::Timestamp;

/// What a channel's `parse` makes of one raw record: it never fails, it names what it could not read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Parsed {
    pub items: Vec<Item>,
    pub problems: Vec<ParseProblem>,
}

/// One item and the account of ours that it is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Item {
    /// The provider's id of our account (page id, phone number id, our number). `None`: the endpoint
    /// serves exactly one account (Telegram, web chat).
    pub account: Option<String>,
    /// Further ids under which the same account may be known (a messaging service, a WhatsApp business
    /// account), tried in order where no account has the first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    pub event: Event,
}

/// A part of a payload that could not be understood. It is kept and can be replayed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParseProblem {
    /// As in [`Item::account`], where it could be read.
    pub account: Option<String>,
    /// What was wrong and where, as a sentence without customer data.
    pub reason: String,
    /// The smallest piece of the payload that holds it, as JSON or text.
    pub raw: String,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Deduplication key within (account, kind): the provider's own id; receipts include the status; where
    /// the provider gives none, a hash of the meaning-bearing fields. Frozen by golden tests (I3).
    pub key: String,
    /// When it happened by the provider's clock; `None` where it does not say.
    pub at: Option<Timestamp>,
    /// The customer it concerns; `None` for events about our account or found by provider id alone.
    pub peer: Option<Peer>,
    pub kind: EventKind,
}

/// The customer as the channel names them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Addresses that reach this person, the one to answer to first. Never derived from one another.
    pub addresses: Vec<Address>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Locale or language as the platform says, e.g. `pt-br`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// True where nobody attests that the addresses are this person's (an e-mail's sender without proof).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

/// A person's address on a network.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Address {
    pub kind: AddressKind,
    pub value: String,
}

/// Kinds of address. *Scoped* ones belong to one account or app; *global* ones can be reached by any
/// account of their network (design section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressKind {
    /// E.164 with `+`. Global.
    Phone,
    /// Lower-cased mailbox. Global.
    Email,
    /// Instagram-scoped id.
    Instagram,
    /// Page-scoped id.
    Messenger,
    /// WhatsApp business-scoped user id.
    WhatsappUser,
    /// Telegram chat with our bot.
    Telegram,
    /// A visitor of our own web chat.
    Webchat,
}

impl AddressKind {
    /// True where any account of the network can reach it.
    pub const fn is_global(self) -> bool {
        matches!(self, Self::Phone | Self::Email)
    }

    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Instagram => "instagram",
            Self::Messenger => "messenger",
            Self::WhatsappUser => "whatsapp_user",
            Self::Telegram => "telegram",
            Self::Webchat => "webchat",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Phone,
            Self::Email,
            Self::Instagram,
            Self::Messenger,
            Self::WhatsappUser,
            Self::Telegram,
            Self::Webchat,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// The customer said something or pressed a button.
    Message(InMessage),
    /// Something was said in our name: by our own call, or typed in the platform's own app.
    Echo(Echo),
    /// What became of something we sent.
    Receipt(Receipt),
    /// A message got new content.
    Edit { provider_id: String, content: Content },
    /// A message was withdrawn; our copy loses its content.
    Delete { provider_id: String },
    /// A reaction to a message; `emoji` is `None` when it was taken back.
    Reaction { provider_id: String, emoji: Option<String> },
    /// The customer may be (or may no longer be) written to: blocked us, opted out of marketing, came back.
    Reachable { reachable: bool, reason: String },
    /// The customer's address changed; `peer` holds the old one.
    AddressChanged { to: Address },
    /// The account is in a group of people. A group is no customer: nothing that is said there is taken, and people are told
    /// once where the account is.
    Group(Group),
    /// Understood, and nothing to do (typing, account notices). Counted, not stored.
    Notice { what: String },
}

impl EventKind {
    /// The stable word that is part of the deduplication key.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::Echo(_) => "echo",
            Self::Receipt(_) => "receipt",
            Self::Edit { .. } => "edit",
            Self::Delete { .. } => "delete",
            Self::Reaction { .. } => "reaction",
            Self::Reachable { .. } => "reachable",
            Self::AddressChanged { .. } => "address_changed",
            // Groups were notices once, and keys are for ever.
            Self::Group(_) | Self::Notice { .. } => "notice",
        }
    }
}

/// A customer's message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InMessage {
    /// The provider's id of this message within the account; the web chat's client id.
    pub provider_id: String,
    pub content: Content,
    /// Provider id of the message it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Payload of the button or quick reply that was pressed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postback: Option<String>,
    /// Where they came from: an ad, a link's `ref`, `/start` payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub referral: Option<String>,
    /// Another app owns the thread on the platform (Meta's `standby`), or a machine wrote it (an absence note, a
    /// mailing list): store it, start no automation.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub standby: bool,
}

/// A group and what is heard of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The provider's id of the group.
    pub id: String,
    pub change: GroupChange,
    /// What people are told: where the account is, what that means and what they can do.
    pub notice: String,
}

/// What is heard of a group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupChange {
    /// Somebody added the account.
    Entered,
    /// Something was said there.
    Heard,
    /// The account was removed.
    Left,
    /// The provider gave the group another id.
    Moved { to: String },
}

/// A message in our own name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    pub provider_id: String,
    pub content: Content,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<String>,
    /// Our own token, where the channel gives it back (`metadata`, `biz_opaque_callback_data`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// A fact about something we sent. Facts only add up: state is the maximum over them (I7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub of: ReceiptOf,
    pub fact: Fact,
    /// For [`Fact::Failed`]: class, provider code and text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReceiptError>,
    /// Our own token, where the channel gives it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation: Option<String>,
}

/// Which of our parts a receipt is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptOf {
    /// One message by the provider's id.
    ProviderId(String),
    /// Everything we sent to this peer up to this time (Messenger).
    Watermark(Timestamp),
}

/// Facts in rising order (I7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Accepted,
    Failed,
    Delivered,
    Read,
}

/// Why a provider says that a message failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptError {
    pub class: ErrorClass,
    pub code: String,
    pub text: String,
}
