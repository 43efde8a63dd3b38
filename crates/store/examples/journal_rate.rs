//! Durable appends per second against the bare disk, in one run.
//!
//! `cargo run --release -p everthread-store --example journal_rate -- DIR`

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everthread_core::time::Timestamp;
use everthread_store::journal::{Disk, FsDisk, Group, Journal, Log, Options, RawRecord, Source};

const BODY: [u8; 480] = [b'x'; 480];
const FOR: Duration = Duration::from_secs(3);

fn record() -> RawRecord<'static> {
    RawRecord {
        received_at: Timestamp::from_secs(1_764_000_000),
        endpoint: 1,
        secret: 0,
        source: Source::Webhook,
        content_type: "application/json",
        query: "",
        body: &BODY,
    }
}

/// One write of 4 KiB into reserved space and one sync, over and over: syncs per second and the median.
fn bare(disk: &dyn Disk) -> io::Result<(f64, Duration)> {
    let file = disk.create("bare")?;
    file.reserve(256 * 1024 * 1024)?;
    let (start, mut at, mut times) = (Instant::now(), 0, Vec::new());
    while start.elapsed() < FOR && at < 256 * 1024 * 1024 {
        let one = Instant::now();
        file.write_at(&[7; 4096], at)?;
        file.sync()?;
        times.push(one.elapsed());
        at += 4096;
    }
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    disk.remove("bare")?;
    Ok((rate, times[times.len() / 2]))
}

fn grouped(disk: Arc<dyn Disk>, size: usize) -> io::Result<f64> {
    let (mut log, _) = Log::open(disk, Options::new(Timestamp::default(), 1)).map_err(io::Error::other)?;
    let (start, mut done, mut group) = (Instant::now(), 0, Group::new());
    while start.elapsed() < FOR {
        group.clear();
        (0..size).for_each(|_| group.push(&record()));
        log.append(&mut group).map_err(io::Error::other)?;
        done += size;
    }
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

async fn waiting(disk: Arc<dyn Disk>, appenders: usize) -> io::Result<f64> {
    let (journal, _) =
        Journal::open(disk, Options::new(Timestamp::default(), 2)).map_err(io::Error::other)?;
    let mut tasks = tokio::task::JoinSet::new();
    let start = Instant::now();
    for _ in 0..appenders {
        let journal = journal.clone();
        tasks.spawn(async move {
            let mut done = 0_u64;
            while start.elapsed() < FOR && journal.append(&record()).await.is_ok() {
                done += 1;
            }
            done
        });
    }
    let done: u64 = tasks.join_all().await.into_iter().sum();
    Ok(done as f64 / start.elapsed().as_secs_f64())
}

fn main() -> io::Result<()> {
    let dir = std::env::args().nth(1).ok_or_else(|| io::Error::other("usage: journal_rate DIR"))?;
    let fresh = |name: &str| -> io::Result<Arc<dyn Disk>> {
        let path = format!("{dir}/{name}");
        let _ = std::fs::remove_dir_all(&path);
        Ok(Arc::new(FsDisk::new(path)?))
    };
    let (rate, median) = bare(&*fresh("bare")?)?;
    println!("bare 4 KiB + fdatasync    {rate:>9.0}/s, median {} us", median.as_micros());
    for size in [1, 64, 256, 1024] {
        println!("log, groups of {size:<5}      {:>9.0}/s", grouped(fresh("log")?, size)?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    for appenders in [1, 64, 256, 1024, 4096] {
        let rate = runtime.block_on(waiting(fresh("journal")?, appenders))?;
        println!("journal, {appenders:>4} appenders   {rate:>9.0}/s");
    }
    let (rate, median) = bare(&*fresh("bare")?)?;
    println!("bare 4 KiB + fdatasync    {rate:>9.0}/s, median {} us", median.as_micros());
    std::fs::remove_dir_all(&dir)
}
