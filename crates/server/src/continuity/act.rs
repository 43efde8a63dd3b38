//! What follows from incidents: gates in the directory, holds, plans, canaries, the drain, the way home.

use std::collections::HashMap;
use std::sync::Arc;

use everthread_core::health::Gate;
use everthread_core::ids::{AccountId, ConversationId, UserId, WorkspaceId};
use everthread_core::routing::{Mode, Names, Plan, Policy, Wish};
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

/// All lanes of shut accounts are planned again after this time, in case consent, windows or hours have changed.
const PASS_AGAIN: Span = Span::mins(10);

/// A lane with an unsettled call is looked at again after this time.
const BUSY_AGAIN: Span = Span::secs(15);

/// Between two canaries while a fault is only suspected: many are over before anybody notices.
const CANARY_SUSPECT: Span = Span::secs(5);

/// Between two canaries once one has come through, and when nothing is known.
const CANARY_SOON: Span = Span::secs(30);
const CANARY: Span = Span::mins(1);

/// Between two steps of the drain.
const RAMP_STEP: Span = Span::secs(1);

/// Between two looks at who can go home.
const RETURN_EVERY: Span = Span::mins(1);

/// Conversations that go home in one unit.
const RETURN_MAX: u32 = 500;

impl Worker {
    /// Brings the gates in line with the incidents.
    pub(super) async fn regate(&mut self, now: Timestamp) -> Result<(), Error> {
        let registry = self.hub.registry().borrow().clone();
        let mut faults = HashMap::new();
        for side in &self.sides {
            side.shut(now, &registry, &mut faults);
        }
        let before = std::mem::take(&mut self.gates);
        self.gates = self.all_gates(now).into_iter().collect();
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
        // What has just been opened without a ramp (never confirmed, or dismissed) goes at once.
        let opened = before.iter().filter(|(id, gate)| gate.is_shut() && !self.gates.contains_key(id));
        let opened: Vec<AccountId> = opened.map(|(id, _)| *id).collect();
        for account in opened {
            self.release(&registry, account, u32::MAX, now).await?;
        }
        if self.gates.values().any(|gate| gate.is_shut()) {
            self.pass_at = Some(now);
        }
        Ok(())
    }

    /// Everything that is due.
    pub(super) async fn act(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.pass_at.is_some_and(|at| at <= now) {
            self.pass(now).await?;
        }
        if !self.wanted.is_empty() {
            let lanes: Vec<_> = std::mem::take(&mut self.wanted).into_iter().collect();
            self.plan(lanes, now).await?;
        }
        self.canaries(now).await?;
        if now.since(self.ramp_at) >= RAMP_STEP {
            self.drain(now).await?;
        }
        if now.since(self.return_at) >= RETURN_EVERY {
            self.return_at = now;
            self.go_home(now).await?;
        }
        Ok(())
    }

    /// Plans every lane whose route is shut.
    async fn pass(&mut self, now: Timestamp) -> Result<(), Error> {
        let shut: Vec<AccountId> =
            self.gates.iter().filter(|(_, g)| g.is_shut()).map(|(id, _)| *id).collect();
        self.pass_at = (!shut.is_empty()).then(|| now + self.soonest(&shut));
        let registry = self.hub.registry().borrow().clone();
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

    /// When the next pass is worth it: when the first policy stops holding, at the latest after [`PASS_AGAIN`].
    fn soonest(&self, shut: &[AccountId]) -> Span {
        let registry = self.hub.registry().borrow().clone();
        let now = clock::now();
        let mut soonest = PASS_AGAIN;
        for account in shut.iter().filter_map(|id| registry.account(*id)) {
            let side = self.side(account.sandbox);
            let policy = self.policy(account.workspace, account.sandbox);
            for incident in side.detector.incidents() {
                let left = (incident.suspected_at + policy.hold_first()).since(now);
                if left > Span::ZERO {
                    soonest = soonest.min(left);
                }
            }
            soonest = soonest.min(side.detector.config().paced(PASS_AGAIN));
        }
        soonest.max(Span::millis(200))
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
                        let again = now + BUSY_AGAIN;
                        self.pass_at = Some(self.pass_at.map_or(again, |at| at.min(again)));
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
            link: self.doorway.carried(registry, workspace, sandbox),
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
        to: Option<Wish>,
    ) -> Result<Option<Plan>, String> {
        let registry = self.hub.registry().borrow().clone();
        let trigger = to.map_or(Trigger::Approve(user), |wish| Trigger::Choose(user, wish));
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
        self.canary_at.retain(|account, _| self.gates.get(account).is_some_and(|gate| gate.is_shut()));
        let shut: Vec<(AccountId, Gate)> =
            self.gates.iter().filter(|(_, g)| g.is_shut()).map(|(id, gate)| (*id, *gate)).collect();
        for (id, gate) in shut {
            let Some(account) = registry.account(id) else { continue };
            let side = self.side(account.sandbox);
            let config = side.detector.config();
            let incident =
                gate.incident().and_then(|key| side.known().into_iter().find(|k| k.incident.key == key));
            let Some(incident) = incident.filter(|known| !known.incident.declared) else { continue };
            let healing = side.detector.heals(incident.incident.key);
            let wait = config.paced(match gate {
                Gate::Hold(_) => CANARY_SUSPECT,
                _ if healing => CANARY_SOON,
                _ => CANARY,
            });
            let first = now + config.paced(CANARY_SUSPECT);
            if *self.canary_at.entry(id).or_insert(first) > now {
                continue;
            }
            self.canary_at.insert(id, now + wait);
            let unit = Canary {
                now,
                seed: clock::seed(),
                workspace: account.workspace,
                account: id,
                incident: incident.id,
            };
            let (_, after) = self.store.write(unit).await?;
            self.effects.committed(after);
        }
        Ok(())
    }

    /// Lets a share of what waits go on every recovering account, and closes incidents with nothing left.
    async fn drain(&mut self, now: Timestamp) -> Result<(), Error> {
        let passed = now.since(self.ramp_at).as_micros() as f64 / 1e6;
        self.ramp_at = now;
        let gates = self.all_gates(now);
        let ramps: Vec<(AccountId, Gate)> =
            gates.into_iter().filter(|(_, gate)| matches!(gate, Gate::Ramp(..))).collect();
        if ramps.is_empty() {
            return Ok(());
        }
        let registry = self.hub.registry().borrow().clone();
        let mut left: HashMap<_, u64> = HashMap::new();
        for (id, gate) in ramps {
            let Gate::Ramp(key, share) = gate else { continue };
            self.gates.insert(id, gate);
            let Some(info) = registry.directory.get(id) else { continue };
            let lanes = (info.caps.pacing.account.per_s * share * passed).ceil().clamp(1.0, 10_000.0) as u32;
            let waiting = self.release(&registry, id, lanes, now).await?;
            *left.entry((info.sandbox, key)).or_default() += waiting;
        }
        let mut ended = [Vec::new(), Vec::new()];
        for ((sandbox, key), waiting) in left {
            if waiting == 0
                && let Some(found) = self.sides[usize::from(sandbox)].detector.drained(key, now)
            {
                ended[usize::from(sandbox)].push(found);
            }
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
            };
            let returned = self.store.write(unit).await?;
            self.effects.committed(returned.after);
        }
        Ok(())
    }
}
