//! The continuity of one process: core's detector and course, and the store's units that they ask for.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use everthread_core::continuity::Course;
use everthread_core::directory::{AccountFault, AccountInfo};
use everthread_core::health::{
    Config, Detector, Direction, Finding, IncidentKey, Member, Observation, Scope, what,
};
use everthread_core::ids::{AccountId, ConversationId, IncidentId, WorkspaceId};
use everthread_core::outcome::{ErrorClass, Outcome};
use everthread_core::routing::{Decision, Fault, Plan, Policy};
use everthread_core::time::{Span, Timestamp};
use everthread_store::InlineStore;
use everthread_store::read::continuity::{
    CarriedAway, Incidents, LanesToPlan, LoadHealth, Policies, RouteOf,
};
use everthread_store::units::{
    After, Canary, FindingRow, HoldLanes, KnownFault, MarkStuck, PlanLane, ReleaseLanes, ReturnRoutes,
    SaveHealth, SavedIncident, StuckParts, Trigger,
};

use super::{Hub, Inside, text};
use crate::checks::{Away, CarriedBy, Held, Left, LeftBehind};
use crate::scene::Scene;

/// The detector's name in the store.
const NAME: &str = "real";

/// Rows of one unit: small, so that work is cut.
const ROWS: u32 = 5;

/// The detector's state is stored at least this often.
const SAVE_EVERY: Span = Span::mins(1);

/// Looks while something is in question, and while nothing is.
const LOOK_OFTEN: Span = Span::secs(1);
const LOOK_SELDOM: Span = Span::secs(5);

/// Probes under way at once.
const PROBES: usize = 4;

/// A plan that was made, with what the judge needs.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) conversation: ConversationId,
    pub(crate) trigger: Trigger,
    pub(crate) policy: Arc<Policy>,
    pub(crate) plan: Plan,
    pub(crate) moved: bool,
    /// The account of the route before.
    pub(crate) from: AccountId,
    /// What waits for another way although the lane stays on its own: looked at before anything else could happen.
    pub(crate) left: Vec<Left>,
}

/// What a process knows of the channels' health.
pub(crate) struct Continuity {
    pub(crate) detector: Detector,
    course: Course,
    saved: BTreeMap<IncidentKey, SavedIncident>,
    policies: BTreeMap<WorkspaceId, Arc<Policy>>,
    wanted: BTreeSet<(WorkspaceId, ConversationId)>,
    saved_at: Timestamp,
}

impl Continuity {
    /// Takes up what the last process knew.
    pub(super) fn load(store: &mut InlineStore, scene: &Scene, clock: Timestamp) -> Inside<Self> {
        let body = store.read(&LoadHealth { detector: NAME.to_owned() }).map_err(text)?;
        let mut detector: Detector = match body {
            Some(body) => serde_json::from_str(&body).map_err(text)?,
            None => Detector::new(Config { pace: scene.pace, ..Config::default() }),
        };
        detector.members(scene.accounts.iter().map(|info| Member {
            account: info.id,
            channel: info.channel.clone(),
            fate: info.fate.clone(),
        }));
        let rows = store.read(&Incidents { open_only: true, before: None, limit: 500 }).map_err(text)?;
        let saved = rows.into_iter().map(|row| {
            let key = IncidentKey(row.key.cast_unsigned());
            (key, SavedIncident { key, id: row.id, number: row.number })
        });
        let policies = store.read(&Policies).map_err(text)?;
        let policies = policies.into_iter().map(|(workspace, body)| {
            Ok::<_, serde_json::Error>((workspace, Arc::new(serde_json::from_str(&body)?)))
        });
        Ok(Self {
            detector,
            course: Course::default(),
            saved: saved.collect(),
            policies: policies.collect::<Result<_, _>>().map_err(text)?,
            wanted: BTreeSet::new(),
            saved_at: clock,
        })
    }

    /// Open incidents with their rows, as routing sees them.
    fn faults(&self) -> Vec<KnownFault> {
        let members = self.detector.all_members();
        let known = self.detector.incidents().iter().filter_map(|incident| {
            let saved = self.saved.get(&incident.key)?;
            let attributed = incident.attribution.attributed(&members)?;
            let fault = Fault {
                incident: incident.key,
                number: saved.number,
                phase: incident.phase,
                direction: incident.direction,
                undecided: incident.scope() != Some(&attributed),
                attributed,
                suspected_at: incident.suspected_at,
            };
            Some(KnownFault { id: saved.id, fault })
        });
        known.collect()
    }

