//! What customers do on Telegram, as updates.

use serde_json::{Value, json};

use super::{book_id, bot_user, chat, quoted, user};
use crate::Error;
use crate::account::Account;
use crate::book::{Author, Message};
use crate::customers::{Act, Said, meant, refused};
use crate::deliver::{Body, Hook};
use crate::fault::Component;
use crate::media::{new_id, sample};
use crate::people::Customer;

fn update(account: &mut Account, kind: &'static str, queue: String, body: Value, message: Option<String>) {
    let body = Body::Update { kind, queue, body, copies: 1 };
    account.hooks.push(Hook { component: Component::Receive, message, body });
}

/// Does what a customer does; returns the id of what was written.
pub(crate) fn act(account: &mut Account, customer: &Customer, act: Act, now: i64) -> Result<String, Error> {
    let seconds = now / 1_000;
    let chat_queue = format!("chat:{}", customer.address);
    match act {
        Act::Say(said) => Ok(say(account, customer, &said, now)),
        Act::Press { message_id, button } => {
            let target = meant(account, customer, &message_id).ok_or_else(|| refused("no such message"))?;
            if button.types {
                let said = Said { kind: "text".to_owned(), text: button.title, ..Said::default() };
                return Ok(say(account, customer, &said, now));
            }
            let raw = target.raw.clone();
            let id = account.rng.digits(19);
            account.bot.presses.insert(id.clone(), now);
            let instance = account.rng.digits(18);
            let body = json!({"id": id, "from": user(customer), "message": raw, "chat_instance": instance, "data": button.id});
            // Presses ride a queue of their own and may overtake messages.
            update(account, "callback_query", format!("press:{}", customer.address), body, None);
            Ok(id)
        }
        Act::React { message_id, emoji } => {
            let target = meant(account, customer, &message_id).ok_or_else(|| refused("no such message"))?;
            let id = target.id.clone();
            let number = target.raw["message_id"].clone();
            let one = |e: &str| json!([{"type": "emoji", "emoji": e.trim_end_matches('\u{fe0f}')}]);
            let old = target.reaction.as_deref().map_or(json!([]), one);
            let new = emoji.as_deref().map_or(json!([]), one);
            let body = json!({"chat": chat(customer), "message_id": number, "user": user(customer), "date": seconds,
                "old_reaction": old, "new_reaction": new});
            if let Some(message) = account.book.get_mut(&id) {
                message.reaction = emoji;
            }
            update(account, "message_reaction", format!("react:{}", customer.address), body, None);
            Ok(id)
        }
        Act::Edit { message_id, text } => {
            let id = own(account, customer, &message_id)?;
            let Some(message) = account.book.get_mut(&id) else { return Err(refused("no such message")) };
            message.text.clone_from(&text);
            message.edited_ms = Some(now);
            message.raw["text"] = json!(text);
            message.raw["edit_date"] = json!(seconds);
            let body = message.raw.clone();
            update(account, "edited_message", chat_queue, body, Some(id.clone()));
            Ok(id)
        }
        Act::Unsend { message_id } => {
            // Telegram tells bots nothing about deletions.
            let id = own(account, customer, &message_id)?;
            if let Some(message) = account.book.get_mut(&id) {
                message.deleted = true;
            }
            Ok(id)
        }
        Act::Block(blocked) => {
            let status = |kicked: bool| {
                let bot = bot_user(&account.view);
                if kicked {
                    json!({"user": bot, "status": "kicked", "until_date": 0})
                } else {
                    json!({"user": bot, "status": "member"})
                }
            };
            let body = json!({"chat": chat(customer), "from": user(customer), "date": seconds,
                "old_chat_member": status(!blocked), "new_chat_member": status(blocked)});
            if let Some(customer) = account.customers.get_mut(&customer.key) {
                customer.blocked = blocked;
            }
            update(account, "my_chat_member", format!("member:{}", customer.address), body, None);
            Ok(customer.key.clone())
        }
        Act::Typed(_) => Err(refused("Telegram bots have no app that a person types in")),
    }
}

