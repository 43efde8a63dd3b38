//! Rows of `export messages`.

use everthread_core::content::{Attachment, Content, MediaSource};
use everthread_core::ids::{AccountId, ContactId, ConversationId, MediaId, MessageId, PartId};
use everthread_core::state::{Direction, State};
use everthread_store::read::export::MessageExport;
use everthread_store::read::thread::{MediaRow, PartRow};
use serde_json::{Map, Value, json};

use super::cells::Row;
use super::rows::{id, id_opt, time, time_opt};

/// Columns, in order.
pub(super) const COLUMNS: &[&str] = &[
    "id",
    "conversation_id",
    "contact_id",
    "account_id",
    "channel",
    "direction",
    "sender",
    "provider_id",
    "parts",
    "text",
    "attachments",
    "reply_to",
    "postback",
    "at",
    "edited_at",
    "deleted_at",
    "reactions",
    "state",
    "state_at",
    "class",
    "plan_id",
    "problem",
];

/// One row.
pub(super) fn row((row, parts, media): (MessageExport, Vec<PartRow>, Vec<MediaRow>)) -> Row {
    let content: Content =
        row.content.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let provider_id = parts.first().and_then(|part| part.provider_id.clone()).or(row.provider_id.clone());
    Row(vec![
        id(MessageId::PREFIX, row.uid),
        id(ConversationId::PREFIX, row.conversation_uid),
        id(ContactId::PREFIX, row.contact_uid),
        id_opt(AccountId::PREFIX, row.account_uid),
        json!(row.channel),
        json!(row.direction.as_str()),
        json!(sender(&row)),
        json!(provider_id),
        parts.iter().map(|part| part_value(part, &row.text)).collect(),
        json!(row.text),
        attachments(&content, media),
        json!(row.reply_to),
        json!(row.postback),
        time(row.at),
        time_opt(row.edited_at),
        time_opt(row.deleted_at),
        reactions(row.reactions.as_deref()),
        json!(row.state.as_str()),
        state_at(&row),
        json!(row.class.as_str()),
        Value::Null,
        problem(&row, &parts),
    ])
}

/// The customer by the provider's id; else who of us wrote it.
fn sender(row: &MessageExport) -> Option<String> {
    match row.direction {
        Direction::In => row.address.clone(),
        Direction::Out | Direction::Note => {
            Some(row.author_name.clone().unwrap_or_else(|| row.author_kind.clone()))
        }
    }
}

fn part_value(part: &PartRow, whole: &str) -> Value {
    let own = part.content.as_deref().and_then(|text| serde_json::from_str::<Content>(text).ok());
    json!({
        "id": part.uid.show(PartId::PREFIX),
        "index": part.index,
        "state": part.state.as_str(),
        "provider_id": part.provider_id,
        "text": own.map_or_else(|| whole.to_owned(), |content| content.text),
        "attempts": part.attempts,
    })
}

/// Attachments in the provider's order, each with the file behind it where it has one.
fn attachments(content: &Content, media: Vec<MediaRow>) -> Value {
    let mut media: std::collections::BTreeMap<i64, MediaRow> =
        media.into_iter().map(|file| (file.index, file)).collect();
    let mut all: Vec<Value> = Vec::new();
    for (index, attachment) in (0_i64..).zip(&content.attachments) {
        all.push(match media.remove(&index) {
            Some(file) => file_value(&file),
            None => card_value(attachment),
        });
    }
    all.extend(media.values().map(file_value));
    Value::Array(all)
}

/// An attachment without a file of its own: a place, a card, or a file that somebody here had uploaded.
fn card_value(attachment: &Attachment) -> Value {
    let stored = match &attachment.source {
        Some(MediaSource::Stored(id)) => Some(id),
        _ => None,
    };
    json!({
        "kind": attachment.kind.as_str(),
        "mime": attachment.mime,
        "name": attachment.name,
        "size": attachment.size,
        "url": stored.map(|id| format!("/api/v1/media/{id}")),
        "status": if stored.is_some() || attachment.source.is_none() { "ready" } else { "gone" },
    })
}

/// Reactions that stand: one that was taken back is kept without its emoji.
fn reactions(text: Option<&str>) -> Value {
    let all: Vec<Value> = text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let standing = all.into_iter().filter(|reaction| reaction.get("emoji").is_some_and(Value::is_string));
    standing.map(|reaction| json!({ "by": reaction["by"], "emoji": reaction["emoji"] })).collect()
}

fn file_value(file: &MediaRow) -> Value {
    json!({
        "kind": file.kind,
        "mime": file.mime,
        "name": file.name,
        "size": file.size,
        "url": (file.state == "ready").then(|| format!("/api/v1/media/{}", file.uid.show(MediaId::PREFIX))),
        "status": file.state,
    })
}

fn state_at(row: &MessageExport) -> Value {
    let mut at = Map::new();
    at.insert(row.state.as_str().to_owned(), time(row.state_at));
    if row.direction == Direction::Out {
        let known = [
            (State::Accepted, row.accepted_at),
            (State::Delivered, row.delivered_at),
            (State::Read, row.read_at),
            (State::Failed, row.failed_at),
        ];
        for (state, when) in known {
            if let Some(when) = when {
                at.insert(state.as_str().to_owned(), time(when));
            }
        }
    }
    Value::Object(at)
}

/// Why it failed, is held or was cancelled.
fn problem(row: &MessageExport, parts: &[PartRow]) -> Value {
    if let Some(class) = &row.error_class {
        let code = row.error_code.as_deref().unwrap_or_default();
        let text = row.error_text.as_deref().unwrap_or_default();
        return json!(format!("{class} {code}: {text}").trim_end_matches([':', ' ']));
    }
    let waits = matches!(row.state, State::Held | State::Cancelled | State::Failed | State::Unconfirmed);
    json!(parts.iter().filter(|_| waits).find_map(|part| part.reason.clone()))
}