    fn policy(&self, workspace: WorkspaceId) -> Arc<Policy> {
        self.policies.get(&workspace).cloned().unwrap_or_default()
    }
}

impl Hub {
    /// Lanes that wait in a fault and want a plan.
    pub(super) fn want(&mut self, lanes: Vec<(WorkspaceId, ConversationId)>) {
        self.continuity.wanted.extend(lanes);
    }

    pub(crate) fn observe(&mut self, seen: &[Observation]) {
        for seen in seen {
            self.continuity.detector.observe(seen);
        }
    }

    /// Weighs what was seen. True where something changed: the gates must follow.
    pub(crate) fn weigh(&mut self, clock: Timestamp) -> Inside<bool> {
        let found = self.continuity.detector.evaluate(clock);
        let changed = !found.is_empty();
        if changed || clock.since(self.continuity.saved_at) >= SAVE_EVERY {
            self.save(found, clock)?;
        }
        Ok(changed)
    }

    fn save(&mut self, found: Vec<Finding>, clock: Timestamp) -> Inside<()> {
        let members = self.continuity.detector.all_members();
        let findings = found.into_iter().filter_map(|finding| {
            let attributed = finding.incident.attribution.attributed(&members)?;
            let incident = finding.incident;
            let line = (incident.phase.as_str().to_owned(), what(&incident, Scope::id));
            let workspaces = self.scene.users.keys().copied().collect();
            let (readings, gaps) = (Vec::new(), Vec::new());
            Some(FindingRow { incident, attributed, lines: vec![line], workspaces, readings, gaps })
        });
        let unit = SaveHealth {
            now: clock,
            seed: self.rng.draw(),
            detector: NAME.to_owned(),
            body: serde_json::to_string(&self.continuity.detector).map_err(text)?,
            findings: findings.collect(),
        };
        let (saved, after) = self.store.write(&unit).map_err(text)?;
        let continuity = &mut self.continuity;
        continuity.saved_at = clock;
        continuity.saved.extend(saved.into_iter().map(|row| (row.key, row)));
        let open: Vec<IncidentKey> = continuity.detector.incidents().iter().map(|i| i.key).collect();
        continuity.saved.retain(|key, _| open.contains(key));
        self.follow(after, clock);
        Ok(())
    }

    /// Brings the gates in line with the incidents.
    pub(crate) fn regate(&mut self, clock: Timestamp) -> Inside<()> {
        let continuity = &mut self.continuity;
        let regated = continuity.course.regate(&continuity.detector, clock);
        let mut faults = HashMap::new();
        for (account, key) in &regated.shut {
            let Some(saved) = continuity.saved.get(key) else {
                return Err(format!("incident {key:?} shuts {account} and is not stored"));
            };
            let reason = format!("incident {}", saved.number);
            faults.insert(*account, AccountFault { incident: saved.id, reason });
        }
        self.directory = Arc::new(self.directory.with_faults(&faults));
        for (account, _) in regated.shut {
            let (Some(info), Some(fault)) = (self.scene.account(account), faults.get(&account)) else {
                continue;
            };
            let workspace = info.workspace;
            loop {
                let (seed, fault) = (self.rng.draw(), fault.clone());
                let unit = HoldLanes { now: clock, seed, workspace, account, fault, limit: ROWS };
                let held = self.store.write(&unit).map_err(text)?;
                self.follow(held.after, clock);
                if !held.more {
                    break;
                }
            }
        }
        for account in regated.opened {
            self.release(account, u32::MAX, clock)?;
        }
        Ok(())
    }

    /// Plans what is due.
    pub(crate) fn plan_due(&mut self, clock: Timestamp) -> Inside<Vec<Made>> {
        let continuity = &mut self.continuity;
        let policies = &continuity.policies;
        let scene = &self.scene;
        let hold_first = |account: AccountId| {
            let workspace = scene.account(account).map(|info| info.workspace);
            workspace.and_then(|id| policies.get(&id)).map_or(Span::ZERO, |policy| policy.hold_first())
        };
        let accounts = continuity.course.pass(&continuity.detector, hold_first, clock);
        let mut lanes: Vec<_> = std::mem::take(&mut continuity.wanted).into_iter().collect();
        for account in accounts {
            let Some(workspace) = self.scene.account(account).map(|info| info.workspace) else { continue };
            lanes.extend(self.mark_stuck(workspace, account, clock)?);
            let mut after = ConversationId(0);
            loop {
                let unit = LanesToPlan { account, after, limit: ROWS };
                let found = self.store.read(&unit).map_err(text)?;
                let Some(last) = found.last() else { break };
                after = *last;
                lanes.extend(found.into_iter().map(|lane| (workspace, lane)));
            }
        }
        let mut made = Vec::new();
        for (workspace, conversation) in lanes {
            made.extend(self.plan(workspace, conversation, Trigger::Incident, clock)?);
        }
        Ok(made)
    }

