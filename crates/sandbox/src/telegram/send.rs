//! What a bot may do: send, edit, delete, react, fetch files.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{bad, book_id, bot_user, chat, fine, quoted, refuse, slow_down};
use crate::account::Account;
use crate::book::{Author, Button, Message};
use crate::customers::travel;
use crate::media::{Item, fetch, new_id};
use crate::people::Customer;
use crate::wire::{Call, Reply};
use crate::world::World;

/// Longest text and caption in characters.
const TEXT_MAX: usize = 4_096;
const CAPTION_MAX: usize = 1_024;
/// Largest upload, largest photo, largest file by link.
const UPLOAD_MAX: usize = 50 * 1024 * 1024;
const PHOTO_MAX: usize = 10 * 1024 * 1024;
const LINK_MAX: usize = 20 * 1024 * 1024;
/// Largest file that a bot may download.
const DOWNLOAD_MAX: usize = 20 * 1024 * 1024;
/// A button press can be answered for so long.
const PRESS_LIVES_MS: i64 = 60_000;
/// A message can be deleted for two days.
const DELETE_MS: i64 = 48 * 3_600_000;

/// Does a method that isn't about updates. `lost`: accept, and let the message vanish.
pub(super) async fn method(world: &Arc<World>, id: &str, method: &str, call: &Call, lost: bool) -> Reply {
    let kind = match method {
        "sendmessage" => "text",
        "sendphoto" => "photo",
        "senddocument" => "document",
        "sendvideo" => "video",
        "sendvoice" => "voice",
        "sendaudio" => "audio",
        "sendlocation" => "location",
        _ => return other(world, id, method, call),
    };
    let file = if matches!(kind, "text" | "location") {
        None
    } else {
        match attachment(world, id, kind, call).await {
            Ok(file) => Some(file),
            Err(reply) => return reply,
        }
    };
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return refuse(401, "Unauthorized") };
    send(world, account, kind, call, file, lost).unwrap_or_else(|reply| reply)
}

/// The file of a send: uploaded, fetched from a link or known by its id.
async fn attachment(world: &Arc<World>, id: &str, kind: &str, call: &Call) -> Result<Item, Reply> {
    let most = if kind == "photo" { PHOTO_MAX } else { UPLOAD_MAX };
    let given = call.field(kind).unwrap_or_default();
    let part = given.strip_prefix("attach://").unwrap_or(kind);
    if let Some(upload) = call.files.get(part) {
        if upload.bytes.len() > most {
            return Err(refuse(413, "Request Entity Too Large"));
        }
        return Ok(Item {
            bytes: upload.bytes.clone(),
            mime: upload.mime.clone(),
            name: upload.name.clone(),
        });
    }
    if given.is_empty() {
        return Err(bad(&format!("there is no {kind} in the request")));
    }
    if given.starts_with("http://") || given.starts_with("https://") {
        let Some(item) = fetch(world, given).await else { return Err(bad("failed to get HTTP URL content")) };
        if item.bytes.len() > LINK_MAX {
            return Err(bad("file is too big"));
        }
        if kind == "photo" && !item.mime.starts_with("image/") {
            return Err(bad("wrong type of the web page content"));
        }
        return Ok(item);
    }
    let state = world.state();
    let known = state.accounts.get(id).and_then(|a| a.media.get(given)).cloned();
    known.ok_or_else(|| bad("wrong file identifier/HTTP URL specified"))
}

/// The customer of `chat_id`, if the bot may write to them.
fn addressee(account: &Account, call: &Call) -> Result<Customer, Reply> {
    let Some(chat_id) = call.field("chat_id") else { return Err(bad("chat_id is empty")) };
    let Some(customer) = account.find(chat_id).filter(|c| c.address == chat_id && !c.gone) else {
        let gone = account.find(chat_id).is_some_and(|c| c.gone);
        return Err(if gone { refuse(403, "Forbidden: user is deactivated") } else { bad("chat not found") });
    };
    if customer.blocked {
        return Err(refuse(403, "Forbidden: bot was blocked by the user"));
    }
    if customer.last_wrote_ms.is_none() {
        return Err(refuse(403, "Forbidden: bot can't initiate conversation with a user"));
    }
    Ok(customer.clone())
}

