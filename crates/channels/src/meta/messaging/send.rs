//! `POST /<account>/messages`: the body, and what it answers.

use everthread_core::content::{Attachment, AttachmentKind, Button, ButtonAction, MediaSource};
use everthread_core::fit::TextLimit;
use everthread_core::outcome::Reason;
use everthread_core::text::Unit;
use serde_json::{Value, json};

use crate::wire::Outbound;

/// One part to its recipient, within the channel's text limit; the channel adds what is its own.
pub(crate) fn body(out: &Outbound<'_>, limit: TextLimit) -> Result<Value, Reason> {
    let mut body = json!({"recipient": {"id": out.to.value}, "message": message(out, limit)?});
    if out.human_tag {
        body["messaging_type"] = "MESSAGE_TAG".into();
        body["tag"] = "HUMAN_AGENT".into();
    }
    Ok(body)
}

fn message(out: &Outbound<'_>, limit: TextLimit) -> Result<Value, Reason> {
    let text = out.content.text.as_str();
    let mut message = match out.content.attachments.as_slice() {
        [] if text.is_empty() => return Err(Reason::new("empty", "nothing to send")),
        [] if limit.unit.len(text) > limit.max => {
            let unit = if limit.unit == Unit::Bytes { "bytes" } else { "characters" };
            return Err(Reason::new("too_long", format!("at most {} {unit} of text", limit.max)));
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
