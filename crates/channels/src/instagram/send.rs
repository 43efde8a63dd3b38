//! `POST /<account>/messages`.

use everthread_core::outcome::Reason;
use serde_json::{Value, json};

use super::SPEC;
use crate::meta::PAGE_API_BASE;
use crate::meta::messaging::send::body;
use crate::wire::{Outbound, WireRequest};
use crate::{Account, form, json as read, meta};

/// One part as one call.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    let body = match out.reaction {
        Some((id, emoji)) => {
            let mut payload = json!({ "message_id": id });
            if let Some(emoji) = emoji {
                payload["reaction"] = reaction(emoji).into();
            }
            let action = if emoji.is_some() { "react" } else { "unreact" };
            json!({"recipient": {"id": out.to.value}, "sender_action": action, "payload": payload})
        }
        None => body(out, SPEC.text)?,
    };
    let path = format!("{}/messages", sender(account)?);
    Ok(meta::answer::post(account, default_base(account), &path, body.to_string().into_bytes()))
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
