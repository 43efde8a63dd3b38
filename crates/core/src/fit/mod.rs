//! What a channel can carry, and how a message is cut into parts that it can.

use serde::{Deserialize, Serialize};

use unicode_segmentation::UnicodeSegmentation;

use crate::content::{Attachment, AttachmentKind, Button, ButtonAction, Content};
use crate::limits::MESSAGE_PARTS_MAX;
use crate::outbox::Settle;
use crate::pacing::Pacing;
use crate::text::{Unit, split};
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

/// Why a message cannot go over a channel as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FitError {
    #[error("there is nothing to send")]
    Empty,
    #[error("the channel has no templates")]
    NoTemplates,
    #[error("the channel cannot carry {}", kind.as_str())]
    Kind { kind: AttachmentKind },
    #[error("the {} has {bytes} bytes; the channel takes {max}", kind.as_str())]
    TooLarge { kind: AttachmentKind, bytes: u64, max: u64 },
    #[error("buttons need a text above them")]
    ButtonsAlone,
    #[error("the message would go out in {parts} parts; at most {MESSAGE_PARTS_MAX} are allowed")]
    TooManyParts { parts: usize },
}

/// Cuts a message into parts of which each is one provider call: files first, the text after them (or as the
/// caption of the one file), buttons under the last piece of text. A place or card that the channel cannot carry
/// becomes its note; buttons it cannot show become numbered lines, and links lines of text. Text is cut only
/// between graphemes.
pub fn fit(content: &Content, caps: &Capabilities) -> Result<Vec<Content>, FitError> {
    if content.template.is_some() {
        return if caps.templates { Ok(vec![content.clone()]) } else { Err(FitError::NoTemplates) };
    }
    if content.code.is_some() {
        return Ok(vec![content.clone()]);
    }
    let (text, buttons) = fit_buttons(content, caps);
    let mut text = text.trim().to_owned();
    let mut parts = Vec::new();
    for attachment in &content.attachments {
        match fit_attachment(attachment, caps)? {
            Fitted::File => {
                parts.push(Content { attachments: vec![attachment.clone()], ..Content::default() });
            }
            Fitted::Line(line) if text.is_empty() => text = line,
            Fitted::Line(line) => text = format!("{text}\n{line}"),
        }
    }
    if text.is_empty() && !buttons.is_empty() {
        return Err(FitError::ButtonsAlone);
    }
    let as_caption = buttons.is_empty()
        && caps.caption.is_some_and(|limit| limit.unit.len(&text) <= limit.max)
        && matches!(parts.as_slice(), [only] if takes_caption(only));
    if as_caption {
        parts[0].text = text;
    } else if !text.is_empty() {
        let pieces = split(&text, caps.text.max.max(1), caps.text.unit);
        parts.extend(pieces.into_iter().map(Content::text));
        if let Some(last) = parts.last_mut() {
            last.buttons = buttons;
        }
    }
    for part in &mut parts {
        part.subject.clone_from(&content.subject);
    }
    match parts.len() {
        0 => Err(FitError::Empty),
        parts if parts > MESSAGE_PARTS_MAX => Err(FitError::TooManyParts { parts }),
        _ => Ok(parts),
    }
}

/// The button that a customer's text means where buttons went out as numbered lines: its number or its title.
pub fn chosen<'a>(buttons: &'a [Button], text: &str) -> Option<&'a Button> {
    let said = text.trim().trim_end_matches(['.', ')', '!']).trim();
    let number = said.parse::<usize>().ok().filter(|n| *n > 0);
    let payloads = || buttons.iter().filter(|button| matches!(button.action, ButtonAction::Payload(_)));
    number
        .and_then(|n| payloads().nth(n - 1))
        .or_else(|| payloads().find(|button| button.title.trim().to_lowercase() == said.to_lowercase()))
}

enum Fitted {
    File,
    Line(String),
}

fn fit_attachment(attachment: &Attachment, caps: &Capabilities) -> Result<Fitted, FitError> {
    let kind = attachment.kind;
    let Some((_, max)) = caps.media.iter().find(|(known, _)| *known == kind) else {
        return match (&attachment.source, attachment.note.as_deref().map(str::trim)) {
            (None, Some(note)) if !note.is_empty() => Ok(Fitted::Line(note.to_owned())),
            _ => Err(FitError::Kind { kind }),
        };
    };
    match attachment.size {
        Some(bytes) if bytes > *max => Err(FitError::TooLarge { kind, bytes, max: *max }),
        _ => Ok(Fitted::File),
    }
}

/// Sound has no room for text on WhatsApp; stickers, places and cards have none on any channel.
fn takes_caption(part: &Content) -> bool {
    use AttachmentKind as K;
    part.attachments.iter().all(|a| matches!(a.kind, K::Image | K::Video | K::File))
}

/// The text with what its buttons become in it, and the buttons that stay.
fn fit_buttons(content: &Content, caps: &Capabilities) -> (String, Vec<Button>) {
    let limit = &caps.buttons;
    let is_url = |button: &&Button| matches!(button.action, ButtonAction::Url(_));
    let (urls, payloads): (Vec<&Button>, Vec<&Button>) = if limit.urls {
        (Vec::new(), content.buttons.iter().collect())
    } else {
        content.buttons.iter().partition(is_url)
    };
    let mut text = content.text.trim_end().to_owned();
    let mut line = |words: String| {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&words);
    };
    let stay = payloads.len() <= limit.max;
    if !stay {
        let mut number = 0;
        for button in &payloads {
            match &button.action {
                ButtonAction::Payload(_) => {
                    number += 1;
                    line(format!("{number}. {}", button.title));
                }
                ButtonAction::Url(url) => line(format!("{}: {url}", button.title)),
            }
        }
    }
    for button in urls {
        if let ButtonAction::Url(url) = &button.action {
            line(format!("{}: {url}", button.title));
        }
    }
    let shorten = |button: &Button| Button {
        title: shorten(&button.title, limit.title_chars),
        action: button.action.clone(),
    };
    let buttons = if stay { payloads.into_iter().map(shorten).collect() } else { Vec::new() };
    (text, buttons)
}

/// At most `max` characters, cut between graphemes with an ellipsis.
fn shorten(title: &str, max: usize) -> String {
    if title.chars().count() <= max {
        return title.to_owned();
    }
    let mut short = String::new();
    let mut used = 1;
    for grapheme in title.graphemes(true) {
        used += grapheme.chars().count();
        if used > max {
            break;
        }
        short.push_str(grapheme);
    }
    short.truncate(short.trim_end().len());
    short.push('…');
    short
}

#[cfg(test)]
pub(crate) mod tests;
