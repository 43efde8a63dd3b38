//! `bench crash`: `kill -9` at random moments under load. Nothing that was acknowledged may be lost, and no part may go
//! out twice unless it is marked as one of which nobody knows.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Run;
use super::bodies::{Maker, Mark};
use super::child::{Server, free_address, output, report};
use super::machine::Ground;
use super::prepare::Template;
use super::provider::{Books, serve};
use super::wire::Connection;
use crate::admin::Failure;

/// Between a start and the kill: some hits in the start itself, most under load.
const LIFE: std::ops::Range<u64> = 40..700;

/// Messages a second while it goes on; what a small shop's worst hour would be proud of.
const WRITERS: u32 = 24;

/// What is in flight at the end has this long to settle: two minutes for a bot's answer, and the settling of uncertain ones.
const SETTLE: Duration = Duration::from_secs(200);

/// How to run the customers.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[arg(long)]
    target: String,
    #[arg(long)]
    path: String,
    #[arg(long)]
    provider: String,
    #[arg(long)]
    seed: u32,
    /// Ends when this file is there; then waits for calls until it is gone.
    #[arg(long)]
    until: std::path::PathBuf,
}

/// What the customers and the provider saw.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Seen {
    /// Messages answered 200, by their provider ids.
    acknowledged: Vec<String>,
    /// Answers that came, by text, with how often.
    answers: BTreeMap<String, u32>,
}

/// Customers who write again until they hear 200, as platforms do; and the provider.
pub(super) async fn customers(options: Options) -> Result<(), Failure> {
    let listener = TcpListener::bind(&options.provider).await.map_err(Failure::from_display)?;
    let (calls, mut called) = tokio::sync::mpsc::unbounded_channel();
    let books = Rc::new(RefCell::new(Books::new(options.seed, calls).telling_all()));
    drop(tokio::task::spawn_local(serve(listener, books, None)));
    let maker = Rc::new(Maker {
        host: options.target.clone(),
        path: options.path.clone(),
        seed: options.seed,
        now: crate::clock::now().micros() / 1_000_000,
    });
    let (next, kept) = (Rc::new(Cell::new(0_u32)), Rc::new(RefCell::new(Vec::new())));
    let mut writers = tokio::task::JoinSet::new();
    for _ in 0..WRITERS {
        let (options, maker, next, kept) =
            (options.clone(), Rc::clone(&maker), Rc::clone(&next), Rc::clone(&kept));
        writers.spawn_local(async move {
            while !options.until.exists() {
                let n = next.get();
                next.set(n + 1);
                let mark = Mark { contact: n % 2_000, nth: n / 2_000 };
                write(&options, &maker.message(mark)).await;
                kept.borrow_mut().push(maker.message_id(mark));
                tokio::time::sleep(Duration::from_millis(60)).await;
            }
        });
    }
    while writers.join_next().await.is_some() {}
    let mut seen = Seen { acknowledged: kept.take(), answers: BTreeMap::new() };
    while options.until.exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        while let Ok((mark, _)) = called.try_recv() {
            *seen.answers.entry(mark.text()).or_default() += 1;
        }
    }
    println!("{}", serde_json::to_string(&seen).map_err(Failure::from_display)?);
    Ok(())
}

