//! Retention, erasure, backup.

use super::*;

fn filled(disk: &SimDisk) -> Log {
    let (mut log, _) = open(disk);
    for second in 0..100 {
        let body = format!("{}:{}", if second % 3 == 0 { "anna" } else { "ben" }, "x".repeat(1000));
        let mut group = Group::new();
        group.push(&RawRecord { received_at: at(second), ..raw(body.as_bytes()) });
        log.append(&mut group).unwrap();
    }
    log
}

#[test]
fn retention_drops_only_what_is_applied_and_old() {
    let disk = SimDisk::new();
    let mut log = filled(&disk);
    let files = disk.names(".seg").len();
    assert_eq!(log.sweep(at(1_000_000), None).unwrap(), 0, "nothing is applied");
    log.set_applied(50);
    assert_eq!(log.sweep(at(3600), None).unwrap(), 0, "nothing is old enough");
    assert_eq!(log.sweep(at(3600), Some(Span::hours(2))).unwrap(), 0, "a longer age changes nothing");
    let early = log.sweep(at(3600), Some(Span::mins(59))).unwrap();
    assert!(early >= 1, "a shorter one holds");
    let dropped = early + log.sweep(at(1_000_000), None).unwrap();
    assert!(dropped >= 2, "{dropped}");
    assert_eq!(disk.names(".seg").len(), files - dropped);
    let oldest = log.status().oldest;
    assert!((2..=51).contains(&oldest), "{oldest}");
    let batch =
        log.reader_from(Some(Cursor { journal: log.id(), number: 0 })).0.read_batch(1000, 1 << 24).unwrap();
    assert_eq!(batch.gaps, [Gap { from: 1, to: oldest - 1, cause: GapCause::Dropped }]);
    assert_eq!(batch.records.len() as u64, 101 - oldest);
    drop(log);
    assert_eq!(append(&mut open(&disk).0, &["on"]), Ok(101));
}

#[test]
fn with_everything_dropped_the_numbers_go_on() {
    let disk = SimDisk::new();
    let mut log = filled(&disk);
    for _ in 0..3 {
        log.set_applied(100);
        log.sweep(at(10_000_000), None).unwrap();
        drop(log);
        log = open(&disk).0;
    }
    assert_eq!(log.reader_from(Some(Cursor { journal: log.id(), number: 100 })).1, None);
    assert_eq!(append(&mut log, &["on"]), Ok(101));
}

#[test]
fn an_erased_person_is_gone_from_every_file_and_others_stay() {
    let disk = SimDisk::new();
    let mut log = filled(&disk);
    let before = read_all(&mut log).0;
    let mut reading = log.reader_from(None).0;
    assert_eq!(reading.read_batch(5, 1 << 20).unwrap().records.len(), 5);
    let done = log
        .erase(77, |record| match record.number {
            2 => Erasure::Replace(b"ben:cut".to_vec()),
            _ if record.body.starts_with(b"anna") => Erasure::Drop,
            _ => Erasure::Keep,
        })
        .unwrap();
    assert_eq!(done.records, 35);
    for name in disk.names("") {
        assert!(!disk.bytes(&name).windows(4).any(|w| w == b"anna"), "{name}");
    }
    let mut expected: Vec<_> = before.into_iter().filter(|r| r.1.starts_with("ben")).collect();
    expected[0].1 = "ben:cut".to_owned();
    assert_eq!(read_all(&mut log), (expected.clone(), vec![]));
    let rest = reading.read_batch(1000, 1 << 24).unwrap();
    assert_eq!(rest.records.len(), expected.iter().filter(|r| r.0 > 5).count());
    assert_eq!(append(&mut log, &["on"]), Ok(101));
    expected.push((101, "on".to_owned()));
    for seed in 0..20 {
        let (mut log, _) = open(&disk.power_cut(seed));
        assert_eq!(read_all(&mut log), (expected.clone(), vec![]), "seed {seed}");
    }
    assert_eq!(log.erase(78, |_| Erasure::Keep).unwrap(), Erased::default());
}

#[test]
fn an_erasure_keeps_the_fence_of_a_failed_segment() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, &["anna", "ben"]).unwrap();
    disk.set_faults(testing::Faults { sync_fails_after: Some(0), ..testing::Faults::default() });
    append(&mut log, &["refused"]).unwrap_err();
    append(&mut log, &["carl"]).unwrap();
    log.erase(5, |r| if r.body == b"anna" { Erasure::Drop } else { Erasure::Keep }).unwrap();
    assert_eq!(bodies(&mut log), ["ben", "carl"]);
    drop(log);
    assert_eq!(bodies(&mut open(&disk).0), ["ben", "carl"]);
}

#[test]
fn a_backup_restores_what_lies_behind_the_cursor() {
    let disk = SimDisk::new();
    let mut log = filled(&disk);
    let cursor = Cursor { journal: log.id(), number: 60 };
    let mut file = Vec::new();
    let copied = log.copy_from(Some(cursor), &mut file).unwrap();
    assert_eq!(copied.last, 100);
    let target = SimDisk::new();
    assert_eq!(restore(&target, &mut file.as_slice()).unwrap().segments, copied.segments);
    assert!(matches!(restore(&target, &mut file.as_slice()), Err(JournalError::Occupied)));
    let (mut restored, _) = open(&target.power_cut(1));
    let (mut reader, alarm) = restored.reader_from(Some(cursor));
    assert_eq!(alarm, None);
    let records = reader.read_batch(1000, 1 << 24).unwrap().records;
    assert_eq!(records.iter().map(|r| r.number).collect::<Vec<_>>(), (61..=100).collect::<Vec<_>>());
    assert!(restored.status().oldest > 1, "older segments were left out");
}

#[test]
fn a_damaged_or_short_backup_is_refused() {
    let mut log = filled(&SimDisk::new());
    let mut file = Vec::new();
    log.copy_from(None, &mut file).unwrap();
    for cut in [0, 7, 8, 20, 5_000, file.len() - 1] {
        assert!(restore(&SimDisk::new(), &mut &file[..cut]).is_err(), "cut {cut}");
    }
    for byte in [3, 100, 9_000, file.len() / 2] {
        let mut bad = file.clone();
        bad[byte] ^= 4;
        assert!(restore(&SimDisk::new(), &mut bad.as_slice()).is_err(), "byte {byte}");
    }
}
