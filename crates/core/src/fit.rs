//! What a channel can carry, and how a message is cut into parts that it can.

use serde::{Deserialize, Serialize};

use crate::content::AttachmentKind;
use crate::outbox::Settle;
use crate::pacing::Pacing;
use crate::text::Unit;
use crate::time::Span;

/// How long a text may be, in the channel's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextLimit {
    pub max: usize,
    pub unit: Unit,
}

/// Buttons a message can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ButtonLimit {
    /// 0: none; buttons become numbered lines of text.
    pub max: usize,
    /// Longer titles are cut, never inside a grapheme.
    pub title_chars: usize,
    /// False: links become lines of text.
    pub urls: bool,
}

/// What one account can carry: its channel's data with the operator's overrides applied.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Capabilities {
    pub text: TextLimit,
    /// Text beside a file; `None`: text and file are separate parts.
    pub caption: Option<TextLimit>,
    pub buttons: ButtonLimit,
    /// Kinds of file it can carry, with the provider's byte limit.
    pub media: Vec<(AttachmentKind, u64)>,
    pub replies: bool,
    pub reactions: bool,
    pub templates: bool,
    /// True where our own sends come back as events.
    pub echoes: bool,
    pub delivered_receipts: bool,
    pub read_receipts: bool,
    /// Reply window after the customer's last message; `None`: no window.
    pub window: Option<Span>,
    /// Longer window for text typed by a person (human-agent tag), where switched on.
    pub human_window: Option<Span>,
    pub settle: Settle,
    pub pacing: Pacing,
}
