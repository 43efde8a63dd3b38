//! Webhooks: made under the lock, sent by real HTTP, repeated by each platform's own rule.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use sha2::Sha256;

use crate::account::Platform;
use crate::fault::{Component, Kind, strike};
use crate::rng::Rng;
use crate::telegram;
use crate::wire::{escape, pause};
use crate::world::{BatchKey, State, World};

/// Something to tell the business.
#[derive(Debug, Clone)]
pub(crate) struct Hook {
    pub(crate) component: Component,
    /// The message it tells of.
    pub(crate) message: Option<String>,
    pub(crate) body: Body,
}

/// Its form.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    /// One entry of a Meta webhook.
    Meta { object: &'static str, entry: Value },
    /// A Twilio request to the account's own URL, or to the one given.
    Form { url: Option<String>, fields: Vec<(String, String)> },
    /// A Telegram update: its kind, its queue, its member and how often it is delivered.
    Update { kind: &'static str, queue: String, body: Value, copies: u32 },
}

/// Sends the hooks that an account has collected, under the faults in force.
pub(crate) fn flush(world: &Arc<World>, state: &mut State, account_id: &str) {
    let now = world.now_ms();
    let State { accounts, faults, held, batches, .. } = state;
    let Some(account) = accounts.get_mut(account_id) else { return };
    let platform = account.view.platform;
    for hook in std::mem::take(&mut account.hooks) {
        if matches!(hook.body, Body::Meta { .. }) && !account.view.subscribed {
            continue;
        }
        let Some(active) = strike(faults, now, platform, account_id, hook.component, true) else {
            send(world, account_id, hook, now);
            continue;
        };
        let latency = active.fault.latency_ms;
        match active.fault.kind {
            Kind::Drop => {
                account.book.counts.hooks_dropped += 1;
                mark(account, hook.message.as_deref(), "DROPPED");
            }
            Kind::Delay => send(world, account_id, hook, now + latency.unwrap_or(30_000) as i64),
            Kind::Reorder => {
                let late = account.rng.range(0, latency.unwrap_or(2_000)) as i64;
                send(world, account_id, hook, now + late);
            }
            Kind::Duplicate => {
                if let Body::Update { kind, queue, body, .. } = hook.body {
                    let body = Body::Update { kind, queue, body, copies: 2 };
                    send(world, account_id, Hook { body, ..hook }, now);
                } else {
                    send(world, account_id, hook.clone(), now);
                    send(world, account_id, hook, now + latency.unwrap_or(0) as i64);
                }
            }
            Kind::Batch => {
                let Body::Meta { object, entry } = hook.body else {
                    send(world, account_id, hook, now);
                    continue;
                };
                let url = account.view.webhook_url.clone().unwrap_or_default();
                let key = (object, url, account.view.app_secret.clone());
                let batch = batches.entry(key.clone()).or_default();
                batch.push(entry);
                if batch.len() == 1 {
                    let account = account_id.to_owned();
                    let due = now + latency.unwrap_or(1_000) as i64;
                    world.at(due, move |world| send_batch(world, account, &key));
                }
            }
            Kind::Hold => {
                let account = account_id.to_owned();
                held.push((active.id, Box::new(move |world| dispatch(world, &account, hook))));
            }
            _ => send(world, account_id, hook, now),
        }
    }
}

/// Sends what has gathered for an address as one webhook.
fn send_batch(world: &Arc<World>, account: String, key: &BatchKey) {
    let entries = world.state().batches.remove(key).unwrap_or_default();
    let (world, object) = (world.clone(), key.0);
    world.clone().spawn(async move { meta(&world, &account, object, entries, None).await });
}

fn send(world: &Arc<World>, account: &str, hook: Hook, due: i64) {
    let account = account.to_owned();
    world.at(due, move |world| dispatch(world, &account, hook));
}

fn dispatch(world: &Arc<World>, account: &str, hook: Hook) {
    if let Body::Update { kind, queue, body, copies } = hook.body {
        telegram::push(world, account, kind, &queue, body, copies);
        return;
    }
    let (world, account) = (world.clone(), account.to_owned());
    world.clone().spawn(async move {
        match hook.body {
            Body::Meta { object, entry } => meta(&world, &account, object, vec![entry], hook.message).await,
            Body::Form { url, fields } => form(&world, &account, url, fields).await,
            Body::Update { .. } => {}
        }
    });
}

fn mark(account: &mut crate::account::Account, message: Option<&str>, state: &'static str) {
    if let Some(message) = message.and_then(|id| account.book.get_mut(id)) {
        message.webhook = state;
    }
}

/// What came of one try.
enum Tried {
    Ok,
    /// Never connected.
    Unreachable(String),
    Failed(String),
}

async fn post(request: reqwest::RequestBuilder, timeout: Duration) -> Tried {
    match request.timeout(timeout).send().await {
        Ok(response) if response.status().is_success() => {
            // The body is read so that the connection can be used again.
            let _ = response.bytes().await;
            Tried::Ok
        }
        Ok(response) => Tried::Failed(format!("HTTP {}", response.status().as_u16())),
        Err(error) if error.is_connect() => Tried::Unreachable(error.to_string()),
        Err(error) => Tried::Failed(error.to_string()),
    }
}

/// JSON as Meta writes it: everything beyond ASCII as `\u` and four lower-case hex digits.
pub(crate) fn ascii_json(value: &Value) -> String {
    let text = value.to_string();
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// `X-Hub-Signature-256` of a body.
pub(crate) fn meta_signature(secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(body);
    format!("sha256={}", crate::rng::hex(&mac.finalize().into_bytes()))
}

/// `X-Twilio-Signature` of a request.
pub(crate) fn twilio_signature(token: &str, url: &str, fields: &[(String, String)]) -> String {
    let mut sorted: Vec<_> = fields.iter().collect();
    sorted.sort();
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(token.as_bytes()) else { return String::new() };
    mac.update(url.as_bytes());
    for (name, value) in sorted {
        mac.update(name.as_bytes());
        mac.update(value.as_bytes());
    }
    base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes())
}

/// Waits before Meta's tries: at once, then fewer and fewer; the last one repeats until the event is too old.
const META_WAITS_MS: [u64; 9] =
    [0, 5_000, 15_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000, 14_400_000];
/// Instagram drops an event after 36 hours, WhatsApp after 7 days.
const INSTAGRAM_KEEPS_MS: i64 = 36 * 3_600_000;
const WHATSAPP_KEEPS_MS: i64 = 7 * 24 * 3_600_000;
/// A Page whose webhook has failed so long is unsubscribed.
const PAGE_FORGIVES_MS: i64 = 3_600_000;

async fn meta(
    world: &Arc<World>,
    account_id: &str,
    object: &'static str,
    entries: Vec<Value>,
    message: Option<String>,
) {
    let born = world.now_ms();
    let mut tries = 0_usize;
    let mut rng = Rng::new(world.config.seed, &["retry", account_id, message.as_deref().unwrap_or_default()]);
    loop {
        let (url, secret, doors) = {
            let mut state = world.state();
            let Some(account) = state.accounts.get_mut(account_id) else { return };
            let Some(url) = account.view.webhook_url.clone() else { return };
            account.book.counts.hooks_posted += u64::from(tries == 0);
            (url, account.view.app_secret.clone(), account.doors.clone())
        };
        let Ok(door) = doors.acquire_owned().await else { return };
        let body = ascii_json(&json!({"object": object, "entry": entries}));
        let signature = meta_signature(&secret, body.as_bytes());
        let request =
            world.http.post(&url).header("Content-Type", "application/json").header("Accept", "*/*");
        let request = request.header("X-Hub-Signature-256", signature).body(body);
        let patience = if object == "whatsapp_business_account" { 10 } else { 5 };
        let tried = post(request, Duration::from_secs(patience)).await;
        drop(door);
        let wait = META_WAITS_MS[tries.min(META_WAITS_MS.len() - 1)];
        let wait = world.retried(wait + rng.range(0, wait / 5 + 1));
        tries += 1;
        if meta_over(world, account_id, object, tried, message.as_deref(), born, wait) {
            return;
        }
        pause(world, wait as u64).await;
    }
}

/// Notes what came of a try; true if there won't be another.
fn meta_over(
    world: &World,
    account_id: &str,
    object: &str,
    tried: Tried,
    message: Option<&str>,
    born: i64,
    wait: i64,
) -> bool {
    let now = world.now_ms();
    let mut state = world.state();
    let Some(account) = state.accounts.get_mut(account_id) else { return true };
    let error = match tried {
        Tried::Ok => {
            account.book.counts.hooks_ok += 1;
            account.failing_since_ms = None;
            mark(account, message, "DELIVERED");
            return true;
        }
        Tried::Unreachable(error) | Tried::Failed(error) => error,
    };
    account.book.counts.hooks_failed += 1;
    account.book.counts.last_hook_error = Some(error);
    mark(account, message, "RETRYING");
    let since = *account.failing_since_ms.get_or_insert(now);
    let page = account.view.platform != Platform::Whatsapp && account.view.page_id.is_some();
    if page && now - since > world.retried(PAGE_FORGIVES_MS as u64) {
        account.view.subscribed = false;
    }
    let keeps = match object {
        "page" => PAGE_FORGIVES_MS,
        "instagram" => INSTAGRAM_KEEPS_MS,
        _ => WHATSAPP_KEEPS_MS,
    };
    let over = !account.view.subscribed || now + wait - born > world.retried(keeps as u64);
    if over {
        account.book.counts.hooks_given_up += 1;
        mark(account, message, "FAILED");
    }
    over
}

/// Twilio's connection settings, which the URL's fragment may change.
struct Settings {
    retries: u32,
    /// Whether every failure is retried, or only failing to connect.
    all: bool,
    connect_ms: u64,
    read_ms: u64,
    total_ms: u64,
}

fn settings(url: &str) -> (String, Settings) {
    let mut out = Settings { retries: 1, all: false, connect_ms: 5_000, read_ms: 15_000, total_ms: 15_000 };
    let (bare, fragment) = url.split_once('#').unwrap_or((url, ""));
    for (name, value) in crate::wire::pairs(fragment) {
        let number = value.parse::<u64>().unwrap_or(0);
        match name.as_str() {
            "rc" => out.retries = number.min(5) as u32,
            "rp" => out.all = value.split(',').any(|p| p == "all" || p == "5xx" || p == "rt"),
            "ct" => out.connect_ms = number.clamp(100, 10_000),
            "rt" => out.read_ms = number.clamp(100, 15_000),
            "tt" => out.total_ms = number.clamp(100, 15_000),
            _ => {}
        }
    }
    (bare.to_owned(), out)
}

async fn form(world: &Arc<World>, account_id: &str, url: Option<String>, fields: Vec<(String, String)>) {
    let inbound = url.is_none();
    let (urls, token, doors) = {
        let mut state = world.state();
        let Some(account) = state.accounts.get_mut(account_id) else { return };
        let main = url.or_else(|| account.view.webhook_url.clone());
        let spare = account.view.fallback_url.clone().filter(|_| inbound);
        let urls: Vec<String> = main.into_iter().chain(spare).collect();
        if urls.is_empty() {
            return;
        }
        account.book.counts.hooks_posted += 1;
        (urls, account.view.auth_token.clone(), account.doors.clone())
    };
    let Ok(_door) = doors.acquire_owned().await else { return };
    let body: String =
        fields.iter().map(|(k, v)| format!("{}={}", escape(k), escape(v))).collect::<Vec<_>>().join("&");
    for url in &urls {
        let (bare, set) = settings(url);
        let signature = twilio_signature(&token, &bare, &fields);
        let start = world.now_ms();
        let idempotency = format!("{:016x}", crate::rng::hash(world.config.seed, &[url, &body]));
        for _ in 0..=set.retries {
            let left = set.total_ms as i64 - (world.now_ms() - start);
            if left <= 0 {
                break;
            }
            let request = world.http.post(&bare).header("Content-Type", "application/x-www-form-urlencoded");
            let request = request.header("X-Twilio-Signature", &signature).body(body.clone());
            let request = request.header("I-Twilio-Idempotency-Token", &idempotency);
            let patience = (set.connect_ms + set.read_ms).min(left as u64);
            let tried = post(request, Duration::from_millis(patience)).await;
            match form_failed(world, account_id, tried, set.all) {
                None => return,
                Some(true) => {}
                Some(false) => break,
            }
        }
    }
    if let Some(account) = world.state().accounts.get_mut(account_id) {
        account.book.counts.hooks_given_up += 1;
    }
}

/// Notes what came of a try: `None` is success, else whether this address is tried again.
fn form_failed(world: &World, account_id: &str, tried: Tried, all: bool) -> Option<bool> {
    let mut state = world.state();
    let counts = &mut state.accounts.get_mut(account_id)?.book.counts;
    let (again, error) = match tried {
        Tried::Ok => {
            counts.hooks_ok += 1;
            return None;
        }
        Tried::Unreachable(error) => (true, error),
        Tried::Failed(error) => (all, error),
    };
    counts.hooks_failed += 1;
    counts.last_hook_error = Some(format!("11200: {error}"));
    Some(again)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn meta_writes_plain_ascii() {
        assert_eq!(ascii_json(&json!({"t": "é😊"})), r#"{"t":"\u00e9\ud83d\ude0a"}"#);
    }

    #[test]
    fn the_fragment_changes_the_settings_and_is_not_part_of_the_address() {
        let (bare, set) = settings("https://h/x?y=1#rc=3&rp=all&tt=9000");
        assert_eq!((bare.as_str(), set.retries, set.all, set.total_ms), ("https://h/x?y=1", 3, true, 9_000));
        let (_, set) = settings("https://h/x");
        assert_eq!((set.retries, set.all), (1, false));
    }
}
