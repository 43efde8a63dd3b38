//! Reading back: the account, its conversations, messages and customers.

use serde_json::{Value, json};

use super::Dialect;
use crate::account::{Account, Platform};
use crate::book::{Author, Message};
use crate::graph::errors::{missing_object, reads_too_fast, refuse};
use crate::graph::{graph_time, select};
use crate::wire::{Call, Reply};
use crate::world::World;

/// Only so many messages of a conversation can be read in full.
const READABLE: usize = 20;

/// The id of the conversation with a customer.
fn conversation_id(account: &Account, key: &str) -> String {
    format!("{}{}", Dialect::of(account.view.platform).thread, crate::rng::hex(key.as_bytes()))
}

/// The customer whose conversation this is.
pub(crate) fn customer_of(account: &Account, conversation: &str) -> Option<String> {
    let hex = conversation.strip_prefix(Dialect::of(account.view.platform).thread)?;
    let bytes: Option<Vec<u8>> =
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(hex.get(i..i + 2)?, 16).ok()).collect();
    String::from_utf8(bytes?).ok().filter(|key| account.customers.contains_key(key))
}

/// Answers a read.
pub(super) fn call(
    world: &World,
    account: &mut Account,
    own: bool,
    object: &str,
    edge: &str,
    call: &Call,
) -> Reply {
    let rate = account.limits.history_per_s.unwrap_or(2.0);
    let reads = edge == "conversations" || !own;
    // The profile of a person isn't part of the conversations' allowance.
    let reads = reads && !account.by_address.contains_key(object);
    if reads && account.history_bucket.take(world.now_ms(), rate, rate.max(2.0)).is_err() {
        return reads_too_fast(account.view.platform);
    }
    match (own, edge) {
        (true, "") if object == "refresh_access_token" => {
            let body =
                json!({"access_token": account.view.token, "token_type": "bearer", "expires_in": 5_183_944});
            Reply::json(200, body)
        }
        (true, "") => Reply::json(200, select(me(account, object), call.field("fields"))),
        (true, "conversations") => conversations(account, call),
        (false, "messages") => match customer_of(account, object) {
            Some(key) => Reply::json(200, page(messages(account, &key), call)),
            None => missing_object(object),
        },
        (false, "") => one(account, object, call),
        _ => missing_object(object),
    }
}

fn me(account: &Account, object: &str) -> Value {
    let view = &account.view;
    if view.platform == Platform::Messenger {
        return json!({"id": view.page_id, "name": view.name, "category": "Clothing (Brand)"});
    }
    if view.page_id.as_deref() == Some(object) || object == "me" && view.page_id.is_some() {
        return json!({"id": view.page_id, "name": view.name, "instagram_business_account": {"id": view.ig_id}});
    }
    json!({"id": view.ig_id, "user_id": view.ig_id, "username": view.username, "name": view.name,
        "account_type": "BUSINESS"})
}

/// A page of a list: `limit` and `after`.
fn page(all: Vec<Value>, call: &Call) -> Value {
    let limit = call.field("limit").and_then(|l| l.parse().ok()).unwrap_or(25_usize).clamp(1, 100);
    let start = call.field("after").and_then(|a| a.parse().ok()).unwrap_or(0_usize);
    let total = all.len();
    let list: Vec<Value> = all.into_iter().skip(start).take(limit).collect();
    let end = start + list.len();
    let mut out = json!({"data": list});
    if !list_is_empty(&out) {
        out["paging"] = json!({"cursors": {"before": start.to_string(), "after": end.to_string()}});
    }
    if end < total {
        // Graph gives a whole address; the caller's own parameters and the cursor are what counts in it.
        let mut query: Vec<String> = call
            .fields
            .iter()
            .filter(|(name, _)| name.as_str() != "after")
            .map(|(name, value)| format!("{name}={}", crate::wire::escape(value)))
            .collect();
        query.push(format!("after={end}"));
        let host = call.headers.get("host").and_then(|h| h.to_str().ok()).unwrap_or_default();
        out["paging"]["next"] =
            json!(format!("http://{host}/graph/{}?{}", call.path.join("/"), query.join("&")));
    }
    out
}

fn list_is_empty(page: &Value) -> bool {
    page["data"].as_array().is_none_or(Vec::is_empty)
}

