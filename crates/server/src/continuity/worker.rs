//! The loop: observations in, incidents out, and what follows for accounts and lanes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use everthread_core::health::{Config, Finding, Observation};
use everthread_core::ids::{AccountId, ConversationId, WorkspaceId};
use everthread_core::routing::Policy;
use everthread_core::time::{Span, Timestamp};
use everthread_store::Store;
use everthread_store::read::continuity::Policies;
use everthread_store::units::StartAccount;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::handle::{Ask, Command, Continuity, Observer, Probed, Snapshot};
use super::probe::{self, Prober};
use super::side::Side;
use crate::clock;
use crate::continuation::Doorway;
use crate::effects::Effects;
use crate::http::Client;
use crate::hub::Hub;
use crate::registry::Registry;
use crate::supervisor::{Supervisor, TaskKind};

/// Nothing is looked at more rarely: probes are due by then.
const TICK: Duration = Duration::from_secs(1);

/// The same while a detector's fast dial is on.
const FAST_TICK: Duration = Duration::from_millis(100);

/// Observations taken at a time.
const OBSERVATIONS: usize = 1_024;

/// The detectors' state is stored at least this often while it changes.
const SAVE_EVERY: Span = Span::mins(1);

/// What the task works with.
pub(super) struct Worker {
    pub(super) store: Store,
    pub(super) hub: Hub,
    /// Where links into the web chat begin.
    pub(super) doorway: Doorway,
    pub(super) effects: Effects,
    pub(super) sides: [Side; 2],
    pub(super) policies: HashMap<WorkspaceId, Policy>,
    /// Lanes that want a plan now.
    pub(super) wanted: BTreeSet<(WorkspaceId, ConversationId)>,
    prober: Prober,
    probes: HashMap<AccountId, HashMap<&'static str, Probed>>,
    saved_at: Timestamp,
    dirty: bool,
    snapshot: watch::Sender<Arc<Snapshot>>,
}

impl std::fmt::Debug for Worker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Worker")
    }
}

/// What feeds the task.
struct Inboxes {
    observations: mpsc::Receiver<Observation>,
    plans: mpsc::UnboundedReceiver<(WorkspaceId, ConversationId)>,
    asks: mpsc::Receiver<Ask>,
    probes: mpsc::UnboundedReceiver<probe::Result>,
}

/// What [`spawn`] needs.
#[derive(Clone)]
pub struct Parts {
    pub store: Store,
    pub hub: Hub,
    pub supervisor: Supervisor,
    pub doorway: Doorway,
    pub client: Client,
    /// Divides every duration by which real channels are judged.
    pub pace: f64,
    /// The same for simulated channels.
    pub dial: f64,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parts")
    }
}

/// The handle and, to be run once effects exist, the task behind it.
pub fn spawn(
    parts: &Parts,
    (observer, observations): (Observer, mpsc::Receiver<Observation>),
) -> (Continuity, impl FnOnce(Effects) + use<>) {
    let (plan_sender, plans) = mpsc::unbounded_channel();
    let (ask_sender, asks) = mpsc::channel(64);
    let (result_sender, probes) = mpsc::unbounded_channel();
    let (snapshot, seen) = watch::channel(Arc::default());
    let handle = Continuity { asks: ask_sender, plans: plan_sender, snapshot: seen };
    let Parts { store, hub, supervisor, doorway, client, pace, dial } = parts.clone();
    let prober = Prober::new(client, observer, supervisor.clone(), Arc::clone(&doorway.url), result_sender);
    let inboxes = Inboxes { observations, plans, asks, probes };
    let start = move |effects: Effects| {
        let stop = supervisor.clone();
        supervisor.spawn(TaskKind::Continuity, async move {
            let mut worker = Worker::load(store, (hub, doorway), effects, (prober, snapshot)).await?;
            for (side, pace) in worker.sides.iter_mut().zip([pace, dial]) {
                side.detector.configure(Config { pace, ..side.detector.config() });
            }
            worker.run(inboxes, &stop).await
        });
    };
    (handle, start)
}