fn pace(account: &mut Account, key: &str, now: i64) -> Result<(), Reply> {
    let rate = account.limits.account_per_s.unwrap_or(30.0);
    // Short bursts in one chat pass.
    let (per_s, burst) =
        (account.limits.customer_per_s.unwrap_or(1.0), account.limits.customer_burst.unwrap_or(20.0));
    account.bucket.take(now, rate, rate.max(1.0)).map_err(slow_down)?;
    account.customer_buckets.entry(key.to_owned()).or_default().take(now, per_s, burst).map_err(slow_down)
}

fn send(
    world: &Arc<World>,
    account: &mut Account,
    kind: &str,
    call: &Call,
    file: Option<Item>,
    lost: bool,
) -> Result<Reply, Reply> {
    let now = world.now_ms();
    let customer = addressee(account, call)?;
    let markup = call.object("reply_markup");
    let buttons = buttons(&markup)?;
    let (field, most) = if kind == "text" { ("text", TEXT_MAX) } else { ("caption", CAPTION_MAX) };
    let text = parsed(call.field(field).unwrap_or_default(), call.field("parse_mode"))?;
    if kind == "text" && text.trim().is_empty() {
        return Err(bad("message text is empty"));
    }
    if text.chars().count() > most {
        return Err(bad(if kind == "text" { "message is too long" } else { "message caption is too long" }));
    }
    let quote = quote(account, &customer, call)?;
    pace(account, &customer.key, now)?;
    let number = account.bot.message_id();
    let id = book_id(&customer.address, number);
    let mut raw = json!({"message_id": number, "from": bot_user(&account.view), "chat": chat(&customer), "date": now / 1_000});
    if let Some(quote) = &quote {
        raw["reply_to_message"] = quoted(account, quote).unwrap_or(Value::Null);
    }
    if markup.get("inline_keyboard").is_some() {
        raw["reply_markup"] = markup;
    }
    if let Some(entities) = call.object("entities").as_array() {
        raw["entities"] = json!(entities);
    }
    if kind == "location" {
        let number = |name| call.field(name).and_then(|v| v.parse::<f64>().ok());
        let (Some(latitude), Some(longitude)) = (number("latitude"), number("longitude")) else {
            return Err(bad("location is empty"));
        };
        raw["location"] = json!({"latitude": latitude, "longitude": longitude});
    } else if !text.is_empty() {
        raw[field] = json!(text);
    }
    if let Some(item) = file {
        attach(account, kind, item, &mut raw);
    }
    let mut message = Message::new(id.clone(), &customer.key, Author::Business, kind, &text, now);
    message.buttons = buttons;
    message.reply_to = quote;
    message.lost = lost;
    message.raw = raw.clone();
    account.book.add(message);
    travel(world, account, &id);
    Ok(fine(raw))
}

fn quote(account: &Account, customer: &Customer, call: &Call) -> Result<Option<String>, Reply> {
    let parameters = call.object("reply_parameters");
    let asked = parameters["message_id"].as_i64();
    let asked = asked.or_else(|| call.field("reply_to_message_id").and_then(|v| v.parse().ok()));
    let Some(number) = asked else { return Ok(None) };
    let id = book_id(&customer.address, number);
    if account.book.get(&id).is_some_and(|m| !m.deleted) {
        return Ok(Some(id));
    }
    let lenient = parameters["allow_sending_without_reply"] == json!(true);
    if lenient { Ok(None) } else { Err(bad("message to be replied not found")) }
}

fn attach(account: &mut Account, kind: &str, mut item: Item, raw: &mut Value) {
    let file_id = format!("BQACAgQAAxkD{}", new_id(&mut account.rng, 60));
    let unique = format!("AgAD{}", new_id(&mut account.rng, 12));
    let mut body = json!({"file_id": file_id, "file_unique_id": unique, "file_size": item.bytes.len()});
    let name = item.name.clone();
    if kind == "photo" {
        body["width"] = json!(64);
        body["height"] = json!(64);
        raw["photo"] = json!([body]);
    } else {
        body["mime_type"] = json!(item.mime);
        match kind {
            "video" => (body["width"], body["height"], body["duration"]) = (json!(320), json!(240), json!(2)),
            "voice" | "audio" => body["duration"] = json!(3),
            _ => body["file_name"] = json!(name),
        }
        raw[kind] = body;
    }
    item.name =
        format!("{kind}s/file_{}.{}", new_id(&mut account.rng, 8), name.rsplit('.').next().unwrap_or("bin"));
    account.media.put(&file_id, item);
}