/// Posts until it is acknowledged.
async fn write(options: &Options, request: &[u8]) {
    loop {
        if let Ok(mut connection) = Connection::open(&options.target).await
            && matches!(connection.exchange(request).await, Ok(200))
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What the hub says it has.
#[derive(Default)]
struct Stored {
    incoming: BTreeSet<String>,
    /// Answers by mark: state and whether an attempt of them ended uncertain.
    answers: BTreeMap<String, String>,
    uncertain: BTreeSet<String>,
}

pub(super) async fn run(run: &Run, kills: u32) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let (provider, address) = (free_address()?, free_address()?);
    let template = Template::make(ground.dir.join("hub"), &format!("http://{provider}"), true).await?;
    let data = template.dir.to_string_lossy().into_owned();
    let until = ground.dir.join("until");
    let load: Vec<String> = [
        ["bench", "crash-customers"].map(String::from),
        ["--target".into(), address.clone()],
        ["--path".into(), template.webhook_path.clone()],
        ["--provider".into(), provider],
        ["--seed".into(), "7".into()],
        ["--until".into(), until.to_string_lossy().into_owned()],
    ]
    .concat();
    let (seen, stored) =
        tokio::try_join!(report::<Seen>(&load), torment(run, (&data, &address), kills, &until))?;
    verdict(run, &ground, kills, &seen, &stored)
}

/// Kills the hub again and again, lets the last one settle, and reads what it holds.
async fn torment(
    run: &Run,
    (data, address): (&str, &str),
    kills: u32,
    until: &std::path::Path,
) -> Result<Stored, Failure> {
    let serve = ["--data", data, "serve", "--listen", address];
    let mut draw = crate::clock::seed() | 1;
    for n in 0..kills {
        let hub = Server::spawn(&serve, address)?;
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let life = LIFE.start + (draw >> 33) % (LIFE.end - LIFE.start);
        tokio::time::sleep(Duration::from_millis(life)).await;
        hub.kill().await;
        if !run.json && (n + 1) % 20 == 0 {
            eprintln!("{} kills", n + 1);
        }
    }
    let hub = Server::spawn(&serve, address)?.ready("/readyz").await?;
    std::fs::write(until, "").map_err(Failure::from_display)?;
    let stored = settled(data).await?;
    std::fs::remove_file(until).map_err(Failure::from_display)?;
    hub.kill().await;
    Ok(stored)
}

/// Waits until nothing is under way any more, and reads what is stored.
async fn settled(data: &str) -> Result<Stored, Failure> {
    let start = Instant::now();
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let rows = rows(data, "messages").await?;
        let open =
            |row: &Value| matches!(row["state"].as_str(), Some("queued" | "sending" | "uncertain" | "held"));
        if rows.iter().any(open) && start.elapsed() < SETTLE {
            continue;
        }
        let mut stored = Stored::default();
        for row in &rows {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            if row["direction"] == "in" {
                stored.incoming.insert(text("provider_id"));
            } else if let Some(mark) = Mark::find(text("text").as_bytes()) {
                stored.answers.insert(mark.text(), text("state"));
            }
        }
        let by_id: BTreeMap<&str, Mark> = rows
            .iter()
            .filter_map(|row| Some((row["id"].as_str()?, Mark::find(row["text"].as_str()?.as_bytes())?)))
            .collect();
        for attempt in self::rows(data, "attempts").await? {
            let of = attempt["message_id"].as_str().and_then(|id| by_id.get(id));
            if let (Some(mark), Some("uncertain")) = (of, attempt["outcome"].as_str()) {
                stored.uncertain.insert(mark.text());
            }
        }
        return Ok(stored);
    }
}

async fn rows(data: &str, what: &str) -> Result<Vec<Value>, Failure> {
    let text = output(&["--data".into(), data.into(), "export".into(), what.into()]).await?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Failure::from_display)).collect()
}

fn verdict(run: &Run, ground: &Ground, kills: u32, seen: &Seen, stored: &Stored) -> Result<(), Failure> {
    let lost = seen.acknowledged.iter().filter(|id| !stored.incoming.contains(*id)).count();
    let twice: Vec<&String> = seen.answers.iter().filter(|(_, n)| **n > 1).map(|(mark, _)| mark).collect();
    let marked = twice.iter().filter(|mark| stored.uncertain.contains(**mark)).count();
    let unanswered = stored
        .answers
        .iter()
        .filter(|(mark, state)| {
            matches!(state.as_str(), "accepted" | "delivered" | "read") && !seen.answers.contains_key(*mark)
        })
        .count();
    let good = lost == 0 && twice.len() == marked && unanswered == 0;
    if run.json {
        let object = json!({
            "kills": kills, "acknowledged": seen.acknowledged.len(), "lost": lost, "sent": seen.answers.len(),
            "sent_twice": twice.len(), "of_those_marked_uncertain": marked, "uncertain": stored.uncertain.len(),
            "accepted_and_never_sent": unanswered, "machine": ground.json(0.0),
        });
        println!("{object}");
    } else {
        println!("kills -9                {kills:>9}");
        println!("webhooks acknowledged   {:>9}   lost {lost}", seen.acknowledged.len());
        println!(
            "answers sent            {:>9}   twice {}, {marked} of them marked uncertain",
            seen.answers.len(),
            twice.len()
        );
        println!(
            "said accepted, not sent {unanswered:>9}   uncertain at some time {}",
            stored.uncertain.len()
        );
    }
    if good {
        Ok(())
    } else {
        Err(Failure("something acknowledged was lost, or went out twice unmarked".into()))
    }
}
