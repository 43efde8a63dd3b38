//! `bench failover`: Instagram stops sending under thousands of open conversations; how fast they go on elsewhere, and whether the
//! books balance afterwards.
//!
//! The platforms are the sandbox's, in this process; the hub is another process and learns of the fault by its own calls. Its
//! detector runs under the fast dial that is printed; what is measured begins when it has confirmed the fault and has no dial.

pub(super) mod drain;
mod judge;
mod scene;

use std::time::{Duration, Instant};

use everthread_core::time::Timestamp;
use serde_json::{Value, json};

use self::judge::{Judged, plans};
use self::scene::{Scene, Setup};
use super::Run;
use super::machine::Ground;
use super::stats::round;
use super::wire::get_with;
use crate::admin::Failure;

/// The bar: seconds from *confirmed* to the last carried message accepted.
const BAR_S: f64 = 60.0;

/// How long any step may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// What a run found.
struct Found {
    confirmed_at: Timestamp,
    last_plan: Timestamp,
    carried: Judged,
    after: Judged,
    peak_rss_mb: f64,
    drained_s: f64,
}

pub(super) async fn run(run: &Run, conversations: u32, pace: u32) -> Result<(), Failure> {
    let ground = Ground::new(run)?;
    let mut scene = Scene::open((&ground.dir, run.json), &Setup::failover(conversations, pace)).await?;
    scene.meet().await?;
    let faults = scene.instagram_fails()?;
    scene.say_so("Instagram refuses every send");
    scene.customers_ask().await?;
    scene.say_so("everybody asked something");
    let confirmed_at = scene.confirmed().await?;
    scene.say_so("confirmed");
    scene.quiet_on_backup().await?;
    let carried = scene.judge().await?;
    scene.say_so("quiet on the backup; Instagram comes back");
    let back = Instant::now();
    scene.lift(&faults);
    scene.nothing_waits().await?;
    let drained_s = back.elapsed().as_secs_f64();
    let peak_rss_mb = scene.peak_rss_mb;
    let after = scene.judge().await?;
    let data = scene.end().await;
    let last_plan = plans(&data).await?.unwrap_or(confirmed_at);
    let found = Found { confirmed_at, last_plan, carried, after, peak_rss_mb, drained_s };
    print(run, &ground, (conversations, pace), &found)
}

fn print(
    run: &Run,
    ground: &Ground,
    (conversations, pace): (u32, u32),
    found: &Found,
) -> Result<(), Failure> {
    let since = |at: Timestamp| at.since(found.confirmed_at).as_micros() as f64 / 1e6;
    let (carried, after) = (&found.carried, &found.after);
    let last = carried.last_at.map_or(0.0, since);
    let balanced = carried.without_consent + after.lost + after.doubled + after.reordered + after.waiting
        == 0
        && carried.carried > 0
        && carried.carried + carried.held == u64::from(conversations)
        && after.accepted == after.booked;
    let within = balanced && last <= BAR_S;
    let object = json!({
        "conversations": conversations,
        "seconds_to_last_plan": round(since(found.last_plan), 2),
        "seconds_to_first_sent": round(carried.first_at.map_or(0.0, since), 2),
        "seconds_to_last_accepted": round(last, 2),
        "peak_rss_mb": round(found.peak_rss_mb, 1),
        "carried": carried.carried,
        "held": carried.held,
        "without_consent": carried.without_consent,
        "lost": after.lost,
        "doubled": after.doubled,
        "reordered": after.reordered,
        "ended_with_reason": after.ended,
        "accepted": after.accepted,
        "booked": after.booked,
        "backup_per_s": scene::BACKUP_PER_S,
        "dial": pace,
        "seconds_back_to_drained": round(found.drained_s, 1),
        "within": within,
        "machine": ground.json(0.0),
    });
    table(run, &object);
    if balanced { Ok(()) } else { Err(Failure("the books do not balance".to_owned())) }
}

/// One object, or a line for each figure.
fn table(run: &Run, object: &Value) {
    if run.json {
        println!("{object}");
    } else {
        for (name, value) in object.as_object().into_iter().flatten() {
            println!("{name:<28} {value}");
        }
    }
}

/// Asks until there is an answer.
async fn until<T>(
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<Option<T>, Failure>,
) -> Result<T, Failure> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        if let Some(found) = ask().await? {
            return Ok(found);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err(Failure(format!("waited {} s for {what}", PATIENCE.as_secs())))
}

/// One GET of the API.
async fn api(address: &str, key: &str, path: &str) -> Result<Value, Failure> {
    let header = format!("authorization: Bearer {key}");
    let (status, body) =
        get_with(address, &format!("/api/v1{path}"), &header).await.map_err(Failure::from_display)?;
    if status != 200 {
        return Err(Failure(format!("{path} answered {status}: {body}")));
    }
    serde_json::from_str(&body).map_err(Failure::from_display)
}
