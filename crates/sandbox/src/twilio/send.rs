//! Creating a message.

use std::sync::Arc;

use serde_json::json;

use super::{refuse, show};
use crate::account::Account;
use crate::book::{Author, Message};
use crate::customers::{fail, travel};
use crate::media::fetch;
use crate::wire::{Call, Reply};
use crate::world::World;

/// Longest body in characters.
const BODY_MAX: usize = 1_600;

fn valid(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0')
}

/// `POST Messages.json`.
pub(super) async fn create(world: &Arc<World>, account_id: &str, call: &Call, lost: bool) -> Reply {
    let media = call.field("MediaUrl").map(str::to_owned);
    let fetched = match &media {
        Some(url) => fetch(world, url).await.is_some(),
        None => true,
    };
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return refuse(401, 20003, "Authenticate") };
    match check(account, call, world.now_ms()) {
        Ok(to) => accept(world, account, &to, call, media.filter(|_| fetched), fetched, lost),
        Err((status, code, text)) => account.refuse(code, refuse(status, code, &text)),
    }
}

fn check(account: &mut Account, call: &Call, now: i64) -> Result<String, (u16, i64, String)> {
    let bad = |code, text: &str| Err((400, code, text.to_owned()));
    let Some(to) = call.field("To") else { return bad(21604, "A 'To' phone number is required.") };
    let from = call.field("From").unwrap_or_default();
    if from.is_empty() && call.field("MessagingServiceSid").is_none() {
        return bad(21603, "A 'From' phone number is required.");
    }
    if !from.is_empty() && from != account.view.from {
        let text = format!(
            "The 'From' phone number {from} is not a valid, SMS-capable inbound phone number or short code for your account."
        );
        return bad(21606, &text);
    }
    let body = call.field("Body").unwrap_or_default();
    if body.is_empty() && call.field("MediaUrl").is_none() && call.field("ContentSid").is_none() {
        return bad(21602, "Message body is required.");
    }
    if body.chars().count() > BODY_MAX {
        return bad(21617, "The concatenated message body exceeds the 1600 character limit.");
    }
    if !valid(to) {
        return bad(21211, &format!("The 'To' number {to} is not a valid phone number."));
    }
    if account.find(to).is_some_and(|c| c.opted_out) {
        return bad(21610, "Attempt to send to unsubscribed recipient");
    }
    let rate = account.limits.account_per_s.unwrap_or(100.0);
    if account.bucket.take(now, rate, rate.max(1.0)).is_err() {
        return Err((429, 20429, "Too Many Requests".to_owned()));
    }
    Ok(to.to_owned())
}

fn accept(
    world: &Arc<World>,
    account: &mut Account,
    to: &str,
    call: &Call,
    media: Option<String>,
    fetched: bool,
    lost: bool,
) -> Reply {
    let customer = account.find(to).cloned();
    let (key, carrier) = match &customer {
        Some(c) if c.blocked => (c.key.clone(), Some(30004)),
        Some(c) if c.gone => (c.key.clone(), Some(30005)),
        Some(c) => (c.key.clone(), c.carrier_error),
        None => (to.to_owned(), Some(30005)),
    };
    let prefix = if media.is_some() { "MM" } else { "SM" };
    let sid = format!("{prefix}{}", account.rng.hex(32));
    let text = call.field("Body").unwrap_or_default();
    let kind = if media.is_some() { "image" } else { "text" };
    let mut message = Message::new(sid.clone(), &key, Author::Business, kind, text, world.now_ms());
    let attached = media
        .map(|url| json!({"sid": format!("ME{}", account.rng.hex(32)), "mime": "image/png", "url": url}));
    message.raw = json!({"address": to, "callback": call.field("StatusCallback"),
        "media": attached.into_iter().collect::<Vec<_>>()});
    message.correlation = call.field("StatusCallback").map(str::to_owned);
    message.lost = lost;
    let shown = show(account, &message);
    account.book.add(message);
    match if fetched { carrier } else { Some(21620) } {
        Some(code) => fail(world, account, &sid, code),
        None => travel(world, account, &sid),
    }
    Reply::json(201, shown)
}
