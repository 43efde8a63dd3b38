//! What WhatsApp refuses at once about a message.

use serde_json::Value;

use super::errors::{refuse, refuse_wa};
use crate::account::Account;
use crate::book::Button;
use crate::wire::Reply;

/// A message that may be sent.
pub(super) struct Checked {
    pub(super) kind: String,
    pub(super) text: String,
    pub(super) buttons: Vec<Button>,
    /// A link to be fetched.
    pub(super) link: Option<String>,
}

const KINDS: &[&str] = &[
    "text",
    "image",
    "video",
    "audio",
    "document",
    "sticker",
    "location",
    "contacts",
    "interactive",
    "template",
    "reaction",
];

fn missing(what: &str) -> Reply {
    refuse_wa(400, 131_008, "Required parameter is missing", &format!("The parameter {what} is required."))
}

fn invalid(details: &str) -> Reply {
    refuse_wa(400, 131_009, "Parameter value is not valid", details)
}

fn chars(value: &Value) -> usize {
    value.as_str().map_or(0, |t| t.chars().count())
}

/// Checks a body; `Err` is WhatsApp's refusal.
pub(super) fn check(account: &Account, body: &Value) -> Result<Checked, Reply> {
    let kind = body["type"].as_str().unwrap_or("text");
    if !KINDS.contains(&kind) {
        let text = format!(
            "(#100) Param type must be one of {{{}}} - got \"{kind}\".",
            KINDS.join(", ").to_uppercase()
        );
        return Err(refuse(400, 100, None, &text));
    }
    if body["biz_opaque_callback_data"].as_str().is_some_and(|t| t.chars().count() > 512) {
        return Err(invalid("biz_opaque_callback_data must be at most 512 characters long"));
    }
    let part = &body[kind];
    if part.is_null() {
        return Err(missing(kind));
    }
    let mut out = Checked { kind: kind.to_owned(), text: String::new(), buttons: Vec::new(), link: None };
    match kind {
        "text" => {
            let length = chars(&part["body"]);
            if length == 0 {
                return Err(missing("text['body']"));
            }
            if length > 4_096 {
                let text = "(#100) Param text['body'] must be at most 4096 characters long.";
                return Err(refuse(400, 100, None, text));
            }
            part["body"].as_str().unwrap_or_default().clone_into(&mut out.text);
        }
        "image" | "video" | "audio" | "document" | "sticker" => media(account, kind, part, &mut out)?,
        "location" => {
            if !part["latitude"].is_number()
                && part["latitude"].as_str().is_none_or(|t| t.parse::<f64>().is_err())
            {
                return Err(missing("location['latitude']"));
            }
            part["name"].as_str().unwrap_or_default().clone_into(&mut out.text);
        }
        "contacts" => {
            if part.as_array().is_none_or(Vec::is_empty) {
                return Err(missing("contacts"));
            }
        }
        "interactive" => interactive(part, &mut out)?,
        "template" => template(account, part, &mut out)?,
        _ => {
            let target = part["message_id"].as_str().ok_or_else(|| missing("reaction['message_id']"))?;
            if account.book.get(target).is_none() {
                return Err(invalid("Reaction message ID not found"));
            }
            part["emoji"].as_str().unwrap_or_default().clone_into(&mut out.text);
        }
    }
    Ok(out)
}

fn media(account: &Account, kind: &str, part: &Value, out: &mut Checked) -> Result<(), Reply> {
    match (part["id"].as_str(), part["link"].as_str()) {
        (None, None) => return Err(missing(&format!("{kind}['id'] or {kind}['link']"))),
        (Some(id), _) if account.media.get(id).is_none() => {
            let text = format!(
                "(#100) Param {kind}['id'] is not a valid whatsapp business account media attachment ID"
            );
            return Err(refuse(400, 100, None, &text));
        }
        (None, Some(link)) if !link.starts_with("http") => return Err(invalid("link is not a valid URL")),
        (None, Some(link)) => out.link = Some(link.to_owned()),
        (Some(_), _) => {}
    }
    if chars(&part["caption"]) > 1_024 {
        return Err(invalid("Caption must be at most 1024 characters long"));
    }
    part["caption"].as_str().unwrap_or_default().clone_into(&mut out.text);
    Ok(())
}

