//! WhatsApp Cloud API: sending, media, the number's own facts, status history.

use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::{missing_object, refuse, refuse_wa, throughput};
use super::{graph_time, select, subscription};
use crate::account::{Account, Refusals};
use crate::book::{Author, Message};
use crate::customers::{fail, travel};
use crate::media::{Item, URL_LIVES_MS, fetch, new_id};
use crate::people::Customer;
use crate::wire::{Call, Reply};
use crate::world::World;

/// The customer service window.
const WINDOW_MS: i64 = 24 * 3_600_000;

/// Answers a call about a WhatsApp account.
pub(super) async fn call(world: &Arc<World>, id: &str, own: bool, call: &Call, lost: bool) -> Reply {
    let edge = call.path.get(1).map(String::as_str).unwrap_or_default();
    if own && edge == "messages" && call.method == "POST" {
        return messages(world, id, call, lost).await;
    }
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    let object = call.path.first().map(String::as_str).unwrap_or_default();
    match (own, edge) {
        (true, "") => select(facts(account, object), call.field("fields")).into_reply(),
        (true, "media") if call.method == "POST" => upload(account, call),
        (true, "subscribed_apps") => subscription(account, call),
        (true, "message_history") => history(account, call),
        (true, "phone_numbers") => {
            let number = select(facts(account, &account.view.phone_number_id), call.field("fields"));
            Reply::json(200, json!({"data": [number]}))
        }
        (true, "message_templates") => {
            let names = ["hello_world", "order_update", "continue_here"].iter().map(|n| (*n).to_owned());
            let list: Vec<Value> = names
                .chain(account.templates.iter().cloned())
                .map(|n| json!({"name": n, "language": "en_US", "status": "APPROVED", "category": "UTILITY"}))
                .collect();
            Reply::json(200, json!({"data": list}))
        }
        (false, "") if call.method == "DELETE" => {
            Reply::json(200, json!({"success": account.media.remove(object)}))
        }
        (false, "") => media(world, account, object),
        _ => missing_object(object),
    }
}

trait IntoReply {
    fn into_reply(self) -> Reply;
}

impl IntoReply for Value {
    fn into_reply(self) -> Reply {
        Reply::json(200, self)
    }
}

fn facts(account: &Account, object: &str) -> Value {
    let view = &account.view;
    if object == view.waba_id {
        return json!({"id": view.waba_id, "name": view.name, "currency": "USD", "timezone_id": "1"});
    }
    let entity =
        |kind: &str, id: &str| json!({"entity_type": kind, "id": id, "can_send_message": "AVAILABLE"});
    let entities = [
        entity("PHONE_NUMBER", &view.phone_number_id),
        entity("WABA", &view.waba_id),
        entity("BUSINESS", "880001112223334"),
        entity("APP", "990001112223334"),
    ];
    json!({"id": view.phone_number_id, "display_phone_number": view.from, "verified_name": view.name,
        "code_verification_status": "VERIFIED", "quality_rating": "GREEN", "platform_type": "CLOUD_API",
        "status": "CONNECTED", "throughput": {"level": "STANDARD"},
        "health_status": {"can_send_message": "AVAILABLE", "entities": entities}})
}

fn upload(account: &mut Account, call: &Call) -> Reply {
    if call.field("messaging_product") != Some("whatsapp") {
        return refuse(400, 100, None, "(#100) The parameter messaging_product is required.");
    }
    let Some(file) = call.files.get("file") else {
        return refuse(400, 100, None, "(#100) The parameter file is required.");
    };
    let id = account.rng.digits(16);
    let mime = call.field("type").unwrap_or(&file.mime).to_owned();
    account.media.put(&id, Item { bytes: file.bytes.clone(), mime, name: file.name.clone() });
    Reply::json(200, json!({"id": id}))
}

