//! `bench growth`: what two million stored messages cost, against twenty thousand.

use std::time::Instant;

use serde_json::json;

use super::Run;
use super::bodies::CONTACTS;
use super::child::{Server, free_address, report};
use super::loops::Report;
use super::machine::Ground;
use super::prepare::Template;
use super::seed::Seeder;
use super::stats::{median, percentile, round};
use super::wire::get_with;
use crate::admin::Failure;

/// Requests timed for each tail.
const REQUESTS: usize = 400;

/// A hub that holds few messages, and one that holds many.
const FEW: u32 = 20_000;

/// The bar: so many times the cost.
const BAR: f64 = 1.5;

/// What is typed into the search box: one message's own word, a word that every message holds, several of those, and
/// the beginning of people's names.
const SEARCHES: [(&str, &str); 4] = [
    ("search: one message", "c{:06}m000000"),
    ("search: a common word", "blue"),
    ("search: common words", "could friday blue size"),
    ("search: a name", "Customer {}"),
];

/// Figures by name; of rates the inverse, so that all of them are costs.
type Found = Vec<(&'static str, f64)>;

pub(super) async fn run(run: &Run, many: u32) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let provider = free_address()?;
    let base = format!("http://{provider}");
    let few = measure(run, &ground, (&provider, &base), FEW).await?;
    let many_found = measure(run, &ground, (&provider, &base), many).await?;
    let costs: Vec<(&str, f64, f64, f64)> = few
        .iter()
        .zip(&many_found)
        .map(|((name, few), (_, many))| (*name, *few, *many, many / few.max(0.001)))
        .collect();
    let within = costs.iter().all(|(.., cost)| *cost <= BAR);
    if run.json {
        let rows: Vec<_> = costs
            .iter()
            .map(|(name, few, many, cost)| {
                json!({ "what": name, "few_ms": round(*few, 3), "many_ms": round(*many, 3), "cost": round(*cost, 3) })
            })
            .collect();
        let object = json!({
            "few": FEW, "many": many, "costs": rows, "within": within, "rounds": run.rounds,
            "machine": ground.json(0.0),
        });
        println!("{object}");
        return Ok(());
    }
    println!("stored messages              {FEW:>10} {many:>10}   cost (the bar is {BAR})");
    for (name, few, many, cost) in costs {
        println!("{name:<28} {few:>7.3} ms {many:>7.3} ms   {cost:.3}");
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
    let hub =
        Server::start(&["--data", &data, "serve", "--listen", "{listen}"], "/readyz").await?.opened().await?;
    let authorization = format!("authorization: Bearer {key}");
    let all = "/api/v1/conversations?view=all";
    let mut found = vec![("inbox list, p99", tail(&hub.address, &authorization, |_| all.into()).await?)];
    for (name, typed) in SEARCHES {
        // Customers in a scattered order, among those who wrote.
        let path = |n: usize| {
            let contact = n * 37 % messages.min(CONTACTS) as usize;
            let typed = typed.replace("{:06}", &format!("{contact:06}")).replace("{}", &contact.to_string());
            format!("{all}&q={}", typed.replace(' ', "%20"))
        };
        found.push((name, tail(&hub.address, &authorization, path).await?));
    }
    let mut loop_ms = Vec::new();
    for round in 0..run.rounds {
        let arguments = [
            ["bench".into(), "loops".into()],
            ["--target".into(), hub.address.clone()],
            ["--path".into(), template.webhook_path.clone()],
            ["--provider".into(), provider.to_owned()],
            ["--customers".into(), run.connections.to_string()],
            ["--seconds".into(), run.seconds.to_string()],
            ["--seed".into(), (round + 1).to_string()],
        ];
        let report: Report = report(&arguments.concat()).await?;
        loop_ms.push(report.seconds * 1_000.0 / report.loops.max(1) as f64);
    }
    hub.kill().await;
    found.push(("one loop of the pipeline", median(&loop_ms)));
    Ok(found)
}

/// The 99th percentile of one kind of request, in milliseconds, one after another.
async fn tail(address: &str, header: &str, path: impl Fn(usize) -> String) -> Result<f64, Failure> {
    let mut micros = Vec::with_capacity(REQUESTS);
    for n in 0..REQUESTS + 20 {
        let from = Instant::now();
        let (status, body) = get_with(address, &path(n), header).await.map_err(Failure::from_display)?;
        // A search that finds nothing costs nothing and would say nothing.
        if status != 200 || body.contains(r#""items":[]"#) {
            return Err(Failure(format!("{} answered {status}: {body}", path(n))));
        }
        // The first ones warm the caches of both sides.
        if n >= 20 {
            micros.push(from.elapsed().as_micros() as u32);
        }
    }
    Ok(f64::from(percentile(&mut micros, 0.99)) / 1_000.0)
}
