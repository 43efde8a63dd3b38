//! Death at any point.

use proptest::prelude::*;

use super::testing::Faults;
use super::*;

#[test]
fn a_write_torn_at_any_byte_of_the_last_record_loses_nothing_acknowledged() {
    let disk = SimDisk::new();
    let (mut log, _) = open(&disk);
    append(&mut log, &["a", "b"]).unwrap();
    let name = disk.names(".seg")[0].clone();
    let before = log.status().bytes as usize;
    append(&mut log, &["the last one"]).unwrap();
    let after = log.status().bytes as usize;
    std::mem::forget(log);
    let bytes = disk.bytes(&name);
    for cut in before..after {
        for zeros in [true, false] {
            let mut torn = bytes[..cut].to_vec();
            if zeros {
                torn.resize(bytes.len(), 0);
            }
            let disk = SimDisk::new();
            disk.put(&name, torn);
            let (mut log, report) = open(&disk);
            let whole = cut == after || (zeros && bytes[cut..after].iter().all(|b| *b == 0));
            assert_eq!(bodies(&mut log).len(), 2 + usize::from(whole), "cut {cut}");
            if cut > before && !whole {
                assert!(report.torn_bytes > 0, "cut {cut} zeros {zeros}");
            }
            assert_eq!(report.gaps, []);
            append(&mut log, &["next"]).unwrap();
            let (records, gaps) = read_all(&mut log);
            assert_eq!(gaps, []);
            assert_eq!(records.last().map(|r| r.1.as_str()), Some("next"));
        }
    }
}

#[derive(Clone, Debug)]
enum Act {
    Append(Vec<u16>),
    Finish,
    Kill,
    PowerCut(u64),
    Reopen,
    SyncFails(u64),
    WriteFails(u64),
    Full(u64),
    Heal,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => proptest::collection::vec(0_u16..2_000, 1..8).prop_map(Act::Append),
        1 => Just(Act::Finish),
        1 => Just(Act::Kill),
        2 => any::<u64>().prop_map(Act::PowerCut),
        1 => Just(Act::Reopen),
        1 => (0_u64..4).prop_map(Act::SyncFails),
        1 => (0_u64..4).prop_map(Act::WriteFails),
        1 => (0_u64..20_000).prop_map(Act::Full),
        2 => Just(Act::Heal),
    ]
}

/// What must hold whenever we look: every acknowledged record once, in order of numbers, under its number;
/// records that were refused may appear only after a death, and only once shown stay shown.
fn check(log: &mut Log, acknowledged: &[(u64, String)], refused: &[String]) -> Result<(), TestCaseError> {
    let (records, gaps) = read_all(log);
    prop_assert_eq!(gaps, vec![]);
    prop_assert!(records.is_sorted_by(|a, b| a.0 < b.0), "numbers rise");
    let found: Vec<_> = records.iter().filter(|r| !refused.contains(&r.1)).cloned().collect();
    prop_assert_eq!(&found[..], acknowledged);
    Ok(())
}

fn run(acts: &[Act]) -> Result<(), TestCaseError> {
    let mut disk = SimDisk::new();
    let mut log = open(&disk).0;
    let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
    let mut shown: Vec<(u64, String)> = Vec::new();
    let mut serial = 0;
    for act in acts {
        match act {
            Act::Append(sizes) => {
                let bodies: Vec<String> = sizes
                    .iter()
                    .map(|n| {
                        serial += 1;
                        format!("{serial}:{}", "z".repeat(usize::from(*n)))
                    })
                    .collect();
                let texts: Vec<&str> = bodies.iter().map(String::as_str).collect();
                match append(&mut log, &texts) {
                    Ok(first) => acknowledged.extend((first..).zip(bodies)),
                    Err(_) => refused.extend(bodies),
                }
            }
            Act::Finish => log.finish(),
            Act::Kill => {
                std::mem::forget(log);
                log = open(&disk).0;
            }
            Act::Reopen => {
                drop(log);
                log = open(&disk).0;
            }
            Act::PowerCut(seed) => {
                std::mem::forget(log);
                disk = disk.power_cut(*seed);
                log = open(&disk).0;
            }
            Act::SyncFails(n) => disk.set_faults(Faults { sync_fails_after: Some(*n), ..Faults::default() }),
            Act::WriteFails(n) => {
                disk.set_faults(Faults { write_fails_after: Some(*n), ..Faults::default() });
            }
            Act::Full(n) => disk.set_faults(Faults { space: Some(*n), ..Faults::default() }),
            Act::Heal => disk.set_faults(Faults::default()),
        }
        if matches!(act, Act::Kill | Act::PowerCut(_) | Act::Reopen | Act::Heal) {
            // A group carried over is shown when the next append has made it safe.
            disk.set_faults(Faults::default());
            serial += 1;
            let body = format!("{serial}:probe");
            let first = append(&mut log, &[&body]);
            prop_assert!(first.is_ok(), "a healthy disk takes records: {:?}", first);
            acknowledged.extend(first.map(|n| (n, body)));
            check(&mut log, &acknowledged, &refused)?;
            let now = read_all(&mut log).0;
            prop_assert!(shown.iter().all(|s| now.contains(s)), "what was shown once stays");
            shown = now;
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    #[test]
    fn any_acknowledged_record_is_read_back_once_and_in_order(acts in proptest::collection::vec(act(), 1..40)) {
        run(&acts)?;
    }
}
