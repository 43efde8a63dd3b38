//! The hub in virtual time: `core`, the journal and the real SQLite units under crashes, lost answers, duplicates,
//! reordering, throttling, outages and clock jumps.
//!
//! One seed is one history; the same seed gives the same trace. After every step the invariants of
//! `everthread_core::invariants` are asked of the rows that changed, and each provider call is judged against what
//! the simulated platforms really did. At the end the faults stop and everything must come to rest.

mod checks;
mod faults;
mod hub;
mod outages;
mod provider;
mod rng;
mod scene;
mod trace;
mod wire;
mod world;

pub use world::World;

/// One history.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub seed: u64,
    /// Events handled while faults are on; what follows until all is at rest comes on top.
    pub steps: u32,
    /// Prints every step.
    pub verbose: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seed: u64,
    /// Hash over every step: the same seed gives the same.
    pub trace: u64,
    pub events: u64,
    pub crashes: u64,
    /// Webhooks that the hub acknowledged.
    pub acknowledged: u64,
    /// Provider calls started.
    pub calls: u64,
    /// Calls that the platforms carried out.
    pub executed: u64,
    /// Calls whose answer the hub never had.
    pub unanswered: u64,
    /// Lanes that were carried to another route, and conversations that came back.
    pub moves: u64,
    pub returns: u64,
    pub virtual_secs: i64,
}

/// A promise that was broken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, event {event}, {at}: {what}")]
pub struct Violation {
    pub seed: u64,
    /// Events handled before.
    pub event: u64,
    /// Virtual time.
    pub at: String,
    pub what: String,
}

/// Runs one history. Fails with the first promise that was broken.
pub fn run(config: Config) -> Result<Report, Violation> {
    World::new(config).run()
}

/// The command that runs a history again.
pub fn again(config: Config) -> String {
    let Config { seed, steps, .. } = config;
    format!("SIM_SEED={seed} cargo run -p everthread-sim -- --seed {seed} --steps {steps}")
}

/// From here on a panic of this thread says which history it was.
pub fn announce(config: Config) {
    let before = std::panic::take_hook();
    let thread = std::thread::current().id();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            eprintln!("{}", again(config));
        }
        before(info);
    }));
}
