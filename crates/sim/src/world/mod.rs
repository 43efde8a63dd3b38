//! The world around the hub: a queue of (time, tie, event), the platforms, the people, and the judge.

mod call;
mod inbound;
mod judge;
mod look;
mod moves;
mod people;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use everthread_core::ids::{AccountId, AttemptId, PartId};
use everthread_core::outcome::Reason;
use everthread_core::time::{Span, Timestamp};
use everthread_store::journal::testing::{Faults as DiskFaults, SimDisk};
use everthread_store::units::Outgoing;
use everthread_store::{InlineStore, Place};

use self::judge::Judge;
use crate::faults::Faults;
use crate::hub::{Hub, Inside, lite};
use crate::provider::{Hook, Provider};
use crate::rng::Rng;
use crate::scene::Scene;
use crate::trace::Trace;
use crate::wire::Answer;
use crate::{Config, Report, Violation};

/// Virtual time begins here.
const START: Timestamp = Timestamp::from_secs(1_764_000_000);

/// Databases in memory are shared by name within a process: two worlds must not meet.
static NAMES: AtomicU64 = AtomicU64::new(0);

/// Customers of each account.
const CUSTOMERS: usize = 3;

/// Events after the faults stopped: far more than coming to rest ever takes.
const REST_EVENTS_MAX: u64 = 60_000;

/// Longer than anything may wait: a held message goes back after a day.
const REST_MAX: Span = Span::hours(30);

#[derive(Debug)]
enum Step {
    Customer {
        account: usize,
        customer: usize,
    },
    Deliver {
        hook: Box<Hook>,
    },
    Apply {
        life: u64,
    },
    Wake {
        life: u64,
    },
    /// `claimed`: true time, as the lease is measured by a clock that never jumps.
    Call {
        life: u64,
        claimed: Timestamp,
        out: Box<Outgoing>,
    },
    Answer {
        life: u64,
        call: Calling,
        result: Result<Answer, Reason>,
    },
    /// A customer answers where we reached them, which they had not written from.
    Elsewhere {
        account: AccountId,
        peer: String,
    },
    /// The continuity of a process looks at everything.
    Look {
        life: u64,
    },
    Probe {
        life: u64,
        account: AccountId,
    },
    /// People see that it is over, and say so where they had said that it is not.
    AllClear,
    DiskFree,
    Person,
    Repair {
        account: AccountId,
    },
    Jump,
    Restart,
}

/// A call under way, and whether the platform carried it out.
#[derive(Clone, Copy, Debug)]
struct Calling {
    account: AccountId,
    attempt: AttemptId,
    part: PartId,
    executed: bool,
}

/// See the module.
pub struct World {
    config: Config,
    report: Report,
    now: Timestamp,
    tie: u64,
    queue: BinaryHeap<Reverse<(Timestamp, u64)>>,
    steps: HashMap<u64, Step>,
    hub: Option<Hub>,
    life: u64,
    /// When this process will be woken.
    wakes: BTreeSet<Timestamp>,
    /// The wall clock's error, and the last time that a process showed.
    wall: Span,
    jumped: bool,
    clock_floor: Timestamp,
    place: Place,
    _keeper: InlineStore,
    disk: SimDisk,
    scene: Arc<Scene>,
    /// How often each customer has written.
    said: HashMap<(usize, usize), u32>,
    faults: Faults,
    provider: Provider,
    trace: Trace,
    rng: Rng,
    net: Rng,
    people: Rng,
    crashes: Rng,
    judge: Judge,
}

