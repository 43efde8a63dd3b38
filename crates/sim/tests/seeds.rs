//! Two hundred histories, and proof that a history can be repeated.

use everthread_sim::{Config, Report, again, run};

const SEEDS: u64 = 200;
const STEPS: u32 = 240;

/// Longer histories that once did not come to rest.
const RESTLESS: [u64; 3] = [100_251, 200_263, 200_345];
const LONG: u32 = 600;

/// Runs histories one after another; all violations are reported together.
fn histories(seeds: impl Iterator<Item = u64>, steps: u32) -> Report {
    let mut sum = Report::default();
    let mut broken = Vec::new();
    for seed in seeds {
        let config = Config { seed, steps, verbose: false };
        match run(config) {
            Ok(report) => {
                sum.events += report.events;
                sum.crashes += report.crashes;
                sum.acknowledged += report.acknowledged;
                sum.calls += report.calls;
                sum.executed += report.executed;
                sum.unanswered += report.unanswered;
                sum.moves += report.moves;
                sum.returns += report.returns;
            }
            Err(violation) => broken.push(format!("{violation}\n{}", again(config))),
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
    sum
}

/// The histories must hold what they are about: a simulator in which nothing happens proves nothing.
fn check_sum(sum: Report) {
    println!("{sum:?}");
    assert!(
        sum.crashes > 50
            && sum.acknowledged > 1_000
            && sum.executed > 500
            && sum.unanswered > 10
            && sum.moves > 3,
        "{sum:?}"
    );
}

#[test]
fn odd_seeds_keep_every_promise() {
    let sum = histories((1..=SEEDS).filter(|seed| seed % 2 == 1), STEPS);
    // A way home needs an outage, a move and a quiet time: short histories have few, so they are looked for in one half.
    assert!(sum.returns > 0, "{sum:?}");
    check_sum(sum);
}

#[test]
fn even_seeds_keep_every_promise() {
    check_sum(histories((1..=SEEDS).filter(|seed| seed % 2 == 0), STEPS));
}

#[test]
fn what_was_restless_comes_to_rest() {
    assert!(histories(RESTLESS.into_iter(), LONG).executed > 50);
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for seed in [3, 8] {
        let config = Config { seed, steps: STEPS, verbose: false };
        let (one, two) = (run(config).expect("first"), run(config).expect("second"));
        assert_eq!(one, two);
        assert_ne!(run(Config { seed: seed + 100, ..config }).expect("third").trace, one.trace);
    }
}
