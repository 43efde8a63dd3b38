//! The calls that send.

use std::sync::Arc;

use serde_json::{Value, json};

use super::check::{Checked, bad, check};
use super::{Dialect, messaging};
use crate::account::Account;
use crate::book::{Author, Message};
use crate::customers::travel;
use crate::deliver;
use crate::fault::Component;
use crate::graph::APP_ID;
use crate::graph::errors::{missing_object, refuse, too_fast};
use crate::media::{fetch, new_id};
use crate::people::Customer;
use crate::wire::{Call, Reply};
use crate::world::World;

/// The reply window, and the one that a human agent has.
const WINDOW_MS: i64 = 24 * 3_600_000;
const HUMAN_WINDOW_MS: i64 = 7 * WINDOW_MS;

/// The largest file that is sent on.
const FILE_MAX: usize = 25 * 1024 * 1024;

/// Whether the business may write to a customer now.
fn window(account: &Account, customer: &Customer, body: &Value, now: i64) -> Result<(), Reply> {
    let dialect = Dialect::of(account.view.platform);
    let kind = body["messaging_type"].as_str();
    if kind
        .is_some_and(|kind| !dialect.messaging_types.is_empty() && !dialect.messaging_types.contains(&kind))
    {
        let known = dialect.messaging_types.join(", ");
        return Err(bad(&format!("Param messaging_type must be one of {{{known}}}")));
    }
    let human = kind == Some("MESSAGE_TAG") || !body["tag"].is_null();
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
        _ => Err(dialect.window_closed()),
    }
}

pub(super) async fn messages(world: &Arc<World>, id: &str, call: &Call, lost: bool) -> Reply {
    let body = if call.json.is_object() {
        call.json.clone()
    } else {
        json!({"recipient": call.object("recipient"), "message": call.object("message"),
            "sender_action": call.field("sender_action"), "tag": call.field("tag"), "payload": call.object("payload"),
            "messaging_type": call.field("messaging_type")})
    };
    let (checked, customer) = match admit(world, id, &body) {
        Ok(admitted) => admitted,
        Err(reply) => return reply,
    };
    for link in &checked.links {
        match fetch(world, link).await {
            None => return refuse(400, 100, Some(2_018_008), "(#100) Failed to fetch the file from the url"),
            Some(item) if item.bytes.len() > FILE_MAX => {
                return refuse(400, 100, Some(2_018_109), "(#100) Attachment size exceeds allowable limit");
            }
            Some(_) => {}
        }
    }
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    let reply = accept(world, account, &body, checked, &customer, lost);
    deliver::flush(world, &mut state, id);
    reply
}

/// Everything that is refused before a file is fetched; `Err` is the answer, also of what is no message.
fn admit(world: &World, id: &str, body: &Value) -> Result<(Checked, Customer), Reply> {
    let now = world.now_ms();
    let mut state = world.state();
    let account = state.accounts.get_mut(id).ok_or_else(|| missing_object(id))?;
    let dialect = Dialect::of(account.view.platform);
    let to = body["recipient"]["id"].as_str().ok_or_else(|| bad("Param recipient[id] is required"))?;
    let found = account.find(to).filter(|c| c.address == to).cloned();
    let customer = found.ok_or_else(|| dialect.nobody())?;
    if customer.gone || customer.blocked {
        return Err(dialect.unavailable());
    }
    let rate = account.limits.account_per_s.unwrap_or(dialect.sends_per_s);
    if account.bucket.take(now, rate, rate.max(1.0)).is_err() {
        return Err(too_fast(dialect.platform));
    }
    if let Some(action) = body["sender_action"].as_str() {
        return Err(sender_action(account, action, &body["payload"], to));
    }
    window(account, &customer, body, now)?;
    Ok((check(dialect, body)?, customer))
}

fn sender_action(account: &mut Account, action: &str, payload: &Value, to: &str) -> Reply {
    match action {
        "typing_on" | "typing_off" | "mark_seen" => {}
        "react" | "unreact" if Dialect::of(account.view.platform).reacts => {
            let target = payload["message_id"].as_str().and_then(|id| account.book.get_mut(id));
            let Some(target) = target else { return bad("Param payload[message_id] is not valid") };
            target.reaction =
                (action == "react").then(|| payload["reaction"].as_str().unwrap_or("love").to_owned());
        }
        _ => {
            let reacts = Dialect::of(account.view.platform).reacts;
            let more = if reacts { ", REACT, UNREACT" } else { "" };
            let known = format!("MARK_SEEN, TYPING_ON, TYPING_OFF{more}");
            return bad(&format!("Param sender_action must be one of {{{known}}}"));
        }
    }
    Reply::json(200, json!({"recipient_id": to}))
}

pub(super) fn new_mid(account: &mut Account) -> String {
    format!("{}{}", Dialect::of(account.view.platform).mid, new_id(&mut account.rng, 80))
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
    message.correlation = body["message"]["metadata"].as_str().map(str::to_owned);
    message.lost = lost;
    let attachments: Vec<Value> =
        checked.links.iter().map(|url| json!({"type": checked.kind, "payload": {"url": url}})).collect();
    message.raw = json!({"attachments": attachments});
    account.book.add(message);
    if !lost {
        echo(account, customer, &mid, now);
    }
    travel(world, account, &mid);
    Reply::json(200, json!({"recipient_id": customer.address, "message_id": mid}))
}

/// Tells the business of what was said in its name, by a call or in the platform's own app.
pub(super) fn echo(account: &mut Account, customer: &Customer, mid: &str, now: i64) {
    let Some(said) = account.book.get(mid) else { return };
    let mut message = json!({"mid": mid, "is_echo": true});
    if !said.text.is_empty() {
        message["text"] = json!(said.text);
    }
    if said.raw["attachments"].as_array().is_some_and(|list| !list.is_empty()) {
        message["attachments"] = said.raw["attachments"].clone();
    }
    let dialect = Dialect::of(account.view.platform);
    if dialect.is_messenger() && said.author == Author::Business {
        message["app_id"] = json!(APP_ID);
        if let Some(metadata) = &said.correlation {
            message["metadata"] = json!(metadata);
        }
    }
    let item = json!({"sender": {"id": dialect.own(&account.view)}, "recipient": {"id": customer.address},
        "timestamp": now, "message": message});
    messaging(account, Component::Receipts, now, item, Some(mid.to_owned()));
}
