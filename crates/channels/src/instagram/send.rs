//! `POST /<account>/messages`.

use everthread_core::content::{Attachment, AttachmentKind, Button, ButtonAction, MediaSource};
use everthread_core::outcome::Reason;
use serde_json::{Value, json};

use super::{PAGE_API_BASE, SPEC};
use crate::wire::{Outbound, WireRequest};
use crate::{Account, form, json as read, meta};

/// One part as one call.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    let mut body = json!({"recipient": {"id": out.to.value}});
    if let Some((id, emoji)) = out.reaction {
        body["sender_action"] = if emoji.is_some() { "react" } else { "unreact" }.into();
        body["payload"] = json!({"message_id": id});
        if let Some(emoji) = emoji {
            body["payload"]["reaction"] = reaction(emoji).into();
        }
    } else {
        body["message"] = message(out)?;
        if out.human_tag {
            body["messaging_type"] = "MESSAGE_TAG".into();
            body["tag"] = "HUMAN_AGENT".into();
        }
    }
    let path = format!("{}/messages", sender(account)?);
    Ok(meta::answer::post(account, default_base(account), &path, body.to_string().into_bytes()))
}

fn message(out: &Outbound<'_>) -> Result<Value, Reason> {
    let text = out.content.text.as_str();
    let mut message = match out.content.attachments.as_slice() {
        [] if text.is_empty() => return Err(Reason::new("empty", "nothing to send")),
        [] if text.len() > SPEC.text.max => {
            return Err(Reason::new("too_long", format!("at most {} bytes of text", SPEC.text.max)));
        }
        [] => json!({ "text": text }),
        [_] if !text.is_empty() => return Err(Reason::new("caption", "text and file travel as two parts")),
        [one] => json!({ "attachment": file(one)? }),
        _ => return Err(Reason::new("attachments", "one file per part")),
    };
    if !out.buttons().is_empty() {
        let replies = out.buttons().iter().map(quick_reply).collect::<Result<Vec<_>, _>>()?;
        message["quick_replies"] = replies.into();
    }
    Ok(message)
}

fn quick_reply(button: &Button) -> Result<Value, Reason> {
    match &button.action {
        ButtonAction::Payload(payload) => {
            Ok(json!({"content_type": "text", "title": button.title, "payload": payload}))
        }
        ButtonAction::Url(_) => Err(Reason::new("buttons", "links are not buttons here")),
    }
}

fn file(one: &Attachment) -> Result<Value, Reason> {
    let kind = match one.kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Video => "video",
        AttachmentKind::Audio | AttachmentKind::Voice => "audio",
        AttachmentKind::File => "file",
        other => return Err(Reason::new("attachment", format!("cannot send a {} here", other.as_str()))),
    };
    match &one.source {
        Some(MediaSource::Url(url)) => Ok(json!({"type": kind, "payload": {"url": url}})),
        _ => Err(Reason::new("attachment", "the file has no public address")),
    }
}

/// The API names its own reactions; every heart is `love`, and another emoji is sent as it is.
fn reaction(emoji: &str) -> &str {
    match emoji {
        "❤" | "❤️" | "love" => "love",
        other => other,
    }
}

/// The linked Page sends where there is one, else the account itself.
fn sender(account: &Account<'_>) -> Result<String, Reason> {
    let id = account.settings.get("page_id").or_else(|| account.settings.get("ig_id"));
    id.map(form::escape).ok_or_else(|| Reason::new("settings", "ig_id is missing"))
}

/// The host depends on how the account is connected.
pub(super) fn default_base(account: &Account<'_>) -> &'static str {
    if account.settings.get("page_id").is_some() { PAGE_API_BASE } else { SPEC.api_base }
}

/// Subscribes the app to the account's events. Lost after an hour of failed webhooks, so it is repeated.
pub(super) fn subscribe(account: &Account<'_>) -> WireRequest {
    let fields =
        "messages,messaging_postbacks,messaging_seen,message_reactions,messaging_referral,message_edit";
    let sender = sender(account).unwrap_or_else(|_| "me".to_owned());
    let path = format!("{sender}/subscribed_apps?subscribed_fields={fields}");
    meta::answer::post(account, default_base(account), &path, Vec::new())
}

/// The message's id; a reaction has none, only the recipient.
pub(super) fn accepted_id(answer: &Value) -> Option<String> {
    let reacted = || read::id(answer, "recipient_id").map(|_| String::new());
    read::id(answer, "message_id").or_else(reacted)
}
