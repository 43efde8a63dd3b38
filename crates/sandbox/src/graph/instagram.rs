//! Instagram messaging: sending, and what customers do.

use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::{missing_object, refuse};
use super::{ig_read, subscription};
use crate::Error;
use crate::account::Account;
use crate::book::{Author, Button, Message, Stage};
use crate::customers::{Act, Said, meant, refused, travel};
use crate::deliver::{self, Body, Hook};
use crate::fault::Component;
use crate::media::{fetch, new_id, sample};
use crate::people::Customer;
use crate::wire::{Call, Reply};
use crate::world::World;

/// Longest text in bytes of UTF-8.
const TEXT_MAX: usize = 1_000;
/// The reply window, and the one that a human agent has.
const WINDOW_MS: i64 = 24 * 3_600_000;
const HUMAN_WINDOW_MS: i64 = 7 * WINDOW_MS;

/// Answers a call about an Instagram account.
pub(super) async fn call(world: &Arc<World>, id: &str, own: bool, call: &Call, lost: bool) -> Reply {
    let edge = call.path.get(1).map(String::as_str).unwrap_or_default();
    if own && edge == "messages" && call.method == "POST" {
        return messages(world, id, call, lost).await;
    }
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    let object = call.path.first().map(String::as_str).unwrap_or_default();
    match (own, edge) {
        (true, "subscribed_apps") => subscription(account, call),
        _ => ig_read::call(world, account, own, object, edge, call),
    }
}

/// What a send will say.
struct Checked {
    kind: String,
    text: String,
    buttons: Vec<Button>,
    links: Vec<String>,
}

fn bad(text: &str) -> Reply {
    refuse(400, 100, None, &format!("(#100) {text}"))
}

