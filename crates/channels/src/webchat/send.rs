//! Parts for the visitor: JSON that the hub itself hands to the widget.

use everthread_core::outcome::{Outcome, Reason};
use serde_json::{Value, json};

use super::errors;
use crate::json as read;
use crate::table::{self, FALLBACK, Seen};
use crate::wire::{Outbound, WireRequest, WireResponse};

/// The part as JSON, for `POST local:webchat`: nothing leaves the house.
///
/// The hub stores it for the widget and answers 200 with `{"id": <the body's id>}`. The id is our own token, so
/// the same part twice is the same message.
pub(super) fn request(out: &Outbound<'_>) -> Result<WireRequest, Reason> {
    if out.reaction.is_some() {
        return Err(Reason::new("reaction", "the web chat has no reactions"));
    }
    if out.content.is_empty() {
        return Err(Reason::new("empty", "nothing to send"));
    }
    let body = json!({
        "id": out.correlation,
        "visitor": out.to.value,
        "text": out.content.text,
        "attachments": out.content.attachments,
        "buttons": out.content.buttons,
        "reply_to": out.reply_to,
    });
    Ok(WireRequest {
        method: "POST",
        url: "local:webchat".to_owned(),
        headers: Vec::new(),
        body: body.to_string().into_bytes(),
        timeout: None,
        secrets: Vec::new(),
    })
}

/// Classifies the hub's own answer.
pub(super) fn classify(response: &WireResponse<'_>) -> Outcome {
    let WireResponse::Answer { status, headers, body } = *response else {
        return table::without_answer(response)
            .unwrap_or_else(|| table::decide(&[errors::ROWS, FALLBACK], &Seen::default()));
    };
    let value = read::parse(body).unwrap_or(Value::Null);
    match read::string(&value, "id").filter(|_| (200..300).contains(&status)) {
        Some(provider_id) => Outcome::Accepted { provider_id },
        None => table::decide(
            &[errors::ROWS, FALLBACK],
            &Seen { status, wait: table::retry_after(headers), ..Seen::default() },
        ),
    }
}
