//! Calls of the Bot API.

use everthread_core::content::{Attachment, AttachmentKind, Button, ButtonAction, MediaSource};
use everthread_core::event::{Event, EventKind};
use everthread_core::outcome::{Outcome, Reason};
use everthread_core::time::Span;
use serde_json::{Map, Value, json};

use super::{SPEC, TABLES, parse};
use crate::table::{self, Seen};
use crate::wire::{Outbound, WireRequest, WireResponse};
use crate::{Account, Polled, json as read};

/// Seconds a long poll stays open; well under the 50 that the API allows, so that middle boxes stay calm.
const POLL_S: i64 = 25;

/// Bytes of a button's payload.
const CALLBACK_BYTES_MAX: usize = 64;

/// One part as one call.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    if let Some((id, emoji)) = out.reaction {
        let reaction = emoji.map(|emoji| json!({"type": "emoji", "emoji": emoji}));
        let body = json!({
            "chat_id": chat_id(&out.to.value),
            "message_id": message_id(id)?,
            "reaction": reaction.into_iter().collect::<Vec<_>>(),
        });
        return Ok(call(account, "setMessageReaction", &body));
    }
    let mut body = Map::new();
    body.insert("chat_id".to_owned(), chat_id(&out.to.value));
    let method = match out.content.attachments.as_slice() {
        [] => text(out, account, &mut body)?,
        [one] => file(one, &out.content.text, &mut body)?,
        _ => return Err(Reason::new("attachments", "one file per part")),
    };
    if let Some(id) = out.reply_to {
        let reply = json!({"message_id": message_id(id)?, "allow_sending_without_reply": true});
        body.insert("reply_parameters".to_owned(), reply);
    }
    if !out.buttons().is_empty() {
        let rows = out.buttons().iter().map(button).collect::<Result<Vec<_>, _>>()?;
        body.insert("reply_markup".to_owned(), json!({ "inline_keyboard": rows }));
    }
    Ok(call(account, method, &Value::Object(body)))
}

fn text(
    out: &Outbound<'_>,
    account: &Account<'_>,
    body: &mut Map<String, Value>,
) -> Result<&'static str, Reason> {
    if out.content.text.is_empty() {
        return Err(Reason::new("empty", "nothing to send"));
    }
    body.insert("text".to_owned(), out.content.text.clone().into());
    if account.settings.get("link_preview") == Some("off") {
        body.insert("link_preview_options".to_owned(), json!({"is_disabled": true}));
    }
    Ok("sendMessage")
}

fn file(one: &Attachment, caption: &str, body: &mut Map<String, Value>) -> Result<&'static str, Reason> {
    let (method, field) = match one.kind {
        AttachmentKind::Image => ("sendPhoto", "photo"),
        AttachmentKind::Video => ("sendVideo", "video"),
        AttachmentKind::Audio => ("sendAudio", "audio"),
        AttachmentKind::Voice => ("sendVoice", "voice"),
        AttachmentKind::File => ("sendDocument", "document"),
        AttachmentKind::Sticker => ("sendSticker", "sticker"),
        AttachmentKind::Location => return place(one, caption, body),
        other => return Err(Reason::new("attachment", format!("cannot send a {} here", other.as_str()))),
    };
    let source = match &one.source {
        Some(MediaSource::Url(text) | MediaSource::ProviderId(text)) => text.clone(),
        _ => return Err(Reason::new("attachment", "the file has no public address")),
    };
    body.insert(field.to_owned(), source.into());
    if !caption.is_empty() {
        if one.kind == AttachmentKind::Sticker {
            return Err(Reason::new("attachment", "a sticker has no caption"));
        }
        body.insert("caption".to_owned(), caption.into());
    }
    Ok(method)
}

fn place(one: &Attachment, caption: &str, body: &mut Map<String, Value>) -> Result<&'static str, Reason> {
    let numbers = one.note.as_deref().and_then(|note| note.split_once(','));
    let numbers = numbers.and_then(|(latitude, rest)| {
        // A name or an address may follow.
        let longitude = rest.split_whitespace().next()?;
        Some((latitude.trim().parse::<f64>().ok()?, longitude.parse::<f64>().ok()?))
    });
    let Some((latitude, longitude)) = numbers.filter(|_| caption.is_empty()) else {
        return Err(Reason::new("attachment", "a place needs `latitude,longitude` and no text"));
    };
    body.insert("latitude".to_owned(), latitude.into());
    body.insert("longitude".to_owned(), longitude.into());
    Ok("sendLocation")
}

/// One button per row, so that long titles stay readable on a phone.
fn button(button: &Button) -> Result<Value, Reason> {
    match &button.action {
        ButtonAction::Url(url) => Ok(json!([{"text": button.title, "url": url}])),
        ButtonAction::Payload(data) if (1..=CALLBACK_BYTES_MAX).contains(&data.len()) => {
            Ok(json!([{"text": button.title, "callback_data": data}]))
        }
        ButtonAction::Payload(_) => {
            Err(Reason::new("button", format!("a button's payload may have 1 to {CALLBACK_BYTES_MAX} bytes")))
        }
    }
}