impl World {
    /// An empty installation with its accounts, rules and customers.
    ///
    /// # Panics
    /// Where the store cannot be opened at all.
    pub fn new(config: Config) -> Self {
        let seed = config.seed;
        let place = Place::Memory(format!("sim-{seed}-{}", NAMES.fetch_add(1, Ordering::Relaxed)));
        let mut keeper =
            InlineStore::open(&place, &lite()).unwrap_or_else(|error| panic!("no store: {error}"));
        let mut drawn = Rng::new(seed, "scene");
        let scene =
            Scene::build(&mut keeper, START, &mut drawn).unwrap_or_else(|error| panic!("no scene: {error}"));
        let mut world = Self {
            config,
            report: Report { seed, ..Report::default() },
            now: START,
            tie: 0,
            queue: BinaryHeap::new(),
            steps: HashMap::new(),
            hub: None,
            life: 0,
            wakes: BTreeSet::new(),
            wall: Span::ZERO,
            jumped: false,
            clock_floor: START,
            place,
            _keeper: keeper,
            disk: SimDisk::new(),
            scene: Arc::new(scene),
            said: HashMap::new(),
            faults: Faults::draw(&mut Rng::new(seed, "faults")),
            provider: Provider::default(),
            trace: Trace::new(config.verbose),
            rng: Rng::new(seed, "world"),
            net: Rng::new(seed, "net"),
            people: Rng::new(seed, "people"),
            crashes: Rng::new(seed, "crashes"),
            judge: Judge::default(),
        };
        world.push(Span::ZERO, Step::Restart);
        for account in 0..world.scene.accounts.len() {
            for customer in 0..CUSTOMERS {
                let after = world.rng.millis(0, 60_000);
                world.push(after, Step::Customer { account, customer });
            }
        }
        world.push(Span::secs(20), Step::Person);
        world.push(Span::secs(60), Step::Jump);
        world
    }

    /// Runs the whole history.
    pub fn run(mut self) -> Result<Report, Violation> {
        let done = self.history();
        self.report.trace = self.trace.hash();
        self.report.virtual_secs = self.now.since(START).as_micros() / 1_000_000;
        done.map(|()| self.report).map_err(|what| {
            for line in self.trace.last() {
                eprintln!("{line}");
            }
            eprintln!("{:?}", self.faults);
            Violation { seed: self.config.seed, event: self.report.events, at: self.now.rfc3339(), what }
        })
    }

    fn history(&mut self) -> Inside<()> {
        while self.report.events < u64::from(self.config.steps) {
            if !self.next()? {
                break;
            }
        }
        self.rest()?;
        self.judge_end()
    }

    /// Faults off: everything must come to rest.
    fn rest(&mut self) -> Inside<()> {
        self.faults = Faults::none();
        self.disk.set_faults(DiskFaults::default());
        self.provider.heal();
        self.push(Span::secs(20), Step::AllClear);
        for info in self.scene.accounts.clone() {
            self.push(Span::secs(30), Step::Repair { account: info.id });
        }
        let (from, events) = (self.now, self.report.events);
        while self.next()? {
            if self.report.events - events > REST_EVENTS_MAX {
                let open = self.hub.as_ref().map(|hub| hub.continuity.detector.incidents().to_vec());
                return Err(format!("it does not come to rest: {open:?}"));
            }
            if self.now.since(from) > REST_MAX {
                return Err("something waits longer than anything may".to_owned());
            }
        }
        Ok(())
    }

    /// Handles the next step. False where there is none.
    fn next(&mut self) -> Inside<bool> {
        let Some(Reverse((at, tie))) = self.queue.pop() else { return Ok(false) };
        let Some(step) = self.steps.remove(&tie) else { return Ok(true) };
        self.now = at;
        self.report.events += 1;
        self.trace.note(format!("{} {step:?}", at.since(START).as_micros()));
        self.step(step)?;
        self.check()?;
        self.schedule();
        Ok(true)
    }