/// The buttons of a markup; refuses what Telegram refuses.
fn buttons(markup: &Value) -> Result<Vec<Button>, Reply> {
    let (rows, types) = match (markup.get("inline_keyboard"), markup.get("keyboard")) {
        (Some(rows), _) => (rows, false),
        (None, Some(rows)) => (rows, true),
        (None, None) => return Ok(Vec::new()),
    };
    let mut out = Vec::new();
    for button in rows.as_array().into_iter().flatten().flat_map(|row| row.as_array().into_iter().flatten()) {
        let title = button["text"].as_str().or(button.as_str()).unwrap_or_default().to_owned();
        if title.is_empty() {
            return Err(bad(
                "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
            ));
        }
        match button["callback_data"].as_str() {
            Some(data) if data.is_empty() || data.len() > 64 => return Err(bad("BUTTON_DATA_INVALID")),
            Some(data) => out.push(Button { id: data.to_owned(), title, types: false }),
            None if types => out.push(Button { id: title.clone(), title, types: true }),
            None if button["url"].is_string() || button["web_app"].is_object() => {}
            None => {
                return Err(bad(
                    "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
                ));
            }
        }
    }
    Ok(out)
}

/// Text after its markup was read; a wrong markup is refused.
fn parsed(text: &str, mode: Option<&str>) -> Result<String, Reply> {
    match mode.map(str::to_ascii_lowercase).as_deref() {
        Some("html") => html(text),
        Some("markdownv2") => markdown(text),
        _ => Ok(text.to_owned()),
    }
}

fn html(text: &str) -> Result<String, Reply> {
    let mut out = String::new();
    let mut open: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        let Some(end) = rest[at..].find('>') else {
            return Err(bad("can't parse entities: Unclosed start tag"));
        };
        let tag = rest[at + 1..at + end].to_lowercase();
        rest = &rest[at + end + 1..];
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default().to_owned();
        let known = [
            "b",
            "strong",
            "i",
            "em",
            "u",
            "ins",
            "s",
            "strike",
            "del",
            "a",
            "code",
            "pre",
            "blockquote",
            "tg-spoiler",
        ];
        if !known.contains(&name.as_str()) {
            return Err(bad(&format!("can't parse entities: Unsupported start tag \"{name}\"")));
        }
        if tag.starts_with('/') {
            if open.pop().as_deref() != Some(&name) {
                return Err(bad("can't parse entities: Unexpected end tag"));
            }
        } else {
            open.push(name);
        }
    }
    if let Some(name) = open.pop() {
        return Err(bad(&format!(
            "can't parse entities: Can't find end tag corresponding to start tag \"{name}\""
        )));
    }
    out.push_str(rest);
    Ok(out.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&"))
}

fn markdown(text: &str) -> Result<String, Reply> {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => out.extend(chars.next()),
            '.' | '!' | '-' | '+' | '=' | '{' | '}' | '#' | '>' => {
                let text = format!(
                    "can't parse entities: Character '{c}' is reserved and must be escaped with the preceding '\\'"
                );
                return Err(bad(&text));
            }
            '*' | '_' | '~' | '`' | '|' => {}
            _ => out.push(c),
        }
    }
    Ok(out)
}

fn other(world: &Arc<World>, id: &str, method: &str, call: &Call) -> Reply {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return refuse(401, "Unauthorized") };
    let result = match method {
        "getme" => {
            let mut me = bot_user(&account.view);
            me["can_join_groups"] = json!(true);
            me["can_read_all_group_messages"] = json!(false);
            me["supports_inline_queries"] = json!(false);
            Ok(fine(me))
        }
        "sendchataction" => addressee(account, call).and_then(|_| match call.field("action") {
            Some(_) => Ok(fine(true)),
            None => Err(bad("wrong parameter action in request")),
        }),
        "answercallbackquery" => press_answered(account, call, now),
        "setmessagereaction" => react(account, call),
        "editmessagetext" => edit(account, call, now),
        "deletemessage" => delete(account, call, now),
        "getfile" => file(account, call),
        _ => Err(refuse(404, "Not Found: method not found")),
    };
    result.unwrap_or_else(|reply| reply)
}

