//! The writer thread on real files, and a process that is killed.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::testing::Faults;
use super::*;

const CHILD_DIR: &str = "EVERTHREAD_JOURNAL_TEST_CHILD";

fn on_files(dir: &std::path::Path) -> (Journal, OpenReport) {
    let options = Options { segment_bytes: 256 * 1024, ..Options::new(at(0), 5) };
    Journal::open(Arc::new(FsDisk::new(dir).unwrap()), options).unwrap()
}

fn read_journal(journal: &Journal) -> Vec<(u64, String)> {
    let mut reader = journal.reader_from(None).unwrap().0;
    let mut records = Vec::new();
    while reader.lag() > 0 {
        let batch = reader.read_batch(1000, 1 << 20).unwrap();
        assert_eq!(batch.gaps, []);
        records.extend(batch.records.into_iter().map(|r| (r.number, String::from_utf8(r.body).unwrap())));
    }
    records
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_appenders_each_get_their_own_number_and_share_syncs() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, report) = on_files(dir.path());
    assert!(report.created);
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..64 {
        let journal = journal.clone();
        tasks.spawn(async move {
            let mut mine = Vec::new();
            for i in 0..50 {
                let body = format!("{task}:{i}:{}", "x".repeat(i * 7));
                mine.push((journal.append(&raw(body.as_bytes())).await.unwrap(), body));
            }
            mine
        });
    }
    let mut acknowledged = Vec::new();
    for mine in tasks.join_all().await {
        assert!(mine.is_sorted_by(|a, b| a.0 < b.0), "one appender's records keep their order");
        acknowledged.extend(mine);
    }
    acknowledged.sort();
    assert_eq!(read_journal(&journal), acknowledged);
    journal.close();
    assert_eq!(journal.append(&raw(b"late")).await, Err(AppendError::Unavailable));
    let (journal, report) = on_files(dir.path());
    assert_eq!((report.rewritten, report.torn_bytes), (0, 0));
    assert_eq!(read_journal(&journal), acknowledged);
}

#[tokio::test]
async fn a_waiting_group_takes_one_sync() {
    let disk = SimDisk::new();
    let (journal, _) = Journal::open(Arc::new(disk.clone()), options(1)).unwrap();
    let before = disk.syncs();
    let appends: Vec<Append> = (0..500).map(|_| journal.append(&raw(b"x"))).collect();
    for append in appends {
        append.await.unwrap();
    }
    // The writer takes what is there when it comes by: far fewer groups than records.
    assert!(disk.syncs() - before < 250, "{} syncs", disk.syncs() - before);
}

#[tokio::test]
async fn limits_and_failures_reach_the_appender_and_health_returns_by_itself() {
    let disk = SimDisk::new();
    let small = Options { record_bytes_max: 5_000, ..options(1) };
    let (journal, _) = Journal::open(Arc::new(disk.clone()), small).unwrap();
    assert_eq!(journal.append(&raw(&[0; 6_000])).await, Err(AppendError::TooLarge));
    disk.set_faults(Faults { syncs_fail: true, ..Faults::default() });
    assert_eq!(journal.append(&raw(b"a")).await, Err(AppendError::Unavailable));
    let status = journal.status();
    assert!(!status.healthy && status.reason.is_some());
    disk.set_faults(Faults { space: Some(10), ..Faults::default() });
    assert_eq!(journal.append(&raw(b"a")).await, Err(AppendError::Full));
    disk.set_faults(Faults::default());
    assert_eq!(journal.append(&raw(b"a")).await, Ok(1));
    assert!(journal.status().healthy);
}

#[tokio::test]
async fn a_reader_waits_for_what_becomes_durable() {
    let (journal, _) = Journal::open(Arc::new(SimDisk::new()), options(1)).unwrap();
    let mut reader = journal.reader_from(None).unwrap().0;
    let nothing = reader.next_batch(10, 1 << 20, Duration::from_millis(5)).await.unwrap();
    assert_eq!((nothing.records.len(), nothing.upto), (0, 0));
    let writer = journal.clone();
    let wait = reader.next_batch(10, 1 << 20, Duration::from_mins(1));
    let (batch, number) = tokio::join!(wait, writer.append(&raw(b"a")));
    assert_eq!(number, Ok(1));
    assert_eq!(batch.unwrap().records[0].body, b"a");
}

#[test]
fn a_dropped_append_is_written_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let (journal, _) = on_files(dir.path());
    drop(journal.append(&raw(b"given up")));
    journal.close();
    assert_eq!(read_journal(&on_files(dir.path()).0), [(1, "given up".to_owned())]);
}

/// Not a test of its own: what the killed process runs. Prints each acknowledged record's number and body.
#[test]
fn child_process() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    use std::io::Write as _;
    let (journal, _) = on_files(std::path::Path::new(&dir));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let base = journal.status().last;
    runtime.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..16 {
            let journal = journal.clone();
            tasks.spawn(async move {
                for i in 0_u64.. {
                    let body = format!("{base}-{task}-{i}-{}", "x".repeat((i % 900) as usize));
                    let number = journal.append(&raw(body.as_bytes())).await.unwrap();
                    let line = format!("ack {number} {body}\n");
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn kill_9_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, String)> = Vec::new();
    for round in 0_u64..8 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "journal::tests::threads::child_process", "--nocapture", "--test-threads=1"])
            .env(CHILD_DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let reading = std::thread::spawn(move || {
            let lines = out.lines().map_while(Result::ok);
            lines
                .filter_map(|line| {
                    let at = line.find("ack ")?;
                    let (number, body) = line[at + 4..].split_once(' ')?;
                    // A line cut by the kill is no acknowledgement that anybody heard.
                    let size: usize = body.split('-').nth(2)?.parse().ok()?;
                    let whole = body.rsplit('-').next()?.len() == size % 900;
                    whole.then_some((number.parse().ok()?, body.to_owned()))
                })
                .collect::<Vec<_>>()
        });
        std::thread::sleep(Duration::from_millis(120 + round * 37));
        child.kill().unwrap();
        child.wait().unwrap();
        let heard = reading.join().unwrap();
        assert!(!heard.is_empty(), "round {round}: the child got to work");
        acknowledged.extend(heard);
        let (journal, _) = on_files(dir.path());
        let found = read_journal(&journal);
        assert!(found.is_sorted_by(|a, b| a.0 < b.0));
        let by_number: std::collections::HashMap<u64, &str> =
            found.iter().map(|(n, b)| (*n, b.as_str())).collect();
        for (number, body) in &acknowledged {
            assert_eq!(by_number.get(number), Some(&body.as_str()), "round {round}");
        }
        let mut once: Vec<&str> = found.iter().map(|r| r.1.as_str()).collect();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), found.len(), "no record twice");
    }
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());
}
