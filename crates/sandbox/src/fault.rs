//! Faults: which component of which platform fails, how, how often and when.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::account::Platform;
use crate::net::Cut;
use crate::rng::Rng;
use crate::wire::{Reply, pause};
use crate::world::World;
use crate::{Error, graph, telegram, twilio};

/// How long a call hangs when a fault doesn't say: longer than any client waits.
const HANG_MS: u64 = 120_000;

/// What of a platform fails. Echoes count as receipts, media downloads as receiving.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Component {
    /// Calls that send.
    Send,
    /// Customers' messages to the business: webhooks, polling, media.
    Receive,
    /// Sent, delivered, read, failed, and echoes.
    Receipts,
    /// Reading back conversations and messages.
    History,
    /// Checking tokens: every call.
    Auth,
}

/// How it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The platform's own 5xx with its JSON error; nothing was done.
    Error,
    /// A gateway's 502/503 without JSON; nothing was done.
    ErrorHtml,
    /// The platform's own throttling answer with its headers (`latency_ms` is the wait it asks for).
    RateLimited,
    /// The right answer after `latency_ms`.
    Latency,
    /// Hangs `latency_ms`, then resets; nothing was done.
    Timeout,
    /// The call was done; hangs `latency_ms`, then resets.
    TimeoutAfterAccept,
    /// Connection reset once the call was read; nothing was done.
    Reset,
    /// Connection reset once the call was done.
    ResetAfterWrite,
    /// A good answer, but the message never reaches anybody and no receipt comes.
    Blackhole,
    /// HTTP 200 with an error in the body; nothing was done.
    OkError,
    /// The answer to a good call has 5xx although the call was done.
    ErrorAfterAccept,
    /// The credential is refused.
    Revoked,
    /// Webhooks never come (what they carry can still be read back where the platform allows).
    Drop,
    /// Webhooks come `latency_ms` late.
    Delay,
    /// Webhooks are held and come when the fault ends.
    Hold,
    /// Webhooks come twice.
    Duplicate,
    /// Meta: what happens within `latency_ms` comes as entries of one webhook, other accounts' of the same app and
    /// address with it.
    Batch,
    /// Webhooks come in another order (each later by a random part of `latency_ms`).
    Reorder,
}

impl Kind {
    fn of_webhooks(self) -> bool {
        matches!(self, Self::Drop | Self::Delay | Self::Hold | Self::Duplicate | Self::Batch | Self::Reorder)
    }

    /// Whether it can happen to a component: history and login have no webhooks, receipts come by nothing else.
    pub(crate) fn fits(self, component: Component) -> bool {
        match component {
            Component::Send | Component::History | Component::Auth => !self.of_webhooks(),
            Component::Receipts => self.of_webhooks(),
            Component::Receive => true,
        }
    }
}

/// A fault as it is asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// The platform that fails.
    pub platform: Platform,
    /// Only this account (the id given at registration); all of the platform if absent.
    #[serde(default)]
    pub account: Option<String>,
    /// Only what is read of this customer (key or address); `history` alone can fail so.
    #[serde(default)]
    pub customer: Option<String>,
    /// What fails.
    pub component: Component,
    /// How.
    pub kind: Kind,
    /// Share of the calls or webhooks hit, 0 to 1.
    #[serde(default = "always")]
    pub rate: f64,
    /// Milliseconds; see [`Kind`].
    #[serde(default)]
    pub latency_ms: Option<u64>,
    /// Begins so many milliseconds from now.
    #[serde(default)]
    pub start_in_ms: u64,
    /// Ends so many milliseconds after it began; lasts until removed if absent.
    #[serde(default)]
    pub for_ms: Option<u64>,
}

fn always() -> f64 {
    1.0
}

/// A fault in force, or one that waits for its time.
#[derive(Debug, Clone, Serialize)]
pub struct Active {
    /// By which it is removed.
    pub id: u64,
    /// As it was asked for.
    #[serde(flatten)]
    pub fault: Fault,
    /// Unix milliseconds.
    pub starts_ms: i64,
    /// Unix milliseconds; until it is removed if absent.
    pub ends_ms: Option<i64>,
    /// Calls or webhooks hit so far.
    pub hits: u64,
    #[serde(skip)]
    rng: Option<Rng>,
}