fn press_answered(account: &mut Account, call: &Call, now: i64) -> Result<Reply, Reply> {
    let id = call.field("callback_query_id").unwrap_or_default();
    match account.bot.presses.remove(id) {
        Some(at) if now - at < PRESS_LIVES_MS => Ok(fine(true)),
        _ => Err(bad("query is too old and response timeout expired or query ID is invalid")),
    }
}

/// The message that `chat_id` and `message_id` name.
fn named<'a>(account: &'a mut Account, call: &Call, what: &str) -> Result<&'a mut Message, Reply> {
    let customer = addressee(account, call)?;
    let number = call.field("message_id").and_then(|v| v.parse::<i64>().ok()).unwrap_or(0);
    let found = account.book.get_mut(&book_id(&customer.address, number)).filter(|m| !m.deleted);
    found.ok_or_else(|| bad(&format!("message to {what} not found")))
}

fn react(account: &mut Account, call: &Call) -> Result<Reply, Reply> {
    let reaction = call.object("reaction");
    let emoji = reaction[0]["emoji"].as_str().map(str::to_owned);
    if emoji.is_none() && reaction.as_array().is_some_and(|list| !list.is_empty()) {
        return Err(bad("REACTION_INVALID"));
    }
    named(account, call, "react")?.reaction = emoji;
    Ok(fine(true))
}

fn edit(account: &mut Account, call: &Call, now: i64) -> Result<Reply, Reply> {
    let text = parsed(call.field("text").unwrap_or_default(), call.field("parse_mode"))?;
    if text.trim().is_empty() {
        return Err(bad("message text is empty"));
    }
    if text.chars().count() > TEXT_MAX {
        return Err(bad("message is too long"));
    }
    let markup = call.object("reply_markup");
    let new_buttons = buttons(&markup)?;
    let message = named(account, call, "edit")?;
    if message.author != Author::Business {
        return Err(bad("message can't be edited"));
    }
    if message.text == text && message.buttons == new_buttons {
        return Err(bad(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    message.text.clone_from(&text);
    message.buttons = new_buttons;
    message.edited_ms = Some(now);
    message.raw["text"] = json!(text);
    message.raw["edit_date"] = json!(now / 1_000);
    if let Some(raw) = message.raw.as_object_mut() {
        raw.remove("reply_markup");
        if markup.get("inline_keyboard").is_some() {
            raw.insert("reply_markup".to_owned(), markup);
        }
    }
    Ok(fine(message.raw.clone()))
}

fn delete(account: &mut Account, call: &Call, now: i64) -> Result<Reply, Reply> {
    let message = named(account, call, "delete")?;
    if now - message.at_ms > DELETE_MS {
        return Err(bad("message can't be deleted for everyone"));
    }
    message.deleted = true;
    Ok(fine(true))
}

fn file(account: &Account, call: &Call) -> Result<Reply, Reply> {
    let id = call.field("file_id").unwrap_or_default();
    let Some(item) = account.media.get(id) else { return Err(bad("invalid file_id")) };
    if item.bytes.len() > DOWNLOAD_MAX {
        return Err(bad("file is too big"));
    }
    let unique = id.get(id.len().saturating_sub(16)..).unwrap_or(id);
    Ok(fine(
        json!({"file_id": id, "file_unique_id": unique, "file_size": item.bytes.len(), "file_path": item.name}),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_read_or_refused() {
        assert_eq!(html("<b>1</b> &lt; 2").ok().as_deref(), Some("1 < 2"));
        assert!(html("<b>1").is_err() && html("a < b").is_err() && html("<b>1</i>").is_err());
        assert_eq!(markdown("*so* it is\\.").ok().as_deref(), Some("so it is."));
        assert!(markdown("so it is.").is_err());
    }

    #[test]
    fn callback_data_has_its_limit() {
        let with = |data: &str| {
            buttons(&json!({"inline_keyboard": [[{"text": "A", "callback_data": data}]]})).is_ok()
        };
        assert!(with(&"x".repeat(64)) && !with(&"x".repeat(65)) && !with(""));
    }
}
