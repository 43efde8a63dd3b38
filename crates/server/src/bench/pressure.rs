//! `bench pressure` and `bench hung`: whether what goes on elsewhere delays a customer who is talking.

use serde_json::json;

use super::Run;
use super::child::{Server, free_address, report};
use super::loops::Report;
use super::machine::Ground;
use super::prepare::{Pace, Template};
use super::seed::Seeder;
use super::stats::{median, round};
use crate::admin::Failure;

/// Loops a second on a quiet day.
const QUIET: f64 = 50.0;

/// Bulk messages in each conversation that has any.
const BULK_EACH: u32 = 5;

/// A tail needs more samples than a rate: so many times the length of a measurement.
pub(super) const TAIL: u32 = 3;

/// One comparison: as it is, and under stress.
struct Pair {
    calm_ms: Vec<f64>,
    stressed_ms: Vec<f64>,
    bulk: u64,
    /// Of the bulk, what went out within a run: the rest waited to its end.
    bulk_sent: Vec<f64>,
    lost: u64,
}

/// Live talk with 50,000 bulk messages queued and inbound at ten times its usual rate.
pub(super) async fn pressure(run: &Run, bulk: u32) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let provider = free_address()?;
    let base = format!("http://{provider}");
    let template = Template::make_paced(ground.dir.join("template"), &base, true, Pace::Providers).await?;
    let seeded = ground.dir.join("seeded");
    template.copy(&seeded)?;
    let seeder = Seeder::open(&seeded).await?;
    // One conversation each: the first half talks, the other half has bulk waiting.
    let half = bulk / BULK_EACH;
    seeder.messages(half * 2).await?;
    let calm = Template { dir: ground.dir.join("calm"), webhook_path: template.webhook_path.clone() };
    drop(seeder);
    Template { dir: seeded.clone(), webhook_path: String::new() }.copy(&calm.dir)?;
    let bulk = Seeder::open(&seeded).await?.bulk(half as usize, BULK_EACH).await?;
    let stressed = Template { dir: seeded, webhook_path: template.webhook_path.clone() };
    let mut pair =
        Pair { calm_ms: Vec::new(), stressed_ms: Vec::new(), bulk, bulk_sent: Vec::new(), lost: 0 };
    let mut seed = 0;
    for _ in 0..run.rounds {
        for (template, rate, under_stress) in [(&calm, QUIET, false), (&stressed, QUIET * 10.0, true)] {
            seed += 1;
            let found = talk(run, (&ground, template, &provider), rate, seed, &[]).await?;
            let p99_ms = f64::from(found.p99_us) / 1_000.0;
            pair.lost += found.lost;
            if under_stress {
                pair.stressed_ms.push(p99_ms);
                pair.bulk_sent.push(found.bulk as f64);
            } else {
                pair.calm_ms.push(p99_ms);
            }
        }
    }
    print(run, &ground, "pressure", &pair, (1.5, 10.0));
    Ok(())
}

/// One of twenty accounts answers after 35 s: the other nineteen must not notice.
pub(super) async fn hung(run: &Run) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let provider = free_address()?;
    let template = Template::make(ground.dir.join("template"), &format!("http://{provider}"), true).await?;
    let mut pair =
        Pair { calm_ms: Vec::new(), stressed_ms: Vec::new(), bulk: 0, bulk_sent: Vec::new(), lost: 0 };
    let mut seed = 0;
    for _ in 0..run.rounds {
        for (extra, into) in [
            (&["--accounts", "20"][..], &mut pair.calm_ms),
            (&["--accounts", "20", "--hung", "7"][..], &mut pair.stressed_ms),
        ] {
            seed += 1;
            let found = talk(run, (&ground, &template, &provider), QUIET * 4.0, seed, extra).await?;
            into.push(f64::from(found.p99_us) / 1_000.0);
            pair.lost += found.lost;
        }
    }
    print(run, &ground, "hung", &pair, (1.2, 10.0));
    Ok(())
}

/// One run of loops at a rate, on a fresh copy.
async fn talk(
    run: &Run,
    (ground, template, provider): (&Ground, &Template, &str),
    rate: f64,
    seed: u32,
    extra: &[&str],
) -> Result<Report, Failure> {
    let data = ground.dir.join("run");
    template.copy(&data)?;
    let shown = data.to_string_lossy().into_owned();
    let address = free_address()?;
    let mut arguments: Vec<String> = ["bench", "loops", "--target", &address].map(Into::into).into();
    for (name, value) in [
        ("--path", template.webhook_path.clone()),
        ("--provider", provider.to_owned()),
        ("--customers", run.connections.to_string()),
        ("--seconds", (run.seconds * TAIL).to_string()),
        ("--seed", seed.to_string()),
        ("--rate", rate.to_string()),
    ] {
        arguments.extend([name.to_owned(), value]);
    }
    arguments.extend(extra.iter().map(|word| (*word).to_owned()));
    let serve = ["--data", &shown, "serve", "--listen", &address];
    let (found, hub) =
        tokio::try_join!(report::<Report>(&arguments), after_provider(provider, &serve, &address))?;
    hub.kill().await;
    if !run.json {
        eprintln!(
            "{rate:.0} /s {extra:?}: p50 {} us, p99 {} us, bulk sent {}",
            found.p50_us, found.p99_us, found.bulk
        );
    }
    Ok(found)
}

/// Starts the hub once its provider listens: what waits in it goes out at once.
async fn after_provider(provider: &str, serve: &[&str], address: &str) -> Result<Server, Failure> {
    while tokio::net::TcpStream::connect(provider).await.is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Server::spawn(serve, address)?.ready("/readyz").await?.opened().await
}

fn print(run: &Run, ground: &Ground, what: &str, pair: &Pair, (factor, more_ms): (f64, f64)) {
    let (calm, stressed) = (median(&pair.calm_ms), median(&pair.stressed_ms));
    let bar = (calm * factor).max(calm + more_ms);
    if run.json {
        let object = json!({
            "what": what, "calm_p99_ms": round(calm, 2), "stressed_p99_ms": round(stressed, 2),
            "ratio": round(stressed / calm.max(0.001), 3), "bar_ms": round(bar, 2), "within": stressed <= bar,
            "bulk": pair.bulk, "bulk_sent": round(median(&pair.bulk_sent), 0), "lost": pair.lost, "rounds": run.rounds, "machine": ground.json(0.0),
        });
        println!("{object}");
        return;
    }
    println!("answers' p99, calm      {calm:>9.2} ms");
    println!(
        "answers' p99, {what:<9} {stressed:>9.2} ms  the bar is {bar:.2} ms ({factor} times, or {more_ms} ms more)"
    );
    let sent = median(&pair.bulk_sent);
    println!(
        "bulk queued {}, sent meanwhile {sent:.0}, lost {}, median of {}",
        pair.bulk, pair.lost, run.rounds
    );
}
