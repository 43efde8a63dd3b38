//! Calls under way: they reach a platform, their answers come back, and people repair what was refused.

use everthread_core::ids::AccountId;
use everthread_core::invariants::Ended;
use everthread_core::limits::{CALL_TIMEOUT, LEASE};
use everthread_core::outcome::{ErrorClass, Outcome, Reason};
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::Outgoing;

use super::{Calling, Step, World};
use crate::hub::Inside;
use crate::wire::Answer;

impl World {
    /// A call reaches the platform, whether or not its process still lives.
    pub(super) fn call(&mut self, life: u64, claimed: Timestamp, out: Box<Outgoing>) -> Inside<()> {
        if life != self.life {
            return Ok(());
        }
        if self.now + CALL_TIMEOUT > claimed + LEASE {
            return Err(format!("{} starts with too little lease left", out.attempt));
        }
        self.report.calls += 1;
        self.judge_call(&out)?;
        let Some(info) = self.scene.account(out.account).cloned() else { return Ok(()) };
        self.judge_window(&out, &info)?;
        let Some(hub) = &self.hub else { return Ok(()) };
        let (attempt, part, account) = (out.attempt, out.part, out.account);
        let mut call = Calling { account, attempt, part, executed: false };
        let request = match hub.request(&out)? {
            Ok(request) => request,
            Err(reason) => {
                self.push(Span::ZERO, Step::Answer { life, call, result: Err(reason) });
                return Ok(());
            }
        };
        let known = self.provider.sent.len();
        let reaction = self.provider.call(&info, (&out, &request), &self.faults, (self.now, &mut self.net));
        self.report.executed += (self.provider.sent.len() - known) as u64;
        for (after, hook) in reaction.hooks {
            self.on_its_way(after, hook);
        }
        if reaction.executed && self.people.chance(self.faults.answers) {
            let after = self.people.millis(2_000, 120_000);
            let (account, peer) = (out.account, out.to.value.clone());
            if info.channel == "twilio" || info.channel == "whatsapp" {
                self.push(after, Step::Elsewhere { account, peer });
            }
        }
        self.crash();
        call.executed = reaction.executed;
        self.push(reaction.after, Step::Answer { life, call, result: Ok(reaction.answer) });
        Ok(())
    }

    pub(super) fn answer(&mut self, life: u64, call: Calling, result: Result<Answer, Reason>) -> Inside<()> {
        let Calling { account, attempt, part, executed } = call;
        self.judge.open.remove(&part);
        if life != self.life || self.crash() {
            self.report.unanswered += 1;
            return Ok(());
        }
        let clock = self.clock();
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let outcome = match &result {
            Ok(answer) => hub.classify(account, answer)?,
            Err(reason) => Outcome::Refused { class: ErrorClass::BadRequest, reason: reason.clone() },
        };
        let (ended, fits) = match &outcome {
            Outcome::Accepted { .. } => (Ended::Accepted, executed),
            Outcome::NotExecuted { .. } => (Ended::NotExecuted, !executed),
            Outcome::Refused { .. } => (Ended::Refused, !executed),
            Outcome::Uncertain { .. } => (Ended::Uncertain, true),
        };
        if !fits {
            return Err(format!("{part}: {result:?} is read as {outcome:?}, which it was not"));
        }
        hub.record(attempt, &outcome, clock)?;
        if let Some(last) = self.judge.attempts.get_mut(&part).and_then(|ended| ended.last_mut()) {
            *last = ended;
        }
        let class = match outcome {
            Outcome::NotExecuted { class, .. } | Outcome::Refused { class, .. } => Some(class),
            _ => None,
        };
        if class == Some(ErrorClass::Auth) {
            let after = self.people.millis(1_000, 1_800_000);
            self.push(after, Step::Repair { account });
        }
        Ok(())
    }

    pub(super) fn repair(&mut self, account: AccountId) -> Inside<()> {
        self.provider.bad_tokens.remove(&account);
        let clock = self.clock();
        let again = Span::secs(10);
        if let Some(hub) = &mut self.hub {
            return hub.start_account(account, clock);
        }
        self.push(again, Step::Repair { account });
        Ok(())
    }
}
