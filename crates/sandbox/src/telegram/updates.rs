//! Updates: kept for a day, taken by polling or pushed to the webhook in strict order per queue.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Notify, Semaphore};

use super::{bad, fine, refuse};
use crate::rng::{Rng, hash};
use crate::wire::{Call, Reply, pause};
use crate::world::World;

/// How long updates are kept: a day; button presses 150 s.
const KEPT_MS: i64 = 86_400_000;
const PRESS_KEPT_MS: i64 = 150_000;
/// A webhook that answers 410 for so long is removed.
const GONE_MS: i64 = 23 * 3_600_000;

#[derive(Debug, Clone)]
struct Update {
    body: Value,
    expires_ms: i64,
    copies: u32,
}

#[derive(Debug, Clone)]
struct Webhook {
    url: String,
    secret: Option<String>,
    max_connections: u64,
    doors: Arc<Semaphore>,
    gone_since_ms: Option<i64>,
}

/// What Telegram keeps for a bot.
#[derive(Debug, Default)]
pub(crate) struct Bot {
    updates: BTreeMap<i64, Update>,
    queues: HashMap<String, VecDeque<i64>>,
    busy: HashSet<String>,
    next_update: i64,
    webhook: Option<Webhook>,
    /// Deliveries of an earlier webhook stop.
    generation: u64,
    allowed: Option<Vec<String>>,
    bell: Arc<Notify>,
    /// A newer poller ends an older one.
    poll: u64,
    last_poll: (i64, i64),
    last_error: Option<(i64, String)>,
    next_message: i64,
    /// When each open button press was made.
    pub(super) presses: BTreeMap<String, i64>,
}

impl Bot {
    pub(crate) fn set_webhook(&mut self, url: String, secret: Option<String>) {
        self.install(url, secret, 40);
    }

    fn install(&mut self, url: String, secret: Option<String>, max_connections: u64) {
        self.generation += 1;
        self.busy.clear();
        self.last_error = None;
        let doors = Arc::new(Semaphore::new(max_connections as usize));
        self.webhook = Some(Webhook { url, secret, max_connections, doors, gone_since_ms: None });
    }

    fn remove_webhook(&mut self) {
        self.generation += 1;
        self.busy.clear();
        self.webhook = None;
    }

    /// The next message id of this bot.
    pub(super) fn message_id(&mut self) -> i64 {
        self.next_message += 1;
        self.next_message
    }

    fn wants(&self, kind: &str) -> bool {
        match &self.allowed {
            Some(list) if !list.is_empty() => list.iter().any(|k| k == kind),
            // By default everything but these.
            _ => !matches!(kind, "message_reaction" | "message_reaction_count" | "chat_member"),
        }
    }

    fn expire(&mut self, now: i64) {
        self.updates.retain(|_, u| u.expires_ms > now);
    }

    /// The first waiting update of a queue.
    fn head(&mut self, queue: &str, now: i64) -> Option<i64> {
        let line = self.queues.get_mut(queue)?;
        while let Some(id) = line.front() {
            match self.updates.get(id) {
                Some(update) if update.expires_ms > now => return Some(*id),
                Some(_) => drop(self.updates.remove(id)),
                None => {}
            }
            line.pop_front();
        }
        self.queues.remove(queue);
        None
    }

    fn drop_all(&mut self) {
        self.updates.clear();
        self.queues.clear();
    }
}

/// Adds an update, and starts its delivery.
pub(crate) fn push(world: &Arc<World>, account_id: &str, kind: &str, queue: &str, body: Value, copies: u32) {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return };
    let bot = &mut account.bot;
    if !bot.wants(kind) {
        return;
    }
    if bot.next_update == 0 {
        bot.next_update =
            100_000_000 + (hash(world.config.seed, &["update", account_id]) % 800_000_000) as i64;
    }
    bot.next_update += 1;
    let id = bot.next_update;
    let expires_ms = now + if kind == "callback_query" { PRESS_KEPT_MS } else { KEPT_MS };
    let body = json!({"update_id": id, kind: body});
    bot.updates.insert(id, Update { body, expires_ms, copies });
    bot.queues.entry(queue.to_owned()).or_default().push_back(id);
    bot.bell.notify_waiters();
    drop(state);
    pump(world, account_id);
}

/// Starts a courier for every queue that has something and no courier.
pub(crate) fn pump(world: &Arc<World>, account_id: &str) {
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return };
    let bot = &mut account.bot;
    if bot.webhook.is_none() {
        return;
    }
    let generation = bot.generation;
    let idle: Vec<String> = bot.queues.keys().filter(|q| !bot.busy.contains(*q)).cloned().collect();
    for queue in idle {
        bot.busy.insert(queue.clone());
        let (world, account) = (world.clone(), account_id.to_owned());
        world.clone().spawn(async move { carry(&world, &account, &queue, generation).await });
    }
}