fn interactive(part: &Value, out: &mut Checked) -> Result<(), Reply> {
    let form = part["type"].as_str().unwrap_or_default();
    let length = chars(&part["body"]["text"]);
    if length == 0 {
        return Err(missing("interactive['body']['text']"));
    }
    if length > 1_024 && form == "button" || length > 4_096 {
        return Err(invalid("Body text length invalid. Min length: 1, Max length: 1024"));
    }
    part["body"]["text"].as_str().unwrap_or_default().clone_into(&mut out.text);
    let action = &part["action"];
    match form {
        "button" => {
            let list = action["buttons"].as_array().cloned().unwrap_or_default();
            if list.is_empty() || list.len() > 3 {
                return Err(invalid("Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"));
            }
            for button in &list {
                let title = &button["reply"]["title"];
                if !(1..=20).contains(&chars(title)) {
                    return Err(invalid("Button title length invalid. Min length: 1, Max length: 20"));
                }
                add(&button["reply"], "Button", 256, out)?;
            }
        }
        "list" => {
            if !(1..=20).contains(&chars(&action["button"])) {
                return Err(invalid("Button label length invalid. Min length: 1, Max length: 20"));
            }
            let rows = |section: &Value| section["rows"].as_array().cloned().unwrap_or_default();
            let all: Vec<Value> =
                action["sections"].as_array().into_iter().flatten().flat_map(rows).collect();
            if all.is_empty() || all.len() > 10 {
                return Err(invalid("Total row count exceed max allowed count: 10"));
            }
            for row in &all {
                if !(1..=24).contains(&chars(&row["title"])) {
                    return Err(invalid("Row title is too long. Max length: 24"));
                }
                if chars(&row["description"]) > 72 {
                    return Err(invalid("Row description is too long. Max length: 72"));
                }
                add(row, "Row", 200, out)?;
            }
        }
        "cta_url" | "location_request_message" | "contact_request" | "flow" | "product" | "product_list" => {}
        _ => return Err(invalid("Invalid interactive type")),
    }
    Ok(())
}

fn add(row: &Value, what: &str, most: usize, out: &mut Checked) -> Result<(), Reply> {
    let id = row["id"].as_str().unwrap_or_default();
    if !(1..=most).contains(&id.chars().count()) {
        return Err(invalid(&format!("{what} id length invalid. Min length: 1, Max length: {most}")));
    }
    if out.buttons.iter().any(|b| b.id == id) {
        return Err(invalid(&format!("{what} id must be unique")));
    }
    let title = row["title"].as_str().unwrap_or_default().to_owned();
    out.buttons.push(Button { id: id.to_owned(), title, types: false });
    Ok(())
}

fn template(account: &Account, part: &Value, out: &mut Checked) -> Result<(), Reply> {
    let name = part["name"].as_str().ok_or_else(|| missing("template['name']"))?;
    if part["language"]["code"].as_str().is_none() {
        return Err(missing("template['language']['code']"));
    }
    // Parameters that the approved bodies have; templates registered by hand take any number.
    let wanted = match name {
        "hello_world" => Some(0),
        "order_update" | "continue_here" => Some(1),
        _ if account.templates.iter().any(|t| t == name) => None,
        _ => {
            let details = format!(
                "template name ({name}) does not exist in {}",
                part["language"]["code"].as_str().unwrap_or_default()
            );
            return Err(refuse_wa(404, 132_001, "Template name does not exist in the translation", &details));
        }
    };
    let components = part["components"].as_array().cloned().unwrap_or_default();
    let body = components.iter().find(|c| c["type"].as_str().is_some_and(|t| t.eq_ignore_ascii_case("body")));
    let given: Vec<&str> = body
        .and_then(|b| b["parameters"].as_array())
        .into_iter()
        .flatten()
        .map(|p| p["text"].as_str().unwrap_or_default())
        .collect();
    if let Some(wanted) = wanted
        && wanted != given.len()
    {
        let details = format!(
            "body: number of localizable_params ({}) does not match the expected number of params ({wanted})",
            given.len()
        );
        return Err(refuse_wa(
            400,
            132_000,
            "Number of parameters does not match the expected number of params",
            &details,
        ));
    }
    out.text = format!("[{name}] {}", given.join(" "));
    Ok(())
}
