//! `POST /<page>/messages`.

use everthread_core::outcome::Reason;
use everthread_core::state::Class;
use serde_json::Value;

use super::SPEC;
use crate::meta::messaging::send::body;
use crate::wire::{Outbound, WireRequest};
use crate::{Account, form, json as read, meta};

/// What a Page is told of. All of it is named: the call replaces what was subscribed before.
const FIELDS: &str = "messages,messaging_postbacks,message_deliveries,message_reads,message_echoes,\
                      message_reactions,message_edits,messaging_referrals,messaging_optins,messaging_handovers,standby";

/// One part as one call. Its correlation travels along and comes back with the echo.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    if out.reaction.is_some() {
        return Err(Reason::new("reaction", "a Page cannot react here"));
    }
    let mut body = body(out, SPEC.text)?;
    body["message"]["metadata"] = out.correlation.into();
    if !out.human_tag {
        body["messaging_type"] = messaging_type(out.class).into();
    }
    let path = format!("{}/messages", page(account)?);
    Ok(meta::answer::post(account, SPEC.api_base, &path, body.to_string().into_bytes()))
}

/// Both are for the standard window: an answer, or something we begin.
fn messaging_type(class: Class) -> &'static str {
    match class {
        Class::Live | Class::Bot => "RESPONSE",
        Class::Update | Class::Bulk => "UPDATE",
    }
}

/// The Page's id as a piece of a path.
pub(super) fn page(account: &Account<'_>) -> Result<String, Reason> {
    let id = account.settings.get("page_id").map(form::escape);
    id.ok_or_else(|| Reason::new("settings", "page_id is missing"))
}

/// Subscribes the app to the Page's events. Lost after an hour of failed webhooks, so it is repeated.
pub(super) fn subscribe(account: &Account<'_>) -> Option<WireRequest> {
    let path = format!("{}/subscribed_apps?subscribed_fields={FIELDS}", page(account).ok()?);
    Some(meta::answer::post(account, SPEC.api_base, &path, Vec::new()))
}

/// The message's id, which is also the echo's.
pub(super) fn accepted_id(answer: &Value) -> Option<String> {
    read::id(answer, "message_id")
}
