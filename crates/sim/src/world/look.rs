//! The continuity of a process, step by step: it may die between any two.

use everthread_core::ids::AccountId;
use everthread_core::outcome::Outcome;
use everthread_core::time::Timestamp;

use super::{Step, World};
use crate::hub::{Hub, Inside};
use crate::outages::Component;
use crate::wire;

impl World {
    pub(super) fn look(&mut self) -> Inside<()> {
        if self.stage(Hub::weigh)? == Some(true) {
            self.stage(Hub::regate)?;
        }
        let clock = self.clock();
        if let Some(hub) = &mut self.hub {
            for account in hub.probes(clock) {
                let (life, after) = (self.life, self.net.millis(5, 400));
                self.push(after, Step::Probe { life, account });
            }
        }
        for made in self.stage(Hub::plan_due)?.unwrap_or_default() {
            self.judge_move(&made)?;
        }
        self.stage(Hub::canaries)?;
        self.stage(Hub::drain)?;
        self.note_away()?;
        if self.stage(Hub::go_home)? == Some(true) {
            self.judge_returns()?;
        }
        self.judge_held()?;
        self.judge_left_behind()?;
        self.look_again()
    }

    /// Runs one step of the hub, after which it may die.
    fn stage<T>(&mut self, run: impl FnOnce(&mut Hub, Timestamp) -> Inside<T>) -> Inside<Option<T>> {
        let clock = self.clock();
        let Some(hub) = &mut self.hub else { return Ok(None) };
        let done = run(hub, clock)?;
        if self.crashes.chance(200) {
            self.crash();
        }
        Ok(Some(done))
    }

    fn look_again(&mut self) -> Inside<()> {
        let active = self.active();
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let wait = hub.look_again(active)?;
        if let Some(wait) = wait {
            let life = self.life;
            self.push(wait, Step::Look { life });
        }
        Ok(())
    }

    /// A probe reaches the platform.
    pub(super) fn probe(&mut self, account: AccountId) -> Inside<()> {
        let clock = self.clock();
        let Some(info) = self.scene.account(account).cloned() else { return Ok(()) };
        let Some(hub) = &mut self.hub else { return Ok(()) };
        if !hub.has_probe(&info)? {
            return Ok(());
        }
        let channel = info.channel.as_str();
        let answer = match self.provider.outages.probe(&info, self.now) {
            Some(Component::Auth) => Some(wire::bad_token(channel)),
            Some(_) => Some(wire::down(channel)),
            None if self.provider.bad_tokens.contains(&account) => Some(wire::bad_token(channel)),
            None if self.net.chance(self.faults.throttle) => Some(wire::throttled(channel, &mut self.net)),
            None => None,
        };
        let outcome = match &answer {
            Some(answer) => hub.classify(account, answer)?,
            None => Outcome::Accepted { provider_id: String::new() },
        };
        if hub.probed(account, &outcome, clock) {
            hub.start_account(account, clock)?;
        }
        Ok(())
    }

    pub(super) fn all_clear(&mut self) -> Inside<()> {
        let clock = self.clock();
        let Some(hub) = &mut self.hub else {
            self.push(everthread_core::time::Span::secs(10), Step::AllClear);
            return Ok(());
        };
        let incidents = hub.continuity.detector.incidents();
        let declared: Vec<_> = incidents.iter().filter(|i| i.declared).map(|i| i.key).collect();
        for key in declared {
            hub.dismiss(key, clock)?;
        }
        self.look_again()
    }
}