    /// Marks what was accepted and never told of again; the lanes that want a plan for it.
    fn mark_stuck(
        &mut self,
        workspace: WorkspaceId,
        account: AccountId,
        clock: Timestamp,
    ) -> Inside<Vec<(WorkspaceId, ConversationId)>> {
        let continuity = &self.continuity;
        let Some(watch) = continuity.course.watch(&continuity.detector, account, clock) else {
            return Ok(Vec::new());
        };
        let parts = self.store.read(&StuckParts { account, watch, limit: ROWS }).map_err(text)?;
        let (seed, directory) = (self.rng.draw(), Arc::clone(&self.directory));
        let unit = MarkStuck { now: clock, seed, workspace, account, watch, parts, directory };
        let (_, after) = self.store.write(&unit).map_err(text)?;
        let lanes = after.plans.clone();
        self.follow(After { plans: Vec::new(), ..after }, clock);
        Ok(lanes)
    }

    /// Plans one lane. `None` where a call of it is not settled, or it has no route.
    pub(crate) fn plan(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        trigger: Trigger,
        clock: Timestamp,
    ) -> Inside<Option<Made>> {
        let Some(from) = self.store.read(&RouteOf { workspace, conversation }).map_err(text)? else {
            return Ok(None);
        };
        let policy = self.continuity.policy(workspace);
        let unit = PlanLane {
            now: clock,
            seed: self.rng.draw(),
            workspace,
            conversation,
            faults: self.continuity.faults().into(),
            policy: Arc::clone(&policy),
            channel_title: "It".to_owned(),
            business: "we".to_owned(),
            link: None,
            trigger,
            directory: Arc::clone(&self.directory),
        };
        let planned = self.store.write(&unit).map_err(text)?;
        self.follow(After { plans: Vec::new(), ..planned.after }, clock);
        let Some(plan) = planned.plan else {
            self.continuity.course.busy(clock);
            return Ok(None);
        };
        let left = match plan.decision {
            Decision::Stay => self.store.read(&LeftBehind::In(conversation)).map_err(text)?,
            Decision::Carry { .. } | Decision::Hold { .. } => Vec::new(),
        };
        Ok(Some(Made { conversation, trigger, policy, plan, moved: planned.moved, from, left }))
    }

    /// One real message now and then into each fault.
    pub(crate) fn canaries(&mut self, clock: Timestamp) -> Inside<()> {
        let continuity = &mut self.continuity;
        for (account, key) in continuity.course.canaries(&continuity.detector, clock) {
            let (Some(info), Some(saved)) = (self.scene.account(account), self.continuity.saved.get(&key))
            else {
                continue;
            };
            let (workspace, incident) = (info.workspace, saved.id);
            let unit = Canary { now: clock, seed: self.rng.draw(), workspace, account, incident };
            let (_, after) = self.store.write(&unit).map_err(text)?;
            self.follow(after, clock);
        }
        Ok(())
    }

    /// A share of what waits on every recovering account; incidents with nothing left are closed.
    pub(crate) fn drain(&mut self, clock: Timestamp) -> Inside<()> {
        let scene = Arc::clone(&self.scene);
        let per_s = |account| scene.account(account).map_or(1.0, |info| info.caps.pacing.account.per_s);
        let continuity = &mut self.continuity;
        let Some(steps) = continuity.course.ramp(&continuity.detector, per_s, clock) else { return Ok(()) };
        let mut left: BTreeMap<IncidentKey, u64> = BTreeMap::new();
        for step in steps {
            *left.entry(step.incident).or_default() += self.release(step.account, step.lanes, clock)?;
        }
        let done = left.into_iter().filter(|(_, left)| *left == 0);
        let ended: Vec<Finding> =
            done.filter_map(|(key, _)| self.continuity.detector.drained(key, clock)).collect();
        if ended.is_empty() {
            return Ok(());
        }
        self.save(ended, clock)?;
        self.regate(clock)
    }

