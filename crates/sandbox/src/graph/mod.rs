//! Meta's Graph API for WhatsApp, Instagram and Messenger: `/graph/<version>/<object>/...`.

mod direct;
mod errors;
mod wa_act;
mod wa_check;
mod whatsapp;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use crate::account::{Account, Platform};
use crate::fault::{Component, under_of};
use crate::wire::{Call, Reply};
use crate::world::World;

pub(crate) use direct::{act as direct_act, receipt as direct_receipt};
pub(crate) use errors::refusal;
pub(crate) use wa_act::{act as whatsapp_act, receipt as whatsapp_receipt};

use direct::Dialect;
use errors::{invalid_token, missing_object, refuse};

/// The app that everything of the business is connected through.
const APP_ID: i64 = 990_001_112_223_334;

/// Times as Graph writes them.
fn graph_time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S+0000").to_string()
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

/// What a call is about: an account, and what of it.
struct Aim {
    account: String,
    platform: Platform,
    /// The object's id was the account's own (or `me`), not one of a message, file or person.
    own: bool,
}

async fn answer(world: &Arc<World>, mut call: Call) -> Reply {
    let versioned = call.path.first().is_some_and(|first| {
        first.strip_prefix('v').is_some_and(|n| n.starts_with(|c: char| c.is_ascii_digit()))
    });
    if versioned {
        call.path.remove(0);
    }
    let Some(token) = call.bearer() else {
        return refuse(400, 104, None, "An access token is required to request this resource.");
    };
    let aim = match aim(world, &call, &token) {
        Ok(aim) => aim,
        Err(reply) => return reply,
    };
    let edge = call.path.get(1).map(String::as_str).unwrap_or_default();
    let post = call.method == "POST";
    let component = match (edge, post) {
        ("messages", true) if aim.own => Component::Send,
        ("conversations" | "messages" | "message_history", false) => Component::History,
        _ if aim.own => Component::Auth,
        _ if aim.platform != Platform::Whatsapp => Component::History,
        _ => Component::Receive,
    };
    let cut = call.cut.clone();
    let customer = read_of(world, &aim, &call);
    let of = (aim.platform, aim.account.as_str(), customer.as_deref());
    let reply = under_of(world, of, component, &cut, async |lost| match aim.platform {
        Platform::Whatsapp => whatsapp::call(world, &aim.account, aim.own, &call, lost).await,
        _ => direct::call(world, &aim.account, aim.own, &call, lost).await,
    })
    .await;
    finish(world, &aim.account, reply)
}

/// Finds the account that a call and its token mean.
fn aim(world: &World, call: &Call, token: &str) -> Result<Aim, Reply> {
    let state = world.state();
    let meta = |a: &&Account| a.view.platform.company() == "meta";
    let mine: Vec<&Account> =
        state.accounts.values().filter(meta).filter(|a| a.view.token == token).collect();
    if mine.is_empty() {
        return Err(invalid_token(None));
    }
    if mine.iter().all(|a| a.view.revoked) {
        return Err(invalid_token(Some(460)));
    }
    let object = call.path.first().map(String::as_str).unwrap_or_default();
    let named = |a: &&Account| {
        let view = &a.view;
        let page = view.page_id.as_deref() == Some(object);
        let id = match view.platform {
            Platform::Whatsapp => {
                [&view.phone_number_id, &view.waba_id].iter().any(|id| id.as_str() == object)
            }
            Platform::Instagram => view.ig_id == object || page,
            _ => page,
        };
        id || matches!(object, "me" | "refresh_access_token")
    };
    let named: Vec<&Account> = mine.iter().copied().filter(named).collect();
    // One Page may have a Messenger inbox and an Instagram account behind it.
    let meant = named.iter().find(|a| named.len() > 1 && means(a, call)).or(named.first());
    let found = meant.map(|a| (*a, true));
    let found = found.or_else(|| mine.iter().find(|a| knows(a, object)).map(|a| (*a, false)));
    let Some((account, own)) = found else { return Err(missing_object(object)) };
    Ok(Aim { account: account.view.id.clone(), platform: account.view.platform, own })
}

/// Whether a call on a shared Page is about this account: by the platform it names, or by whom it writes to.
fn means(account: &Account, call: &Call) -> bool {
    match call.field("platform") {
        Some(platform) => platform == account.view.platform.name(),
        None => {
            let to = call.object("recipient");
            to["id"].as_str().is_some_and(|id| account.by_address.contains_key(id))
        }
    }
}

