//! Twilio's messaging API: `/twilio/2010-04-01/Accounts/<sid>/...`.

mod act;
mod send;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::account::{Account, Platform};
use crate::book::{Author, Message, Stage};
use crate::fault::{Component, Refusal, under};
use crate::wire::{Call, Reply, escape};
use crate::world::World;

pub(crate) use act::{act, receipt};

/// Times as Twilio writes them.
fn rfc2822(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    time.strftime("%a, %d %b %Y %H:%M:%S +0000").to_string()
}

fn date(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%d").to_string()
}

/// The API as a router to be nested.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new().route("/{*path}", any(handle))
}

async fn handle(State(world): State<Arc<World>>, request: Request) -> Response {
    match Call::read(request).await {
        Ok(call) => answer(&world, call).await.into_response(),
        Err(reply) => reply.into_response(),
    }
}

/// An error in Twilio's form.
fn refuse(status: u16, code: i64, message: &str) -> Reply {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    Reply::json(status, json!({"code": code, "message": message, "more_info": more, "status": status}))
}

/// Refusals of the platform's own making.
pub(crate) fn refusal(why: Refusal) -> Reply {
    match why {
        Refusal::Internal | Refusal::LateSuccess => {
            refuse(500, 20500, "An internal server error has occurred")
        }
        Refusal::AuthDown => refuse(503, 20503, "Service unavailable. Please try again later."),
        Refusal::Revoked => {
            refuse(401, 20003, "Authenticate").with("WWW-Authenticate", "Basic realm=\"Twilio API\"")
        }
        Refusal::Throttled(_) => refuse(429, 20429, "Too Many Requests"),
    }
}

/// The accounts (numbers) that a call's credentials open; they share an Account SID.
fn opened(world: &World, call: &Call, sid: &str) -> Vec<String> {
    let header = call.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let encoded = header.strip_prefix("Basic ").unwrap_or_default();
    let decoded = base64::engine::general_purpose::STANDARD.decode(encoded.trim()).unwrap_or_default();
    let pair = String::from_utf8_lossy(&decoded).into_owned();
    let Some((user, password)) = pair.split_once(':') else { return Vec::new() };
    let state = world.state();
    let numbers = state.accounts.values().filter(|a| {
        let view = &a.view;
        view.platform == Platform::Twilio
            && !view.revoked
            && view.account_sid == sid
            && user == sid
            && password == view.auth_token
    });
    numbers.map(|a| a.view.id.clone()).collect()
}

async fn answer(world: &Arc<World>, call: Call) -> Reply {
    let not_found = || {
        let path = format!("/{}", call.path.join("/"));
        refuse(404, 20404, &format!("The requested resource {path} was not found"))
    };
    let parts: Vec<&str> = call.path.iter().map(String::as_str).collect();
    let ["2010-04-01", "Accounts", sid, rest @ ..] = parts.as_slice() else { return not_found() };
    let (sid, rest) = if rest.is_empty() {
        (sid.trim_end_matches(".json"), Vec::new())
    } else {
        (*sid, rest.iter().map(|p| p.trim_end_matches(".json")).collect::<Vec<_>>())
    };
    // Media links open without credentials.
    if let ["Messages", message, "Media", media] = rest.as_slice() {
        return self::media(world, sid, message, media, &call).await;
    }
    let ids = opened(world, &call, sid);
    let Some(first) = ids.first() else { return refusal(Refusal::Revoked) };
    let post = call.method == "POST";
    let account = {
        let state = world.state();
        let from = call.field("From").unwrap_or_default();
        let sender = ids.iter().find(|id| state.accounts.get(*id).is_some_and(|a| a.view.from == from));
        sender.unwrap_or(first).clone()
    };
    let component = match rest.as_slice() {
        ["Messages"] if post => Component::Send,
        [] => Component::Auth,
        _ => Component::History,
    };
    let cut = call.cut.clone();
    under(world, Platform::Twilio, &account, component, &cut, async |lost| match rest.as_slice() {
        [] => {
            let state = world.state();
            let name = state.accounts.get(&account).map(|a| a.view.name.clone());
            Reply::json(200, json!({"sid": sid, "friendly_name": name, "status": "active", "type": "Full",
                "date_created": rfc2822(world.now_ms()), "uri": format!("/2010-04-01/Accounts/{sid}.json")}))
        }
        ["Messages"] if post => send::create(world, &account, &call, lost).await,
        ["Messages"] => list(world, &ids, sid, &call),
        ["Messages", id] => {
            let state = world.state();
            let found = ids.iter().filter_map(|a| state.accounts.get(a)).find_map(|a| Some(show(a, a.book.get(id)?)));
            found.map_or_else(not_found, |m| Reply::json(200, m))
        }
        ["Messages", id, "Media"] => {
            let state = world.state();
            let found = ids.iter().filter_map(|a| state.accounts.get(a)).find_map(|a| a.book.get(id));
            let Some(message) = found else { return not_found() };
            let list: Vec<Value> = message.raw["media"].as_array().into_iter().flatten().map(|media| {
                json!({"sid": media["sid"], "account_sid": sid, "parent_sid": id, "content_type": media["mime"],
                    "date_created": rfc2822(message.at_ms), "date_updated": rfc2822(message.at_ms),
                    "uri": format!("/2010-04-01/Accounts/{sid}/Messages/{id}/Media/{}.json", media["sid"].as_str().unwrap_or_default())})
            }).collect();
            Reply::json(200, json!({"media_list": list, "page": 0, "page_size": 50, "next_page_uri": null}))
        }
        _ => not_found(),
    })
    .await
}

