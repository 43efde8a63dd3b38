//! Judging moves, as the hub could know it then: I6 for the route that was chosen, I4 for the lane, one line, and the way back.

use everthread_core::directory::AccountInfo;
use everthread_core::health::{Member, Phase};
use everthread_core::routing::{Decision, Mode};
use everthread_core::time::Span;
use everthread_store::units::Trigger;

use super::World;
use super::judge::WINDOW_SLACK;
use crate::checks::{Away, HeldSince, LeftBehind, LookAtMove, MoveFacts};
use crate::hub::{Inside, Made, text};
use crate::scene::LINE;

/// Longer than any pass over the lanes takes to come round.
const HELD_WITHOUT: Span = Span::mins(15);

/// Longer than the hub lets a lane in a fault wait for its next plan, by the detector's dial, and than it takes to look at it: a
/// process that dies looks when it is back.
const PLANNED_WITHOUT: Span = Span::mins(10);
const LOOKED_WITHOUT: Span = Span::mins(5);

impl World {
    /// The open incident that nothing may be sent into by routing, if an account lies in one.
    fn incident_over(&self, info: &AccountInfo) -> Option<String> {
        let detector = &self.hub.as_ref()?.continuity.detector;
        let (members, member) = (detector.all_members(), member(info));
        let open = detector.incidents().iter().find(|incident| {
            matches!(incident.phase, Phase::Suspect | Phase::Confirmed)
                && incident.direction.stops_sending()
                && incident.attribution.attributed(&members).is_some_and(|scope| scope.holds(&member))
        });
        open.map(|incident| format!("{:?} {:?}", incident.key, incident.attribution))
    }

    /// The open incident that shuts an account: nothing but canaries goes.
    pub(super) fn shut_over(&self, info: &AccountInfo) -> Option<String> {
        self.incident_of(info, &[Phase::Suspect, Phase::Confirmed])
    }

    fn shut_or_ramp(&self, info: &AccountInfo) -> Option<String> {
        self.incident_of(info, &[Phase::Suspect, Phase::Confirmed, Phase::Recovering])
    }

    fn incident_of(&self, info: &AccountInfo, phases: &[Phase]) -> Option<String> {
        let detector = &self.hub.as_ref()?.continuity.detector;
        let member = member(info);
        let open = detector.incidents().iter().find(|incident| {
            phases.contains(&incident.phase)
                && incident.direction.stops_sending()
                && incident.scope().is_some_and(|scope| scope.holds(&member))
        });
        open.map(|incident| format!("{:?} {:?}", incident.key, incident.attribution))
    }

    /// After a plan: what routing chose, and what became of the lane.
    pub(super) fn judge_move(&mut self, made: &Made) -> Inside<()> {
        self.trace.note(format!("planned {} {:?} moved {}", made.conversation, made.plan, made.moved));
        let clock = self.clock();
        self.judge.planned.insert(made.conversation, clock);
        if made.plan.decision == Decision::Stay {
            return stays(made);
        }
        let Decision::Carry { identity, account, template, .. } = &made.plan.decision else { return Ok(()) };
        if !made.moved {
            return Ok(());
        }
        self.report.moves += 1;
        let wrong = |what: String| Err(format!("{} is carried {what}: {:?}", made.conversation, made.plan));
        // What was left behind follows the customer, whatever the policy.
        let to_route = made.from == *account;
        if !to_route && made.trigger == Trigger::Incident && made.policy.mode != Mode::Automatic {
            return wrong(format!("though the policy is {:?}", made.policy.mode));
        }
        let Some(info) = self.scene.account(*account).cloned() else {
            return wrong("to an account that is not there".to_owned());
        };
        let chosen = matches!(made.trigger, Trigger::Choose(..));
        if let Some(incident) = self.incident_over(&info).filter(|_| !chosen) {
            return wrong(format!("into {incident}"));
        }
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let facts =
            hub.store.read(&LookAtMove(made.conversation, *identity, *account, LINE)).map_err(text)?;
        let MoveFacts { contact, other, said, granted, stopped, elsewhere, lines, value } = facts;
        if contact != other {
            return wrong(format!("to {value}, who is somebody else"));
        }
        // On the way that a customer wrote from last, a person may still answer after STOP.
        if (said == 0 && granted == 0) || (stopped > 0 && !to_route) {
            return wrong(format!("without consent: wrote {said}, granted {granted}, stopped {stopped}"));
        }
        if elsewhere > 0 {
            return wrong(format!("and leaves {elsewhere} parts behind"));
        }
        let carriers = self.judge.carried.entry(made.conversation).or_default();
        carriers.extend(hub.fault_of_plan(made.conversation)?);
        if lines > carriers.len() as i64 {
            return wrong(format!("with {lines} first lines in incidents {carriers:?}"));
        }
        let last = self.provider.last.get(&(info.id, value));
        let open = info
            .caps
            .window
            .filter(|_| !self.jumped && template.is_none())
            .is_none_or(|window| last.is_some_and(|last| self.now <= *last + window + WINDOW_SLACK));
        if open { Ok(()) } else { wrong(format!("outside its window: {last:?}")) }
    }