/// The customer whose conversation or message is read.
fn read_of(world: &World, aim: &Aim, call: &Call) -> Option<String> {
    let (state, object) = (world.state(), call.path.first().filter(|_| !aim.own)?);
    let account = state.accounts.get(&aim.account)?;
    let of_message = || account.book.get(object).map(|message| message.customer.clone());
    direct::customer_of(account, object).or_else(of_message)
}

/// Whether an account has this message, file, conversation or person.
fn knows(account: &Account, object: &str) -> bool {
    account.media.get(object).is_some()
        || account.book.get(object).is_some()
        || account.by_address.contains_key(object)
        || direct::customer_of(account, object).is_some()
}

/// Counts a refusal and adds the usage headers.
fn finish(world: &World, account_id: &str, reply: Reply) -> Reply {
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return reply };
    if let crate::wire::Content::Json(body) = &reply.body
        && let Some(code) = body["error"]["code"].as_i64()
    {
        *account.book.counts.refused.entry(code.to_string()).or_default() += 1;
    }
    let rate = account.limits.account_per_s.unwrap_or(80.0);
    let used = account.bucket.used_percent(rate.max(1.0));
    let throttled = reply.status == 429;
    let (object, kind) = match account.view.platform {
        Platform::Whatsapp => (account.view.waba_id.as_str(), "whatsapp"),
        platform => (Dialect::of(platform).own(&account.view), platform.name()),
    };
    let share = if throttled { 100 } else { used };
    let business = json!({object: [{"type": kind, "call_count": share, "total_cputime": share / 4, "total_time": share / 4,
        "estimated_time_to_regain_access": u64::from(throttled)}]});
    let app = json!({"call_count": share / 2, "total_cputime": share / 8, "total_time": share / 8});
    reply
        .with("X-App-Usage", app.to_string())
        .with("X-Business-Use-Case-Usage", business.to_string())
        .with("facebook-api-version", "v25.0")
}

/// What an app that is subscribed is told of.
const INSTAGRAM_FIELDS: &[&str] = &["messages", "messaging_postbacks", "messaging_seen", "message_reactions"];
const PAGE_FIELDS: &[&str] = &[
    "messages",
    "messaging_postbacks",
    "message_deliveries",
    "message_reads",
    "message_echoes",
    "message_reactions",
    "message_edits",
    "messaging_referrals",
];

/// Reads, adds or removes the app's subscription to an account.
fn subscription(account: &mut Account, call: &Call) -> Reply {
    match call.method.as_str() {
        "POST" => account.view.subscribed = true,
        "DELETE" => account.view.subscribed = false,
        _ => {
            let app = json!({"id": APP_ID.to_string(), "name": "Everthread", "link": "https://example.org"});
            let fields: &[&str] =
                if account.view.platform == Platform::Messenger { PAGE_FIELDS } else { INSTAGRAM_FIELDS };
            let list = match (account.view.subscribed, account.view.platform) {
                (false, _) => json!([]),
                (true, Platform::Whatsapp) => json!([{"whatsapp_business_api_data": app}]),
                (true, _) => json!([{"id": app["id"], "name": app["name"], "subscribed_fields": fields}]),
            };
            return Reply::json(200, json!({"data": list}));
        }
    }
    Reply::json(200, json!({"success": true}))
}

/// The members of `all` that `fields` asks for (nested selections count by their name), and always `id`.
fn select(all: Value, fields: Option<&str>) -> Value {
    let Some(fields) = fields else { return all };
    let mut depth = 0_i32;
    let flat: String = fields
        .chars()
        .filter(|c| {
            depth += i32::from(matches!(c, '{' | '(')) - i32::from(matches!(c, '}' | ')'));
            depth == 0 && !matches!(c, '}' | ')')
        })
        .collect();
    let names: Vec<&str> = flat.split(',').map(|n| n.split('.').next().unwrap_or(n).trim()).collect();
    let Value::Object(all) = all else { return all };
    all.into_iter().filter(|(name, _)| name == "id" || names.contains(&name.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_select_members() {
        let all = json!({"id": "1", "name": "a", "messages": {"data": []}, "other": 1});
        let some = select(all.clone(), Some("name,messages.limit(3){id,other}"));
        assert_eq!(some, json!({"id": "1", "name": "a", "messages": {"data": []}}));
        assert_eq!(select(all.clone(), None), all);
    }

    #[test]
    fn times_are_written_as_documented() {
        assert_eq!(graph_time(0), "1970-01-01T00:00:00+0000");
    }
}
