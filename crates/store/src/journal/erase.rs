//! Erasure: finished segments are rewritten without what must go.

use std::io;
use std::sync::Arc;

use everthread_core::ids::UidSource;

use super::disk::read_range;
use super::frame::{Expect, Step, Walk};
use super::log::Group;
use super::record::{self, Decoded, Record};
use super::segment::{BODY, Header, Segment, segment_name, write_index};
use super::shared::{Shared, lock};
use super::types::JournalError;

/// What is to happen to one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Erasure {
    /// Nothing.
    Keep,
    /// Nothing of it but its number and time remains.
    Drop,
    /// Only these bytes of the body remain: a batch may hold other people's items too.
    Replace(Vec<u8>),
}

/// What an erasure did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Erased {
    /// Records dropped or replaced.
    pub records: u64,
    /// Segments rewritten.
    pub segments: u64,
}

/// Goes over all finished segments. `seed` makes the salts of the rewritten ones.
pub(super) fn erase(
    shared: &Shared,
    seed: u64,
    mut decide: impl FnMut(&Record) -> Erasure,
) -> Result<Erased, JournalError> {
    let mut salts = UidSource::new(seed);
    let mut total = Erased::default();
    for segment in shared.finished() {
        let _one_at_a_time = lock(&shared.housekeeping);
        let Some(segment) = shared.by_serial(segment.serial).filter(|s| !s.is_empty()) else { continue };
        let records = rewrite(shared, &segment, salts.draw() as u32, &mut decide)?;
        if records > 0 {
            total.records += records;
            total.segments += 1;
        }
    }
    Ok(total)
}

/// Answers how many records changed; the segment is left alone when none did.
fn rewrite(
    shared: &Shared,
    segment: &Arc<Segment>,
    salt: u32,
    decide: &mut impl FnMut(&Record) -> Erasure,
) -> Result<u64, JournalError> {
    let name = segment_name(segment.serial);
    let file = shared.disk.open(&name)?;
    let len = usize::try_from(segment.end().saturating_sub(BODY)).unwrap_or(usize::MAX);
    let buf = read_range(&*file, BODY, len)?;
    let first = segment.header.first;
    let mut walk =
        Walk::new(&buf, segment.header.salt, true, Expect { next: first, fence: segment.last() + 1 });
    let (mut kept, mut next, mut changed) = (Group::new(), first, 0);
    loop {
        match walk.step() {
            Step::Frame(frame) => {
                let payload = &buf[frame.payload..frame.end];
                match replacement(frame.number, payload, decide) {
                    Some(payload) => {
                        kept.push_payload(&payload);
                        changed += 1;
                    }
                    None => kept.push_payload(payload),
                }
                next = frame.number + 1;
            }
            // What is damaged may be what must go: it goes, and stays told as lost.
            Step::Gap(gap) => {
                (gap.from..=gap.to)
                    .for_each(|_| kept.push_payload(&record::lost(segment.newest().unwrap_or_default())));
                next = gap.to + 1;
            }
            Step::More { .. } | Step::End { .. } | Step::Fence => break,
        }
    }
    if changed == 0 {
        return Ok(0);
    }
    (next..=segment.last())
        .for_each(|_| kept.push_payload(&record::lost(segment.newest().unwrap_or_default())));
    let header = Header { salt, ..segment.header };
    put(shared, segment, &name, header, kept)?;
    Ok(changed)
}

/// The new payload of a record. `None` where it stays as it is.
fn replacement(number: u64, payload: &[u8], decide: &mut impl FnMut(&Record) -> Erasure) -> Option<Vec<u8>> {
    let Ok(Decoded::Raw(record)) = record::decode(number, payload) else { return None };
    match decide(&record) {
        Erasure::Keep => None,
        Erasure::Drop => Some(record::erased(record.received_at)),
        Erasure::Replace(body) => {
            let mut out = Vec::new();
            record::encode(&record.with_body(&body), &mut out);
            Some(out)
        }
    }
}

/// Writes the new file beside the old one and puts it in its place in one step.
fn put(shared: &Shared, old: &Segment, name: &str, header: Header, kept: Group) -> io::Result<()> {
    let disk = &*shared.disk;
    let draft = format!("{name}.new");
    match disk.remove(&draft) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    let file = disk.create(&draft)?;
    let segment = kept.into_segment(old.serial, header, &*file)?;
    // Before the rename: with the old index gone, a death here means no more than reading the segment once.
    match disk.remove(&super::segment::index_name(old.serial)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
        _ => {}
    }
    disk.rename(&draft, name)?;
    disk.sync_dir()?;
    write_index(disk, &segment);
    shared.replace(Arc::new(segment));
    Ok(())
}
