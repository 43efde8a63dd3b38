//! What customers do, on its way into the hub and into its store.

use everthread_core::directory::AccountInfo;
use everthread_core::event::Fact;
use everthread_core::ids::AccountId;
use everthread_core::time::Span;
use everthread_store::journal::testing::Faults as DiskFaults;
use everthread_store::units::ItemResult;

use super::{Step, World};
use crate::hub::Inside;
use crate::outages::Component;
use crate::provider::{About, Hook};
use crate::scene::{PHONE, SAYINGS, phone};

/// Of a thousand messages on WhatsApp, after so many the customer takes another number.
const NEW_NUMBER: u32 = 60;

impl World {
    /// A customer writes, or does something else.
    pub(super) fn customer(&mut self, account: usize, customer: usize) {
        let Some(info) = self.scene.accounts.get(account).cloned() else { return };
        let typed = info.caps.echoes && self.rng.chance(60);
        let hook =
            typed.then(|| self.provider.typed(&info, customer, self.now)).flatten().unwrap_or_else(|| {
                let peer = self.provider.address(&info, customer);
                let said = self.said.entry((account, customer)).or_insert(0);
                *said += 1;
                let saying = match *said {
                    1 if self.rng.chance(700) => "call me",
                    2 if self.rng.chance(800) => PHONE,
                    _ => self.rng.pick(SAYINGS).copied().unwrap_or_default(),
                };
                let number = phone(&info, customer);
                let saying = if saying == PHONE { number.as_str() } else { saying };
                let picture = self.rng.chance(80);
                self.provider.customer(&info, peer, (saying, picture), self.now)
            });
        self.comes_in(&info, hook);
        if self.rng.chance(self.faults.second_thoughts) {
            let hook = self.provider.second_thought(&info, customer, self.now, &mut self.rng);
            if let Some(hook) = hook {
                self.on_its_way(Span::ZERO, hook);
            }
        }
        if info.channel == "whatsapp" && self.rng.chance(NEW_NUMBER) {
            let judge = &self.judge;
            let known = |id: &str| judge.messages.contains_key(&(info.id, id.to_owned()));
            if let Some(hook) = self.provider.change_number(&info, customer, self.now, known) {
                self.on_its_way(Span::ZERO, hook);
            }
        }
        if self.net.chance(self.faults.outage) {
            self.provider.outages.begin(&self.scene, self.now, &mut self.net);
        }
        if self.active() {
            let most = if self.rng.chance(self.faults.quiet) { 3_000_000 } else { 90_000 };
            let after = self.rng.millis(500, most);
            self.push(after, Step::Customer { account, customer });
        }
    }

    /// A customer writes from another address than usual.
    pub(super) fn elsewhere(&mut self, account: AccountId, peer: String) {
        let Some(info) = self.scene.account(account).cloned() else { return };
        let saying = self.rng.pick(SAYINGS).copied().unwrap_or_default();
        let hook = self.provider.customer(&info, peer, (saying, false), self.now);
        self.comes_in(&info, hook);
    }

    /// What a customer did, unless the platform keeps it to itself for a while, or for ever.
    fn comes_in(&mut self, info: &AccountInfo, hook: Hook) {
        let hit = self.provider.outages.hit(Component::Inbound, info, (self.now, &mut self.net));
        let late = hit.map(|outage| outage.until.since(self.now));
        let lost = late.is_some() && self.net.chance(300);
        // Afterwards the hub reads back from before the onset: what was lost, and what came in too.
        if can_be_read_back(info) && (lost || self.net.chance(100)) {
            let after = late.unwrap_or(Span::ZERO) + self.net.millis(1_000, 600_000);
            self.on_its_way(after, Hook { history: true, ..hook.clone() });
        }
        if lost {
            return;
        }
        self.on_its_way(late.unwrap_or(Span::ZERO), hook);
    }