fn conversations(account: &Account, call: &Call) -> Reply {
    let wanted = call.field("user_id").and_then(|id| account.find(id)).map(|c| c.key.clone());
    if call.field("user_id").is_some() && wanted.is_none() {
        return Reply::json(200, json!({"data": []}));
    }
    let mut newest: Vec<(i64, u64, String)> = Vec::new();
    for (n, message) in account.book.iter().filter(|(_, m)| !m.lost) {
        match newest.iter_mut().find(|(_, _, key)| *key == message.customer) {
            Some(row) => (row.0, row.1) = (row.0.max(message.at_ms), n),
            None => newest.push((message.at_ms, n, message.customer.clone())),
        }
    }
    newest.retain(|(_, _, key)| wanted.as_ref().is_none_or(|w| w == key));
    newest.sort_by_key(|(at, n, _)| std::cmp::Reverse((*at, *n)));
    let rows = newest
        .into_iter()
        .map(|(_, _, key)| select(conversation(account, &key), call.field("fields")))
        .collect();
    Reply::json(200, page(rows, call))
}

fn conversation(account: &Account, key: &str) -> Value {
    let list = messages(account, key);
    let updated = list.first().map(|m| m["created_time"].clone()).unwrap_or_default();
    let dialect = Dialect::of(account.view.platform);
    let them = account.find(key).map(|c| dialect.person(&c.address, &c.person));
    let people: Vec<Value> = std::iter::once(dialect.us(&account.view)).chain(them).collect();
    json!({"id": conversation_id(account, key), "updated_time": updated, "participants": {"data": people},
        "messages": {"data": list}})
}

/// Ids and times of a conversation's messages, the newest first.
fn messages(account: &Account, key: &str) -> Vec<Value> {
    let all =
        account.book.iter().rev().map(|(_, m)| m).filter(|m| m.customer == key && !m.lost && !m.deleted);
    all.map(|m| json!({"id": m.id, "created_time": graph_time(m.at_ms)})).collect()
}

/// A conversation, a message or a person.
fn one(account: &Account, object: &str, call: &Call) -> Reply {
    let fields = call.field("fields");
    if let Some(key) = customer_of(account, object) {
        let all = conversation(account, &key);
        return Reply::json(200, select(all, fields.or(Some("id,updated_time"))));
    }
    if let Some(customer) = account.by_address.get(object).and_then(|key| account.customers.get(key)) {
        if customer.last_wrote_ms.is_none() {
            return Dialect::of(account.view.platform).no_profile();
        }
        if account.view.platform == Platform::Messenger {
            let (first, last) = (&customer.person.first, &customer.person.last);
            let all = json!({"id": customer.address, "first_name": first, "last_name": last,
                "name": customer.person.name(), "profile_pic": null});
            return Reply::json(200, select(all, fields));
        }
        let all = json!({"id": customer.address, "name": customer.person.name(), "username": customer.person.username,
            "profile_pic": null, "follower_count": customer.pace, "is_user_follow_business": customer.pace % 2 == 0,
            "is_business_follow_user": false, "is_verified_user": false});
        return Reply::json(200, select(all, fields));
    }
    let Some(message) = account.book.get(object) else { return missing_object(object) };
    let newer = account.book.number(object).map_or(0, |mine| {
        account.book.iter().filter(|(n, m)| *n > mine && m.customer == message.customer && !m.lost).count()
    });
    if newer >= READABLE || message.deleted {
        return refuse(400, 9_000_001, None, "The requested message has been deleted");
    }
    Reply::json(200, select(full(account, message), fields.or(Some("id,created_time"))))
}

fn full(account: &Account, message: &Message) -> Value {
    let dialect = Dialect::of(account.view.platform);
    let us = dialect.us(&account.view);
    let them = account.find(&message.customer).map_or(Value::Null, |c| dialect.person(&c.address, &c.person));
    let (from, to) = if message.author == Author::Customer { (them, us) } else { (us, them) };
    let mut out = json!({"id": message.id, "created_time": graph_time(message.at_ms), "from": from,
        "to": {"data": [to]}, "message": message.text});
    let attachments: Vec<Value> = message.raw["attachments"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| {
            let url = &a["payload"]["url"];
            match a["type"].as_str() {
                Some("image") => json!({"image_data": {"url": url, "width": 64, "height": 64}}),
                Some("video") => json!({"video_data": {"url": url}}),
                _ => json!({"file_url": url}),
            }
        })
        .collect();
    if !attachments.is_empty() {
        out["attachments"] = json!({"data": attachments});
    }
    if let Some(quoted) = &message.reply_to {
        out["reply_to"] = json!({"mid": quoted});
    }
    out
}
