//! The journal's suite: what is acknowledged is read back, once, in order, whatever the disk does.

mod crash;
mod damage;
mod disk_trouble;
mod housekeeping;
mod threads;

use std::sync::Arc;

use everthread_core::time::{Span, Timestamp};

use super::testing::SimDisk;
use super::*;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_secs(1_764_000_000 + second)
}

pub(super) fn raw(body: &[u8]) -> RawRecord<'_> {
    RawRecord {
        received_at: at(0),
        endpoint: 3,
        secret: 0,
        source: Source::Webhook,
        content_type: "application/json",
        query: "",
        body,
    }
}

pub(super) fn options(seed: u64) -> Options {
    Options {
        segment_bytes: 16 * 1024,
        reserve_bytes: 8 * 1024,
        retention: Span::hours(1),
        ..Options::new(at(0), seed)
    }
}

pub(super) fn open(disk: &SimDisk) -> (Log, OpenReport) {
    Log::open(Arc::new(disk.clone()), options(1)).unwrap()
}

/// Appends one group; answers the number of its first record.
pub(super) fn append(log: &mut Log, bodies: &[&str]) -> Result<u64, AppendError> {
    let mut group = Group::new();
    for body in bodies {
        group.push(&raw(body.as_bytes()));
    }
    log.append(&mut group)
}

/// A record's number and body.
pub(super) type Numbered = (u64, String);

/// Everything durable, as (number, body), and the gaps.
pub(super) fn read_all(log: &mut Log) -> (Vec<Numbered>, Vec<(u64, u64, GapCause)>) {
    let mut reader = log.reader_from(None).0;
    let (mut records, mut gaps) = (Vec::new(), Vec::new());
    loop {
        let batch = reader.read_batch(3, 1 << 20).unwrap();
        assert_eq!(batch.unknown, Vec::<u64>::new());
        let nothing = batch.records.is_empty() && batch.gaps.is_empty();
        records.extend(batch.records.into_iter().map(|r| (r.number, String::from_utf8(r.body).unwrap())));
        gaps.extend(batch.gaps.iter().map(|g| (g.from, g.to, g.cause)));
        if nothing && reader.lag() == 0 {
            return (records, gaps);
        }
    }
}

pub(super) fn bodies(log: &mut Log) -> Vec<String> {
    read_all(log).0.into_iter().map(|(_, body)| body).collect()
}

#[test]
fn records_come_back_in_order_over_many_segments() {
    let disk = SimDisk::new();
    let (mut log, report) = open(&disk);
    assert!(report.created);
    let expected: Vec<String> = (1..=400).map(|i| format!("body {i} {}", "x".repeat(i % 300))).collect();
    for pair in expected.chunks(2) {
        let pair: Vec<&str> = pair.iter().map(String::as_str).collect();
        append(&mut log, &pair).unwrap();
    }
    assert!(disk.names(".seg").len() > 3, "several segments");
    assert_eq!(bodies(&mut log), expected);
    drop(log);
    let (mut log, report) = open(&disk);
    assert_eq!((report.created, report.torn_bytes, report.rewritten), (false, 0, 0));
    let (records, gaps) = read_all(&mut log);
    assert_eq!(records.iter().map(|r| r.0).collect::<Vec<_>>(), (1..=400).collect::<Vec<_>>());
    assert_eq!(gaps, vec![]);
}

#[test]
fn a_record_larger_than_the_read_buffer_comes_back_whole() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    let large = "y".repeat(700_000);
    append(&mut log, &["a", &large, "b"]).unwrap();
    assert_eq!(bodies(&mut log), ["a", &large, "b"]);
}

#[test]
fn a_reader_sees_only_what_is_durable_and_goes_on_from_its_cursor() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    let mut reader = log.reader_from(None).0;
    assert_eq!(reader.read_batch(10, 1 << 20).unwrap(), Batch::default());
    append(&mut log, &["a", "b", "c"]).unwrap();
    let first = reader.read_batch(2, 1 << 20).unwrap();
    assert_eq!((first.records.len(), first.upto, reader.lag()), (2, 2, 1));
    let mut second = log.reader_from(Some(reader.cursor())).0;
    assert_eq!(second.read_batch(10, 1 << 20).unwrap().records[0].body, b"c");
    disk.set_faults(testing::Faults { syncs_fail: true, ..testing::Faults::default() });
    assert_eq!(append(&mut log, &["lost"]), Err(AppendError::Unavailable));
    assert_eq!(second.read_batch(10, 1 << 20).unwrap().records, vec![]);
}

#[test]
fn replay_by_time_starts_at_or_before_the_first_record_of_that_time() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    let body = "x".repeat(900);
    for second in 0..200 {
        let mut group = Group::new();
        group.push(&RawRecord { received_at: at(second), ..raw(body.as_bytes()) });
        log.append(&mut group).unwrap();
    }
    for reopened in [false, true] {
        if reopened {
            drop(log);
            log = open(&disk).0;
        }
        for second in [0, 1, 77, 150, 199] {
            let batch = log.reader_at(at(second)).read_batch(100_000, usize::MAX).unwrap();
            let first = batch.records[0].received_at;
            assert!(first <= at(second), "second {second}: starts at {first:?}");
            assert!(first + Span::secs(90) > at(second), "second {second}: starts near it");
        }
        assert_eq!(log.reader_at(at(500)).read_batch(10, 1 << 20).unwrap().records, vec![]);
    }
}
