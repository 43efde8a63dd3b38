//! What follows from incidents: gates in the directory, holds, plans, canaries, the drain, the way home.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use everthread_core::continuity::Release;
use everthread_core::health::{Config, IncidentKey};
use everthread_core::ids::{AccountId, ConversationId, UserId, WorkspaceId};
use everthread_core::routing::{Mode, Names, Plan, Policy, Wish};
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::continuity::{CarriedAway, HeldByIncidents, LanesToPlan, RouteOf};
use everthread_store::units::{
    After, Canary, HoldLanes, MarkStuck, PlanLane, Planned, ReleaseLanes, ReturnRoutes, StuckParts, Trigger,
};
use futures_util::StreamExt;

use super::words::Words;
use super::worker::Worker;
use crate::clock;
use crate::registry::Registry;

type Error = everthread_store::Error;

/// Parts held in one unit.
const HOLD_PARTS: u32 = 500;

/// Lanes read at a time for planning.
const PLAN_LANES: u32 = 500;

/// Plans under way at once: enough to share commits.
const PLANS_AT_ONCE: usize = 64;

/// Conversations that go home in one unit.
const RETURN_MAX: u32 = 500;

impl Worker {
    /// Brings the gates in line with the incidents.
    pub(super) async fn regate(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let mut faults = HashMap::new();
        let mut opened = Vec::new();
        for side in &mut self.sides {
            let regated = side.course.regate(&side.detector, now);
            side.faults_of(&regated.shut, &registry, &mut faults);
            opened.extend(regated.opened);
        }
        self.hub.set_faults(faults.clone());
        self.publish();
        for (account, fault) in &faults {
            let Some(info) = registry.account(*account) else { continue };
            let unit = || HoldLanes {
                now,
                seed: clock::seed(),
                workspace: info.workspace,
                account: *account,
                fault: fault.clone(),
                limit: HOLD_PARTS,
            };
            loop {
                let held = self.store.write(unit()).await?;
                self.effects.committed(held.after);
                if !held.more {
                    break;
                }
            }
        }
        for account in opened {
            self.release(&registry, account, u32::MAX, now).await?;
        }
        Ok(())
    }

    /// Everything that is due.
    pub(super) async fn act(&mut self, now: Timestamp) -> Result<(), Error> {
        self.pass(now).await?;
        if !self.wanted.is_empty() {
            let lanes: Vec<_> = std::mem::take(&mut self.wanted).into_iter().collect();
            self.plan(lanes, now).await?;
        }
        self.canaries(now).await?;
        self.drain(now).await?;
        self.go_home(now).await
    }

