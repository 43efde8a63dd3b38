//! `bench pipeline`: whole loops a second. A customer writes, a rule answers, the provider accepts, its receipt comes.

use serde_json::json;

use super::Run;
use super::child::{Server, free_address, report};
use super::loops::Report;
use super::machine::Ground;
use super::prepare::Template;
use super::stats::{median, round, spread};
use crate::admin::Failure;

/// Who is measured.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Side {
    Hub,
    /// The same exchanges, one append per webhook, four small commits, nothing decided.
    Floor,
    /// The same exchanges, nothing kept.
    Bare,
}

struct Plan<'a> {
    run: &'a Run,
    ground: Ground,
    template: Template,
    provider: String,
    seed: u32,
}

pub(super) async fn run(run: &Run) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let provider = free_address()?;
    let template = Template::make(ground.dir.join("template"), &format!("http://{provider}"), true).await?;
    let mut plan = Plan { run, ground, template, provider, seed: 0 };
    let (mut hub, mut floor, mut bare, mut ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut total = Report::default();
    for _ in 0..run.rounds {
        let mut rates = [0.0; 4];
        for (rate, side) in rates.iter_mut().zip([Side::Floor, Side::Hub, Side::Hub, Side::Floor]) {
            let report = plan.measure(side, run.seconds, None).await?;
            *rate = report.loops as f64 / report.seconds;
            if side == Side::Hub {
                add(&mut total, &report);
            }
        }
        floor.extend([rates[0], rates[3]]);
        hub.extend([rates[1], rates[2]]);
        ratios.push((rates[1] + rates[2]) / (rates[0] + rates[3]));
        let report = plan.measure(Side::Bare, run.seconds, None).await?;
        bare.push(report.loops as f64 / report.seconds);
    }
    let sustained = plan.measure(Side::Hub, run.sustain, None).await?;
    add(&mut total, &sustained);
    let rate = sustained.loops as f64 / sustained.seconds;
    let half = plan.measure(Side::Hub, run.seconds.max(10), Some(rate / 2.0)).await?;
    add(&mut total, &half);
    let http = plan.bare_http().await?;
    let figures = Figures { hub, floor, bare, ratios, sustained, half, total, http };
    plan.print(&figures);
    Ok(())
}

struct Figures {
    hub: Vec<f64>,
    floor: Vec<f64>,
    bare: Vec<f64>,
    ratios: Vec<f64>,
    sustained: Report,
    half: Report,
    /// Over all runs of the hub.
    total: Report,
    http: f64,
}

fn add(total: &mut Report, one: &Report) {
    total.loops += one.loops;
    total.lost += one.lost;
    total.duplicated += one.duplicated;
    total.reordered += one.reordered;
    total.refused += one.refused;
}

impl Plan<'_> {
    /// One run on a fresh folder.
    async fn measure(&mut self, side: Side, seconds: u32, rate: Option<f64>) -> Result<Report, Failure> {
        self.seed += 1;
        let data = self.ground.dir.join("run");
        let base = format!("http://{}", self.provider);
        let shown = data.to_string_lossy().into_owned();
        let server = match side {
            Side::Hub => {
                self.template.copy(&data)?;
                Server::start(&["--data", &shown, "serve", "--listen", "{listen}"], "/readyz").await?
            }
            Side::Floor => {
                let _ = std::fs::remove_dir_all(&data);
                std::fs::create_dir_all(&data).map_err(Failure::from_display)?;
                let arguments =
                    ["bench", "endpoint", "--listen", "{listen}", "--provider", &base, "--dir", &shown];
                Server::start(&arguments, "/readyz").await?
            }
            Side::Bare => {
                let arguments = ["bench", "endpoint", "--listen", "{listen}", "--provider", &base];
                Server::start(&arguments, "/readyz").await?
            }
        };
        let mut arguments: Vec<String> =
            ["bench", "loops", "--target", &server.address].map(Into::into).into();
        for (name, value) in [
            ("--path", self.template.webhook_path.clone()),
            ("--provider", self.provider.clone()),
            ("--customers", self.run.connections.to_string()),
            ("--seconds", seconds.to_string()),
            ("--seed", self.seed.to_string()),
        ] {
            arguments.extend([name.to_owned(), value]);
        }
        if let Some(rate) = rate {
            arguments.extend(["--rate".to_owned(), rate.to_string()]);
        }
        if side == Side::Hub {
            arguments.push("--lag".to_owned());
        }
        let report: Report = report(&arguments).await?;
        server.kill().await;
        if !self.run.json {
            let rate = report.loops as f64 / report.seconds;
            eprintln!("{side:?}: {rate:.0} loops/s, {report:?}");
        }
        Ok(report)
    }

    /// The bare endpoint under the load of `bench ingest`, for `machine`.
    async fn bare_http(&self) -> Result<f64, Failure> {
        let server = Server::start(&["bench", "endpoint", "--listen", "{listen}"], "/readyz").await?;
        let arguments = [
            ["bench".into(), "load".into()],
            ["--target".into(), server.address.clone()],
            ["--path".into(), self.template.webhook_path.clone()],
            ["--connections".into(), self.run.connections.to_string()],
            ["--seconds".into(), self.run.seconds.to_string()],
            ["--requests".into(), "50000".into()],
            ["--seed".into(), "1".into()],
        ];
        let found: super::load::Report = report(&arguments.concat()).await?;
        server.kill().await;
        Ok(found.kept as f64 / found.seconds)
    }

    fn print(&self, figures: &Figures) {
        let Figures { hub, floor, bare, ratios, sustained, half, total, http } = figures;
        let per_s = sustained.loops as f64 / sustained.seconds;
        let p99 = f64::from(half.p99_us) / 1000.0;
        if self.run.json {
            let object = json!({
                "loops_per_s": round(per_s, 0), "floor_loops_per_s": round(median(floor), 0),
                "ratio": round(median(ratios), 3), "bare_loops_per_s": round(median(bare), 0),
                "seconds": round(sustained.seconds, 0), "lag_at_end": sustained.lag_end,
                "lost": total.lost, "duplicated": total.duplicated, "reordered": total.reordered,
                "p99_ms_at_half": round(p99, 2), "machine": self.ground.json(*http),
            });
            println!("{object}");
            return;
        }
        let (low, high) = spread(ratios);
        let Ground { filesystem, fdatasync_p50_us, .. } = &self.ground;
        println!(
            "loops, {:>4} s           {per_s:>9.0} /s   {:.0} /s in short runs",
            sustained.seconds,
            median(hub)
        );
        println!("durable floor           {:>9.0} /s", median(floor));
        println!(
            "bare loop               {:>9.0} /s   {:.3} of it",
            median(bare),
            median(hub) / median(bare).max(1.0)
        );
        println!("ratio to the floor      {:>9.3}      from {low:.3} to {high:.3}", median(ratios));
        println!(
            "lag of apply            {:>9}      at the end, {} in the middle",
            sustained.lag_end, sustained.lag_half
        );
        println!(
            "lost {}, duplicated {}, out of order {}, refused {}",
            total.lost, total.duplicated, total.reordered, total.refused
        );
        println!(
            "at half the rate        p50 {:.1} ms, p99 {p99:.1} ms from webhook to provider call",
            f64::from(half.p50_us) / 1000.0
        );
        println!("bare signed endpoint    {http:>9.0} /s");
        println!("{filesystem}, fdatasync {fdatasync_p50_us} us (median), {} cores", super::machine::cores());
    }
}
