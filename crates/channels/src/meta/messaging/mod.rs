//! Direct messages of Instagram and Messenger, which share their shapes: items of `messaging`, `standby` and `changes`
//! (channel facts, 2a and 3a), the calls that send, and most of the codes that refuse.

mod content;
pub(crate) mod errors;
pub(crate) mod history;
pub(crate) mod media;
pub(crate) mod send;

use everthread_core::content::Content;
use everthread_core::event::{
    Address, AddressKind, Echo, Event, EventKind, Fact, InMessage, Peer, Receipt, ReceiptOf,
};
use serde_json::Value;

use crate::json::{self, Sink};
use crate::meta::envelope::Entry;
use crate::sign::key_of;

/// What tells the products apart that speak this shape.
pub(crate) struct Product {
    /// The channel's word, in notices.
    pub(crate) name: &'static str,
    /// The kind of address that a customer has.
    pub(crate) address: AddressKind,
    /// Fields of `changes` that hold the same shape as an item of `messaging`.
    pub(crate) fields: &'static [&'static str],
    /// Fields of `changes` that are not about direct messages.
    pub(crate) other_fields: &'static [&'static str],
}

/// Keys of an item that are understood and need nothing done.
const NOTICES: &[&str] = &[
    "optin",
    "pass_thread_control",
    "take_thread_control",
    "request_thread_control",
    "app_roles",
    "response_feedback",
    "account_linking",
    "policy-enforcement",
];

/// One item of `changes`.
pub(crate) fn change(product: &Product, entry: &Entry<'_>, change: &Value, sink: &mut Sink) {
    let field = json::text(change, "field").unwrap_or_default();
    match change.get("value") {
        Some(value) if product.fields.contains(&field) => {
            match read(product, entry, value, field == "standby") {
                Ok(events) => push(entry, value, events, sink),
                Err(reason) => sink.problem(entry.id.clone(), reason, || entry.wrap("changes", change)),
            }
        }
        Some(value) if product.other_fields.contains(&field) => {
            let key = key_of(&[field, &json::canonical(value)]);
            let kind = EventKind::Notice { what: format!("{}.{field}", product.name) };
            sink.item(entry.id.clone(), Vec::new(), Event { key, at: None, peer: None, kind });
        }
        _ => sink.problem(
            entry.id.clone(),
            format!("field `{}` is not known", crate::table::clean(field)),
            || entry.wrap("changes", change),
        ),
    }
}

/// One item of `messaging` or `standby`.
pub(crate) fn item(product: &Product, entry: &Entry<'_>, list: &str, item: &Value, sink: &mut Sink) {
    match read(product, entry, item, list == "standby") {
        Ok(events) => push(entry, item, events, sink),
        Err(reason) => sink.problem(entry.id.clone(), reason, || entry.wrap(list, item)),
    }
}

/// The entry's id is our account; who wrote to whom says it again, under the id of the other login where
/// they differ.
fn push(entry: &Entry<'_>, item: &Value, events: Vec<Event>, sink: &mut Sink) {
    let side = if by_us(entry, item) { "sender.id" } else { "recipient.id" };
    let named = json::id(item, side);
    let account = entry.id.clone().or_else(|| named.clone());
    let also: Vec<_> = named.into_iter().filter(|id| Some(id) != account.as_ref()).collect();
    for event in events {
        sink.item(account.clone(), also.clone(), event);
    }
}

/// True where the item was done on our side.
fn by_us(entry: &Entry<'_>, item: &Value) -> bool {
    json::flag(item, "message.is_echo") || (entry.id.is_some() && json::id(item, "sender.id") == entry.id)
}

fn read(product: &Product, entry: &Entry<'_>, item: &Value, standby: bool) -> Result<Vec<Event>, String> {
    let customer = json::id(item, if by_us(entry, item) { "recipient.id" } else { "sender.id" });
    let peer = customer.map(|value| Peer {
        addresses: vec![Address { kind: product.address, value }],
        username: json::string(item, "sender.username").filter(|_| !by_us(entry, item)),
        ..Peer::default()
    });
    let at = json::time(item, "timestamp");
    let event = |key: String, kind: EventKind| vec![Event { key, at, peer: peer.clone(), kind }];
    if let Some(message) = json::at(item, "message") {
        if !message.is_object() {
            return Err("a message without its content".to_owned());
        }
        let (key, kind) = message_kind(product, item, message, standby);
        if peer.is_none() && !matches!(kind, EventKind::Delete { .. }) {
            return Err("a message without its sender".to_owned());
        }
        return Ok(event(key, kind));
    }
    if let Some(postback) = json::at(item, "postback") {
        if peer.is_none() {
            return Err("a button press without its sender".to_owned());
        }
        let (key, kind) = postback_kind(item, postback, standby);
        return Ok(event(key, kind));
    }
    if let Some(reaction) = json::at(item, "reaction") {
        let Some(mid) = json::id(reaction, "mid") else {
            return Err("a reaction without its message".to_owned());
        };
        return Ok(reaction_events(product, entry, item, reaction, mid, &event));
    }
    if let Some(edit) = json::at(item, "message_edit") {
        let Some(mid) = json::id(edit, "mid") else { return Err("an edit without its message".to_owned()) };
        let text = json::text(edit, "text").unwrap_or_default();
        let key = match json::number(edit, "num_edit") {
            Some(number) => format!("{mid}#{number}"),
            None => key_of(&["edit", &mid, text]),
        };
        return Ok(event(key, EventKind::Edit { provider_id: mid, content: Content::text(text) }));
    }
    if item.get("read").is_some() || item.get("delivery").is_some() {
        return receipts(item, &event);
    }
    if json::at(item, "referral").is_some() && peer.is_some() {
        let key = key_of(&["referral", &stamp(item)]);
        let message =
            InMessage { provider_id: key.clone(), referral: referral(item), standby, ..InMessage::default() };
        return Ok(event(key, EventKind::Message(message)));
    }
    match NOTICES.iter().find(|key| item.get(**key).is_some()) {
        Some(what) => Ok(event(
            key_of(&[what, &stamp(item)]),
            EventKind::Notice { what: format!("{}.{what}", product.name) },
        )),
        None => Err("an item of an unknown kind".to_owned()),
    }
}