/// The most faults at once: each call and webhook looks at all of them.
const FAULTS_MAX: usize = 256;

/// The longest wait and the longest fault: a year, so that no sum of times overflows.
const SPAN_MS_MAX: u64 = 366 * 24 * 3_600_000;

/// Whether a fault could be added.
pub(crate) fn check(world: &World, fault: &Fault) -> Result<(), Error> {
    let state = world.state();
    let refused = |why: String| Err(Error::Refused(why));
    if let Some(id) = &fault.account {
        match state.accounts.get(id) {
            None => return refused(format!("no account {id}")),
            Some(account) if account.view.platform != fault.platform => {
                return refused(format!("account {id} lives on {}", account.view.platform.name()));
            }
            Some(_) => {}
        }
    }
    if fault.customer.is_some() && fault.component != Component::History {
        return refused("only history can fail for one customer".to_owned());
    }
    if !(0.0..=1.0).contains(&fault.rate) {
        return refused("the share must be between 0 and 1".to_owned());
    }
    if fault.start_in_ms.max(fault.for_ms.unwrap_or(0)) > SPAN_MS_MAX {
        return refused("a fault may wait for a year and last for a year, no longer".to_owned());
    }
    if state.faults.len() >= FAULTS_MAX {
        return refused(format!("{FAULTS_MAX} faults are in force; take some away first"));
    }
    Ok(())
}

/// Adds a fault; returns its id.
pub(crate) fn inject(world: &Arc<World>, fault: Fault) -> Result<u64, Error> {
    check(world, &fault)?;
    let now = world.now_ms();
    let mut state = world.state();
    state.next_fault += 1;
    let id = state.next_fault;
    let starts_ms = now + fault.start_in_ms as i64;
    let ends_ms = fault.for_ms.map(|ms| starts_ms + ms as i64);
    let rng = Some(Rng::new(world.config.seed, &["fault", &id.to_string()]));
    state.faults.push(Active { id, fault, starts_ms, ends_ms, hits: 0, rng });
    if let Some(at) = ends_ms {
        world.at(at, release);
    }
    Ok(id)
}

/// Ends a fault now; false if there is none of this id.
pub(crate) fn remove(world: &Arc<World>, id: u64) -> bool {
    let mut state = world.state();
    let before = state.faults.len();
    state.faults.retain(|f| f.id != id);
    let found = state.faults.len() < before;
    drop(state);
    release(world);
    found
}

/// Ends every fault.
pub(crate) fn clear(world: &Arc<World>) {
    world.state().faults.clear();
    release(world);
}

/// Sends what was held by faults that are over, and forgets those.
fn release(world: &Arc<World>) {
    let now = world.now_ms();
    let mut state = world.state();
    state.faults.retain(|fault| fault.ends_ms.is_none_or(|end| now < end));
    let open: Vec<u64> = state.faults.iter().map(|f| f.id).collect();
    let held = std::mem::take(&mut state.held);
    let (keep, free): (Vec<_>, Vec<_>) = held.into_iter().partition(|(id, _)| open.contains(id));
    state.held = keep;
    drop(state);
    for (_, job) in free {
        world.at(now, job);
    }
}

/// Whether customers see a platform fail: what they write hangs, or nothing that the business sends comes.
pub(crate) fn troubled(faults: &[Active], now: i64, platform: Platform, account: &str) -> bool {
    faults.iter().any(|active| {
        let fault = &active.fault;
        fault.platform == platform
            && fault.account.as_deref().is_none_or(|a| a == account)
            && matches!(fault.component, Component::Send | Component::Receive | Component::Auth)
            && !matches!(fault.kind, Kind::Duplicate | Kind::Batch | Kind::Reorder)
            && active.starts_ms <= now
            && active.ends_ms.is_none_or(|end| now < end)
    })
}

