//! `bench ingest`: how many signed webhooks a second are kept durably before their 200.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Run;
use super::child::{Server, report};
use super::load::Report;
use super::machine::Ground;
use super::prepare::Template;
use super::stats::{median, round, spread};
use super::wire::metric;
use crate::admin::Failure;

/// Longest wait for apply to catch up after the last run.
const CATCH_UP: Duration = Duration::from_mins(10);

struct Plan<'a> {
    run: &'a Run,
    template: Template,
    ground: Ground,
    /// Requests made up front for one measurement; nobody was faster than this.
    requests: u32,
    seed: u32,
}

/// Everything measured.
#[derive(Default)]
struct Found {
    hub: Vec<f64>,
    bare: Vec<f64>,
    ratios: Vec<f64>,
    hub_cpu_us: Vec<f64>,
    bare_cpu_us: Vec<f64>,
}

pub(super) async fn run(run: &Run) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let template = Template::make(ground.dir.join("template"), "http://127.0.0.1:9", false).await?;
    let mut plan = Plan { run, template, ground, requests: 20_000, seed: 1 };
    let warm = plan.bare().await?;
    plan.requests = (warm.0 * f64::from(run.seconds) * 1.3) as u32;
    let mut found = Found::default();
    for _ in 0..run.rounds {
        plan.round(&mut found).await?;
    }
    let tail = plan.tail(median(&found.hub)).await?;
    plan.print(&found, &tail);
    Ok(())
}

