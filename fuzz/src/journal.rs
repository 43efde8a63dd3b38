//! The journal over a damaged segment: it opens, gives what it can, and takes more.

use std::sync::Arc;

use everthread_core::time::Timestamp;
use everthread_store::journal::testing::SimDisk;
use everthread_store::journal::{Group, Log, Options, RawRecord, Source};

fn append(log: &mut Log, body: &[u8]) {
    let mut group = Group::new();
    group.push(&RawRecord {
        received_at: Timestamp::from_secs(1_764_000_000),
        endpoint: 1,
        secret: 1,
        source: Source::Webhook,
        content_type: "",
        query: "",
        body,
    });
    log.append(&mut group).expect("a healthy disk takes a record");
}

fn options(seed: u64) -> Options {
    Options { reserve_bytes: 0, segment_bytes: 64 * 1024, ..Options::new(Timestamp::from_secs(1_764_000_000), seed) }
}

/// First byte: whether the rest replaces the segment, is laid over it (from a place in the second byte), or
/// follows it.
pub fn open(data: &[u8]) {
    let [mode, place, rest @ ..] = data else { return };
    let disk = SimDisk::new();
    let (mut log, _) = Log::open(Arc::new(disk.clone()), options(1)).expect("an empty disk");
    for body in [b"one".as_slice(), b"two and more", b"three"] {
        append(&mut log, body);
    }
    drop(log);
    let name = disk.names(".seg").pop().expect("a segment");
    let mut bytes = disk.bytes(&name);
    match mode % 3 {
        0 => bytes = rest.to_vec(),
        1 => bytes.iter_mut().skip(usize::from(*place)).zip(rest).for_each(|(byte, change)| *byte ^= change),
        _ => bytes.extend(rest),
    }
    disk.put(&name, bytes);
    let Ok((mut log, _)) = Log::open(Arc::new(disk.clone()), options(2)) else { return };
    append(&mut log, b"after the damage");
    let (mut reader, _) = log.reader_from(None);
    let mut last = Vec::new();
    while reader.lag() > 0 {
        let lag = reader.lag();
        let batch = reader.read_batch(10, 1 << 20).expect("a readable disk");
        last = batch.records.last().map_or(last, |record| record.body.to_vec());
        assert!(reader.lag() < lag, "reading gets on");
    }
    assert_eq!(last, b"after the damage", "what was acknowledged is read back");
}
