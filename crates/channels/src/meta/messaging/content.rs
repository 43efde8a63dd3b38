//! What a message holds: text, files, what was shared.

use everthread_core::content::{Attachment, AttachmentKind, Content, MediaSource};
use serde_json::Value;

use crate::json;

/// The three sizes of Messenger's thumb, which come as pictures (channel facts, 3a).
const THUMBS: &[i64] = &[369_239_263_222_822, 369_239_343_222_814, 369_239_383_222_810];

pub(super) fn content(message: &Value) -> Content {
    let mut content = Content::text(json::text(message, "text").unwrap_or_default());
    content.attachments.extend(json::list(message, "attachments").iter().map(attachment));
    if let Some(story) = json::at(message, "reply_to.story") {
        content.attachments.push(Attachment {
            source: json::string(story, "url").map(MediaSource::Url),
            note: Some("answer to our story".to_owned()),
            ..bare(AttachmentKind::Story)
        });
    }
    let unsupported = json::flag(message, "is_unsupported");
    if unsupported || (content.is_empty() && !json::flag(message, "is_deleted")) {
        let note =
            if unsupported { "the platform does not hand this out" } else { "a message without content" };
        content
            .attachments
            .push(Attachment { note: Some(note.to_owned()), ..bare(AttachmentKind::Unsupported) });
    }
    content
}

fn attachment(value: &Value) -> Attachment {
    let word = json::text(value, "type").unwrap_or_default();
    let sticker = json::number(value, "payload.sticker_id");
    let kind = match word {
        _ if sticker.is_some() => AttachmentKind::Sticker,
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        "file" => AttachmentKind::File,
        "sticker" | "like_heart" => AttachmentKind::Sticker,
        "story_mention" | "story" | "ig_story" => AttachmentKind::Story,
        "location" => AttachmentKind::Location,
        "share" | "ig_post" | "reel" | "ig_reel" | "media" | "template" | "fallback" | "product" => {
            AttachmentKind::Share
        }
        _ => AttachmentKind::Unsupported,
    };
    let note = match word {
        "like_heart" => Some("❤️".to_owned()),
        _ if sticker.is_some_and(|id| THUMBS.contains(&id)) => Some("👍".to_owned()),
        "location" => place(value),
        "story_mention" => Some("mentioned us in a story".to_owned()),
        _ if kind == AttachmentKind::Unsupported => Some(crate::table::clean(word)),
        _ => json::string(value, "payload.title")
            .or_else(|| json::string(value, "title"))
            .or_else(|| json::string(json::list(value, "payload.generic.elements").first()?, "title")),
    };
    Attachment {
        source: json::string(value, "payload.url")
            .or_else(|| json::string(value, "url"))
            .filter(|_| kind != AttachmentKind::Location)
            .map(MediaSource::Url),
        note,
        ..bare(kind)
    }
}

fn bare(kind: AttachmentKind) -> Attachment {
    Attachment { kind, mime: None, name: None, size: None, source: None, note: None }
}

/// `latitude,longitude`, with the place's name where it has one.
fn place(value: &Value) -> Option<String> {
    let number = |path: &str| json::at(value, path).and_then(Value::as_f64);
    let (lat, long) = (number("payload.coordinates.lat")?, number("payload.coordinates.long")?);
    let name = json::text(value, "title").unwrap_or_default();
    Some(format!("{lat},{long} {name}").trim_end().to_owned())
}