fn media(world: &World, account: &Account, object: &str) -> Reply {
    let Some(item) = account.media.get(object) else { return missing_object(object) };
    let expires = world.now_ms() + URL_LIVES_MS;
    let url = format!("{}/cdn/{}/{object}?e={expires}", world.base_url, account.view.id);
    let sum = sha256(&item.bytes);
    Reply::json(
        200,
        json!({"messaging_product": "whatsapp", "url": url, "mime_type": item.mime, "sha256": sum,
        "file_size": item.bytes.len(), "id": object}),
    )
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    crate::rng::hex(&sha2::Sha256::digest(bytes))
}

fn history(account: &Account, call: &Call) -> Reply {
    let id = call.field("message_id").unwrap_or_default();
    let Some(message) = account.book.get(id).filter(|m| m.author == Author::Business) else {
        return Reply::json(200, json!({"data": []}));
    };
    let mut events: Vec<(i64, &str)> =
        message.state_at.iter().filter(|(n, _)| **n != "accepted").map(|(n, at)| (*at, *n)).collect();
    events.sort_unstable();
    let events: Vec<Value> = events
        .into_iter()
        .map(|(at, name)| {
            json!({"delivery_status": name.to_uppercase(), "timestamp": graph_time(at),
                "webhook_update_state": if message.webhook == "DROPPED" { "FAILED" } else { message.webhook },
                "webhook_uri": account.view.webhook_url})
        })
        .collect();
    let row = json!({"id": format!("h{}", &id[id.len().saturating_sub(12)..]), "message_id": id, "events": {"data": events}});
    Reply::json(200, json!({"data": [row]}))
}

/// `to` as WhatsApp reads it: without `+` the business's own country code is put in front.
fn dialled(to: &str, business: &str) -> String {
    let digits: String = to.chars().filter(char::is_ascii_digit).collect();
    if to.trim_start().starts_with('+') {
        return digits;
    }
    let own = business.trim_start_matches('+');
    let code = if own.starts_with('1') || own.starts_with('7') { 1 } else { 2 };
    format!("{}{digits}", own.get(..code).unwrap_or_default())
}

async fn messages(world: &Arc<World>, id: &str, call: &Call, lost: bool) -> Reply {
    let body = &call.json;
    let (checked, to, customer) = {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
        if body["messaging_product"] != json!("whatsapp") {
            return refuse(400, 100, None, "(#100) The parameter messaging_product is required.");
        }
        if body["status"] == json!("read") {
            return mark_read(account, body);
        }
        let to = match (body["to"].as_str(), body["recipient"].as_str()) {
            (Some(to), _) if !to.is_empty() => dialled(to, &account.view.from),
            (_, Some(bsuid)) if !bsuid.is_empty() => bsuid.to_owned(),
            _ => return refuse(400, 100, None, "(#100) The parameter to is required."),
        };
        if to.len() < 7 {
            return refuse_wa(
                400,
                131_009,
                "Parameter value is not valid",
                "Recipient phone number is not valid",
            );
        }
        if to == account.view.from.trim_start_matches('+') {
            return refuse_wa(
                400,
                131_021,
                "Recipient cannot be sender",
                "Recipient and sender phone number is same.",
            );
        }
        let checked = match super::wa_check::check(account, body) {
            Ok(checked) => checked,
            Err(reply) => return reply,
        };
        // One customer has one pace, by whichever id they are written to.
        let key = account.find(&to).map_or_else(|| to.clone(), |c| c.key.clone());
        if let Err(reply) = pace(account, &key, world.now_ms()) {
            return reply;
        }
        (checked, to.clone(), account.find(&to).cloned())
    };
    let fetched = match &checked.link {
        Some(link) => fetch(world, link).await.is_some(),
        None => true,
    };
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    accept(world, account, body, checked, &to, customer.as_ref(), fetched, lost)
}

