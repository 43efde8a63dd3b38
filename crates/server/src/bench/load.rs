//! The load of `bench ingest`: kept connections that post signed messages, as fast as they are answered or at a
//! given rate.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::bodies::{CONTACTS, Maker, Mark};
use super::stats::percentile;
use super::wire::Connection;
use crate::admin::Failure;

/// How to run it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The server, `host:port`.
    #[arg(long)]
    target: String,
    /// `/hooks/whatsapp/<key>`.
    #[arg(long)]
    path: String,
    #[arg(long)]
    connections: u32,
    #[arg(long)]
    seconds: u32,
    /// Requests made and signed before the clock starts; used again from the first when they are spent.
    #[arg(long)]
    requests: u32,
    /// Requests per second over all connections; without it, as fast as they are answered.
    #[arg(long)]
    rate: Option<f64>,
    /// Tells this run's messages from those of others.
    #[arg(long)]
    seed: u32,
}

/// What it found.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(super) struct Report {
    /// Requests answered 200.
    pub(super) kept: u64,
    /// Other answers and broken connections.
    pub(super) refused: u64,
    /// Requests that had been sent before.
    pub(super) repeated: u64,
    pub(super) seconds: f64,
    pub(super) p50_us: u32,
    pub(super) p99_us: u32,
}

struct Run {
    requests: Vec<Vec<u8>>,
    next: Cell<usize>,
    start: Instant,
    options: Options,
}

/// Posts and prints the report.
pub(super) async fn run(options: Options) -> Result<(), Failure> {
    let maker = Maker {
        host: options.target.clone(),
        path: options.path.clone(),
        seed: options.seed,
        now: crate::clock::now().micros() / 1_000_000,
    };
    let mark = |i: u32| Mark { contact: i % CONTACTS, nth: i / CONTACTS };
    let requests = (0..options.requests).map(|i| maker.message(mark(i))).collect();
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        connections.push(Connection::open(&options.target).await.map_err(Failure::from_display)?);
    }
    let run = Rc::new(Run { requests, next: Cell::new(0), start: Instant::now(), options });
    let mut tasks = JoinSet::new();
    for connection in connections {
        tasks.spawn_local(post(Rc::clone(&run), connection));
    }
    let mut report = Report::default();
    let mut micros = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let (one, refused) = done.map_err(Failure::from_display)?;
        report.kept += one.len() as u64;
        report.refused += refused;
        micros.extend(one);
    }
    report.seconds = run.start.elapsed().as_secs_f64();
    report.repeated = (run.next.get() as u64).saturating_sub(run.requests.len() as u64);
    report.p50_us = percentile(&mut micros, 0.5);
    report.p99_us = percentile(&mut micros, 0.99);
    println!("{}", serde_json::to_string(&report).map_err(Failure::from_display)?);
    Ok(())
}

/// One connection: microseconds of each kept request, and how many were refused.
async fn post(run: Rc<Run>, mut connection: Connection) -> (Vec<u32>, u64) {
    let end = run.start + Duration::from_secs(u64::from(run.options.seconds));
    let (mut micros, mut refused) = (Vec::new(), 0);
    loop {
        let i = run.next.get();
        run.next.set(i + 1);
        let mut from = Instant::now();
        if let Some(rate) = run.options.rate {
            let due = run.start + Duration::from_secs_f64(i as f64 / rate);
            if due >= end {
                run.next.set(i);
                return (micros, refused);
            }
            // A connection that was still busy when the request was due makes it late, and that counts.
            if due > from {
                tokio::time::sleep_until(due.into()).await;
                from = Instant::now();
            } else {
                from = due;
            }
        } else if from >= end {
            run.next.set(i);
            return (micros, refused);
        }
        match connection.exchange(&run.requests[i % run.requests.len()]).await {
            Ok(200) => micros.push(from.elapsed().as_micros() as u32),
            Ok(_) => refused += 1,
            Err(_) => return (micros, refused + 1),
        }
    }
}