fn check(body: &Value) -> Result<Checked, Reply> {
    let message = &body["message"];
    let mut out =
        Checked { kind: "text".to_owned(), text: String::new(), buttons: Vec::new(), links: Vec::new() };
    if let Some(text) = message["text"].as_str() {
        if text.len() > TEXT_MAX {
            return Err(bad("Length of param message[text] must be less than or equal to 1000"));
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
            "like_heart" | "MEDIA_SHARE" => {}
            "template" => template(&attachment["payload"], &mut out)?,
            _ => return Err(bad("Param message[attachment][type] is not valid")),
        }
        kind.clone_into(&mut out.kind);
    }
    if out.links.len() > 10 {
        return Err(bad("Too many attachments"));
    }
    let replies = message["quick_replies"].as_array().cloned().unwrap_or_default();
    if replies.len() > 13 {
        return Err(bad("Param message[quick_replies] has too many elements. Max elements: 13"));
    }
    for reply in &replies {
        let title = reply["title"].as_str().unwrap_or_default();
        if title.is_empty() || title.chars().count() > 20 {
            return Err(bad("Param message[quick_replies][title] must be at most 20 characters long"));
        }
        let id = reply["payload"].as_str().unwrap_or_default().to_owned();
        out.buttons.push(Button { id, title: title.to_owned(), types: true });
    }
    if out.text.is_empty() && attachments.is_empty() {
        return Err(bad("Must have either text or attachment in message"));
    }
    if message["text"].is_string() && !attachments.is_empty() {
        return Err(bad("Only one of the text or attachment can be specified"));
    }
    Ok(out)
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

/// Whether the business may write to a customer now.
fn window(account: &Account, customer: &Customer, body: &Value, now: i64) -> Result<(), Reply> {
    let human = body["messaging_type"] == json!("MESSAGE_TAG") || body.get("tag").is_some();
    if human && body["tag"] != json!("HUMAN_AGENT") {
        return Err(refuse(400, 100, None, "(#100) Param tag must be one of {HUMAN_AGENT}"));
    }
    if human && !account.human_agent {
        return Err(refuse(
            400,
            100,
            Some(2_018_276),
            "(#100) This message tag is not approved for your app.",
        ));
    }
    let most = if human { HUMAN_WINDOW_MS } else { WINDOW_MS };
    match customer.last_wrote_ms {
        Some(at) if now - at < most => Ok(()),
        _ => Err(refuse(403, 10, Some(2_534_022), "(#10) This message is sent outside of allowed window.")),
    }
}

async fn messages(world: &Arc<World>, id: &str, call: &Call, lost: bool) -> Reply {
    let body = if call.json.is_object() {
        call.json.clone()
    } else {
        json!({"recipient": call.object("recipient"), "message": call.object("message"),
            "sender_action": call.field("sender_action"), "tag": call.field("tag"), "payload": call.object("payload")})
    };
    let now = world.now_ms();
    let (checked, customer) = {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
        let Some(to) = body["recipient"]["id"].as_str() else {
            return bad("Param recipient[id] is required");
        };
        let Some(customer) = account.find(to).filter(|c| c.address == to && !c.gone && !c.blocked).cloned()
        else {
            return refuse(400, 100, Some(2_534_014), "(#100) No matching user found");
        };
        let rate = account.limits.account_per_s.unwrap_or(100.0);
        if account.bucket.take(now, rate, rate.max(1.0)).is_err() {
            return refuse(
                429,
                613,
                Some(2_534_040),
                "(#613) Calls to this api have exceeded the rate limit.",
            );
        }
        if let Some(action) = body["sender_action"].as_str() {
            return sender_action(account, action, &body["payload"], to);
        }
        if let Err(reply) = window(account, &customer, &body, now) {
            return reply;
        }
        match check(&body) {
            Ok(checked) => (checked, customer),
            Err(reply) => return reply,
        }
    };
    for link in &checked.links {
        if fetch(world, link).await.is_none() {
            return refuse(400, 100, Some(2_018_008), "(#100) Failed to fetch the file from the url");
        }
    }
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    let reply = accept(world, account, &body, checked, &customer, lost);
    deliver::flush(world, &mut state, id);
    reply
}

fn sender_action(account: &mut Account, action: &str, payload: &Value, to: &str) -> Reply {
    match action {
        "typing_on" | "typing_off" | "mark_seen" => {}
        "react" | "unreact" => {
            let target = payload["message_id"].as_str().and_then(|id| account.book.get_mut(id));
            let Some(target) = target else { return bad("Param payload[message_id] is not valid") };
            target.reaction =
                (action == "react").then(|| payload["reaction"].as_str().unwrap_or("love").to_owned());
        }
        _ => {
            return bad(
                "Param sender_action must be one of {MARK_SEEN, TYPING_ON, TYPING_OFF, REACT, UNREACT}",
            );
        }
    }
    Reply::json(200, json!({"recipient_id": to}))
}

fn new_mid(account: &mut Account) -> String {
    format!("aWdfZAG1faXRlbTo{}", new_id(&mut account.rng, 80))
}

fn accept(
    world: &Arc<World>,
    account: &mut Account,
    body: &Value,
    checked: Checked,
    customer: &Customer,
    lost: bool,
) -> Reply {
    let now = world.now_ms();
    let mid = new_mid(account);
    let mut message =
        Message::new(mid.clone(), &customer.key, Author::Business, &checked.kind, &checked.text, now);
    message.buttons = checked.buttons;
    message.reply_to = body["reply_to"]["mid"].as_str().map(str::to_owned);
    message.lost = lost;
    let attachments: Vec<Value> =
        checked.links.iter().map(|url| json!({"type": checked.kind, "payload": {"url": url}})).collect();
    message.raw = json!({"attachments": attachments});
    account.book.add(message);
    if !lost {
        echo(account, customer, &mid, &checked.text, &attachments, now);
    }
    travel(world, account, &mid);
    Reply::json(200, json!({"recipient_id": customer.address, "message_id": mid}))
}

fn messaging(
    account: &mut Account,
    component: Component,
    now: i64,
    mut item: Value,
    message: Option<String>,
) {
    if item.get("timestamp").is_none() {
        item["timestamp"] = json!(now);
    }
    let entry = json!({"time": now, "id": account.view.ig_id, "messaging": [item]});
    account.hooks.push(Hook { component, message, body: Body::Meta { object: "instagram", entry } });
}

fn echo(account: &mut Account, customer: &Customer, mid: &str, text: &str, attachments: &[Value], now: i64) {
    let mut message = json!({"mid": mid, "is_echo": true});
    if !text.is_empty() {
        message["text"] = json!(text);
    }
    if !attachments.is_empty() {
        message["attachments"] = json!(attachments);
    }
    let item = json!({"sender": {"id": account.view.ig_id}, "recipient": {"id": customer.address}, "timestamp": now,
        "message": message});
    messaging(account, Component::Receipts, now, item, Some(mid.to_owned()));
}

/// The read receipt: Instagram tells of nothing else.
pub(crate) fn receipt(account: &mut Account, id: &str, now: i64) {
    let Some(message) = account.book.get(id).filter(|m| m.state == Stage::Read) else { return };
    let Some(customer) = account.customers.get(&message.customer) else { return };
    let item = json!({"sender": {"id": customer.address}, "recipient": {"id": account.view.ig_id}, "read": {"mid": id}});
    messaging(account, Component::Receipts, now, item, Some(id.to_owned()));
}

/// Does what a customer does; returns the `mid` of what was written.
pub(crate) fn act(
    world: &Arc<World>,
    account: &mut Account,
    customer: &Customer,
    act: Act,
    now: i64,
) -> Result<String, Error> {
    let no_such = || refused("no such message");
    let ends = json!({"sender": {"id": customer.address}, "recipient": {"id": account.view.ig_id}});
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
    if button.types {
        item["message"] = json!({"mid": mid, "text": button.title, "quick_reply": {"payload": button.id}});
    } else {
        item["postback"] = json!({"mid": mid, "title": button.title, "payload": button.id});
    }
    let mut note = Message::new(mid.clone(), &customer.key, Author::Customer, "press", &button.title, now);
    note.reply_to = Some(target);
    account.book.add(note);
    messaging(account, Component::Receive, now, item, Some(mid.clone()));
    mid
}

/// A person of the business types in the Instagram app.
fn typed(account: &mut Account, customer: &Customer, text: &str, now: i64) -> String {
    let mid = new_mid(account);
    let mut message = Message::new(mid.clone(), &customer.key, Author::App, "text", text, now);
    message.raise(Stage::Delivered, now);
    message.raw = json!({"attachments": []});
    account.book.add(message);
    echo(account, customer, &mid, text, &[], now);
    mid
}

fn say(world: &Arc<World>, account: &mut Account, customer: &Customer, said: &Said, now: i64) -> String {
    let at = said.at_ms.unwrap_or(now);
    let mid = new_mid(account);
    let mut message = json!({"mid": mid});
    let mut attachments = Vec::new();
    // Instagram has no captions: what is said with a picture is a message of its own.
    let pictured = said.kind != "text";
    if pictured {
        let kind = match said.kind.as_str() {
            "voice" => "audio",
            "document" => "file",
            "sticker" => "like_heart",
            "location" | "contact" => "share",
            other => other,
        };
        let item = sample(&said.kind, &mut account.rng);
        let id = account.rng.digits(17);
        let url = format!("{}/cdn/{}/{id}", world.base_url, account.view.id);
        account.media.put(&id, item);
        attachments.push(json!({"type": kind, "payload": {"url": url}}));
        message["attachments"] = json!(attachments);
    } else {
        message["text"] = json!(said.text);
    }
    if let Some(quote) =
        said.reply_to.as_deref().and_then(|id| meant(account, customer, id)).map(|m| m.id.clone())
    {
        message["reply_to"] = json!({"mid": quote});
    }
    if let Some(word) = &said.referral {
        message["referral"] = json!({"ref": word, "source": "SHORTLINK", "type": "OPEN_THREAD"});
    }
    let text = if pictured { "" } else { said.text.as_str() };
    let mut note = Message::new(mid.clone(), &customer.key, Author::Customer, &said.kind, text, at);
    note.raw = json!({"attachments": attachments});
    note.reply_to.clone_from(&said.reply_to);
    account.book.add(note);
    let item = json!({"sender": {"id": customer.address}, "recipient": {"id": account.view.ig_id}, "timestamp": at,
        "message": message});
    messaging(account, Component::Receive, now, item, Some(mid.clone()));
    if pictured && !said.text.is_empty() {
        let more =
            Said { kind: "text".to_owned(), text: said.text.clone(), at_ms: said.at_ms, ..Said::default() };
        return say(world, account, customer, &more, now);
    }
    mid
}