async fn media(world: &Arc<World>, sid: &str, message: &str, media: &str, call: &Call) -> Reply {
    let found = {
        let state = world.state();
        let mut numbers = state
            .accounts
            .values()
            .filter(|a| a.view.platform == Platform::Twilio && a.view.account_sid == sid);
        numbers.find(|a| a.book.get(message).is_some()).map(|a| a.view.id.clone())
    };
    let missing = || refuse(404, 20404, "The requested resource was not found");
    let Some(account) = found else { return missing() };
    under(world, Platform::Twilio, &account, Component::Receive, &call.cut, async |_| {
        let state = world.state();
        let item = state.accounts.get(&account).and_then(|a| a.media.get(media));
        item.map_or_else(missing, |item| Reply::bytes(&item.mime, item.bytes.clone()))
    })
    .await
}

fn status(message: &Message) -> &'static str {
    match (message.author, message.state) {
        (Author::Customer, _) => "received",
        (_, Stage::Accepted) => "queued",
        (_, Stage::Sent) => "sent",
        (_, Stage::Failed) => "undelivered",
        (_, Stage::Delivered) => "delivered",
        (_, Stage::Read) => "read",
    }
}

/// A message as the API shows it.
fn show(account: &Account, message: &Message) -> Value {
    let view = &account.view;
    let theirs = message.raw["address"].as_str().unwrap_or_default();
    let inbound = message.author == Author::Customer;
    let (from, to) = if inbound { (theirs, view.from.as_str()) } else { (view.from.as_str(), theirs) };
    let direction = match message.author {
        Author::Customer => "inbound",
        Author::Platform => "outbound-reply",
        Author::Business | Author::App => "outbound-api",
    };
    let sent = inbound || message.state >= Stage::Sent;
    let uri = format!("/2010-04-01/Accounts/{}/Messages/{}", view.account_sid, message.id);
    let updated = message.state_at.values().max().copied().unwrap_or(message.at_ms);
    let count = message.raw["media"].as_array().map_or(0, Vec::len);
    json!({"sid": message.id, "account_sid": view.account_sid, "api_version": "2010-04-01", "body": message.text,
        "date_created": rfc2822(message.at_ms), "date_updated": rfc2822(updated),
        "date_sent": sent.then(|| rfc2822(message.at_ms)), "direction": direction, "error_code": message.error,
        "error_message": null, "from": from, "to": to, "messaging_service_sid": null,
        "num_media": count.to_string(), "num_segments": segments(&message.text).to_string(), "price": null,
        "price_unit": "USD", "status": status(message), "uri": format!("{uri}.json"),
        "subresource_uris": {"media": format!("{uri}/Media.json")}})
}

/// How many SMS a text takes: GSM-7 160 or 153 each, otherwise UCS-2 70 or 67.
fn segments(text: &str) -> usize {
    const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
    const DOUBLE: &str = "^{}\\[~]|€";
    let widths: Option<usize> =
        text.chars().map(|c| if BASIC.contains(c) { Some(1) } else { DOUBLE.contains(c).then_some(2) }).sum();
    let (units, one, many) = widths.map_or_else(|| (text.encode_utf16().count(), 70, 67), |n| (n, 160, 153));
    if units <= one { 1 } else { units.div_ceil(many) }
}

/// The newest first, filtered, in pages.
fn list(world: &World, ids: &[String], sid: &str, call: &Call) -> Reply {
    let number = |name: &str, or: usize| call.field(name).and_then(|v| v.parse().ok()).unwrap_or(or);
    let size = number("PageSize", 50).clamp(1, 1_000);
    let page = number("Page", 0);
    let state = world.state();
    let mut all: Vec<(i64, u64, Value)> = Vec::new();
    for account in ids.iter().filter_map(|id| state.accounts.get(id)) {
        for (n, message) in account.book.iter() {
            let shown = show(account, message);
            let day = date(message.at_ms);
            let is = |name: &str, value: &Value| call.field(name).is_none_or(|f| value == f);
            let dated = call.field("DateSent").is_none_or(|d| day == d)
                && call.field("DateSent>").is_none_or(|d| day.as_str() >= d)
                && call.field("DateSent<").is_none_or(|d| day.as_str() <= d);
            if is("To", &shown["to"]) && is("From", &shown["from"]) && dated {
                all.push((message.at_ms, n, shown));
            }
        }
    }
    all.sort_by_key(|(at, n, _)| std::cmp::Reverse((*at, *n)));
    let total = all.len();
    let shown: Vec<Value> = all.into_iter().skip(page * size).take(size).map(|(_, _, m)| m).collect();
    let uri = |page: usize| {
        let mut query = format!("PageSize={size}&Page={page}");
        for (name, value) in &call.fields {
            if !matches!(name.as_str(), "PageSize" | "Page" | "PageToken") {
                query.push_str(&format!("&{}={}", escape(name), escape(value)));
            }
        }
        format!("/2010-04-01/Accounts/{sid}/Messages.json?{query}")
    };
    let next = ((page + 1) * size < total).then(|| uri(page + 1) + "&PageToken=PA" + &(page + 1).to_string());
    Reply::json(
        200,
        json!({"messages": shown, "page": page, "page_size": size, "start": page * size,
        "end": (page * size + shown.len()).saturating_sub(1), "uri": uri(page), "first_page_uri": uri(0),
        "next_page_uri": next, "previous_page_uri": (page > 0).then(|| uri(page - 1))}),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_counted_as_carriers_do() {
        assert_eq!(segments(&"a".repeat(160)), 1);
        assert_eq!(segments(&"a".repeat(161)), 2);
        assert_eq!(segments(&"€".repeat(81)), 2);
        assert_eq!(segments(&"ж".repeat(70)), 1);
        assert_eq!(segments(&"ж".repeat(135)), 3);
    }

    #[test]
    fn times_are_written_as_documented() {
        assert_eq!(rfc2822(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(0), "1970-01-01");
    }
}