/// What the courier takes on its next way.
struct Errand {
    id: i64,
    url: String,
    secret: Option<String>,
    body: String,
    doors: Arc<Semaphore>,
    first: bool,
}

fn errand(
    world: &Arc<World>,
    account_id: &str,
    queue: &str,
    generation: u64,
    failures: u32,
) -> Option<Errand> {
    let now = world.now_ms();
    let mut state = world.state();
    let account = state.accounts.get_mut(account_id)?;
    let bot = &mut account.bot;
    if bot.generation != generation {
        return None;
    }
    let (Some(id), Some(webhook)) = (bot.head(queue, now), bot.webhook.clone()) else {
        bot.busy.remove(queue);
        return None;
    };
    let body = bot.updates.get(&id)?.body.to_string();
    account.book.counts.hooks_posted += u64::from(failures == 0);
    Some(Errand {
        id,
        url: webhook.url,
        secret: webhook.secret,
        body,
        doors: webhook.doors,
        first: failures == 0,
    })
}

/// Delivers a queue in order until it is empty; a failing head holds the rest back.
async fn carry(world: &Arc<World>, account_id: &str, queue: &str, generation: u64) {
    let mut failures = 0_u32;
    let mut rng = Rng::new(world.config.seed, &["courier", account_id, queue]);
    while let Some(errand) = errand(world, account_id, queue, generation, failures) {
        debug_assert!(errand.first == (failures == 0));
        let Ok(door) = errand.doors.clone().acquire_owned().await else { return };
        let mut request = world.http.post(&errand.url).header("Content-Type", "application/json");
        if let Some(secret) = &errand.secret {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
        }
        let result = request.body(errand.body).timeout(Duration::from_mins(1)).send().await;
        drop(door);
        let (error, gone, retry_after) = match result {
            Ok(response) if response.status().is_success() => {
                failures = 0;
                confirm(world, account_id, errand.id, generation);
                continue;
            }
            Ok(response) => {
                let after = response.headers().get("retry-after").and_then(|v| v.to_str().ok());
                let after = after.and_then(|v| v.parse::<u64>().ok()).map(|s| s.min(3_600) * 1_000);
                let status = response.status();
                let reason = status.canonical_reason().unwrap_or("error");
                (
                    format!("Wrong response from the webhook: {} {reason}", status.as_u16()),
                    status == 410,
                    after,
                )
            }
            Err(error) if error.is_connect() => ("Connection refused".to_owned(), false, None),
            Err(error) if error.is_timeout() => ("Read timeout expired".to_owned(), false, None),
            Err(_) => ("Connection reset by peer".to_owned(), false, None),
        };
        failures += 1;
        if !failed(world, account_id, generation, &error, gone) {
            return;
        }
        let backoff = 1_u64 << failures.saturating_sub(1).min(7);
        let own = if failures == 1 { 0 } else { (backoff * 1_000).min(rng.range(60_000, 120_000)) };
        pause(world, world.retried(retry_after.unwrap_or(own)) as u64).await;
    }
}

fn confirm(world: &Arc<World>, account_id: &str, id: i64, generation: u64) {
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return };
    account.book.counts.hooks_ok += 1;
    if account.bot.generation != generation {
        return;
    }
    if let Some(webhook) = &mut account.bot.webhook {
        webhook.gone_since_ms = None;
    }
    match account.bot.updates.get_mut(&id) {
        Some(update) if update.copies > 1 => update.copies -= 1,
        _ => drop(account.bot.updates.remove(&id)),
    }
}

/// Notes a failure; false if the webhook is gone.
fn failed(world: &Arc<World>, account_id: &str, generation: u64, error: &str, gone: bool) -> bool {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return false };
    account.book.counts.hooks_failed += 1;
    account.book.counts.last_hook_error = Some(error.to_owned());
    let bot = &mut account.bot;
    bot.last_error = Some((now, error.to_owned()));
    if bot.generation != generation {
        return false;
    }
    let Some(webhook) = &mut bot.webhook else { return false };
    if !gone {
        webhook.gone_since_ms = None;
        return true;
    }
    let since = *webhook.gone_since_ms.get_or_insert(now);
    if now - since < world.retried(GONE_MS as u64) {
        return true;
    }
    bot.remove_webhook();
    false
}

fn allowed(call: &Call) -> Option<Vec<String>> {
    serde_json::from_str(call.field("allowed_updates")?).ok()
}

