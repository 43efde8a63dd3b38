//! Updates, one by webhook or a list by poll (channel facts, 5a).

mod content;
mod group;

use everthread_core::content::Content;
use everthread_core::event::{Address, AddressKind, Event, EventKind, InMessage, Parsed, Peer};
use serde_json::Value;

use crate::json::{self, Sink};

/// What the provider id of a pressed button begins with; the rest is the id to acknowledge.
pub(super) const CALLBACK: &str = "callback:";

/// Kinds of update that are known and need nothing done.
const NOTICES: &[&str] = &[
    "channel_post",
    "edited_channel_post",
    "business_connection",
    "message_reaction_count",
    "inline_query",
    "chosen_inline_result",
    "shipping_query",
    "pre_checkout_query",
    "purchased_paid_media",
    "poll",
    "poll_answer",
    "chat_member",
    "chat_join_request",
    "chat_boost",
    "removed_chat_boost",
];

/// Reads one update, a list of them, or the whole answer to `getUpdates`.
pub(super) fn parse(body: &[u8]) -> Parsed {
    let value = match json::parse(body) {
        Ok(value) => value,
        Err(reason) => return json::unreadable(reason, body),
    };
    let mut sink = Sink::new();
    let updates = match (&value, value.get("result")) {
        (Value::Array(updates), _) | (_, Some(Value::Array(updates))) => updates.as_slice(),
        _ => std::slice::from_ref(&value),
    };
    for update in updates {
        match read(update) {
            Ok(event) => sink.item(None, Vec::new(), event),
            Err(reason) => sink.problem(None, reason, || update.to_string()),
        }
    }
    sink.finish(body)
}

fn read(update: &Value) -> Result<Event, String> {
    let Some(key) = json::id(update, "update_id") else { return Err("an update without its id".to_owned()) };
    let field = |name: &str| json::at(update, name);
    if let Some(message) = field("message") {
        return said(key, message);
    }
    if let Some(message) = field("edited_message") {
        return edited(key, message);
    }
    if let Some(query) = field("callback_query") {
        return pressed(key, query);
    }
    if let Some(change) = field("my_chat_member") {
        return membership(key, change);
    }
    if let Some(reaction) = field("message_reaction") {
        return reacted(key, reaction);
    }
    match NOTICES.iter().find(|name| update.get(**name).is_some()) {
        Some(name) => Ok(notice(key, name)),
        None if update.as_object().is_some_and(|all| all.keys().any(|name| name.contains("business"))) => {
            Err("a business connection: these are not connected".to_owned())
        }
        None => Err("an update of an unknown kind".to_owned()),
    }
}

fn notice(key: String, what: &str) -> Event {
    Event { key, at: None, peer: None, kind: EventKind::Notice { what: format!("telegram.{what}") } }
}

/// Customers write in private chats; a group is no customer.
fn is_private(item: &Value) -> bool {
    json::text(item, "chat.type") == Some("private")
}

/// The customer: their chat with our bot, and their own number where they shared it.
fn peer(chat: &Value, person: &Value) -> Option<Peer> {
    let value = json::id(chat, "id")?;
    let part = |path: &str| json::string(person, path).or_else(|| json::string(chat, path));
    let name = [part("first_name"), part("last_name")].into_iter().flatten().collect::<Vec<_>>().join(" ");
    Some(Peer {
        addresses: vec![Address { kind: AddressKind::Telegram, value }],
        name: (!name.is_empty()).then_some(name),
        username: part("username"),
        locale: json::string(person, "language_code"),
        claimed: false,
    })
}

fn sender(item: &Value) -> Result<Peer, String> {
    let nobody = Value::Null;
    let peer = peer(&item["chat"], json::at(item, "from").unwrap_or(&nobody));
    peer.ok_or_else(|| "a message without its chat".to_owned())
}

/// `<chat>:<message>`: message ids are unique within their chat only.
fn message_key(message: &Value) -> Result<String, String> {
    match (json::id(message, "chat.id"), json::id(message, "message_id")) {
        (Some(chat), Some(id)) => Ok(format!("{chat}:{id}")),
        _ => Err("a message without its id or chat".to_owned()),
    }
}