    /// What waits for a way that the customer has left is planned again and again, until it follows or ends.
    pub(super) fn judge_left_behind(&mut self) -> Inside<()> {
        let clock = self.clock();
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let before = clock - hub.continuity.detector.config().paced(PLANNED_WITHOUT) - LOOKED_WITHOUT;
        for left in hub.store.read(&LeftBehind::Since(before)).map_err(text)? {
            let planned = self.judge.planned.get(&left.1).copied();
            if !self.jumped && planned.is_none_or(|at| at < before) {
                return Err(format!("{left:?} is left behind and was planned last at {planned:?}"));
            }
        }
        Ok(())
    }

    /// Nothing is held by an incident that is over, or by one that the customer has left behind.
    pub(super) fn judge_held(&mut self) -> Inside<()> {
        let before = self.clock() - HELD_WITHOUT;
        let Some(hub) = &mut self.hub else { return Ok(()) };
        for held in hub.store.read(&HeldSince(before)).map_err(text)? {
            let Some(info) = self.scene.account(held.account).cloned() else { continue };
            let stopped = self.hub.as_ref().is_some_and(|hub| hub.stopped(info.id));
            if !stopped && self.shut_or_ramp(&info).is_none() {
                return Err(format!("{held:?} is held, and nothing is wrong with its account"));
            }
        }
        Ok(())
    }

    /// Who is away from their first channel, before the way back is looked for.
    pub(super) fn note_away(&mut self) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        self.judge.away = hub.store.read(&Away).map_err(text)?;
        Ok(())
    }

    /// Who went home went to a channel that works.
    pub(super) fn judge_returns(&mut self) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let now = hub.store.read(&Away).map_err(text)?;
        let before = std::mem::take(&mut self.judge.away);
        for (conversation, workspace, home) in before {
            if now.iter().any(|(id, ..)| *id == conversation) {
                continue;
            }
            self.report.returns += 1;
            let Some(hub) = &mut self.hub else { return Ok(()) };
            let route = hub.route(workspace, conversation)?;
            if route != Some(home) {
                continue;
            }
            let Some(info) = self.scene.account(home).cloned() else { continue };
            if let Some(incident) = self.incident_over(&info) {
                return Err(format!("{conversation} goes home into {incident}"));
            }
        }
        Ok(())
    }
}

/// Who stays on a way that works leaves nothing waiting for another one: it follows the customer.
fn stays(made: &Made) -> Inside<()> {
    let works = made.plan.verdicts.iter().any(|verdict| verdict.account == made.from && verdict.chosen);
    match made.left.first().filter(|_| works) {
        Some(left) => Err(format!("{left:?} does not follow the customer: {:?}", made.plan)),
        None => Ok(()),
    }
}

fn member(info: &AccountInfo) -> Member {
    Member { account: info.id, channel: info.channel.clone(), fate: info.fate.clone() }
}