/// What tells this item from another one, for items without an id: who, when, and what was said or pressed.
fn stamp(item: &Value) -> String {
    let fields = [
        "sender.id",
        "recipient.id",
        "timestamp",
        "message.text",
        "postback.payload",
        "postback.title",
        "referral.ref",
        "referral.ad_id",
    ];
    let values: Vec<_> = fields.iter().map(|path| json::id(item, path).unwrap_or_default()).collect();
    key_of(&values.iter().map(String::as_str).collect::<Vec<_>>())
}

fn message_kind(product: &Product, item: &Value, message: &Value, standby: bool) -> (String, EventKind) {
    let mid = json::id(message, "mid").unwrap_or_else(|| key_of(&["message", &stamp(item)]));
    if json::flag(message, "is_deleted") {
        return (mid.clone(), EventKind::Delete { provider_id: mid });
    }
    if json::flag(message, "is_self") {
        return (mid, EventKind::Notice { what: format!("{}.self", product.name) });
    }
    let content = content::content(message);
    let reply_to = json::id(message, "reply_to.mid");
    if json::flag(message, "is_echo") {
        let correlation = json::string(message, "metadata");
        return (mid.clone(), EventKind::Echo(Echo { provider_id: mid, content, reply_to, correlation }));
    }
    let kind = EventKind::Message(InMessage {
        provider_id: mid.clone(),
        content,
        reply_to,
        postback: json::string(message, "quick_reply.payload"),
        referral: referral(message),
        standby,
    });
    (mid, kind)
}

fn postback_kind(item: &Value, postback: &Value, standby: bool) -> (String, EventKind) {
    let mid = json::id(postback, "mid").unwrap_or_else(|| key_of(&["postback", &stamp(item)]));
    let payload = json::string(postback, "payload");
    let title = json::string(postback, "title").or_else(|| payload.clone()).unwrap_or_default();
    let kind = EventKind::Message(InMessage {
        provider_id: mid.clone(),
        content: Content::text(title),
        postback: payload,
        referral: referral(postback).or_else(|| referral(item)),
        standby,
        ..InMessage::default()
    });
    (mid, kind)
}

fn reaction_events(
    product: &Product,
    entry: &Entry<'_>,
    item: &Value,
    reaction: &Value,
    mid: String,
    event: &impl Fn(String, EventKind) -> Vec<Event>,
) -> Vec<Event> {
    let word = json::text(reaction, "reaction").unwrap_or("other");
    let emoji = json::string(reaction, "emoji").unwrap_or_else(|| emoji_of(word).to_owned());
    let emoji = (json::text(reaction, "action") != Some("unreact")).then_some(emoji);
    let sender = json::id(item, "sender.id").unwrap_or_default();
    let time = json::number(item, "timestamp").unwrap_or_default().to_string();
    let key = key_of(&["reaction", &mid, &sender, emoji.as_deref().unwrap_or_default(), &time]);
    if by_us(entry, item) {
        return event(key, EventKind::Notice { what: format!("{}.own_reaction", product.name) });
    }
    event(key, EventKind::Reaction { provider_id: mid, emoji })
}

fn emoji_of(word: &str) -> &str {
    match word {
        "love" => "❤️",
        "smile" | "haha" => "😆",
        "wow" => "😮",
        "sad" => "😢",
        "angry" => "😠",
        "like" | "yes" => "👍",
        "dislike" | "no" => "👎",
        other => other,
    }
}

/// Instagram names the message that was read. Messenger gives a time up to which all is read or delivered, and beside
/// it the messages that it knows were delivered: a receipt for each, so that none depends on the other.
fn receipts(item: &Value, event: &impl Fn(String, EventKind) -> Vec<Event>) -> Result<Vec<Event>, String> {
    let (name, word, fact) = match item.get("read") {
        Some(_) => ("read", "read", Fact::Read),
        None => ("delivery", "delivered", Fact::Delivered),
    };
    let receipt = &item[name];
    let mut ids: Vec<String> = json::id(receipt, "mid").into_iter().collect();
    ids.extend(json::list(receipt, "mids").iter().filter_map(Value::as_str).map(str::to_owned));
    let of = |of: ReceiptOf| EventKind::Receipt(Receipt { of, fact, error: None, correlation: None });
    let mut events: Vec<Event> = Vec::new();
    for id in ids {
        events.extend(event(format!("{id}:{word}"), of(ReceiptOf::ProviderId(id))));
    }
    if let Some(time) = json::time(receipt, "watermark") {
        let key = key_of(&[
            "watermark",
            word,
            &json::id(item, "sender.id").unwrap_or_default(),
            &time.micros().to_string(),
        ]);
        events.extend(event(key, of(ReceiptOf::Watermark(time))));
    }
    if events.is_empty() { Err(format!("a {word} receipt that names no message")) } else { Ok(events) }
}

/// A link's own word first, then the ad.
fn referral(value: &Value) -> Option<String> {
    let ad = || json::id(value, "referral.ad_id").map(|id| format!("ad:{id}"));
    let source = || json::string(value, "referral.source");
    json::string(value, "referral.ref").or_else(ad).or_else(source)
}