fn said(key: String, message: &Value) -> Result<Event, String> {
    let provider_id = message_key(message)?;
    if !is_private(message) {
        return group::said(key, message);
    }
    let mut peer = sender(message)?;
    let Some(content) = content::read(message)? else { return Ok(notice(key, "service_message")) };
    peer.addresses.extend(own_number(message));
    let reply_to = json::at(message, "reply_to_message").and_then(|message| message_key(message).ok());
    let referral =
        content.text.strip_prefix("/start ").map(|rest| rest.trim().to_owned()).filter(|r| !r.is_empty());
    let kind =
        EventKind::Message(InMessage { provider_id, content, reply_to, referral, ..InMessage::default() });
    Ok(Event { key, at: json::time(message, "date"), peer: Some(peer), kind })
}

/// A shared card is the sender's own number only where Telegram says that it is theirs.
fn own_number(message: &Value) -> Option<Address> {
    let own = json::id(message, "contact.user_id").is_some_and(|id| Some(id) == json::id(message, "from.id"));
    let digits: String = json::id(message, "contact.phone_number")
        .filter(|_| own)?
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    (7..=15)
        .contains(&digits.len())
        .then(|| Address { kind: AddressKind::Phone, value: format!("+{digits}") })
}

fn edited(key: String, message: &Value) -> Result<Event, String> {
    let provider_id = message_key(message)?;
    if !is_private(message) {
        return group::heard(key, message);
    }
    let peer = sender(message)?;
    let Some(content) = content::read(message)? else { return Ok(notice(key, "service_edit")) };
    let at = json::time(message, "edit_date").or_else(|| json::time(message, "date"));
    Ok(Event { key, at, peer: Some(peer), kind: EventKind::Edit { provider_id, content } })
}

/// A pressed button: its title is what the customer said. Telegram does not say when.
fn pressed(key: String, query: &Value) -> Result<Event, String> {
    let Some(id) = json::id(query, "id") else { return Err("a button press without its id".to_owned()) };
    let message = json::at(query, "message");
    if let Some(message) = message.filter(|m| json::at(m, "chat.type").is_some() && !is_private(m)) {
        return group::heard(key, message);
    }
    let Some(data) = json::string(query, "data") else { return Ok(notice(key, "game_button")) };
    // In a private chat the chat's id is the person's.
    let chat = message.and_then(|message| json::at(message, "chat")).or_else(|| json::at(query, "from"));
    let peer = chat.and_then(|chat| peer(chat, &query["from"])).ok_or("a button press without its sender")?;
    let title = message.and_then(|message| title_of(message, &data)).unwrap_or_else(|| data.clone());
    let kind = EventKind::Message(InMessage {
        provider_id: format!("{CALLBACK}{id}"),
        content: Content::text(title),
        reply_to: message.and_then(|message| message_key(message).ok()),
        postback: Some(data),
        ..InMessage::default()
    });
    Ok(Event { key, at: None, peer: Some(peer), kind })
}

/// The title of the button with this payload, out of the message that it hangs under.
fn title_of(message: &Value, data: &str) -> Option<String> {
    let rows = json::list(message, "reply_markup.inline_keyboard");
    let mut buttons = rows.iter().filter_map(Value::as_array).flatten();
    let button = buttons.find(|button| json::text(button, "callback_data") == Some(data))?;
    json::string(button, "text")
}

fn membership(key: String, change: &Value) -> Result<Event, String> {
    if !is_private(change) {
        return group::membership(key, change);
    }
    let peer = sender(change)?;
    let (reachable, reason) = match json::text(change, "new_chat_member.status") {
        Some("kicked" | "left" | "restricted") => (false, "blocked the bot"),
        Some("member" | "administrator" | "creator") => (true, "started the bot"),
        _ => return Err("a membership of an unknown kind".to_owned()),
    };
    let kind = EventKind::Reachable { reachable, reason: reason.to_owned() };
    Ok(Event { key, at: json::time(change, "date"), peer: Some(peer), kind })
}

fn reacted(key: String, reaction: &Value) -> Result<Event, String> {
    let provider_id = message_key(reaction)?;
    if !is_private(reaction) {
        return group::heard(key, reaction);
    }
    let nobody = Value::Null;
    let person = json::at(reaction, "user").unwrap_or(&nobody);
    let peer = peer(&reaction["chat"], person).ok_or("a reaction without its sender")?;
    let emoji =
        json::list(reaction, "new_reaction").last().map(|reaction| match json::string(reaction, "emoji") {
            Some(emoji) => emoji,
            None => json::string(reaction, "type").unwrap_or_else(|| "custom".to_owned()),
        });
    let kind = EventKind::Reaction { provider_id, emoji };
    Ok(Event { key, at: json::time(reaction, "date"), peer: Some(peer), kind })
}