impl Worker {
    async fn load(
        store: Store,
        (hub, doorway): (Hub, Doorway),
        effects: Effects,
        (prober, snapshot): (Prober, watch::Sender<Arc<Snapshot>>),
    ) -> Result<Self, everthread_store::Error> {
        let sides = [Side::load(&store, "real", false).await?, Side::load(&store, "sandbox", true).await?];
        let now = clock::now();
        let mut worker = Self {
            store,
            hub,
            doorway,
            effects,
            sides,
            policies: HashMap::new(),
            wanted: BTreeSet::new(),
            prober,
            probes: HashMap::new(),
            saved_at: now,
            dirty: false,
            snapshot,
        };
        worker.policies().await?;
        Ok(worker)
    }

    async fn run(
        mut self,
        mut inboxes: Inboxes,
        supervisor: &Supervisor,
    ) -> Result<(), everthread_store::Error> {
        let stop = supervisor.stopping();
        let mut registry = self.hub.registry();
        self.members(&registry.borrow_and_update().clone());
        self.regate(clock::now()).await?;
        let mut seen = Vec::new();
        let mut look_at = Instant::now();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                n = inboxes.observations.recv_many(&mut seen, OBSERVATIONS) => if n == 0 { break },
                lane = inboxes.plans.recv() => if let Some(lane) = lane {
                    self.wanted.insert(lane);
                    look_at = Instant::now();
                },
                ask = inboxes.asks.recv() => if let Some(ask) = ask {
                    self.asked(ask).await;
                    look_at = Instant::now();
                },
                result = inboxes.probes.recv() => if let Some(result) = result { self.probed(result).await },
                changed = registry.changed() => if changed.is_ok() {
                    let accounts = registry.borrow_and_update().clone();
                    self.members(&accounts);
                },
                () = tokio::time::sleep_until(look_at) => {}
            }
            while let Ok(lane) = inboxes.plans.try_recv() {
                self.wanted.insert(lane);
            }
            for observation in seen.drain(..) {
                self.dirty = true;
                self.sides.iter_mut().for_each(|side| side.detector.observe(&observation));
            }
            // A busy hub observes thousands of times a second; looking at everything has its own rhythm.
            if Instant::now() < look_at {
                continue;
            }
            look_at = Instant::now() + self.tick();
            if let Err(error) = self.step(clock::now()).await {
                if !error.is_transient() {
                    tracing::error!(%error, "a step of continuity failed; it is tried again");
                }
                tokio::time::sleep(TICK).await;
            }
        }
        self.save(clock::now(), &[Vec::new(), Vec::new()]).await
    }

    fn tick(&self) -> Duration {
        let fast = |side: &Side| side.detector.config().pace > 1.0 && !side.detector.incidents().is_empty();
        if self.sides.iter().any(fast) { FAST_TICK } else { TICK }
    }

    /// One look at everything.
    async fn step(&mut self, now: Timestamp) -> Result<(), everthread_store::Error> {
        let found: [Vec<Finding>; 2] = std::array::from_fn(|side| self.sides[side].detector.evaluate(now));
        let changed = found.iter().any(|found| !found.is_empty());
        if changed || (self.dirty && now.since(self.saved_at) >= SAVE_EVERY) {
            self.save(now, &found).await?;
        }
        if changed {
            self.regate(now).await?;
        }
        self.start_probes(now);
        self.act(now).await
    }

    pub(super) async fn save(
        &mut self,
        now: Timestamp,
        found: &[Vec<Finding>; 2],
    ) -> Result<(), everthread_store::Error> {
        let registry = self.hub.registry().borrow().clone();
        for (side, found) in self.sides.iter_mut().zip(found) {
            side.save(&self.store, &self.effects, (found, &registry)).await?;
        }
        (self.saved_at, self.dirty) = (now, false);
        Ok(())
    }

    fn members(&mut self, registry: &Registry) {
        for side in &mut self.sides {
            side.members(registry);
        }
        self.probes.retain(|id, _| registry.account(*id).is_some());
    }

    pub(super) async fn policies(&mut self) -> Result<(), everthread_store::Error> {
        let rows = self.store.read(Policies).await?;
        self.policies = rows
            .into_iter()
            .map(|(workspace, body)| {
                let policy = serde_json::from_str(&body).unwrap_or_else(|error| {
                    tracing::error!(workspace.id = workspace.0, %error,
                        "the stored continuity policy can't be read; the default holds until it is saved again");
                    Policy::default()
                });
                (workspace, policy)
            })
            .collect();
        Ok(())
    }

    /// The side that judges an account.
    pub(super) fn side(&self, sandbox: bool) -> &Side {
        &self.sides[usize::from(sandbox)]
    }

    fn start_probes(&mut self, now: Timestamp) {
        let registry = self.hub.registry().borrow().clone();
        for side in &mut self.sides {
            for id in side.course.probes(&side.detector, self.prober.room(), now) {
                registry.account(id).into_iter().for_each(|account| self.prober.probe(Arc::clone(account)));
            }
        }
    }

    async fn probed(&mut self, result: probe::Result) {
        self.prober.ended();
        self.resume(result.account, result.token_ok()).await;
        let levels = self.probes.entry(result.account).or_default();
        levels.extend(result.levels.into_iter().map(|(level, probed)| (level.as_str(), probed)));
        self.publish();
    }

    /// A stopped account whose credential is accepted again sends again by itself.
    async fn resume(&mut self, account: AccountId, token_ok: bool) {
        let registry = self.hub.registry().borrow().clone();
        let Some(known) = registry.account(account) else { return };
        let course = &mut self.sides[usize::from(known.sandbox)].course;
        if !course.token(account, known.stopped.is_some(), token_ok) {
            return;
        }
        let unit = StartAccount { now: clock::now(), workspace: known.workspace, account };
        match self.store.write(unit).await {
            Ok(after) => {
                tracing::info!(
                    account.id = account.0,
                    "the platform accepts the credential again: sending goes on"
                );
                self.effects.committed(after);
                self.hub.mark_stale();
            }
            Err(error) => {
                tracing::warn!(account.id = account.0, %error, "the account can't be started again");
            }
        }
    }

    async fn asked(&mut self, ask: Ask) {
        let now = clock::now();
        let answer = match ask.command {
            Command::Declare { scope, direction, sandbox } => {
                let found = self.sides[usize::from(sandbox)].detector.declare(scope, direction, now);
                self.told(now, sandbox, found).await.map(|()| None)
            }
            Command::Dismiss { sandbox, key } => {
                match self.sides[usize::from(sandbox)].detector.dismiss(key, now) {
                    Some(found) => self.told(now, sandbox, found).await.map(|()| None),
                    None => Err("that incident is over already".to_owned()),
                }
            }
            Command::Approve { workspace, conversation, user } => {
                self.person_plans(workspace, conversation, user, None).await
            }
            Command::Choose { workspace, conversation, user, to } => {
                self.person_plans(workspace, conversation, user, Some(to)).await
            }
            Command::Reload => {
                self.sides.iter_mut().for_each(|side| side.course.plan_soon(now));
                self.policies().await.map(|()| None).map_err(|e| e.to_string())
            }
        };
        // Who asked may be gone.
        let _ = ask.answer.send(answer);
    }

    async fn told(&mut self, now: Timestamp, sandbox: bool, found: Finding) -> Result<(), String> {
        let mut all = [Vec::new(), Vec::new()];
        all[usize::from(sandbox)].push(found);
        self.save(now, &all).await.map_err(|e| e.to_string())?;
        self.regate(now).await.map_err(|e| e.to_string())
    }

    /// Shows everybody what is known.
    pub(super) fn publish(&self) {
        let incidents = self.sides.iter().flat_map(Side::known).collect();
        let gates = self.sides.iter().flat_map(|side| side.course.gates()).map(|(id, gate)| (*id, *gate));
        let (gates, probes) = (gates.collect(), self.probes.clone());
        let dial = self.sides[1].detector.config().pace;
        let snapshot = Snapshot { incidents, gates, probes, dial };
        self.snapshot.send_replace(Arc::new(snapshot));
    }
}