/// A call of one method. The token is part of the address and is masked wherever the request is shown.
pub(super) fn call(account: &Account<'_>, method: &str, body: &Value) -> WireRequest {
    let base = account.settings.get("api_base").unwrap_or(SPEC.api_base).trim_end_matches('/');
    let token = account.secrets.get("token").unwrap_or_default();
    WireRequest {
        method: "POST",
        url: format!("{base}/bot{token}/{method}"),
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
        timeout: None,
        secrets: account.secrets.0.values().cloned().collect(),
    }
}

/// Everything that `parse` understands; reactions come only when they are named.
fn allowed() -> Value {
    json!(["message", "edited_message", "callback_query", "my_chat_member", "message_reaction"])
}

/// `getUpdates` from the cursor on.
pub(super) fn poll(account: &Account<'_>, cursor: Option<&str>) -> WireRequest {
    let mut body = json!({"limit": 100, "timeout": POLL_S, "allowed_updates": allowed()});
    if let Some(offset) = cursor.and_then(|c| c.parse::<i64>().ok()) {
        body["offset"] = offset.into();
    }
    WireRequest { timeout: Some(Span::secs(POLL_S + 20)), ..call(account, "getUpdates", &body) }
}

/// The offset after the last update of an answer.
pub(super) fn polled(response: &WireResponse<'_>) -> Polled {
    let failed = || match classify(response) {
        Outcome::NotExecuted { reason, .. }
        | Outcome::Refused { reason, .. }
        | Outcome::Uncertain { reason } => reason,
        Outcome::Accepted { .. } => Reason::new("poll", "not an answer to a poll"),
    };
    let WireResponse::Answer { status: 200, body, .. } = *response else { return Polled::Failed(failed()) };
    let value = read::parse(body).unwrap_or(Value::Null);
    if !read::flag(&value, "ok") || !value.get("result").is_some_and(Value::is_array) {
        return Polled::Failed(failed());
    }
    let last =
        read::list(&value, "result").iter().filter_map(|update| read::number(update, "update_id")).max();
    last.map_or(Polled::Empty, |id| Polled::Events { cursor: id.saturating_add(1).to_string() })
}

/// Sets the webhook, or removes it so that polling works. Waiting updates are kept.
pub(super) fn connect(account: &Account<'_>, webhook: bool) -> WireRequest {
    if !webhook {
        return call(account, "deleteWebhook", &json!({"drop_pending_updates": false}));
    }
    let mut body = json!({
        "url": format!("{}{}", account.public_url, account.webhook_path),
        "allowed_updates": allowed(),
        "drop_pending_updates": false,
    });
    if let Some(secret) = account.secrets.get("secret_token") {
        body["secret_token"] = secret.into();
    }
    call(account, "setWebhook", &body)
}

/// `answerCallbackQuery`, so that the pressed button stops spinning.
pub(super) fn acknowledge(event: &Event, account: &Account<'_>) -> Option<WireRequest> {
    let EventKind::Message(message) = &event.kind else { return None };
    let id = message.provider_id.strip_prefix(parse::CALLBACK)?;
    Some(call(account, "answerCallbackQuery", &json!({"callback_query_id": id})))
}

/// Classifies an answer.
pub(super) fn classify(response: &WireResponse<'_>) -> Outcome {
    let WireResponse::Answer { status, headers, body } = *response else {
        return table::without_answer(response).unwrap_or_else(|| table::decide(TABLES, &Seen::default()));
    };
    let value = read::parse(body).unwrap_or(Value::Null);
    let success = (200..300).contains(&status) && read::flag(&value, "ok");
    if let Some(provider_id) = success.then(|| accepted_id(&value)).flatten() {
        return Outcome::Accepted { provider_id };
    }
    let code = read::number(&value, "error_code");
    let mut text = read::string(&value, "description").unwrap_or_default();
    if let Some(id) = read::id(&value, "parameters.migrate_to_chat_id") {
        text.push_str(&format!(" (new chat id {id})"));
    }
    let said = read::number(&value, "parameters.retry_after").filter(|s| (0..=86_400).contains(s));
    let wait = said.map(Span::secs).or_else(|| table::retry_after(headers));
    let status = match (status, code) {
        (200..=299, Some(code)) if !read::flag(&value, "ok") => u16::try_from(code).unwrap_or(status),
        _ => status,
    };
    table::decide(TABLES, &Seen { status, code, text, wait, ..Seen::default() })
}

/// `<chat>:<message>`: message ids are unique within their chat only. Calls that make no message answer `true`.
fn accepted_id(answer: &Value) -> Option<String> {
    match answer.get("result")? {
        Value::Bool(true) => Some(String::new()),
        message => Some(format!("{}:{}", read::id(message, "chat.id")?, read::id(message, "message_id")?)),
    }
}

fn chat_id(value: &str) -> Value {
    value.parse::<i64>().map_or_else(|_| value.into(), Value::from)
}

/// The message's own number out of `<chat>:<message>`.
fn message_id(id: &str) -> Result<i64, Reason> {
    let number = id.rsplit_once(':').map_or(id, |(_, number)| number);
    number.parse().map_err(|_| Reason::new("message_id", "this message cannot be pointed at"))
}
