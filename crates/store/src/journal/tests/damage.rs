//! Bits that flip, tails that go, files that are not ours.

use uuid::Uuid;

use super::*;

/// One segment, closed: ten records of one group each.
fn ten(disk: &SimDisk) -> Vec<String> {
    let (mut log, _) = open(disk);
    let bodies: Vec<String> = (1..=10).map(|i| format!("record {i}")).collect();
    for body in &bodies {
        append(&mut log, &[body]).unwrap();
    }
    bodies
}

#[test]
fn a_flipped_bit_in_the_middle_loses_its_record_only_and_is_told() {
    let pristine = SimDisk::new();
    let expected = ten(&pristine);
    let name = &pristine.names(".seg")[0];
    let bytes = pristine.bytes(name);
    let text = b"record 5";
    let body = bytes.windows(text.len()).position(|w| w == text).unwrap();
    // From the first byte of the frame to the last of the body, one bit each.
    let frame = body - (28 + 30 + "application/json".len());
    for byte in frame..body + text.len() {
        for with_index in [true, false] {
            let disk = SimDisk::new();
            disk.put(name, bytes.clone());
            disk.flip_bit(name, byte * 8 + byte % 8);
            if with_index {
                let index = &pristine.names(".idx")[0];
                disk.put(index, pristine.bytes(index));
            }
            let (mut log, report) = open(&disk);
            assert_eq!(report.torn_bytes, 0);
            let (records, gaps) = read_all(&mut log);
            let left: Vec<_> = expected.iter().filter(|b| *b != "record 5").cloned().collect();
            assert_eq!(records.into_iter().map(|r| r.1).collect::<Vec<_>>(), left, "byte {byte}");
            assert_eq!(gaps, [(5, 5, GapCause::Damaged)], "byte {byte}");
        }
    }
}

#[test]
fn a_damaged_header_is_read_from_its_copy_and_two_damaged_ones_lose_no_bytes() {
    let disk = SimDisk::new();
    let expected = ten(&disk);
    let name = disk.names(".seg")[0].clone();
    disk.flip_bit(&name, 100);
    assert_eq!(bodies(&mut open(&disk).0), expected);
    disk.flip_bit(&name, (2048 + 20) * 8);
    let (mut log, report) = open(&disk);
    assert_eq!(report.unreadable, std::slice::from_ref(&name));
    assert!(disk.names(".bad")[0].starts_with(&name));
    assert_eq!(append(&mut log, &["on"]).map(|n| n > 0), Ok(true));
}

#[test]
fn a_missing_segment_is_a_gap() {
    let disk = SimDisk::new();
    {
        let (mut log, _) = open(&disk);
        for group in [["a", "b"], ["c", "d"], ["e", "f"]] {
            append(&mut log, &group).unwrap();
            log.finish();
        }
    }
    let middle = disk.names(".seg")[1].clone();
    disk.remove(&middle).unwrap();
    let (records, gaps) = read_all(&mut open(&disk).0);
    assert_eq!(records.into_iter().map(|r| r.1).collect::<String>(), "abef");
    assert_eq!(gaps, [(3, 4, GapCause::Missing)]);
}

#[test]
fn an_index_that_does_not_belong_is_made_again() {
    let disk = SimDisk::new();
    let expected = ten(&disk);
    let index = disk.names(".idx")[0].clone();
    for damage in [vec![], vec![0; 10], {
        let mut b = disk.bytes(&index);
        b[30] ^= 1;
        b
    }] {
        disk.put(&index, damage);
        assert_eq!(bodies(&mut open(&disk).0), expected);
    }
}

#[test]
fn a_journal_shorter_than_the_cursor_begins_an_epoch_and_skips_nothing() {
    let disk = SimDisk::new();
    ten(&disk);
    let before = disk.names(".seg")[0].clone();
    let cut = disk.bytes(&before).len() - 150;
    disk.put(&before, disk.bytes(&before)[..cut].to_vec());
    let (mut log, _) = open(&disk);
    let last = log.status().last;
    assert!(last < 10, "the tail is gone");
    let cursor = Cursor { journal: log.id(), number: 10 };
    let (mut reader, alarm) = log.reader_from(Some(cursor));
    assert_eq!(alarm, Some(CursorAlarm::Shorter { cursor: 10, last }));
    assert_eq!(append(&mut log, &["new"]), Ok(11), "no number is given twice");
    let batch = reader.read_batch(100, 1 << 20).unwrap();
    let numbers: Vec<u64> = batch.records.iter().map(|r| r.number).collect();
    assert_eq!(numbers, (1..=last).chain([11]).collect::<Vec<_>>());
    assert_eq!(batch.gaps, [Gap { from: last + 1, to: 10, cause: GapCause::Missing }]);
    // The new epoch lasts: the same cursor fits from now on.
    drop(log);
    let (mut log, _) = open(&disk);
    assert_eq!(log.reader_from(Some(cursor)).1, None);
}

#[test]
fn a_cursor_of_another_journal_is_an_alarm_and_everything_is_read() {
    let disk = SimDisk::new();
    let expected = ten(&disk);
    let (mut log, _) = open(&disk);
    log.set_applied(10);
    let foreign = Uuid::from_u128(7);
    let (mut reader, alarm) = log.reader_from(Some(Cursor { journal: foreign, number: 4 }));
    assert_eq!(alarm, Some(CursorAlarm::Foreign { cursor: foreign, found: log.id() }));
    assert_eq!(reader.read_batch(100, 1 << 20).unwrap().records.len(), expected.len());
    assert_eq!(log.sweep(at(1_000_000), None).unwrap(), 0, "nothing counts as applied any more");
}

#[test]
fn files_of_another_journal_are_left_alone() {
    let (disk, other) = (SimDisk::new(), SimDisk::new());
    drop(Log::open(Arc::new(other.clone()), options(99)).unwrap().0);
    let expected = ten(&disk);
    let foreign = other.names(".seg")[0].clone();
    disk.put("000000000000.seg", other.bytes(&foreign));
    let (mut log, report) = open(&disk);
    assert_eq!(report.foreign, ["000000000000.seg"]);
    assert_eq!(bodies(&mut log), expected);
    assert!(!disk.bytes("000000000000.seg").is_empty());
}