impl Plan<'_> {
    /// Floor, hub, hub, floor.
    async fn round(&mut self, found: &mut Found) -> Result<(), Failure> {
        let first = self.bare().await?;
        let hub = self.start_hub().await?;
        let mut kept = Vec::new();
        for _ in 0..2 {
            kept.push(self.load(&hub, None).await?);
        }
        hub.kill().await;
        let last = self.bare().await?;
        found.ratios.push((kept[0].0 + kept[1].0) / (first.0 + last.0));
        for (rates, cpus, runs) in [
            (&mut found.hub, &mut found.hub_cpu_us, kept),
            (&mut found.bare, &mut found.bare_cpu_us, vec![first, last]),
        ] {
            rates.extend(runs.iter().map(|r| r.0));
            cpus.extend(runs.iter().map(|r| r.1));
        }
        Ok(())
    }

    async fn start_hub(&self) -> Result<Server, Failure> {
        let data = self.ground.dir.join("hub");
        self.template.copy(&data)?;
        let data = data.to_string_lossy().into_owned();
        Server::start(&["--data", &data, "serve", "--listen", "{listen}"], "/readyz").await
    }

    async fn bare(&mut self) -> Result<(f64, f64), Failure> {
        let server = Server::start(&["bench", "endpoint", "--listen", "{listen}"], "/readyz").await?;
        let found = self.load(&server, None).await?;
        server.kill().await;
        Ok(found)
    }

    /// Requests kept per second and the server's processor time for each, in microseconds.
    async fn load(&mut self, server: &Server, rate: Option<f64>) -> Result<(f64, f64), Failure> {
        let cpu = server.cpu();
        let report = self.load_report(server, rate, self.run.seconds).await?;
        if report.refused > 0 || report.repeated > 0 {
            let Report { refused, repeated, .. } = report;
            eprintln!("note: {refused} webhooks were refused, {repeated} were sent twice");
        }
        let cpu = server.cpu().saturating_sub(cpu).as_micros() as f64 / report.kept.max(1) as f64;
        Ok((report.kept as f64 / report.seconds, cpu))
    }

    async fn load_report(
        &mut self,
        server: &Server,
        rate: Option<f64>,
        seconds: u32,
    ) -> Result<Report, Failure> {
        self.seed += 1;
        let requests = rate.map_or(self.requests, |rate| (rate * f64::from(seconds)) as u32 + 1);
        let mut arguments: Vec<String> =
            ["bench", "load", "--target", &server.address].map(Into::into).into();
        for (name, value) in [
            ("--path", self.template.webhook_path.clone()),
            ("--connections", self.run.connections.to_string()),
            ("--seconds", seconds.to_string()),
            ("--requests", requests.to_string()),
            ("--seed", self.seed.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        if let Some(rate) = rate {
            arguments.extend(["--rate".to_owned(), rate.to_string()]);
        }
        report(&arguments).await
    }

    /// On a fresh hub: the tail of the answer times at half the rate, then a full run and how long apply needs for it.
    async fn tail(&mut self, per_s: f64) -> Result<Tail, Failure> {
        let hub = self.start_hub().await?;
        let half = self.load_report(&hub, Some(per_s / 2.0), self.run.seconds).await?;
        let before = applied(&hub).await?;
        hub.kill().await;
        let hub = self.start_hub().await?;
        let start = Instant::now();
        let full = self.load_report(&hub, None, self.run.seconds).await?;
        let end = Instant::now();
        let mut done = applied(&hub).await?;
        while (done as u64) < full.kept && end.elapsed() < CATCH_UP {
            tokio::time::sleep(Duration::from_millis(50)).await;
            done = applied(&hub).await?;
        }
        let tail = Tail {
            p99_ms_at_half: f64::from(half.p99_us) / 1000.0,
            p50_ms_at_half: f64::from(half.p50_us) / 1000.0,
            applied_at_half: before / half.kept.max(1) as f64,
            catch_up_s: end.elapsed().as_secs_f64(),
            applied_per_s: done / start.elapsed().as_secs_f64(),
            all_applied: done as u64 >= full.kept,
        };
        hub.kill().await;
        Ok(tail)
    }

    fn print(&self, found: &Found, tail: &Tail) {
        let (hub, bare) = (median(&found.hub), median(&found.bare));
        if self.run.json {
            let object = json!({
                "per_s": round(hub, 0), "bare_per_s": round(bare, 0), "ratio": round(median(&found.ratios), 3),
                "applied_per_s": round(tail.applied_per_s, 0), "catch_up_s": round(tail.catch_up_s, 1),
                "p99_ms_at_half": round(tail.p99_ms_at_half, 2), "durable": true,
                "machine": self.ground.json(bare),
            });
            println!("{object}");
            return;
        }
        let (low, high) = spread(&found.ratios);
        let Ground { filesystem, fdatasync_p50_us, .. } = &self.ground;
        println!(
            "webhooks kept durably   {hub:>9.0} /s   {:.1} us of processor time each",
            median(&found.hub_cpu_us)
        );
        println!("bare signed endpoint    {bare:>9.0} /s   {:.1} us each", median(&found.bare_cpu_us));
        println!("ratio                   {:>9.3}      from {low:.3} to {high:.3}", median(&found.ratios));
        println!(
            "at half the rate        p50 {:.2} ms, p99 {:.2} ms",
            tail.p50_ms_at_half, tail.p99_ms_at_half
        );
        println!("applied at half rate    {:>8.0}%      when the load ended", tail.applied_at_half * 100.0);
        println!(
            "applied                 {:>9.0} /s   caught up after {:.1} s",
            tail.applied_per_s, tail.catch_up_s
        );
        if !tail.all_applied {
            println!("NOT everything was applied in {} s", CATCH_UP.as_secs());
        }
        println!("{filesystem}, fdatasync {fdatasync_p50_us} us (median), {} cores", super::machine::cores());
    }
}

struct Tail {
    p99_ms_at_half: f64,
    p50_ms_at_half: f64,
    applied_at_half: f64,
    catch_up_s: f64,
    applied_per_s: f64,
    all_applied: bool,
}

/// Events that went through apply.
async fn applied(hub: &Server) -> Result<f64, Failure> {
    metric(&hub.address, "everthread_events_total").await.map_err(Failure::from_display)
}