/// The fault that hits this call or webhook, if one does. Counts the hit.
pub(crate) fn strike(
    faults: &mut [Active],
    now: i64,
    platform: Platform,
    account: &str,
    component: Component,
    webhook: bool,
) -> Option<Active> {
    strike_of(faults, now, (platform, account, None), component, webhook)
}

fn strike_of(
    faults: &mut [Active],
    now: i64,
    (platform, account, customer): (Platform, &str, Option<&str>),
    component: Component,
    webhook: bool,
) -> Option<Active> {
    for active in faults {
        let fault = &active.fault;
        let here = fault.platform == platform
            && fault.account.as_deref().is_none_or(|a| a == account)
            && fault.customer.as_deref().is_none_or(|c| customer == Some(c))
            && fault.component == component
            && fault.kind.of_webhooks() == webhook
            && active.starts_ms <= now
            && active.ends_ms.is_none_or(|end| now < end);
        if here && active.rng.as_mut().is_none_or(|rng| rng.chance(fault.rate)) {
            active.hits += 1;
            return Some(active.clone());
        }
    }
    None
}

/// Does a call under the faults of its component: `work` gets whether its message is to vanish. Faults of `auth` hit
/// every call.
pub(crate) async fn under(
    world: &Arc<World>,
    platform: Platform,
    account: &str,
    component: Component,
    cut: &Cut,
    work: impl AsyncFnOnce(bool) -> Reply,
) -> Reply {
    under_of(world, (platform, account, None), component, cut, work).await
}

/// As [`under`], for a call that is about one customer.
pub(crate) async fn under_of(
    world: &Arc<World>,
    of: (Platform, &str, Option<&str>),
    component: Component,
    cut: &Cut,
    work: impl AsyncFnOnce(bool) -> Reply,
) -> Reply {
    let (now, platform) = (world.now_ms(), of.0);
    let struck = {
        let mut state = world.state();
        strike_of(&mut state.faults, now, of, Component::Auth, false)
            .or_else(|| strike_of(&mut state.faults, now, of, component, false))
    };
    let Some(active) = struck else { return work(false).await };
    let latency = active.fault.latency_ms;
    let reset = || {
        cut.pull();
        Reply::text(500, "")
    };
    match active.fault.kind {
        Kind::Error if active.fault.component == Component::Auth => refusal(platform, Refusal::AuthDown),
        Kind::Error => refusal(platform, Refusal::Internal),
        Kind::ErrorHtml => Reply::html(502, "Bad Gateway"),
        Kind::RateLimited => refusal(platform, Refusal::Throttled(latency.unwrap_or(3_000))),
        Kind::OkError => Reply { status: 200, ..refusal(platform, Refusal::Internal) },
        Kind::Revoked => refusal(platform, Refusal::Revoked),
        Kind::Latency => {
            pause(world, latency.unwrap_or(2_000)).await;
            work(false).await
        }
        Kind::Timeout => {
            pause(world, latency.unwrap_or(HANG_MS)).await;
            reset()
        }
        Kind::TimeoutAfterAccept => {
            let _ = work(false).await;
            pause(world, latency.unwrap_or(HANG_MS)).await;
            reset()
        }
        Kind::Reset => reset(),
        Kind::ResetAfterWrite => {
            let _ = work(false).await;
            reset()
        }
        Kind::ErrorAfterAccept => {
            let _ = work(false).await;
            refusal(platform, Refusal::LateSuccess)
        }
        Kind::Blackhole => work(true).await,
        Kind::Drop | Kind::Delay | Kind::Hold | Kind::Duplicate | Kind::Batch | Kind::Reorder => {
            work(false).await
        }
    }
}

/// Why a platform refuses for reasons of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refusal {
    Internal,
    AuthDown,
    Revoked,
    /// With the wait in milliseconds.
    Throttled(u64),
    /// It was done all the same.
    LateSuccess,
}

fn refusal(platform: Platform, why: Refusal) -> Reply {
    match platform {
        Platform::Telegram => telegram::refusal(why),
        Platform::Whatsapp | Platform::Instagram | Platform::Messenger => graph::refusal(platform, why),
        Platform::Twilio => twilio::refusal(why),
    }
}
