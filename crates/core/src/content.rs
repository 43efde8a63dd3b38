//! What a message can hold, the same for every channel.

use serde::{Deserialize, Serialize};

/// The body of a message, in either direction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What it is about, on channels that have a line for it (e-mail). Outgoing without one: the conversation's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Plain text; empty when there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Files, places and cards, in the provider's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// Choices offered with an outgoing message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Button>,
    /// An approved template; text and files are then what it will look like, for people to read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
    /// A one-time code goes out with it; text is then what people of ours read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<OneTimeCode>,
}

/// A code that is put into a text only when the call is made: no row, log or thread holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    /// Public id of the code, from which the server makes its digits.
    pub id: String,
    /// What the customer reads, with [`CODE_MARK`](crate::continuation::CODE_MARK) where the digits stand.
    pub text: String,
}

impl Content {
    /// A message of text alone.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Nothing to show at all.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty() && self.attachments.is_empty() && self.template.is_none()
    }
}

/// What a message goes on from, on channels that thread by references (e-mail): the newest messages of the
/// conversation on the same account and address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thread {
    /// The subject that the newest message with one had.
    pub subject: Option<String>,
    /// Provider ids, oldest first; at most [`THREAD_IDS_MAX`](crate::limits::THREAD_IDS_MAX).
    pub ids: Vec<String>,
}

/// Kinds of attachment, as people name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    Image,
    Video,
    Audio,
    Voice,
    File,
    Sticker,
    Location,
    Contact,
    /// A post, reel, story or product that was shared.
    Share,
    /// Mentioned in or replied to a story.
    Story,
    /// Something the channel could not describe.
    Unsupported,
}

impl AttachmentKind {
    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::File => "file",
            Self::Sticker => "sticker",
            Self::Location => "location",
            Self::Contact => "contact",
            Self::Share => "share",
            Self::Story => "story",
            Self::Unsupported => "unsupported",
        }
    }
}

/// One attachment. Where its bytes are is in `source`; a place or a card has none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub kind: AttachmentKind,
    /// As the provider says; the fetched bytes are sniffed again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Bytes, as the provider says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<MediaSource>,
    /// A place as `latitude,longitude`, a card's name and number, a share's title: what people should read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Where the bytes of an attachment can be had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaSource {
    /// A link that may expire.
    Url(String),
    /// An id to be exchanged for a link (Telegram `file_id`, WhatsApp media id).
    ProviderId(String),
    /// Already in our own media store: its public id.
    Stored(String),
}

/// A choice under an outgoing message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    /// What the customer reads. Channels cut it at their own limit.
    pub title: String,
    /// What comes back when it is pressed; for links, where it leads.
    #[serde(flatten)]
    pub action: ButtonAction,
}

/// What pressing a button does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAction {
    /// Sends this payload back to us.
    Payload(String),
    /// Opens this link.
    Url(String),
}

/// A provider-approved template (WhatsApp).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    pub name: String,
    /// Language code as approved, e.g. `en_US`.
    pub language: String,
    /// Values of the body's placeholders, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<String>,
}