/// The id of a message that this customer wrote.
fn own(account: &Account, customer: &Customer, id: &str) -> Result<String, Error> {
    let found = account.book.get(id).or_else(|| account.book.get(&format!("{}:{id}", customer.address)));
    let found = found.filter(|m| m.customer == customer.key && m.author == Author::Customer);
    found.map(|m| m.id.clone()).ok_or_else(|| refused("no such message of this customer"))
}

fn say(account: &mut Account, customer: &Customer, said: &Said, now: i64) -> String {
    let number = account.bot.message_id();
    let id = book_id(&customer.address, number);
    let at = said.at_ms.unwrap_or(now);
    let mut raw =
        json!({"message_id": number, "from": user(customer), "chat": chat(customer), "date": at / 1_000});
    if let Some(quote) =
        said.reply_to.as_deref().and_then(|id| meant(account, customer, id)).map(|m| m.id.clone())
    {
        raw["reply_to_message"] = quoted(account, &quote).unwrap_or(Value::Null);
    }
    match said.kind.as_str() {
        "text" => {
            raw["text"] = json!(said.text);
            if said.text.starts_with('/') {
                let length = said.text.split(' ').next().unwrap_or_default().encode_utf16().count();
                raw["entities"] = json!([{"type": "bot_command", "offset": 0, "length": length}]);
            }
        }
        "location" => raw["location"] = json!({"latitude": 41.3874, "longitude": 2.1686}),
        "contact" => {
            let who = user(customer)["id"].clone();
            raw["contact"] = json!({"phone_number": customer.person.phone.trim_start_matches('+'),
                "first_name": customer.person.first, "last_name": customer.person.last, "user_id": who});
        }
        kind => file(account, kind, &said.text, &mut raw),
    }
    let mut message = Message::new(id.clone(), &customer.key, Author::Customer, &said.kind, &said.text, at);
    message.raw = raw.clone();
    message.reply_to.clone_from(&said.reply_to);
    account.book.add(message);
    update(account, "message", format!("chat:{}", customer.address), raw, Some(id.clone()));
    id
}

fn file(account: &mut Account, kind: &str, caption: &str, raw: &mut Value) {
    let mut item = sample(kind, &mut account.rng);
    let file_id = format!("AgACAgQAAxkB{}", new_id(&mut account.rng, 60));
    let unique = format!("AQAD{}", new_id(&mut account.rng, 12));
    let size = item.bytes.len();
    let known = item.name.clone();
    let folder = match kind {
        "image" => "photos",
        "document" => "documents",
        "video" => "videos",
        "voice" => "voice",
        "audio" => "music",
        _ => "stickers",
    };
    let extension = known.rsplit('.').next().unwrap_or("bin");
    let mime = item.mime.clone();
    item.name = format!("{folder}/file_{}.{extension}", new_id(&mut account.rng, 8));
    account.media.put(&file_id, item);
    let base = json!({"file_id": file_id, "file_unique_id": unique, "file_size": size});
    let with = |more: Value| {
        let mut all = base.clone();
        if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
            all.extend(more);
        }
        all
    };
    match kind {
        "image" => raw["photo"] = json!([with(json!({"width": 64, "height": 64}))]),
        "document" => raw["document"] = with(json!({"file_name": known, "mime_type": mime})),
        "video" => {
            raw["video"] = with(json!({"width": 320, "height": 240, "duration": 2, "mime_type": mime}));
        }
        "voice" => raw["voice"] = with(json!({"duration": 3, "mime_type": mime})),
        "audio" => raw["audio"] = with(json!({"duration": 3, "mime_type": mime})),
        _ => {
            raw["sticker"] = with(json!({"type": "regular", "width": 64, "height": 64, "is_animated": false,
                "is_video": false, "emoji": "👍"}));
        }
    }
    if !caption.is_empty() && kind != "sticker" {
        raw["caption"] = json!(caption);
    }
}
