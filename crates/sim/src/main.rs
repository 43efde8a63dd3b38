//! `everthread-sim --seed N [--seeds COUNT] [--steps M]`: runs histories and prints one line for each.

use everthread_sim::{Config, run};

/// Events per history unless told otherwise.
const STEPS: u32 = 600;

fn main() -> std::process::ExitCode {
    let mut config = Config {
        seed: number("SIM_SEED").unwrap_or(1),
        steps: STEPS,
        verbose: std::env::var_os("SIM_TRACE").is_some(),
    };
    let mut seeds = 1;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().and_then(|value| value.parse::<u64>().ok());
        match (word.as_str(), value) {
            ("--seed", Some(value)) => config.seed = value,
            ("--seeds", Some(value)) => seeds = value,
            ("--steps", Some(value)) => config.steps = u32::try_from(value).unwrap_or(u32::MAX),
            _ => {
                eprintln!("usage: everthread-sim [--seed N] [--seeds COUNT] [--steps M]");
                return std::process::ExitCode::from(2);
            }
        }
    }
    let first = config.seed;
    for seed in first..first.saturating_add(seeds) {
        let config = Config { seed, ..config };
        everthread_sim::announce(config);
        match run(config) {
            Ok(report) => println!("{report:?}"),
            Err(violation) => {
                eprintln!("{violation}\n{}", everthread_sim::again(config));
                return std::process::ExitCode::FAILURE;
            }
        }
    }
    std::process::ExitCode::SUCCESS
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}
