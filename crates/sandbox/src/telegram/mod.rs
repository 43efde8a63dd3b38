//! Telegram's Bot API: `/telegram/bot<token>/<method>` and `/telegram/file/bot<token>/<path>`.

mod act;
mod send;
mod updates;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use serde_json::{Value, json};

use crate::account::{Account, AccountView, Platform};
use crate::fault::{Component, Refusal, under};
use crate::people::Customer;
use crate::wire::{Call, Reply};
use crate::world::World;

pub(crate) use act::act;
pub(crate) use updates::{Bot, pump, push};

/// The API as a router to be nested.
pub(crate) fn router() -> Router<Arc<World>> {
    Router::new().route("/{*path}", any(handle))
}

async fn handle(State(world): State<Arc<World>>, request: Request) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(reply) if reply.status == 413 => return refuse(413, "Request Entity Too Large").into_response(),
        Err(reply) => return reply.into_response(),
    };
    answer(&world, call).await.into_response()
}

async fn answer(world: &Arc<World>, call: Call) -> Reply {
    let (token, method, file) = match call.path.as_slice() {
        [file, bot, rest @ ..] if file == "file" => {
            (bot.strip_prefix("bot"), String::new(), Some(rest.join("/")))
        }
        [bot, method] => (bot.strip_prefix("bot"), method.to_ascii_lowercase(), None),
        _ => return refuse(404, "Not Found"),
    };
    let Some(token) = token else { return refuse(404, "Not Found") };
    let well_formed = token
        .split_once(':')
        .is_some_and(|(id, key)| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()) && key.len() >= 10);
    if !well_formed {
        return refuse(404, "Not Found");
    }
    let account = {
        let state = world.state();
        let mut bots =
            state.accounts.values().filter(|a| a.view.platform == Platform::Telegram && !a.view.revoked);
        bots.find(|a| a.view.token == token).map(|a| a.view.id.clone())
    };
    let Some(account) = account else { return refuse(401, "Unauthorized") };
    let component = match method.as_str() {
        "" | "getupdates" | "getfile" => Component::Receive,
        "getme" | "setwebhook" | "deletewebhook" | "getwebhookinfo" => Component::Auth,
        _ => Component::Send,
    };
    if let Some(path) = file {
        return under(world, Platform::Telegram, &account, component, &call.cut, async |_| {
            let state = world.state();
            let item = state.accounts.get(&account).and_then(|a| a.media.by_name(&path));
            item.map_or_else(|| refuse(404, "Not Found"), |item| Reply::bytes(&item.mime, item.bytes.clone()))
        })
        .await;
    }
    let cut = call.cut.clone();
    under(world, Platform::Telegram, &account, component, &cut, async |lost| {
        let reply = match method.as_str() {
            "getupdates" => updates::get_updates(world, &account, &call).await,
            "setwebhook" => updates::set_webhook(world, &account, &call),
            "deletewebhook" => updates::delete_webhook(world, &account, &call),
            "getwebhookinfo" => updates::webhook_info(world, &account),
            _ => send::method(world, &account, &method, &call, lost).await,
        };
        if !reply.ok()
            && let Some(account) = world.state().accounts.get_mut(&account)
        {
            return account.refuse(reply.status, reply);
        }
        reply
    })
    .await
}

/// `{"ok":false}` with a code and a description.
fn refuse(code: u16, description: &str) -> Reply {
    Reply::json(code, json!({"ok": false, "error_code": code, "description": description}))
}

fn bad(description: &str) -> Reply {
    refuse(400, &format!("Bad Request: {description}"))
}

fn fine(result: impl Into<Value>) -> Reply {
    Reply::json(200, json!({"ok": true, "result": result.into()}))
}

/// Too many requests, with the wait in whole seconds.
fn slow_down(wait_ms: u64) -> Reply {
    let seconds = wait_ms.div_ceil(1_000).max(1);
    let body = json!({"ok": false, "error_code": 429, "description": format!("Too Many Requests: retry after {seconds}"),
        "parameters": {"retry_after": seconds}});
    Reply::json(429, body).with("Retry-After", seconds.to_string())
}

/// Refusals of the platform's own making.
pub(crate) fn refusal(why: Refusal) -> Reply {
    match why {
        Refusal::Internal | Refusal::AuthDown | Refusal::LateSuccess => {
            refuse(500, "Internal Server Error: restart")
        }
        Refusal::Revoked => refuse(401, "Unauthorized"),
        Refusal::Throttled(ms) => slow_down(ms),
    }
}

fn bot_id(view: &AccountView) -> i64 {
    view.token.split(':').next().and_then(|id| id.parse().ok()).unwrap_or(0)
}

fn bot_user(view: &AccountView) -> Value {
    json!({"id": bot_id(view), "is_bot": true, "first_name": view.name, "username": view.username})
}

fn user(customer: &Customer) -> Value {
    let person = &customer.person;
    json!({"id": customer.address.parse::<i64>().unwrap_or(0), "is_bot": false, "first_name": person.first,
        "last_name": person.last, "username": person.username, "language_code": person.language})
}

fn chat(customer: &Customer) -> Value {
    let person = &customer.person;
    json!({"id": customer.address.parse::<i64>().unwrap_or(0), "type": "private", "first_name": person.first,
        "last_name": person.last, "username": person.username})
}

/// The books' id of a message.
fn book_id(chat: &str, message_id: i64) -> String {
    format!("{chat}:{message_id}")
}

/// The message without what it replies to (Telegram quotes one level).
fn quoted(account: &Account, id: &str) -> Option<Value> {
    let mut message = account.book.get(id).filter(|m| !m.deleted)?.raw.clone();
    message.as_object_mut()?.remove("reply_to_message");
    Some(message)
}
