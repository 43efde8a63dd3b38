//! `bench idle`: what a hub costs that has nothing to do.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Run;
use super::child::Server;
use super::machine::Ground;
use super::prepare::Template;
use super::stats::{median, round};
use crate::admin::Failure;

/// Until caches have settled.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) async fn run(run: &Run) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let template = Template::make(ground.dir.join("template"), "http://127.0.0.1:9", false).await?;
    let (mut starts, mut resident) = (Vec::new(), Vec::new());
    for _ in 0..run.rounds {
        let data = ground.dir.join("hub");
        template.copy(&data)?;
        let data = data.to_string_lossy().into_owned();
        let from = Instant::now();
        let hub = Server::start(&["--data", &data, "serve", "--listen", "{listen}"], "/readyz").await?;
        starts.push(from.elapsed().as_secs_f64() * 1_000.0);
        tokio::time::sleep(SETTLE).await;
        resident.push(hub.resident_mb());
        hub.kill().await;
    }
    let binary = std::env::current_exe().and_then(std::fs::metadata).map_err(Failure::from_display)?;
    let binary_mb = binary.len() as f64 / 1e6;
    let (start_ms, rss_mb) = (median(&starts), median(&resident));
    if run.json {
        let object = json!({
            "resident_mb": round(rss_mb, 1), "binary_mb": round(binary_mb, 1), "ready_ms": round(start_ms, 0),
            "within": rss_mb < 60.0 && binary_mb < 60.0 && start_ms < 1_000.0, "rounds": run.rounds,
            "machine": ground.json(0.0),
        });
        println!("{object}");
        return Ok(());
    }
    println!("memory of an idle hub   {rss_mb:>9.1} MB  200 accounts connected; the bar is 60");
    println!("binary                  {binary_mb:>9.1} MB  the bar is 60");
    println!("start to /readyz        {start_ms:>9.0} ms  the bar is 1,000");
    Ok(())
}
