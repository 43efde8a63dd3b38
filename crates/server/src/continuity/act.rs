//! What follows from incidents: gates in the directory, holds, plans, canaries, the drain, the way home.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use everthread_core::health::Finding;
use everthread_core::ids::{AccountId, ConversationId, IdentityId, UserId, WorkspaceId};
use everthread_core::routing::{Mode, Names, Plan, Policy};
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::continuity::{CarriedAway, LanesToPlan, RouteOf};
use everthread_store::units::{
    After, Canary, HoldLanes, PlanLane, Planned, ReleaseLanes, ReturnRoutes, Trigger,
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
        let (mut faults, mut opened) = (HashMap::new(), Vec::new());
        for side in &mut self.sides {
            let regated = side.course.regate(&side.detector, now);
            faults.extend(side.shut(&regated.shut, &registry));
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
        if self.sides[0].course.returns(now) {
            self.go_home(now).await?;
        }
        Ok(())
    }

    /// Plans every lane whose route is shut.
    async fn pass(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let mut shut = Vec::new();
        for sandbox in [false, true] {
            let side = usize::from(sandbox);
            let mut course = std::mem::take(&mut self.sides[side].course);
            let hold_first = |id: AccountId| {
                let workspace = registry.account(id).map(|account| account.workspace);
                workspace.map_or(Span::ZERO, |workspace| self.policy(workspace, sandbox).hold_first())
            };
            shut.extend(course.pass(&self.sides[side].detector, hold_first, now));
            self.sides[side].course = course;
        }
        for account in shut {
            let Some(workspace) = registry.account(account).map(|a| a.workspace) else { continue };
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

    /// The policy that holds for an account. The sandbox carries by itself, and its waits run by the fast dial: it is there to be
    /// watched. Who switched carrying off sees that there too.
    pub(super) fn policy(&self, workspace: WorkspaceId, sandbox: bool) -> Arc<Policy> {
        let mut policy =
            self.policies.get(&workspace).map_or_else(Policy::default, |known| Policy::clone(known));
        if sandbox && policy.mode == Mode::Suggest && !policy.sandbox_suggests {
            policy.mode = Mode::Automatic;
        }
        let pace = self.side(sandbox).detector.config().pace.max(1.0);
        policy.hold_first_s = (f64::from(policy.hold_first_s) / pace) as u32;
        Arc::new(policy)
    }

    async fn plan(&mut self, lanes: Vec<(WorkspaceId, ConversationId)>, now: Timestamp) -> Result<(), Error> {
        let units: Vec<PlanLane> = {
            let registry = self.hub.registry().borrow().clone();
            let mut units = Vec::with_capacity(lanes.len());
            for (workspace, conversation) in &lanes {
                units.extend(self.unit(&registry, (*workspace, *conversation), Trigger::Incident).await?);
            }
            units
        };
        let store = self.store.clone();
        let mut done = futures_util::stream::iter(units)
            .map(|unit| {
                let store = store.clone();
                async move { (unit.workspace, unit.conversation, store.write(unit).await) }
            })
            .buffer_unordered(PLANS_AT_ONCE);
        while let Some((workspace, conversation, planned)) = done.next().await {
            match planned {
                Ok(Planned { plan, after, .. }) => {
                    if plan.is_none() {
                        self.sides.iter_mut().for_each(|side| side.course.busy(now));
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

    /// The unit that plans one lane. `None` where the conversation is gone or has no route.
    async fn unit(
        &self,
        registry: &Registry,
        (workspace, conversation): (WorkspaceId, ConversationId),
        trigger: Trigger,
    ) -> Result<Option<PlanLane>, Error> {
        let Some(route) = self.store.read(RouteOf { workspace, conversation }).await? else {
            return Ok(None);
        };
        let Some(account) = registry.account(route) else { return Ok(None) };
        let sandbox = account.sandbox;
        let business = self.hub.workspaces().iter().find(|w| w.id == workspace).map(|w| w.name.clone());
        Ok(Some(PlanLane {
            now: clock::now(),
            seed: clock::seed(),
            workspace,
            conversation,
            faults: self.side(sandbox).faults().into(),
            policy: self.policy(workspace, sandbox),
            channel_title: Words(registry).channel(account.channel.spec().name),
            business: business.unwrap_or_default(),
            link: None,
            trigger,
            directory: Arc::clone(&registry.directory),
        }))
    }

    /// A person approves what was suggested, or chooses.
    pub(super) async fn person_plans(
        &mut self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        user: UserId,
        to: Option<IdentityId>,
    ) -> Result<Option<Plan>, String> {
        let registry = self.hub.registry().borrow().clone();
        let trigger = to.map_or(Trigger::Approve(user), |identity| Trigger::Choose(user, identity));
        let unit =
            self.unit(&registry, (workspace, conversation), trigger).await.map_err(|e| e.to_string())?;
        let unit = unit.ok_or("the conversation has no way to its contact")?;
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
            for (account, key) in side.course.canaries(&side.detector, now) {
                let workspace = registry.account(account).map(|account| account.workspace);
                let (Some(workspace), Some(incident)) = (workspace, side.row(key)) else { continue };
                let unit = Canary { now, seed: clock::seed(), workspace, account, incident };
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
        let mut ended: [Vec<Finding>; 2] = Default::default();
        for (at, ended) in ended.iter_mut().enumerate() {
            let side = &mut self.sides[at];
            let Some(steps) = side.course.ramp(&side.detector, per_s, now) else { continue };
            let mut left: BTreeMap<_, u64> = BTreeMap::new();
            for step in steps {
                let waiting = self.release(&registry, step.account, step.lanes, now).await?;
                *left.entry(step.incident).or_default() += waiting;
            }
            let done = left.into_iter().filter(|(_, waiting)| *waiting == 0);
            ended.extend(done.filter_map(|(key, _)| self.sides[at].detector.drained(key, now)));
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

    /// Conversations that an incident carried, and that are quiet since its end, get their first channel back.
    async fn go_home(&mut self, now: Timestamp) -> Result<(), Error> {
        let directory = Arc::clone(&self.hub.registry().borrow().directory);
        for (workspace, incident, sandbox) in self.store.read(CarriedAway).await? {
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
                directory: Arc::clone(&directory),
            };
            let returned = self.store.write(unit).await?;
            self.effects.committed(returned.after);
        }
        Ok(())
    }
}
