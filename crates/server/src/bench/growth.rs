//! `bench growth`: what two million stored messages cost, against twenty thousand.

use std::time::Instant;

use serde_json::json;

use super::Run;
use super::child::{Server, free_address, report};
use super::loops::Report;
use super::machine::Ground;
use super::prepare::Template;
use super::seed::Seeder;
use super::stats::{percentile, round};
use super::wire::get_with;
use crate::admin::Failure;

/// Requests timed for each tail.
const REQUESTS: usize = 400;

/// A hub that holds few messages, and one that holds many.
const FEW: u32 = 20_000;

struct Found {
    loops_per_s: f64,
    inbox_p99_ms: f64,
    search_p99_ms: f64,
}

pub(super) async fn run(run: &Run, many: u32) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let provider = free_address()?;
    let base = format!("http://{provider}");
    let few = measure(run, &ground, (&provider, &base), FEW).await?;
    let many_found = measure(run, &ground, (&provider, &base), many).await?;
    let ratios = [
        few.loops_per_s / many_found.loops_per_s.max(0.001),
        many_found.inbox_p99_ms / few.inbox_p99_ms.max(0.001),
        many_found.search_p99_ms / few.search_p99_ms.max(0.001),
    ];
    if run.json {
        let side = |found: &Found| {
            json!({ "loops_per_s": round(found.loops_per_s, 0), "inbox_p99_ms": round(found.inbox_p99_ms, 2),
                    "search_p99_ms": round(found.search_p99_ms, 2) })
        };
        let object = json!({
            "few": FEW, "many": many, "with_few": side(&few), "with_many": side(&many_found),
            "pipeline_cost": round(ratios[0], 3), "inbox_cost": round(ratios[1], 3),
            "search_cost": round(ratios[2], 3), "machine": ground.json(0.0),
        });
        println!("{object}");
        return Ok(());
    }
    println!("stored messages         {FEW:>12} {many:>12}   cost (the bar is 1.5)");
    for (name, a, b, ratio) in [
        ("loops a second", few.loops_per_s, many_found.loops_per_s, ratios[0]),
        ("inbox list p99, ms", few.inbox_p99_ms, many_found.inbox_p99_ms, ratios[1]),
        ("search p99, ms", few.search_p99_ms, many_found.search_p99_ms, ratios[2]),
    ] {
        println!("{name:<22} {a:>13.2} {b:>12.2}   {ratio:.3}");
    }
    Ok(())
}

async fn measure(
    run: &Run,
    ground: &Ground,
    (provider, base): (&str, &str),
    messages: u32,
) -> Result<Found, Failure> {
    let template = Template::make(ground.dir.join(format!("of-{messages}")), base, true).await?;
    let from = Instant::now();
    let seeder = Seeder::open(&template.dir).await?;
    seeder.messages(messages).await?;
    let key = seeder.api_key().await?;
    drop(seeder);
    if !run.json {
        eprintln!("{messages} messages stored in {:.0} s", from.elapsed().as_secs_f64());
    }
    let data = template.dir.to_string_lossy().into_owned();
    let hub = Server::start(&["--data", &data, "serve", "--listen", "{listen}"], "/readyz").await?;
    let authorization = format!("authorization: Bearer {key}");
    let inbox = tail(&hub.address, &authorization, |_| "/api/v1/conversations?view=all".into()).await?;
    let words = ["blue", "size%2042", "friday", "could%20it"];
    let search = tail(&hub.address, &authorization, |n| {
        format!("/api/v1/conversations?view=all&q=c{:06}m%20{}", n * 37 % 20_000, words[n % words.len()])
    })
    .await?;
    let arguments = [
        ["bench".into(), "loops".into()],
        ["--target".into(), hub.address.clone()],
        ["--path".into(), template.webhook_path.clone()],
        ["--provider".into(), provider.to_owned()],
        ["--customers".into(), run.connections.to_string()],
        ["--seconds".into(), run.seconds.max(10).to_string()],
        ["--seed".into(), messages.to_string()],
    ];
    let found: Report = report(&arguments.concat()).await?;
    hub.kill().await;
    let loops_per_s = found.loops as f64 / found.seconds;
    Ok(Found { loops_per_s, inbox_p99_ms: inbox, search_p99_ms: search })
}

/// The 99th percentile of one kind of request, in milliseconds, one after another.
async fn tail(address: &str, header: &str, path: impl Fn(usize) -> String) -> Result<f64, Failure> {
    let mut micros = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS + 20 {
        let from = Instant::now();
        let (status, body) = get_with(address, &path(n), header).await.map_err(Failure::from_display)?;
        if status != 200 {
            return Err(Failure(format!("{} answered {status}: {body}", path(n))));
        }
        // The first ones warm the caches of both sides.
        if n >= 20 {
            micros.push(from.elapsed().as_micros() as u32);
        }
    }
    Ok(f64::from(percentile(&mut micros, 0.99)) / 1_000.0)
}
