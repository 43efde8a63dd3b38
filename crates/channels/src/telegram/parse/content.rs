//! What a message holds.

use everthread_core::content::{Attachment, AttachmentKind, Content, MediaSource};
use serde_json::Value;

use crate::json;

/// Files, by the field that holds them.
const FILES: &[(&str, AttachmentKind)] = &[
    // An animation comes with a `document` for old clients: it goes first.
    ("animation", AttachmentKind::Video),
    ("video", AttachmentKind::Video),
    ("video_note", AttachmentKind::Video),
    ("voice", AttachmentKind::Voice),
    ("audio", AttachmentKind::Audio),
    ("sticker", AttachmentKind::Sticker),
    ("document", AttachmentKind::File),
];

/// What customers can send and we can only name.
const NAMED: &[&str] =
    &["poll", "dice", "game", "story", "invoice", "paid_media", "giveaway", "checklist", "live_photo"];

/// Fields of messages that Telegram itself writes into the chat.
const SERVICE: &[&str] = &[
    "new_chat_members",
    "left_chat_member",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "message_auto_delete_timer_changed",
    "pinned_message",
    "successful_payment",
    "refunded_payment",
    "users_shared",
    "chat_shared",
    "gift",
    "unique_gift",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "giveaway_created",
    "giveaway_winners",
    "giveaway_completed",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "web_app_data",
];

/// The content; `None` for what Telegram itself wrote. `Err` where nothing in it is known.
pub(super) fn read(message: &Value) -> Result<Option<Content>, String> {
    let text = json::text(message, "text").or_else(|| json::text(message, "caption")).unwrap_or_default();
    let content = Content {
        text: text.to_owned(),
        attachments: attachment(message).into_iter().collect(),
        ..Content::default()
    };
    if !content.is_empty() {
        return Ok(Some(content));
    }
    if SERVICE.iter().any(|field| message.get(field).is_some()) {
        return Ok(None);
    }
    Err("a message of an unknown kind".to_owned())
}

fn bare(kind: AttachmentKind) -> Attachment {
    Attachment { kind, mime: None, name: None, size: None, source: None, note: None }
}

fn attachment(message: &Value) -> Option<Attachment> {
    if let Some(largest) = json::list(message, "photo").last() {
        return Some(file(AttachmentKind::Image, largest));
    }
    if let Some((kind, found)) =
        FILES.iter().find_map(|(field, kind)| Some((*kind, json::at(message, field)?)))
    {
        return Some(file(kind, found));
    }
    if let Some(place) = json::at(message, "venue.location").or_else(|| json::at(message, "location")) {
        return Some(Attachment { note: Some(place_note(message, place)), ..bare(AttachmentKind::Location) });
    }
    if let Some(card) = json::at(message, "contact") {
        let parts = ["first_name", "last_name"].iter().filter_map(|path| json::text(card, path));
        let name = parts.collect::<Vec<_>>().join(" ");
        let note = format!("{name}, {}", json::id(card, "phone_number").unwrap_or_default());
        return Some(Attachment { note: Some(note), ..bare(AttachmentKind::Contact) });
    }
    let named = NAMED.iter().find(|field| message.get(**field).is_some())?;
    let detail = ["dice.emoji", "poll.question", "game.title", "invoice.title", "checklist.title"];
    let detail = detail.iter().find_map(|path| json::text(message, path));
    let note = detail.map_or_else(|| (*named).to_owned(), |detail| format!("{named}: {detail}"));
    Some(Attachment { note: Some(note), ..bare(AttachmentKind::Unsupported) })
}

fn file(kind: AttachmentKind, file: &Value) -> Attachment {
    Attachment {
        mime: json::string(file, "mime_type"),
        name: json::string(file, "file_name"),
        size: json::number(file, "file_size").and_then(|n| u64::try_from(n).ok()),
        source: json::string(file, "file_id").map(MediaSource::ProviderId),
        note: json::string(file, "emoji"),
        ..bare(kind)
    }
}

fn place_note(message: &Value, place: &Value) -> String {
    let number = |path: &str| json::at(place, path).map(Value::to_string).unwrap_or_default();
    let mut note = format!("{},{}", number("latitude"), number("longitude"));
    for more in ["venue.title", "venue.address"].iter().filter_map(|path| json::text(message, path)) {
        note.push_str(&format!(" {more}"));
    }
    note
}
