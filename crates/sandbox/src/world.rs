//! What the simulated platforms know, their clock and their agenda.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use serde_json::Value;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::account::Account;
use crate::fault::Active;
use crate::{Config, Error};

/// Something to be done at a time.
pub(crate) type Job = Box<dyn FnOnce(&Arc<World>) + Send>;

/// What the entries of one webhook share: object, address, secret.
pub(crate) type BatchKey = (&'static str, String, String);

/// Everything that changes.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) accounts: BTreeMap<String, Account>,
    pub(crate) faults: Vec<Active>,
    pub(crate) next_fault: u64,
    /// Webhooks that wait for the end of a fault.
    pub(crate) held: Vec<(u64, Job)>,
    /// Entries that wait to be sent in one webhook.
    pub(crate) batches: HashMap<BatchKey, Vec<Value>>,
    /// Customers write of their own accord.
    pub(crate) chatter: bool,
    /// Which switching-on of the chatter it is; plans of an earlier one are dropped.
    pub(crate) chatter_round: u64,
    /// Customers answer.
    pub(crate) replies: bool,
    /// Numbers every account ever registered.
    pub(crate) next_account: u64,
}

struct Entry {
    due: i64,
    number: u64,
    job: Job,
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.due, self.number) == (other.due, other.number)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due, self.number).cmp(&(other.due, other.number))
    }
}

#[derive(Default)]
struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    number: u64,
}

/// The simulated world.
pub(crate) struct World {
    pub(crate) config: Config,
    pub(crate) base_url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) shutdown: CancellationToken,
    state: Mutex<State>,
    agenda: Mutex<Agenda>,
    bell: Notify,
    start_ms: i64,
    start: Instant,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl World {
    pub(crate) fn new(
        config: Config,
        addr: SocketAddr,
        shutdown: CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .user_agent("facebookexternalua")
            .build()?;
        let shown = if addr.ip().is_unspecified() {
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), addr.port())
        } else {
            addr
        };
        let base_url = config.public_url.clone().unwrap_or_else(|| format!("http://{shown}"));
        let since = config.started_at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let state = State { chatter: config.chatter, replies: config.replies, ..State::default() };
        Ok(Arc::new(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            http,
            shutdown,
            state: Mutex::new(state),
            agenda: Mutex::default(),
            bell: Notify::new(),
            start_ms: since.as_millis() as i64,
            start: Instant::now(),
            config,
        }))
    }

    /// Unix milliseconds; never falls.
    pub(crate) fn now_ms(&self) -> i64 {
        self.start_ms + self.start.elapsed().as_millis() as i64
    }

    /// The state; hold it briefly and never across an await.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `ms` of a customer's time, shortened by the configured speed.
    pub(crate) fn lived(&self, ms: u64) -> i64 {
        (ms as f64 / self.config.speed.max(0.001)) as i64
    }

    /// `ms` of a retry schedule, shortened by the configured retry speed.
    pub(crate) fn retried(&self, ms: u64) -> i64 {
        (ms as f64 / self.config.retry_speed.max(0.001)) as i64
    }

    /// Puts a job on the agenda; jobs of one time run in the order they were put.
    pub(crate) fn at(&self, due: i64, job: impl FnOnce(&Arc<World>) + Send + 'static) {
        let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
        agenda.number += 1;
        let number = agenda.number;
        agenda.heap.push(Reverse(Entry { due, number, job: Box::new(job) }));
        drop(agenda);
        self.bell.notify_one();
    }

    /// Runs a future until it ends or the sandbox stops.
    pub(crate) fn spawn(self: &Arc<Self>, future: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        #[expect(
            clippy::disallowed_methods,
            reason = "the sandbox has no supervisor: its tasks end with its token"
        )]
        tokio::spawn(async move {
            tokio::select! {
                () = shutdown.cancelled() => {}
                () = future => {}
            }
        });
    }

    /// Starts working through the agenda.
    pub(crate) fn start(self: &Arc<Self>) {
        let world = self.clone();
        self.spawn(async move {
            loop {
                let wait = world.run_due();
                let sleep =
                    wait.map_or(Duration::from_hours(1), |ms| Duration::from_millis(ms.max(1) as u64));
                tokio::select! {
                    () = world.bell.notified() => {}
                    () = tokio::time::sleep(sleep) => {}
                }
            }
        });
    }

    /// Runs what is due; returns the milliseconds until the next job.
    fn run_due(self: &Arc<Self>) -> Option<i64> {
        loop {
            let now = self.now_ms();
            let mut agenda = self.agenda.lock().unwrap_or_else(PoisonError::into_inner);
            let due = agenda.heap.peek().map(|entry| entry.0.due)?;
            if due > now {
                return Some(due - now);
            }
            let entry = agenda.heap.pop();
            drop(agenda);
            if let Some(Reverse(entry)) = entry {
                (entry.job)(self);
            }
        }
    }
}