pub(super) fn set_webhook(world: &Arc<World>, account_id: &str, call: &Call) -> Reply {
    let secret = call.field("secret_token").map(str::to_owned);
    if let Some(secret) = &secret
        && (secret.len() > 256
            || !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'))
    {
        return bad("secret token contains unallowed characters");
    }
    let url = call.field("url").unwrap_or_default().to_owned();
    if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
        return bad("bad webhook: An HTTPS URL must be provided for webhook");
    }
    {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(account_id) else { return refuse(401, "Unauthorized") };
        if call.field("drop_pending_updates") == Some("true") {
            account.bot.drop_all();
        }
        if let Some(list) = allowed(call) {
            account.bot.allowed = Some(list);
        }
        if url.is_empty() {
            account.bot.remove_webhook();
        } else {
            let most =
                call.field("max_connections").and_then(|v| v.parse().ok()).unwrap_or(40_u64).clamp(1, 100);
            account.bot.install(url.clone(), secret, most);
            // A poller that waits is told to go.
            account.bot.poll += 1;
            account.bot.bell.notify_waiters();
        }
    }
    pump(world, account_id);
    let word = if url.is_empty() { "Webhook was deleted" } else { "Webhook was set" };
    Reply::json(200, json!({"ok": true, "result": true, "description": word}))
}

pub(super) fn delete_webhook(world: &Arc<World>, account_id: &str, call: &Call) -> Reply {
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return refuse(401, "Unauthorized") };
    if call.field("drop_pending_updates") == Some("true") {
        account.bot.drop_all();
    }
    account.bot.remove_webhook();
    Reply::json(200, json!({"ok": true, "result": true, "description": "Webhook was deleted"}))
}

pub(super) fn webhook_info(world: &Arc<World>, account_id: &str) -> Reply {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return refuse(401, "Unauthorized") };
    let bot = &mut account.bot;
    bot.expire(now);
    let mut info =
        json!({"url": "", "has_custom_certificate": false, "pending_update_count": bot.updates.len()});
    if let Some(webhook) = &bot.webhook {
        info["url"] = json!(webhook.url);
        info["max_connections"] = json!(webhook.max_connections);
        info["ip_address"] = json!("127.0.0.1");
        if let Some((at, error)) = &bot.last_error {
            info["last_error_date"] = json!(at / 1_000);
            info["last_error_message"] = json!(error);
        }
    }
    if let Some(list) = &bot.allowed {
        info["allowed_updates"] = json!(list);
    }
    fine(info)
}

/// What one look at the updates gives.
enum Look {
    Answer(Reply),
    Wait(Arc<Notify>),
}

fn look(world: &Arc<World>, account_id: &str, offset: i64, limit: usize, poll: u64) -> Look {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else {
        return Look::Answer(refuse(401, "Unauthorized"));
    };
    let bot = &mut account.bot;
    if bot.webhook.is_some() {
        let text = "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first";
        return Look::Answer(refuse(409, text));
    }
    if bot.poll != poll {
        let text = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
        return Look::Answer(refuse(409, text));
    }
    bot.expire(now);
    if offset > 0 {
        bot.updates = bot.updates.split_off(&offset);
    } else if offset < 0 {
        // The last so many; what is before them is forgotten.
        let back = bot.updates.keys().rev().nth((-offset - 1) as usize).copied();
        if let Some(from) = back {
            bot.updates = bot.updates.split_off(&from);
        }
    }
    if bot.updates.is_empty() {
        return Look::Wait(bot.bell.clone());
    }
    // The same offset again within half a second gives one update, so that a crash loop doesn't refetch batches.
    let again = bot.last_poll.0 == offset && now - bot.last_poll.1 < 500;
    bot.last_poll = (offset, now);
    let most = if again { 1 } else { limit };
    let list: Vec<Value> = bot.updates.values().take(most).map(|u| u.body.clone()).collect();
    Look::Answer(fine(list))
}

pub(super) async fn get_updates(world: &Arc<World>, account_id: &str, call: &Call) -> Reply {
    let number = |name: &str, or: i64| call.field(name).and_then(|v| v.parse::<i64>().ok()).unwrap_or(or);
    let offset = number("offset", 0);
    let limit = number("limit", 100).clamp(1, 100) as usize;
    let timeout = number("timeout", 0).clamp(0, 50) as u64;
    let poll = {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(account_id) else { return refuse(401, "Unauthorized") };
        if let Some(list) = allowed(call) {
            account.bot.allowed = Some(list);
        }
        if account.bot.webhook.is_none() {
            account.bot.poll += 1;
            account.bot.bell.notify_waiters();
        }
        account.bot.poll
    };
    let until = tokio::time::Instant::now() + Duration::from_secs(timeout);
    loop {
        let bell = match look(world, account_id, offset, limit, poll) {
            Look::Answer(reply) => return reply,
            Look::Wait(bell) => bell,
        };
        let ring = bell.notified();
        tokio::pin!(ring);
        ring.as_mut().enable();
        // Something may have come between the look and the wait.
        if let Look::Answer(reply) = look(world, account_id, offset, limit, poll) {
            return reply;
        }
        tokio::select! {
            () = ring => {}
            () = tokio::time::sleep_until(until) => return fine(Vec::<Value>::new()),
            () = world.shutdown.cancelled() => return refuse(502, "Bad Gateway"),
        }
    }
}