fn pace(account: &mut Account, to: &str, now: i64) -> Result<(), Reply> {
    let rate = account.limits.account_per_s.unwrap_or(80.0);
    account.bucket.take(now, rate, rate.max(1.0)).map_err(|_| throughput())?;
    let per_s = account.limits.customer_per_s.unwrap_or(1.0 / 6.0);
    let burst = account.limits.customer_burst.unwrap_or(45.0);
    account.customer_buckets.entry(to.to_owned()).or_default().take(now, per_s, burst).map_err(|_| {
        refuse_wa(400, 131_056, "(Business Account, Consumer Account) pair rate limit hit",
            "Message failed to send because there were too many messages sent from this phone number to the same phone number in a short period of time.")
    })
}

fn mark_read(account: &mut Account, body: &Value) -> Reply {
    let id = body["message_id"].as_str().unwrap_or_default();
    match account.book.get_mut(id).filter(|m| m.author == Author::Customer) {
        Some(message) => {
            message.raise(crate::book::Stage::Read, message.at_ms);
            Reply::json(200, json!({"success": true}))
        }
        None => refuse(400, 100, None, "(#100) Invalid parameter"),
    }
}

/// Why an accepted message will fail, if it will.
fn trouble(
    checked: &super::wa_check::Checked,
    customer: Option<&Customer>,
    fetched: bool,
    now: i64,
) -> Option<i64> {
    let Some(customer) = customer.filter(|c| !c.gone && !c.blocked) else { return Some(131_026) };
    let open = customer.last_wrote_ms.is_some_and(|at| now - at < WINDOW_MS);
    if !open && checked.kind != "template" {
        return Some(131_047);
    }
    (!fetched).then_some(131_053)
}

#[expect(
    clippy::too_many_arguments,
    reason = "all that is known about one message at the moment of acceptance"
)]
fn accept(
    world: &Arc<World>,
    account: &mut Account,
    body: &Value,
    checked: super::wa_check::Checked,
    to: &str,
    customer: Option<&Customer>,
    fetched: bool,
    lost: bool,
) -> Reply {
    let now = world.now_ms();
    let trouble = trouble(&checked, customer, fetched, now);
    if let (Some(code), Refusals::Http) = (trouble, account.refusals) {
        let (title, details) = super::errors::late(code);
        return refuse_wa(400, code, title, details);
    }
    let id = format!("wamid.HBgL{}", new_id(&mut account.rng, 40));
    let key = customer.map_or(to, |c| c.key.as_str());
    let mut message = Message::new(id.clone(), key, Author::Business, &checked.kind, &checked.text, now);
    message.buttons = checked.buttons;
    message.reply_to = body["context"]["message_id"].as_str().map(str::to_owned);
    message.correlation = body["biz_opaque_callback_data"].as_str().map(str::to_owned);
    message.lost = lost;
    message.raw = json!({"to": to, "body": body});
    if checked.kind == "reaction"
        && let Some(target) = body["reaction"]["message_id"].as_str().and_then(|t| account.book.get_mut(t))
    {
        target.reaction = Some(checked.text.clone()).filter(|e| !e.is_empty());
    }
    account.book.add(message);
    match trouble {
        Some(code) => fail(world, account, &id, code),
        None => travel(world, account, &id),
    }
    let mut contact = json!({"input": body["to"].as_str().unwrap_or(to)});
    match customer {
        Some(customer) => {
            contact["user_id"] = json!(customer.bsuid);
            if !customer.hides_phone || body["to"].is_string() {
                contact["wa_id"] = json!(customer.address);
            }
        }
        None => contact["wa_id"] = json!(to),
    }
    let mut sent = json!({"id": id});
    if checked.kind == "template" {
        sent["message_status"] = json!("accepted");
    }
    Reply::json(200, json!({"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_plus_gets_the_business_country_code() {
        assert_eq!(dialled("+44 7700-900123", "+14155551000"), "447700900123");
        assert_eq!(dialled("447700900123", "+14155551000"), "1447700900123");
        assert_eq!(dialled("15551234", "+491520000000"), "4915551234");
    }
}
