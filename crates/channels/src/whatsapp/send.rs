//! `POST /<phone number id>/messages`.

use everthread_core::content::{Attachment, AttachmentKind, Button, ButtonAction, MediaSource, Template};
use everthread_core::event::AddressKind;
use everthread_core::outcome::Reason;
use serde_json::{Value, json};

use super::SPEC;
use crate::wire::{Outbound, WireRequest};
use crate::{Account, form, json as read, meta};

/// Reply buttons; more than these, or a longer text beside them, become a list.
const REPLY_BUTTONS_MAX: usize = 3;
const REPLY_TEXT_CHARS_MAX: usize = 1_024;
const LIST_ROWS_MAX: usize = 10;
const BUTTON_ID_CHARS_MAX: usize = 256;

/// One part as one call.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    let number = account.settings.get("phone_number_id");
    let number = number.ok_or_else(|| Reason::new("settings", "phone_number_id is missing"))?;
    let mut body = json!({"messaging_product": "whatsapp", "recipient_type": "individual"});
    match out.to.kind {
        AddressKind::Phone => body["to"] = plus(&out.to.value)?.into(),
        AddressKind::WhatsappUser => body["recipient"] = out.to.value.as_str().into(),
        other => return Err(Reason::new("address", format!("cannot reach a {} address", other.as_str()))),
    }
    let (kind, payload) = payload(out, account)?;
    body["type"] = kind.into();
    body[kind] = payload;
    if let Some(id) = out.reply_to.filter(|_| out.reaction.is_none()) {
        body["context"] = json!({"message_id": id});
    }
    body["biz_opaque_callback_data"] = out.correlation.into();
    let path = format!("{}/messages", form::escape(number));
    Ok(meta::answer::post(account, SPEC.api_base, &path, body.to_string().into_bytes()))
}

/// Without the plus sign Meta prepends our own country code and may reach a stranger.
fn plus(phone: &str) -> Result<String, Reason> {
    let digits = phone.strip_prefix('+').unwrap_or(phone);
    if (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(format!("+{digits}"));
    }
    Err(Reason::new("address", "the phone number is not +E.164"))
}

fn payload(out: &Outbound<'_>, account: &Account<'_>) -> Result<(&'static str, Value), Reason> {
    if let Some((id, emoji)) = out.reaction {
        return Ok(("reaction", json!({"message_id": id, "emoji": emoji.unwrap_or_default()})));
    }
    if let Some(template) = &out.content.template {
        return Ok(("template", approved(template)));
    }
    let text = out.content.text.as_str();
    match out.content.attachments.as_slice() {
        [] if text.is_empty() => Err(Reason::new("empty", "nothing to send")),
        [] if out.buttons().is_empty() => {
            Ok(("text", json!({"body": text, "preview_url": text.contains("://")})))
        }
        [] => Ok(("interactive", interactive(text, out.buttons(), account)?)),
        [_] if !out.buttons().is_empty() => {
            Err(Reason::new("buttons", "buttons go with text, not with a file"))
        }
        [one] => file(one, text),
        _ => Err(Reason::new("attachments", "one file per part")),
    }
}

fn approved(template: &Template) -> Value {
    let mut value = json!({"name": template.name, "language": {"code": template.language}});
    if !template.params.is_empty() {
        let params: Vec<_> =
            template.params.iter().map(|text| json!({"type": "text", "text": text})).collect();
        value["components"] = json!([{"type": "body", "parameters": params}]);
    }
    value
}

fn interactive(text: &str, buttons: &[Button], account: &Account<'_>) -> Result<Value, Reason> {
    if buttons.len() > LIST_ROWS_MAX {
        return Err(Reason::new("buttons", format!("at most {LIST_ROWS_MAX} choices")));
    }
    let choices = buttons
        .iter()
        .map(|button| match &button.action {
            ButtonAction::Payload(id) if (1..=BUTTON_ID_CHARS_MAX).contains(&id.chars().count()) => {
                Ok(json!({"id": id, "title": button.title}))
            }
            ButtonAction::Payload(_) => {
                Err(Reason::new("buttons", "a choice's payload has 1 to 256 characters"))
            }
            ButtonAction::Url(_) => Err(Reason::new("buttons", "links are not buttons here")),
        })
        .collect::<Result<Vec<_>, _>>()?;
    if choices.len() <= REPLY_BUTTONS_MAX && text.chars().count() <= REPLY_TEXT_CHARS_MAX {
        let buttons: Vec<_> =
            choices.into_iter().map(|reply| json!({"type": "reply", "reply": reply})).collect();
        return Ok(json!({"type": "button", "body": {"text": text}, "action": {"buttons": buttons}}));
    }
    let open = account.settings.get("list_button").unwrap_or("Choose");
    Ok(json!({
        "type": "list",
        "body": {"text": text},
        "action": {"button": open, "sections": [{"title": open, "rows": choices}]},
    }))
}

fn file(one: &Attachment, caption: &str) -> Result<(&'static str, Value), Reason> {
    let kind = match one.kind {
        AttachmentKind::Image => "image",
        AttachmentKind::Video => "video",
        AttachmentKind::Audio | AttachmentKind::Voice => "audio",
        AttachmentKind::File => "document",
        AttachmentKind::Sticker => "sticker",
        AttachmentKind::Location => return place(one, caption),
        other => return Err(Reason::new("attachment", format!("cannot send a {} here", other.as_str()))),
    };
    let mut value = match &one.source {
        Some(MediaSource::Url(link)) => json!({ "link": link }),
        Some(MediaSource::ProviderId(id)) => json!({ "id": id }),
        _ => return Err(Reason::new("attachment", "the file has no public address")),
    };
    if let Some(name) = one.name.as_deref().filter(|_| kind == "document") {
        value["filename"] = name.into();
    }
    if !caption.is_empty() {
        if matches!(kind, "audio" | "sticker") {
            return Err(Reason::new("attachment", "sound and stickers have no caption"));
        }
        value["caption"] = caption.into();
    }
    Ok((kind, value))
}

fn place(one: &Attachment, caption: &str) -> Result<(&'static str, Value), Reason> {
    let numbers = one.note.as_deref().and_then(|note| note.split_once(','));
    let numbers = numbers.and_then(|(latitude, rest)| {
        // A name or an address may follow.
        let longitude = rest.split_whitespace().next()?;
        Some((latitude.trim().parse::<f64>().ok()?, longitude.parse::<f64>().ok()?))
    });
    match numbers.filter(|_| caption.is_empty()) {
        Some((latitude, longitude)) => {
            Ok(("location", json!({"latitude": latitude, "longitude": longitude})))
        }
        None => Err(Reason::new("attachment", "a place needs `latitude,longitude` and no text")),
    }
}

/// Id of an accepted message. It means accepted, never delivered.
pub(super) fn accepted_id(answer: &Value) -> Option<String> {
    read::id(read::list(answer, "messages").first()?, "id")
}
