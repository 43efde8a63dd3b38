//! `everthread bench`: ratios against a floor measured in the same run, on a real disk.
//!
//! Every measurement starts its servers as processes of this same program and its load as another one, in the
//! order floor, hub, hub, floor, and repeats that; what is printed are medians. Absolute figures of a busy machine
//! mean little, the ratios hold.

mod bodies;
mod child;
mod crash;
mod endpoint;
mod failover;
mod growth;
mod idle;
mod ingest;
mod load;
mod loops;
mod machine;
mod pipeline;
mod prepare;
mod pressure;
mod provider;
mod seed;
mod stats;
mod wire;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::admin::Failure;
use crate::cli::Place;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Signed webhooks kept durably per second, against an endpoint that only checks the signature.
    Ingest(Run),
    /// Whole loops per second (webhook, rule, provider call, receipt), against a floor that decides nothing.
    Pipeline(Run),
    /// Answers to people who talk, with 50,000 bulk messages queued and ten times the usual inbound.
    Pressure {
        #[command(flatten)]
        run: Run,
        /// Bulk messages that wait when it begins, five in each conversation that has any.
        #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(5..=50_000))]
        bulk: u32,
    },
    /// Answers over nineteen accounts while the twentieth hangs.
    Hung(Run),
    /// `kill -9` at random moments under load: what was lost, what went out twice.
    Crash {
        #[command(flatten)]
        run: Run,
        /// How often.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        kills: u32,
        /// Seconds that what is in flight at the end has to settle. Less than two minutes leaves uncertain answers open.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=3_600))]
        settle: u32,
    },
    /// Pipeline, inbox and search with many stored messages, against few.
    Growth {
        #[command(flatten)]
        run: Run,
        /// How many are many.
        #[arg(long, default_value_t = 2_000_000, value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
        messages: u32,
    },
    /// Instagram stops sending: how fast open conversations go on over SMS, and whether the books balance.
    Failover {
        #[command(flatten)]
        run: Run,
        /// Open conversations when it happens.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(10..=100_000))]
        conversations: u32,
        /// The fast dial of the detector until it has confirmed: divides what it judges by.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
        pace: u32,
    },
    /// Instagram is back after an outage: how what was held goes out, and whether live talk notices.
    Drain {
        #[command(flatten)]
        run: Run,
        /// Held messages, the same number in each lane.
        #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
        messages: u32,
        /// Lanes that they wait in.
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lanes: u32,
        /// The fast dial of the detector and of the ramp: divides what it judges by.
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
        pace: u32,
    },
    /// Memory, size and start of a hub that has nothing to do.
    Idle(Run),
    /// The endpoint that measurements compare with.
    #[command(hide = true)]
    Endpoint(endpoint::Options),
    /// The load of `ingest`.
    #[command(hide = true)]
    Load(load::Options),
    /// The customers and the provider of `pipeline`.
    #[command(hide = true)]
    Loops(loops::Options),
    /// The customers and the provider of `crash`.
    #[command(hide = true)]
    CrashCustomers(crash::Options),
}

/// How to measure.
#[derive(Clone, Debug, Args)]
pub struct Run {
    /// One JSON object on standard output and nothing else.
    #[arg(long)]
    json: bool,
    /// Rounds of floor, hub, hub, floor.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Length of one measurement; three times as long where it is about a tail.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=600))]
    seconds: u32,
    /// Length of the sustained run of `pipeline`.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    sustain: u32,
    /// Connections of the load; for `pipeline`, customers waiting for an answer at one time.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Folder on the disk to measure; a folder of its own is made in it and removed at the end. Default: the
    /// system's folder for temporary files.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Leave the folder of the last run behind.
    #[arg(long)]
    keep: bool,
}

/// Measures, or plays one of the parts.
pub async fn run(bench: &Bench, _place: &Place) -> Result<(), Failure> {
    match bench {
        Bench::Ingest(run) => ingest::run(run).await,
        Bench::Pipeline(run) => pipeline::run(run).await,
        Bench::Pressure { run, bulk } => pressure::pressure(run, *bulk).await,
        Bench::Hung(run) => pressure::hung(run).await,
        Bench::Crash { run, kills, settle } => crash::run(run, *kills, *settle).await,
        Bench::Growth { run, messages } => growth::run(run, *messages).await,
        Bench::Failover { run, conversations, pace } => failover::run(run, *conversations, *pace).await,
        Bench::Drain { run, messages, lanes, pace } => {
            failover::drain::run(run, *messages, *lanes, *pace).await
        }
        Bench::Idle(run) => idle::run(run).await,
        Bench::CrashCustomers(options) => {
            on_one_thread(options.clone(), |o| Box::pin(crash::customers(o))).await
        }
        Bench::Endpoint(options) => endpoint::run(options).await,
        Bench::Load(options) => on_one_thread(options.clone(), |o| Box::pin(load::run(o))).await,
        Bench::Loops(options) => on_one_thread(options.clone(), |o| Box::pin(loops::run(o))).await,
    }
}

/// The load keeps to one core, so that the servers have the other.
async fn on_one_thread<O, F>(options: O, run: F) -> Result<(), Failure>
where
    O: Send + 'static,
    F: FnOnce(O) -> std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>>>> + Send + 'static,
{
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::from_display)?;
        tokio::task::LocalSet::new().block_on(&runtime, run(options))
    };
    tokio::task::spawn_blocking(work).await.map_err(Failure::from_display)?
}
