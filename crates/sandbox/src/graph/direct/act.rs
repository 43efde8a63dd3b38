//! What customers do, and a person of the business in the platform's own app.

use std::sync::Arc;

use serde_json::{Value, json};

use super::send::{echo, new_mid};
use super::{Dialect, messaging};
use crate::Error;
use crate::account::Account;
use crate::book::{Author, Button, Message, Stage};
use crate::customers::{Act, Said, meant, refused};
use crate::fault::Component;
use crate::media::sample;
use crate::people::Customer;
use crate::world::World;

/// Messenger's thumb.
const THUMB: i64 = 369_239_263_222_822;

/// Does what a customer does; returns the `mid` of what was written.
pub(crate) fn act(
    world: &Arc<World>,
    account: &mut Account,
    customer: &Customer,
    act: Act,
    now: i64,
) -> Result<String, Error> {
    let no_such = || refused("no such message");
    let dialect = Dialect::of(account.view.platform);
    let ends = json!({"sender": {"id": customer.address}, "recipient": {"id": dialect.own(&account.view)}});
    let from = |name: &str, value: Value| {
        let mut item = ends.clone();
        item[name] = value;
        item
    };
    let own = |account: &Account, id: &str| {
        let found = meant(account, customer, id).filter(|m| m.author == Author::Customer);
        found.map(|m| m.id.clone()).ok_or_else(no_such)
    };
    match act {
        Act::Say(said) => Ok(say(world, account, customer, &said, now)),
        Act::Press { message_id, button } => {
            let target = meant(account, customer, &message_id).ok_or_else(no_such)?.id.clone();
            Ok(press(account, customer, target, &button, ends, now))
        }
        Act::React { message_id, emoji } => {
            let target = meant(account, customer, &message_id).ok_or_else(no_such)?.id.clone();
            let mut reaction =
                json!({"mid": target, "action": if emoji.is_some() { "react" } else { "unreact" }});
            if let Some(emoji) = &emoji {
                reaction["reaction"] = json!(if emoji.starts_with('❤') { "love" } else { "other" });
                reaction["emoji"] = json!(emoji);
            }
            if let Some(message) = account.book.get_mut(&target) {
                message.reaction = emoji;
            }
            messaging(account, Component::Receive, now, from("reaction", reaction), None);
            Ok(target)
        }
        Act::Edit { message_id, text } => {
            let target = own(account, &message_id)?;
            if let Some(message) = account.book.get_mut(&target) {
                message.text.clone_from(&text);
                message.edited_ms = Some(now);
            }
            let item = from("message_edit", json!({"mid": target, "text": text, "num_edit": 1}));
            messaging(account, Component::Receive, now, item, None);
            Ok(target)
        }
        Act::Unsend { .. } if !dialect.unsends => Err(refused("this platform does not tell of it")),
        Act::Unsend { message_id } => {
            let target = own(account, &message_id)?;
            if let Some(message) = account.book.get_mut(&target) {
                message.deleted = true;
            }
            let item = from("message", json!({"mid": target, "is_deleted": true}));
            messaging(account, Component::Receive, now, item, None);
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

/// A quick reply comes as a message, any other button as a postback.
fn press(
    account: &mut Account,
    customer: &Customer,
    target: String,
    button: &Button,
    mut item: Value,
    now: i64,
) -> String {
    let mid = new_mid(account);
    let (title, payload) = match (button.types, button.id.as_str()) {
        (true, "user_phone_number") => (&customer.person.phone, &customer.person.phone),
        (true, "user_email") => (&customer.person.email, &customer.person.email),
        _ => (&button.title, &button.id),
    };
    if button.types {
        item["message"] = json!({"mid": mid, "text": title, "quick_reply": {"payload": payload}});
    } else {
        item["postback"] = json!({"mid": mid, "title": title, "payload": payload});
    }
    let mut note = Message::new(mid.clone(), &customer.key, Author::Customer, "press", title, now);
    note.reply_to = Some(target);
    account.book.add(note);
    messaging(account, Component::Receive, now, item, Some(mid.clone()));
    mid
}

/// A person of the business types in the platform's own app.
fn typed(account: &mut Account, customer: &Customer, text: &str, now: i64) -> String {
    let mid = new_mid(account);
    let mut message = Message::new(mid.clone(), &customer.key, Author::App, "text", text, now);
    message.raise(Stage::Delivered, now);
    message.raw = json!({"attachments": []});
    account.book.add(message);
    echo(account, customer, &mid, now);
    mid
}

/// One attachment of a customer's message; a file's bytes go onto the account's shelf.
fn attachment(world: &World, account: &mut Account, kind: &str) -> Value {
    let messenger = Dialect::of(account.view.platform).is_messenger();
    if messenger && kind == "location" {
        return json!({"type": "location", "payload": {"coordinates": {"lat": 59.3327, "long": 18.0645}}});
    }
    let word = match kind {
        "voice" => "audio",
        "document" => "file",
        "sticker" if messenger => "image",
        "sticker" => "like_heart",
        "contact" if messenger => "fallback",
        "location" | "contact" => "share",
        other => other,
    };
    let item = sample(kind, &mut account.rng);
    let id = account.rng.digits(17);
    let url = format!("{}/cdn/{}/{id}", world.base_url, account.view.id);
    account.media.put(&id, item);
    let mut out = json!({"type": word, "payload": {"url": url}});
    if messenger && kind == "sticker" {
        out["payload"]["sticker_id"] = json!(THUMB);
    }
    out
}

fn say(world: &Arc<World>, account: &mut Account, customer: &Customer, said: &Said, now: i64) -> String {
    let at = said.at_ms.unwrap_or(now);
    let dialect = Dialect::of(account.view.platform);
    let ends = json!({"sender": {"id": customer.address}, "recipient": {"id": dialect.own(&account.view)},
        "timestamp": at});
    let referral =
        said.referral.as_ref().map(|word| json!({"ref": word, "source": "SHORTLINK", "type": "OPEN_THREAD"}));
    let mid = new_mid(account);
    let mut message = json!({"mid": mid});
    let mut attachments = Vec::new();
    // There are no captions: what is said with a picture is a message of its own.
    let pictured = said.kind != "text";
    if pictured {
        attachments.push(attachment(world, account, &said.kind));
        message["attachments"] = json!(attachments);
    } else {
        message["text"] = json!(said.text);
    }
    let quoted = said.reply_to.as_deref().and_then(|id| meant(account, customer, id)).map(|m| m.id.clone());
    if let Some(quote) = quoted {
        message["reply_to"] = json!({"mid": quote});
    }
    match referral {
        // Following a link is an event of its own on Messenger, before anything is written.
        Some(referral) if dialect.is_messenger() => {
            let mut item = ends.clone();
            item["referral"] = referral;
            messaging(account, Component::Receive, now, item, None);
        }
        Some(referral) => message["referral"] = referral,
        None => {}
    }
    let text = if pictured { "" } else { said.text.as_str() };
    let mut note = Message::new(mid.clone(), &customer.key, Author::Customer, &said.kind, text, at);
    note.raw = json!({"attachments": attachments});
    note.reply_to.clone_from(&said.reply_to);
    account.book.add(note);
    let mut item = ends;
    item["message"] = message;
    messaging(account, Component::Receive, now, item, Some(mid.clone()));
    if pictured && !said.text.is_empty() {
        let more =
            Said { kind: "text".to_owned(), text: said.text.clone(), at_ms: said.at_ms, ..Said::default() };
        return say(world, account, customer, &more, now);
    }
    mid
}