    fn step(&mut self, step: Step) -> Inside<()> {
        match step {
            Step::Customer { account, customer } => self.customer(account, customer),
            Step::Deliver { hook } => return self.deliver(hook),
            Step::Apply { life } if life == self.life => return self.apply(),
            Step::Wake { life } if life == self.life => return self.woken(),
            Step::Call { life, claimed, out } => return self.call(life, claimed, out),
            Step::Answer { life, call, result } => return self.answer(life, call, result),
            Step::Elsewhere { account, peer } => self.elsewhere(account, peer),
            Step::Look { life } if life == self.life => return self.look(),
            Step::Probe { life, account } if life == self.life => return self.probe(account),
            Step::AllClear => return self.all_clear(),
            Step::DiskFree => self.disk.set_faults(DiskFaults::default()),
            Step::Person => return self.person(),
            Step::Repair { account } => return self.repair(account),
            Step::Jump => self.jump(),
            Step::Restart => return self.restart(),
            Step::Apply { .. } | Step::Wake { .. } | Step::Look { .. } | Step::Probe { .. } => {}
        }
        Ok(())
    }

    fn push(&mut self, after: Span, step: Step) {
        self.tie += 1;
        self.queue.push(Reverse((self.now + after.max(Span::ZERO), self.tie)));
        self.steps.insert(self.tie, step);
    }

    fn active(&self) -> bool {
        self.report.events < u64::from(self.config.steps)
    }

    /// The hub's clock: it never falls.
    fn clock(&mut self) -> Timestamp {
        let offset = self.hub.as_ref().map_or(Span::ZERO, |hub| hub.offset);
        self.clock_floor = self.clock_floor.max(self.now + offset);
        self.clock_floor
    }

    fn schedule(&mut self) {
        let clock = self.clock();
        let Some(hub) = &self.hub else { return };
        let Some(deadline) = hub.deadline(clock) else { return };
        // A shell needs a moment to come round.
        let at = self.now + deadline.since(clock).max(Span::millis(1));
        if self.wakes.first().is_none_or(|known| at < *known) {
            self.wakes.insert(at);
            let life = self.life;
            self.push(at.since(self.now), Step::Wake { life });
        }
    }

    fn crash(&mut self) -> bool {
        if !self.crashes.chance(self.faults.crash) {
            return false;
        }
        self.clock();
        self.hub = None;
        self.wakes.clear();
        self.life += 1;
        self.report.crashes += 1;
        if self.crashes.chance(self.faults.power_cut) {
            self.disk = self.disk.power_cut(self.crashes.draw());
        }
        let after = self.crashes.millis(100, 90_000);
        self.push(after, Step::Restart);
        self.trace.note("crash".to_owned());
        true
    }

    fn restart(&mut self) -> Inside<()> {
        self.disk.set_faults(DiskFaults::default());
        let offset = Span::micros(self.wall.as_micros().max(self.clock_floor.since(self.now).as_micros()));
        self.life += 1;
        let rng = Rng::new(self.config.seed ^ self.life.rotate_left(32), "hub");
        let hub = Hub::start(&self.place, &self.disk, &self.scene, (self.now, offset), rng)?;
        let lag = hub.lag();
        self.hub = Some(hub);
        if lag > 0 {
            self.apply_soon();
        }
        let life = self.life;
        self.push(Span::millis(500), Step::Look { life });
        Ok(())
    }

    fn woken(&mut self) -> Inside<()> {
        self.wakes.remove(&self.now);
        let clock = self.clock();
        let Some(hub) = &mut self.hub else { return Ok(()) };
        hub.settle(clock)?;
        let calls = hub.claim(clock)?;
        for out in &calls {
            self.judge_claim(out, clock)?;
        }
        if self.crash() {
            return Ok(());
        }
        for out in calls {
            let after = self.net.millis(0, 60);
            let (life, claimed) = (self.life, self.now);
            self.push(after, Step::Call { life, claimed, out: Box::new(out) });
        }
        Ok(())
    }

    fn jump(&mut self) {
        if self.rng.chance(self.faults.clock_jump * 10) {
            let by = self.rng.millis(-600_000, 600_000);
            self.wall = self.wall + by;
            self.jumped = true;
            if let Some(hub) = &mut self.hub {
                // A running process follows the wall forward and ignores it backward.
                hub.offset = Span::micros(hub.offset.as_micros().max(self.wall.as_micros()));
            }
        }
        if self.active() {
            let after = self.rng.millis(10_000, 300_000);
            self.push(after, Step::Jump);
        }
    }
}
