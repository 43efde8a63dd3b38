//! Direct messages of Instagram and of Facebook Pages (Messenger): one protocol in two dialects.

mod act;
mod check;
mod dialect;
mod read;
mod receipt;
mod send;

use std::sync::Arc;

use serde_json::{Value, json};

use super::errors::missing_object;
use super::subscription;
use crate::account::Account;
use crate::deliver::{Body, Hook};
use crate::fault::Component;
use crate::wire::{Call, Reply};
use crate::world::World;

pub(crate) use act::act;
pub(super) use dialect::Dialect;
pub(super) use read::customer_of;
pub(crate) use receipt::receipt;

/// Answers a call about an account: on its own object, or on a message, conversation or person of it.
pub(super) async fn call(world: &Arc<World>, id: &str, own: bool, call: &Call, lost: bool) -> Reply {
    let edge = call.path.get(1).map(String::as_str).unwrap_or_default();
    if own && edge == "messages" && call.method == "POST" {
        return send::messages(world, id, call, lost).await;
    }
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(id) else { return missing_object(id) };
    let object = call.path.first().map(String::as_str).unwrap_or_default();
    match (own, edge) {
        (true, "subscribed_apps") => subscription(account, call),
        _ => read::call(world, account, own, object, edge, call),
    }
}

/// Queues one item of `messaging` as a webhook of its own.
fn messaging(
    account: &mut Account,
    component: Component,
    now: i64,
    mut item: Value,
    message: Option<String>,
) {
    let dialect = Dialect::of(account.view.platform);
    if item.get("timestamp").is_none() {
        item["timestamp"] = json!(now);
    }
    let entry = json!({"time": now, "id": dialect.own(&account.view), "messaging": [item]});
    account.hooks.push(Hook { component, message, body: Body::Meta { object: dialect.object, entry } });
}
