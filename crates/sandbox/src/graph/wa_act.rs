//! What customers do on WhatsApp, and the statuses of what they got.

use serde_json::{Value, json};

use super::errors::late;
use super::whatsapp::sha256;
use crate::Error;
use crate::account::Account;
use crate::book::{Author, Message, Stage};
use crate::customers::{Act, Said, meant, refused};
use crate::deliver::{Body, Hook};
use crate::fault::Component;
use crate::media::{new_id, sample};
use crate::people::Customer;

/// Puts a change of a field on its way.
fn change(
    account: &mut Account,
    component: Component,
    field: &str,
    mut value: Value,
    message: Option<String>,
) {
    let view = &account.view;
    value["messaging_product"] = json!("whatsapp");
    value["metadata"] = json!({"display_phone_number": view.from.trim_start_matches('+'),
        "phone_number_id": view.phone_number_id});
    let entry = json!({"id": view.waba_id, "changes": [{"value": value, "field": field}]});
    let body = Body::Meta { object: "whatsapp_business_account", entry };
    account.hooks.push(Hook { component, message, body });
}

fn contact(customer: &Customer) -> Value {
    let mut profile = json!({"name": customer.person.name()});
    let mut out = json!({"user_id": customer.bsuid});
    if customer.hides_phone {
        profile["username"] = json!(customer.person.username);
    } else {
        out["wa_id"] = json!(customer.address);
    }
    out["profile"] = profile;
    out
}

/// The start of every inbound message.
fn head(customer: &Customer, id: &str, at_ms: i64, kind: &str) -> Value {
    let mut out = json!({"from_user_id": customer.bsuid, "id": id, "timestamp": (at_ms / 1_000).to_string(), "type": kind});
    if !customer.hides_phone {
        out["from"] = json!(customer.address);
    }
    out
}

fn inbound(account: &mut Account, customer: &Customer, message: Value) {
    let id = message["id"].as_str().map(str::to_owned);
    let value = json!({"contacts": [contact(customer)], "messages": [message]});
    change(account, Component::Receive, "messages", value, id);
}

fn wamid(account: &mut Account) -> String {
    format!("wamid.HBgM{}", new_id(&mut account.rng, 40))
}

/// Does what a customer does; returns the id of what was written.
pub(crate) fn act(account: &mut Account, customer: &Customer, act: Act, now: i64) -> Result<String, Error> {
    let no_such = || refused("no such message");
    match act {
        Act::Say(said) => Ok(say(account, customer, &said, now)),
        Act::Press { message_id, button } => {
            let target = meant(account, customer, &message_id).ok_or_else(no_such)?;
            let (target, raw) = (target.id.clone(), target.raw.clone());
            let id = wamid(account);
            let listed = raw["body"]["interactive"]["type"] == json!("list");
            let kind = if listed { "list_reply" } else { "button_reply" };
            let mut message = head(customer, &id, now, "interactive");
            message["interactive"] = json!({"type": kind, kind: {"id": button.id, "title": button.title}});
            message["context"] = json!({"from": account.view.from.trim_start_matches('+'), "id": target});
            note(account, customer, &id, "interactive", &button.title, now);
            inbound(account, customer, message);
            Ok(id)
        }
        Act::React { message_id, emoji } => {
            let target = meant(account, customer, &message_id).ok_or_else(no_such)?.id.clone();
            let id = wamid(account);
            let mut message = head(customer, &id, now, "reaction");
            message["reaction"] = json!({"message_id": target, "emoji": emoji.clone().unwrap_or_default()});
            if let Some(target) = account.book.get_mut(&target) {
                target.reaction = emoji;
            }
            inbound(account, customer, message);
            Ok(target)
        }
        Act::Edit { message_id, text } => {
            let target = meant(account, customer, &message_id).filter(|m| m.author == Author::Customer);
            let target = target.ok_or_else(no_such)?.id.clone();
            if let Some(message) = account.book.get_mut(&target) {
                message.text.clone_from(&text);
                message.edited_ms = Some(now);
            }
            let id = wamid(account);
            let mut message = head(customer, &id, now, "edit");
            message["edit"] =
                json!({"original_message_id": target, "message": {"type": "text", "text": {"body": text}}});
            inbound(account, customer, message);
            Ok(target)
        }
        Act::Unsend { message_id } => {
            let target = meant(account, customer, &message_id).filter(|m| m.author == Author::Customer);
            let target = target.ok_or_else(no_such)?.id.clone();
            if let Some(message) = account.book.get_mut(&target) {
                message.deleted = true;
            }
            let id = wamid(account);
            let mut message = head(customer, &id, now, "revoke");
            message["revoke"] = json!({"original_message_id": target});
            inbound(account, customer, message);
            Ok(target)
        }
        Act::Block(blocked) => {
            if let Some(customer) = account.customers.get_mut(&customer.key) {
                customer.blocked = blocked;
            }
            Ok(customer.key.clone())
        }
        Act::Typed(text) => Ok(typed(account, customer, &text, now)),
    }
}

