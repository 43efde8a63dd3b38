//! `bench crash`: `kill -9` at random moments under load. Nothing that was acknowledged may be lost, and no part may go
//! out twice unless it is marked as one of which nobody knows.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpListener;

use super::Run;
use super::bodies::{Maker, Mark};
use super::child::{Server, free_address, output, report};
use super::machine::Ground;
use super::prepare::Template;
use super::provider::{Books, serve};
use super::wire::{Connection, metric};
use crate::admin::Failure;

/// Between a start and the kill: some hits in the start itself, most under load.
const LIFE: std::ops::Range<u64> = 40..700;

/// Connections that send webhooks, each the next one once the last is answered.
const WRITERS: u32 = 24;

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
                // Said now: what is late starts no automation.
                let maker = Maker { now: crate::clock::now().micros() / 1_000_000, ..maker.as_ref().clone() };
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
#[derive(Clone, Debug, Default)]
struct Stored {
    /// Incoming messages by their provider ids: the mark in each, as often as it is stored.
    incoming: BTreeMap<String, Vec<String>>,
    /// Answers by mark: the state of each.
    answers: BTreeMap<String, Vec<String>>,
    /// Marks of answers of which an attempt ended uncertain.
    uncertain: BTreeSet<String>,
    problems: usize,
}

pub(super) async fn run(run: &Run, kills: u32, settle: u32) -> Result<(), Failure> {
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
        tokio::try_join!(report::<Seen>(&load), torment(run, (&data, &address), (kills, settle), &until))?;
    print(run, &ground, kills, &judge(&seen, &stored))
}

/// Kills the hub again and again, lets the last one settle, and reads what it holds.
async fn torment(
    run: &Run,
    (data, address): (&str, &str),
    (kills, settle): (u32, u32),
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
    let hub = Server::spawn(&serve, address)?.ready("/readyz").await?.opened().await?;
    std::fs::write(until, "").map_err(Failure::from_display)?;
    let stored = settled(data, address, Duration::from_secs(settle.into())).await?;
    std::fs::remove_file(until).map_err(Failure::from_display)?;
    hub.kill().await;
    Ok(stored)
}

/// Waits until all is applied and nothing is under way any more, and reads what is stored.
async fn settled(data: &str, address: &str, patience: Duration) -> Result<Stored, Failure> {
    let (start, mut before) = (Instant::now(), 0);
    loop {
        tokio::time::sleep(Duration::from_secs(2)).await;
        let lag = metric(address, "everthread_apply_lag_records").await.map_err(Failure::from_display)?;
        let messages = rows(data, "messages").await?;
        let open =
            |row: &Value| matches!(row["state"].as_str(), Some("queued" | "sending" | "uncertain" | "held"));
        let still = lag == 0.0 && messages.len() == before && !messages.iter().any(open);
        before = messages.len();
        if still || start.elapsed() > patience {
            let problems = rows(data, "problems").await?.len();
            return Ok(stored(&messages, &rows(data, "attempts").await?, problems));
        }
    }
}

/// Puts exported rows in order.
fn stored(messages: &[Value], attempts: &[Value], problems: usize) -> Stored {
    let mut stored = Stored { problems, ..Stored::default() };
    let mut marks: BTreeMap<&str, String> = BTreeMap::new();
    for row in messages {
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let Some(mark) = Mark::find(text("text").as_bytes()).map(Mark::text) else { continue };
        if row["direction"] == "in" {
            stored.incoming.entry(text("provider_id").to_owned()).or_default().push(mark);
        } else {
            stored.answers.entry(mark.clone()).or_default().push(text("state").to_owned());
            marks.insert(text("id"), mark);
        }
    }
    let unknown = attempts.iter().filter(|attempt| attempt["outcome"] == "uncertain");
    let of = unknown.filter_map(|attempt| marks.get(attempt["message_id"].as_str()?));
    stored.uncertain = of.cloned().collect();
    stored
}

async fn rows(data: &str, what: &str) -> Result<Vec<Value>, Failure> {
    let text = output(&["--data".into(), data.into(), "export".into(), what.into()]).await?;
    text.lines().map(|line| serde_json::from_str(line).map_err(Failure::from_display)).collect()
}

/// What came of it. Each of the counts that `broken` names must be zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct Verdict {
    acknowledged: usize,
    stored: usize,
    /// Acknowledged and not stored.
    lost: usize,
    stored_twice: usize,
    /// Stored, and the rule has answered nothing.
    unanswered: usize,
    /// Answers that reached the provider.
    sent: usize,
    sent_twice: usize,
    of_those_marked_uncertain: usize,
    /// The hub says accepted, the provider never heard of it.
    accepted_and_never_sent: usize,
    uncertain: usize,
    problems: usize,
    /// Answers by state.
    states: BTreeMap<String, usize>,
}