    /// A webhook sets out; some come twice, all take their time.
    pub(super) fn on_its_way(&mut self, after: Span, hook: Hook) {
        let copies = if self.net.chance(self.faults.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let after = after + self.net.millis(1, self.faults.webhook_millis);
            self.push(after, Step::Deliver { hook: Box::new(hook.clone()) });
        }
    }

    /// A webhook reaches the hub, which may be down, full, or gone before it answers.
    pub(super) fn deliver(&mut self, hook: Box<Hook>) -> Inside<()> {
        let clock = self.clock();
        if self.net.chance(self.faults.bad_sync) {
            self.disk.set_faults(DiskFaults { sync_fails_after: Some(0), ..DiskFaults::default() });
        }
        if self.net.chance(self.faults.full_disk) {
            self.disk.set_faults(DiskFaults { space: Some(0), ..DiskFaults::default() });
            let after = self.net.millis(1_000, 60_000);
            self.push(after, Step::DiskFree);
        }
        let again = self.net.millis(500, 30_000);
        let Some(hub) = &mut self.hub else {
            self.push(again, Step::Deliver { hook });
            return Ok(());
        };
        if !hub.ingest(&hook, clock)? {
            self.push(again, Step::Deliver { hook });
            return Ok(());
        }
        if self.crash() || self.net.chance(self.faults.lost_ack) {
            // It is on disk, but the platform does not know.
            self.push(again, Step::Deliver { hook });
        } else {
            self.acknowledged(&hook);
        }
        if self.hub.is_some() {
            self.apply_soon();
        }
        Ok(())
    }

    fn acknowledged(&mut self, hook: &Hook) {
        self.report.acknowledged += 1;
        let at = |id: &String| (hook.account, id.clone());
        match &hook.about {
            About::Message { id, text } => {
                self.judge.messages.insert(at(id), text.clone());
            }
            About::Typed(id) => {
                self.judge.typed.insert(at(id));
            }
            About::Echo(id) => self.told(id, Fact::Accepted),
            About::Receipt(id, fact) => self.told(id, *fact),
            About::Passed(id, fact) => self.told_by_time(id, *fact),
            About::Edit(id, text) => {
                self.judge.edits.entry(at(id)).or_default().insert(text.clone());
            }
            About::Delete(id) => {
                self.judge.deleted.insert(at(id));
            }
            About::Moved(customer, number) => {
                self.provider.moved_to(hook.account, *customer, number.clone());
            }
            About::Reaction(id) => {
                self.judge.reactions.insert(at(id));
            }
        }
    }

    fn told(&mut self, provider_id: &str, fact: Fact) {
        for sent in self.provider.sent.iter_mut().filter(|sent| sent.provider_id == provider_id) {
            sent.told = sent.told.max(Some(fact));
        }
    }

    fn told_by_time(&mut self, provider_id: &str, fact: Fact) {
        for sent in self.provider.sent.iter_mut().filter(|sent| sent.provider_id == provider_id) {
            sent.told_by_time = sent.told_by_time.max(Some(fact));
        }
    }

    pub(super) fn apply_soon(&mut self) {
        let after = self.net.millis(1, 300);
        let life = self.life;
        self.push(after, Step::Apply { life });
    }

    pub(super) fn apply(&mut self) -> Inside<()> {
        let clock = self.clock();
        let max = 1 + self.rng.below(8);
        if self.crash() {
            return Ok(());
        }
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let results = hub.apply(clock, max)?;
        for result in &results {
            if let ItemResult::Problem(reason) = result {
                return Err(format!("an event became a problem: {reason}"));
            }
        }
        self.trace.note(format!("applied {results:?}"));
        if self.crash() {
            return Ok(());
        }
        let save = self.rng.chance(400);
        let Some(hub) = &mut self.hub else { return Ok(()) };
        if save {
            hub.save_cursor()?;
        }
        if hub.lag() > 0 {
            self.apply_soon();
        }
        Ok(())
    }
}

fn can_be_read_back(info: &AccountInfo) -> bool {
    everthread_channels::find(&info.channel).is_some_and(|channel| channel.history().is_some())
}
