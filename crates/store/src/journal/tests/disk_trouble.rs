//! Syncs that fail and disks that are full.

use super::testing::Faults;
use super::*;

#[test]
fn after_a_failed_sync_that_file_is_never_touched_again() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    assert_eq!(append(&mut log, &["a", "b"]), Ok(1));
    let failed = disk.names(".seg")[0].clone();
    disk.set_faults(Faults { sync_fails_after: Some(0), ..Faults::default() });
    assert_eq!(append(&mut log, &["lost"]), Err(AppendError::Unavailable));
    assert!(!log.status().healthy);
    let frozen = disk.bytes(&failed);
    // No fault is left: the journal comes back by itself, in another file, and re-uses the number.
    assert_eq!(append(&mut log, &["c"]), Ok(3));
    assert!(log.status().healthy);
    assert_eq!(disk.bytes(&failed), frozen);
    assert_eq!(disk.names(".seg").len(), 2);
    assert_eq!(bodies(&mut log), ["a", "b", "c"]);
    // Reads of the failed file answer what never reached the medium; the fence hides it for good.
    for seed in 0..50 {
        let (mut log, _) = open(&disk.power_cut(seed));
        assert_eq!(bodies(&mut log), ["a", "b", "c"], "seed {seed}");
    }
    drop(log);
    assert_eq!(bodies(&mut open(&disk).0), ["a", "b", "c"]);
}

#[test]
fn a_group_whose_sync_failed_is_made_safe_before_it_is_shown_again() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, &["a"]).unwrap();
    disk.set_faults(Faults { syncs_fail: true, ..Faults::default() });
    assert!(append(&mut log, &["refused"]).is_err());
    // The process dies; memory still answers the refused record, the medium has none of it.
    std::mem::forget(log);
    disk.set_faults(Faults::default());
    let (mut log, report) = open(&disk);
    assert_eq!(report.rewritten, 1);
    let shown = bodies(&mut log);
    for seed in 0..50 {
        let again = bodies(&mut open(&disk.power_cut(seed)).0);
        assert_eq!(again, shown, "what was shown once is there after a power cut");
    }
}

#[test]
fn opening_in_trouble_serves_what_is_safe_and_recovers() {
    let full = Faults { space: Some(0), ..Faults::default() };
    let failing = Faults { syncs_fail: true, ..Faults::default() };
    for (faults, refusal) in [(full, AppendError::Full), (failing, AppendError::Unavailable)] {
        let disk = SimDisk::new();
        let (mut log, _) = open(&disk);
        append(&mut log, &["a"]).unwrap();
        append(&mut log, &["b"]).unwrap();
        std::mem::forget(log);
        disk.set_faults(faults);
        for _ in 0..3 {
            let (mut log, _) = open(&disk);
            assert!(!log.status().healthy);
            assert_eq!(append(&mut log, &["no"]), Err(refusal));
            assert_eq!(bodies(&mut log), ["a"], "the last group is shown when it is known to be safe");
            std::mem::forget(log);
        }
        let (mut log, _) = open(&disk);
        disk.set_faults(Faults::default());
        assert_eq!(append(&mut log, &["c"]), Ok(3));
        assert_eq!(bodies(&mut log), ["a", "b", "c"]);
    }
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    let body = "x".repeat(1000);
    append(&mut log, &[&body]).unwrap();
    disk.set_faults(Faults { space: Some(3_000), ..Faults::default() });
    let mut taken = 1;
    let refused = loop {
        match append(&mut log, &[&body]) {
            Ok(_) => taken += 1,
            Err(error) => break error,
        }
        assert!(taken < 1000);
    };
    assert_eq!(refused, AppendError::Full);
    assert_eq!(append(&mut log, &[&body]), Err(AppendError::Full));
    assert!(log.status().reason.is_some());
    disk.set_faults(Faults::default());
    assert_eq!(append(&mut log, &["after"]), Ok(taken + 1));
    assert_eq!(read_all(&mut log).0.len() as u64, taken + 1);
}

#[test]
fn a_disk_that_fails_for_hours_leaves_no_heap_of_files() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, &["a"]).unwrap();
    for _ in 0..50 {
        disk.set_faults(Faults { sync_fails_after: Some(1), ..Faults::default() });
        let _ = append(&mut log, &["x"]);
        disk.set_faults(Faults { syncs_fail: true, ..Faults::default() });
        assert_eq!(append(&mut log, &["x"]), Err(AppendError::Unavailable));
        disk.set_faults(Faults { write_fails_after: Some(1), ..Faults::default() });
        let _ = append(&mut log, &["x"]);
    }
    assert!(disk.names(".seg").len() < 110, "{}", disk.names(".seg").len());
    disk.set_faults(Faults::default());
    append(&mut log, &["b"]).unwrap();
    let (records, gaps) = read_all(&mut log);
    assert_eq!(gaps, []);
    assert_eq!(records.last().map(|r| r.1.as_str()), Some("b"));
}

#[test]
fn at_its_own_limit_it_gives_up_applied_segments_and_refuses_when_none_is_left() {
    let disk = SimDisk::new();
    let limited = Options { bytes_max: 100_000, ..options(1) };
    let (mut log, _) = Log::open(Arc::new(disk.clone()), limited).unwrap();
    let body = "x".repeat(1000);
    let mut last = 0;
    let refused = loop {
        match append(&mut log, &[&body]) {
            Ok(n) => last = n,
            Err(error) => break error,
        }
    };
    assert_eq!((refused, log.status().healthy), (AppendError::Full, false));
    assert!(log.status().bytes <= 100_000);
    assert_eq!(log.status().dropped_early, 0, "nothing unapplied is dropped");
    log.set_applied(last / 2);
    append(&mut log, &[&body]).unwrap();
    let status = log.status();
    assert!(status.dropped_early > 0 && status.healthy && status.bytes <= 100_000);
    assert!(status.oldest <= last / 2 + 1, "only applied records went");
}