impl Verdict {
    fn broken(&self) -> Vec<&'static str> {
        [
            (self.lost, "an acknowledged event was lost"),
            (self.stored_twice, "a message was stored twice"),
            (self.unanswered, "a stored message was never answered"),
            (self.sent_twice - self.of_those_marked_uncertain, "an answer went out twice unmarked"),
            (self.accepted_and_never_sent, "an answer counts as accepted and was never sent"),
        ]
        .into_iter()
        .filter_map(|(count, what)| (count > 0).then_some(what))
        .collect()
    }
}

fn judge(seen: &Seen, stored: &Stored) -> Verdict {
    let went = |state: &String| ["accepted", "delivered", "read"].contains(&state.as_str());
    let twice: Vec<&String> = seen.answers.iter().filter(|(_, n)| **n > 1).map(|(mark, _)| mark).collect();
    let mut verdict = Verdict {
        acknowledged: seen.acknowledged.len(),
        stored: stored.incoming.len(),
        lost: seen.acknowledged.iter().filter(|id| !stored.incoming.contains_key(*id)).count(),
        stored_twice: stored.incoming.values().filter(|marks| marks.len() > 1).count(),
        unanswered: (stored.incoming.values().flatten())
            .filter(|mark| !stored.answers.contains_key(*mark))
            .count(),
        sent: seen.answers.len(),
        sent_twice: twice.len(),
        of_those_marked_uncertain: twice.iter().filter(|mark| stored.uncertain.contains(**mark)).count(),
        uncertain: stored.uncertain.len(),
        problems: stored.problems,
        ..Verdict::default()
    };
    for (mark, states) in &stored.answers {
        if states.iter().any(went) && !seen.answers.contains_key(mark) {
            verdict.accepted_and_never_sent += 1;
        }
        for state in states {
            *verdict.states.entry(state.clone()).or_default() += 1;
        }
    }
    verdict
}

fn print(run: &Run, ground: &Ground, kills: u32, verdict: &Verdict) -> Result<(), Failure> {
    let broken = verdict.broken();
    if run.json {
        let mut object = serde_json::to_value(verdict).map_err(Failure::from_display)?;
        object["kills"] = kills.into();
        object["within"] = broken.is_empty().into();
        object["machine"] = ground.json(0.0);
        println!("{object}");
    } else {
        let v = verdict;
        println!("kills -9                {kills:>9}");
        println!("webhooks acknowledged   {:>9}   lost {}, problems {}", v.acknowledged, v.lost, v.problems);
        println!(
            "messages stored         {:>9}   twice {}, unanswered {}",
            v.stored, v.stored_twice, v.unanswered
        );
        println!(
            "answers sent            {:>9}   twice {}, {} of them marked uncertain",
            v.sent, v.sent_twice, v.of_those_marked_uncertain
        );
        println!(
            "said accepted, not sent {:>9}   uncertain at some time {}",
            v.accepted_and_never_sent, v.uncertain
        );
        let states: Vec<String> = v.states.iter().map(|(state, n)| format!("{state} {n}")).collect();
        println!("answers by state                  {}", states.join(", "));
    }
    if broken.is_empty() { Ok(()) } else { Err(Failure(broken.join("; "))) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn row(direction: &str, id: &str, mark: &str, state: &str) -> Value {
        json!({ "direction": direction, "id": format!("{direction}{mark}"), "provider_id": id,
                "text": format!("{mark} hello"), "state": state })
    }

    /// One message in and its answer out; then one thing goes wrong.
    #[test]
    fn each_way_to_break_is_seen_and_a_marked_copy_is_none() {
        type Break = fn(&mut Seen, &mut Vec<Value>, &mut Vec<Value>);
        let mark = "c000001m000000";
        let cases: [(&str, Break); 7] = [
            ("", |_, _, _| {}),
            ("lost", |seen, _, _| seen.acknowledged.push("B".into())),
            ("stored twice", |_, rows, _| rows.push(row("in", "A", "c000001m000000", "received"))),
            ("never answered", |_, rows, _| rows.push(row("in", "B", "c000002m000000", "received"))),
            ("twice unmarked", |seen, _, _| *seen.answers.entry("c000001m000000".into()).or_default() += 1),
            ("", |seen, _, attempts| {
                *seen.answers.entry("c000001m000000".into()).or_default() += 1;
                attempts.push(json!({ "message_id": "outc000001m000000", "outcome": "uncertain" }));
            }),
            ("never sent", |seen, _, _| seen.answers.clear()),
        ];
        for (wanted, go_wrong) in cases {
            let mut seen = Seen {
                acknowledged: vec!["A".into()],
                answers: [(mark.to_owned(), 1)].into_iter().collect(),
            };
            let mut rows = vec![row("in", "A", mark, "received"), row("out", "O", mark, "accepted")];
            let mut attempts = vec![json!({ "message_id": format!("out{mark}"), "outcome": "accepted" })];
            go_wrong(&mut seen, &mut rows, &mut attempts);
            let broken = judge(&seen, &stored(&rows, &attempts, 0)).broken();
            assert_eq!(broken.len(), usize::from(!wanted.is_empty()), "{wanted}: {broken:?}");
            assert!(broken.iter().all(|said| said.contains(wanted)), "{wanted}: {broken:?}");
        }
    }
}