    /// Plans every lane whose route is shut, when that is due.
    async fn pass(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let mut shut = Vec::new();
        for side in &mut self.sides {
            let (policies, sandbox, config) = (&self.policies, side.sandbox, side.detector.config());
            let hold_first = |id: AccountId| {
                registry.account(id).map_or(Span::ZERO, |account| {
                    policy(policies, account.workspace, (sandbox, config)).hold_first()
                })
            };
            shut.extend(side.course.pass(&side.detector, hold_first, now));
        }
        for account in shut {
            let Some(workspace) = registry.account(account).map(|a| a.workspace) else { continue };
            self.mark_stuck(&registry, (workspace, account), now).await?;
            let mut after = ConversationId(0);
            loop {
                let lanes = self.store.read(LanesToPlan { account, after, limit: PLAN_LANES }).await?;
                let Some(last) = lanes.last() else { break };
                after = *last;
                let full = lanes.len() as u32 == PLAN_LANES;
                self.plan(lanes.into_iter().map(|lane| (workspace, lane)).collect(), now).await?;
                if !full {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Marks what the platform accepted and never told of again; the lanes are planned with the others.
    async fn mark_stuck(
        &mut self,
        registry: &Registry,
        (workspace, account): (WorkspaceId, AccountId),
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut watches =
            self.sides.iter().filter_map(|side| side.course.watch(&side.detector, account, now));
        let Some(watch) = watches.next() else { return Ok(()) };
        loop {
            let parts = self.store.read(StuckParts { account, watch, limit: HOLD_PARTS }).await?;
            if parts.is_empty() {
                return Ok(());
            }
            let full = parts.len() as u32 == HOLD_PARTS;
            let directory = Arc::clone(&registry.directory);
            let seed = clock::seed();
            let unit = MarkStuck { now, seed, workspace, account, watch, parts, directory };
            let (marked, after) = self.store.write(unit).await?;
            self.wanted.extend(after.plans.iter().copied());
            self.effects.committed(After { plans: Vec::new(), ..after });
            if !full || marked == 0 {
                return Ok(());
            }
        }
    }

    fn policy(&self, workspace: WorkspaceId, sandbox: bool) -> Policy {
        policy(&self.policies, workspace, (sandbox, self.side(sandbox).detector.config()))
    }

    async fn plan(&mut self, lanes: Vec<(WorkspaceId, ConversationId)>, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let mut units = Vec::with_capacity(lanes.len());
        for lane in lanes {
            units.extend(self.unit(&registry, lane, Trigger::Incident).await?);
        }
        let store = self.store.clone();
        let mut done = futures_util::stream::iter(units)
            .map(|(sandbox, unit)| {
                let store = store.clone();
                async move { (sandbox, (unit.workspace, unit.conversation), store.write(unit).await) }
            })
            .buffer_unordered(PLANS_AT_ONCE);
        while let Some((sandbox, (workspace, conversation), planned)) = done.next().await {
            match planned {
                Ok(Planned { plan, after, .. }) => {
                    if plan.is_none() {
                        self.sides[usize::from(sandbox)].course.busy(now);
                    }
                    self.effects.committed(After { plans: Vec::new(), ..after });
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::warn!(workspace.id = workspace.0, conversation.id = conversation.0, %error, "a lane can't be planned");
                }
            }
        }
        Ok(())
    }

    /// The unit that plans one lane, and whether it is a simulated one. `None` where the conversation is gone or has no route.
    async fn unit(
        &self,
        registry: &Registry,
        (workspace, conversation): (WorkspaceId, ConversationId),
        trigger: Trigger,
    ) -> Result<Option<(bool, PlanLane)>, Error> {
        let Some(route) = self.store.read(RouteOf { workspace, conversation }).await? else {
            return Ok(None);
        };
        let Some(account) = registry.account(route) else { return Ok(None) };
        let sandbox = account.sandbox;
        let business = self.hub.workspaces().iter().find(|w| w.id == workspace).map(|w| w.name.clone());
        let unit = PlanLane {
            now: clock::now(),
            seed: clock::seed(),
            workspace,
            conversation,
            faults: self.side(sandbox).faults().into(),
            policy: Arc::new(self.policy(workspace, sandbox)),
            channel_title: Words(registry).channel(account.channel.spec().name),
            business: business.unwrap_or_default(),
            link: self.doorway.carried(registry, workspace, sandbox),
            trigger,
            directory: Arc::clone(&registry.directory),
        };
        Ok(Some((sandbox, unit)))
    }

    /// A person approves what was suggested, or chooses.
    pub(super) async fn person_plans(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        user: UserId,
        to: Option<Wish>,
    ) -> Result<Option<Plan>, String> {
        let registry = self.hub.registry().borrow().clone();
        let trigger = to.map_or(Trigger::Approve(user), |wish| Trigger::Choose(user, wish));
        let unit =
            self.unit(&registry, (workspace, conversation), trigger).await.map_err(|e| e.to_string())?;
        let (_, unit) = unit.ok_or("the conversation has no way to its contact")?;
        let planned = self.store.write(unit).await.map_err(|e| e.to_string())?;
        self.effects.committed(planned.after);
        match planned.plan {
            Some(plan) => Ok(Some(plan)),
            None => Err("a message of this conversation is just going out; try again in a moment".to_owned()),
        }
    }

    /// One real message now and then into each fault.
    async fn canaries(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        for side in &mut self.sides {
            for (id, key) in side.course.canaries(&side.detector, now) {
                let (Some(account), Some(incident)) = (registry.account(id), side.row(key)) else { continue };
                let workspace = account.workspace;
                let unit = Canary { now, seed: clock::seed(), workspace, account: id, incident };
                let (_, after) = self.store.write(unit).await?;
                self.effects.committed(after);
            }
        }
        Ok(())
    }

    /// Lets a share of what waits go on every recovering account, and closes incidents with nothing left.
    async fn drain(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let per_s = |id| registry.directory.get(id).map_or(0.0, |info| info.caps.pacing.account.per_s);
        let mut ended = [Vec::new(), Vec::new()];
        for (nth, ended) in ended.iter_mut().enumerate() {
            let side = &mut self.sides[nth];
            let Some(due) = side.course.ramp(&side.detector, per_s, now) else { continue };
            let mut left: BTreeMap<IncidentKey, u64> = BTreeMap::new();
            for Release { account, incident, lanes } in due {
                *left.entry(incident).or_default() += self.release(&registry, account, lanes, now).await?;
            }
            let detector = &mut self.sides[nth].detector;
            let empty = left.into_iter().filter(|(_, waiting)| *waiting == 0);
            ended.extend(empty.filter_map(|(key, _)| detector.drained(key, now)));
        }
        if ended.iter().any(|found| !found.is_empty()) {
            self.save(now, &ended).await?;
            self.regate(now).await?;
        }
        Ok(())
    }

    /// Lanes that still wait.
    async fn release(
        &mut self,
        registry: &Registry,
        account: AccountId,
        lanes: u32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let Some(workspace) = registry.account(account).map(|a| a.workspace) else { return Ok(0) };
        let directory = Arc::clone(&registry.directory);
        let unit = ReleaseLanes { now, seed: clock::seed(), workspace, account, lanes, directory };
        let released = self.store.write(unit).await?;
        self.effects.committed(released.after);
        Ok(released.left)
    }

    /// A claim that began under an older directory may hold a part after its incident is gone: nothing keeps that one now.
    async fn let_strays_go(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        for account in self.store.read(HeldByIncidents).await? {
            if !self.sides.iter().any(|side| side.course.gates().contains_key(&account)) {
                self.release(&registry, account, u32::MAX, now).await?;
            }
        }
        Ok(())
    }

    /// Conversations that an incident carried, and that are quiet since its end, get their first channel back.
    async fn go_home(&mut self, now: Timestamp) -> Result<(), Error> {
        let due: Vec<bool> = self.sides.iter_mut().map(|side| side.course.returns(now)).collect();
        if !due.contains(&true) {
            return Ok(());
        }
        self.let_strays_go(now).await?;
        let directory = Arc::clone(&self.hub.registry().borrow().directory);
        for (workspace, incident, sandbox) in self.store.read(CarriedAway).await? {
            if !due[usize::from(sandbox)] {
                continue;
            }
            let policy = self.policy(workspace, sandbox);
            let settle = Span::mins(i64::from(policy.settle_min));
            let settle = self.side(sandbox).detector.config().paced(settle);
            let unit = ReturnRoutes {
                now,
                seed: clock::seed(),
                workspace,
                incident,
                quiet_before: now - settle,
                limit: RETURN_MAX,
                faults: self.side(sandbox).faults().into(),
                directory: Arc::clone(&directory),
            };
            let returned = self.store.write(unit).await?;
            self.effects.committed(returned.after);
        }
        Ok(())
    }
}

/// The policy that holds for an account of a workspace: its waits run by the dial of its detector. The sandbox carries by itself: it is
/// there to be watched. Who switched carrying off sees that there too.
fn policy(
    policies: &HashMap<WorkspaceId, Policy>,
    workspace: WorkspaceId,
    (sandbox, config): (bool, Config),
) -> Policy {
    let mut policy = policies.get(&workspace).cloned().unwrap_or_default();
    if sandbox && policy.mode == Mode::Suggest && !policy.sandbox_suggests {
        policy.mode = Mode::Automatic;
    }
    policy.hold_first_s = (f64::from(policy.hold_first_s) / config.pace.max(1.0)) as u32;
    policy
}
