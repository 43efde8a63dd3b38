//! What a send may say.

use serde_json::{Value, json};

use super::Dialect;
use crate::book::Button;
use crate::graph::errors::refuse;
use crate::wire::Reply;

/// What a send will say.
pub(super) struct Checked {
    pub(super) kind: String,
    pub(super) text: String,
    pub(super) buttons: Vec<Button>,
    pub(super) links: Vec<String>,
}

pub(super) fn bad(text: &str) -> Reply {
    refuse(400, 100, None, &format!("(#100) {text}"))
}

/// Reads a body's message; `Err` is the refusal.
pub(super) fn check(dialect: &Dialect, body: &Value) -> Result<Checked, Reply> {
    let message = &body["message"];
    let mut out =
        Checked { kind: "text".to_owned(), text: String::new(), buttons: Vec::new(), links: Vec::new() };
    if let Some(text) = message["text"].as_str() {
        if let Some(why) = dialect.too_long(text) {
            return Err(bad(&why));
        }
        text.clone_into(&mut out.text);
    }
    let single = message.get("attachment").into_iter();
    let attachments: Vec<&Value> =
        single.chain(message["attachments"].as_array().into_iter().flatten()).collect();
    for attachment in &attachments {
        let kind = attachment["type"].as_str().unwrap_or_default();
        match kind {
            "image" | "audio" | "video" | "file" => {
                let Some(url) = attachment["payload"]["url"].as_str() else {
                    return Err(bad("Attachment url is required"));
                };
                out.links.push(url.to_owned());
            }
            "template" => template(&attachment["payload"], &mut out)?,
            bare if dialect.bare.contains(&bare) => {}
            _ => return Err(bad("Param message[attachment][type] is not valid")),
        }
        kind.clone_into(&mut out.kind);
    }
    if out.links.len() > 10 {
        return Err(bad("Too many attachments"));
    }
    quick_replies(dialect, message, &mut out)?;
    if out.text.is_empty() && attachments.is_empty() {
        return Err(bad("Must have either text or attachment in message"));
    }
    if message["text"].is_string() && !attachments.is_empty() {
        return Err(bad("Only one of the text or attachment can be specified"));
    }
    Ok(out)
}

fn quick_replies(dialect: &Dialect, message: &Value, out: &mut Checked) -> Result<(), Reply> {
    let replies = message["quick_replies"].as_array().cloned().unwrap_or_default();
    if replies.len() > 13 {
        return Err(bad("Param message[quick_replies] has too many elements. Max elements: 13"));
    }
    for reply in &replies {
        let kind = reply["content_type"].as_str().unwrap_or("text");
        if !dialect.quick_replies.contains(&kind) {
            return Err(bad("Param message[quick_replies][content_type] is not valid"));
        }
        // What hands over a number or an address has the platform's own title, and the customer's own payload.
        if kind != "text" {
            out.buttons.push(Button { id: kind.to_owned(), title: kind.to_owned(), types: true });
            continue;
        }
        let title = reply["title"].as_str().unwrap_or_default();
        if title.is_empty() || title.chars().count() > 20 {
            return Err(bad("Param message[quick_replies][title] must be at most 20 characters long"));
        }
        let id = reply["payload"].as_str().unwrap_or_default().to_owned();
        out.buttons.push(Button { id, title: title.to_owned(), types: true });
    }
    Ok(())
}

fn template(payload: &Value, out: &mut Checked) -> Result<(), Reply> {
    let text = payload["text"].as_str().unwrap_or_default();
    if payload["template_type"] == json!("button") && (text.is_empty() || text.chars().count() > 640) {
        return Err(bad("Param text must be between 1 and 640 characters long"));
    }
    let cards = payload["elements"].as_array().cloned().unwrap_or_default();
    if cards.len() > 10 {
        return Err(bad("Param elements has too many elements. Max elements: 10"));
    }
    let buttons = payload["buttons"].as_array().cloned().unwrap_or_default();
    if payload["template_type"] == json!("button") && !(1..=3).contains(&buttons.len()) {
        return Err(bad("Param buttons must have between 1 and 3 elements"));
    }
    text.clone_into(&mut out.text);
    let from_cards = cards.iter().flat_map(|c| c["buttons"].as_array().cloned().unwrap_or_default());
    for button in buttons.into_iter().chain(from_cards) {
        if let Some(id) = button["payload"].as_str() {
            let title = button["title"].as_str().unwrap_or_default().to_owned();
            out.buttons.push(Button { id: id.to_owned(), title, types: false });
        }
    }
    Ok(())
}