    fn release(&mut self, account: AccountId, lanes: u32, clock: Timestamp) -> Inside<u64> {
        let Some(info) = self.scene.account(account) else { return Ok(0) };
        let (workspace, directory) = (info.workspace, Arc::clone(&self.directory));
        let unit = ReleaseLanes { now: clock, seed: self.rng.draw(), workspace, account, lanes, directory };
        let released = self.store.write(&unit).map_err(text)?;
        self.follow(released.after, clock);
        Ok(released.left)
    }

    /// Conversations that an incident carried, and that are quiet since its end, go home. True when it was time to look.
    pub(crate) fn go_home(&mut self, clock: Timestamp) -> Inside<bool> {
        if !self.continuity.course.returns(clock) {
            return Ok(false);
        }
        for (workspace, incident, _) in self.store.read(&CarriedAway).map_err(text)? {
            let settle = Span::mins(i64::from(self.continuity.policy(workspace).settle_min));
            let unit = ReturnRoutes {
                now: clock,
                seed: self.rng.draw(),
                workspace,
                incident,
                quiet_before: clock - self.continuity.detector.config().paced(settle),
                limit: ROWS,
                faults: self.continuity.faults().into(),
                directory: Arc::clone(&self.directory),
            };
            let returned = self.store.write(&unit).map_err(text)?;
            self.follow(returned.after, clock);
        }
        Ok(true)
    }

    /// Accounts to probe now.
    pub(crate) fn probes(&mut self, clock: Timestamp) -> Vec<AccountId> {
        let continuity = &mut self.continuity;
        continuity.course.probes(&continuity.detector, PROBES, clock)
    }

    /// What a probe came to. True where a stopped account sends again by itself.
    pub(crate) fn probed(&mut self, account: AccountId, outcome: &Outcome, clock: Timestamp) -> bool {
        let reached = !matches!(outcome, Outcome::NotExecuted { class: ErrorClass::PlatformOutage, .. });
        self.observe(&everthread_core::health::of_probe(clock, account, reached, outcome));
        let stopped = self.stopped(account);
        let good = matches!(outcome, Outcome::Accepted { .. });
        self.continuity.course.token(account, stopped, good)
    }

    /// A person says that it is down.
    pub(crate) fn declare(&mut self, scope: Scope, direction: Direction, clock: Timestamp) -> Inside<()> {
        let found = self.continuity.detector.declare(scope, direction, clock);
        self.save(vec![found], clock)?;
        self.regate(clock)
    }

    /// A person says that it is over.
    pub(crate) fn dismiss(&mut self, key: IncidentKey, clock: Timestamp) -> Inside<()> {
        if let Some(found) = self.continuity.detector.dismiss(key, clock) {
            self.save(vec![found], clock)?;
            self.regate(clock)?;
        }
        Ok(())
    }

    /// How long until the next look. `None` where nothing is left to look at and no more will come.
    pub(crate) fn look_again(&mut self, active: bool) -> Inside<Option<Span>> {
        let calm = self.continuity.detector.incidents().is_empty() && self.continuity.wanted.is_empty();
        let over = calm
            && !active
            && self.store.read(&Away).map_err(text)?.is_empty()
            && self.store.read(&Held).map_err(text)? == 0;
        Ok((!over).then_some(if calm { LOOK_SELDOM } else { LOOK_OFTEN }))
    }

    /// The incident that a conversation was carried by.
    pub(crate) fn fault_of_plan(&mut self, conversation: ConversationId) -> Inside<Option<IncidentId>> {
        self.store.read(&CarriedBy(conversation)).map_err(text)
    }

    pub(crate) fn route(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Inside<Option<AccountId>> {
        self.store.read(&RouteOf { workspace, conversation }).map_err(text)
    }

    /// Whether an account sends nothing until somebody acts.
    pub(crate) fn stopped(&self, account: AccountId) -> bool {
        self.directory.get(account).is_some_and(|info| info.stopped.is_some())
    }

    /// Whether an account's channel has a probe.
    pub(crate) fn has_probe(&self, info: &AccountInfo) -> Inside<bool> {
        let account = self.account();
        Ok(super::channel(info)?.messaging_probe(&account).is_some())
    }
}