/// A person of the business types in the WhatsApp Business app (coexistence numbers).
fn typed(account: &mut Account, customer: &Customer, text: &str, now: i64) -> String {
    let id = wamid(account);
    let mut message = Message::new(id.clone(), &customer.key, Author::App, "text", text, now);
    message.raise(Stage::Delivered, now);
    account.book.add(message);
    let mut echo = json!({"from": account.view.from.trim_start_matches('+'), "to_user_id": customer.bsuid, "id": id,
        "timestamp": (now / 1_000).to_string(), "type": "text", "text": {"body": text}});
    if !customer.hides_phone {
        echo["to"] = json!(customer.address);
    }
    let value = json!({"message_echoes": [echo]});
    change(account, Component::Receipts, "smb_message_echoes", value, Some(id.clone()));
    id
}

fn note(account: &mut Account, customer: &Customer, id: &str, kind: &str, text: &str, at: i64) {
    account.book.add(Message::new(id.to_owned(), &customer.key, Author::Customer, kind, text, at));
}

fn say(account: &mut Account, customer: &Customer, said: &Said, now: i64) -> String {
    let at = said.at_ms.unwrap_or(now);
    let id = wamid(account);
    let mut message = head(customer, &id, at, &said.kind);
    match said.kind.as_str() {
        "text" => message["text"] = json!({"body": said.text}),
        "location" => {
            message["location"] = json!({"latitude": 41.3874, "longitude": 2.1686, "name": "Barcelona"});
        }
        "contact" => {
            message["type"] = json!("contacts");
            let person = &customer.person;
            message["contacts"] = json!([{"name": {"formatted_name": person.name(), "first_name": person.first},
                "phones": [{"phone": person.phone, "wa_id": person.phone.trim_start_matches('+'), "type": "CELL"}]}]);
        }
        kind => {
            let item = sample(kind, &mut account.rng);
            let media = account.rng.digits(16);
            let wire = if kind == "voice" { "audio" } else { kind };
            message["type"] = json!(wire);
            let mut part = json!({"id": media, "mime_type": item.mime, "sha256": sha256(&item.bytes)});
            if kind == "voice" {
                part["voice"] = json!(true);
            }
            if kind == "document" {
                part["filename"] = json!(item.name);
            }
            if !said.text.is_empty() && matches!(kind, "image" | "video" | "document") {
                part["caption"] = json!(said.text);
            }
            message[wire] = part;
            account.media.put(&media, item);
        }
    }
    let quote = said.reply_to.as_deref().and_then(|id| meant(account, customer, id));
    if let Some((quoted, author)) = quote.map(|m| (m.id.clone(), m.author)) {
        let ours = author != Author::Customer;
        let from = if ours {
            account.view.from.trim_start_matches('+').to_owned()
        } else {
            customer.address.clone()
        };
        message["context"] = json!({"from": from, "id": quoted});
    }
    if let Some(ad) = &said.referral {
        message["referral"] = json!({"source_url": "https://fb.me/example", "source_id": ad, "source_type": "ad",
            "headline": "Summer linen", "body": "Chat with us", "media_type": "image", "ctwa_clid": ad});
    }
    note(account, customer, &id, &said.kind, &said.text, at);
    inbound(account, customer, message);
    id
}

/// The status webhook for a message's present state.
pub(crate) fn receipt(account: &mut Account, id: &str, now: i64) {
    let Some(message) = account.book.get(id) else { return };
    let word = match message.state {
        Stage::Accepted => return,
        Stage::Sent => "sent",
        Stage::Failed => "failed",
        Stage::Delivered => "delivered",
        Stage::Read => "read",
    };
    let customer = account.customers.get(&message.customer);
    let to = message.raw["to"].as_str().unwrap_or_default().to_owned();
    let mut status = json!({"id": id, "status": word, "timestamp": (now / 1_000).to_string()});
    match customer {
        Some(customer) => {
            status["recipient_user_id"] = json!(customer.bsuid);
            if !customer.hides_phone {
                status["recipient_id"] = json!(customer.address);
            }
        }
        None => status["recipient_id"] = json!(to),
    }
    if let Some(word) = &message.correlation {
        status["biz_opaque_callback_data"] = json!(word);
    }
    let mut value = json!({});
    if let (Stage::Failed, Some(code)) = (message.state, message.error) {
        let (title, details) = late(code);
        status["errors"] = json!([{"code": code, "title": title, "message": title, "error_data": {"details": details},
            "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"}]);
    } else {
        let category = if message.kind == "template" { "utility" } else { "service" };
        status["pricing"] = json!({"billable": message.kind == "template", "pricing_model": "PMP", "category": category,
            "type": if message.kind == "template" { "regular" } else { "free_customer_service" }});
        if let Some(customer) = customer {
            value["contacts"] = json!([contact(customer)]);
        }
    }
    value["statuses"] = json!([status]);
    change(account, Component::Receipts, "messages", value, Some(id.to_owned()));
}
