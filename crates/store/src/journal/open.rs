//! Opening: what is on the disk, and where the log goes on.

use std::collections::VecDeque;
use std::sync::Arc;

use everthread_core::ids::UidSource;

use super::disk::{Disk, DiskFile, read_range};
use super::frame::{Expect, Step, Walk};
use super::log::{Group, Resume};
use super::record;
use super::segment::{
    BODY, Header, Scanned, Segment, index_name, scan, segment_name, serial_of, write_index,
};
use super::shared::Shared;
use super::types::{JournalError, OpenReport, Options};

/// A segment file with a good header.
struct Candidate {
    serial: u64,
    header: Header,
    file: Arc<dyn DiskFile>,
}

pub(super) fn open(disk: Arc<dyn Disk>, mut options: Options) -> Result<(Resume, OpenReport), JournalError> {
    // So that dropping whole segments can make room under the limit.
    options.segment_bytes = options.segment_bytes.min(options.bytes_max / 4);
    let mut salts = UidSource::new(options.seed);
    let mut report = OpenReport::default();
    let (candidates, top_serial) = candidates(&*disk, &mut report)?;
    let Some(newest) = candidates.last().map(|c| c.header) else {
        report.created = true;
        let journal = salts.next(options.now).0;
        let shared = Arc::new(Shared::new(disk, options, journal, VecDeque::new(), 0));
        let resume = Resume { shared, carry: Group::new(), next: 1, serial: top_serial, epoch: 1, salts };
        return Ok((resume, report));
    };
    let mut segments = VecDeque::new();
    let mut carry = Group::new();
    let mut next = 1;
    for (i, candidate) in candidates.iter().enumerate() {
        let fence = candidates[i + 1..].iter().map(|c| c.header.first).min().unwrap_or(u64::MAX);
        let is_last = i + 1 == candidates.len();
        let segment = load(&*disk, candidate, fence, is_last, &mut carry, &mut report)?;
        segment.fence(fence - 1);
        next = next.max(segment.last() + 1).max(candidate.header.first);
        if segment.is_empty() && !is_last {
            // Nothing in it was ever acknowledged, or a later segment has taken it over.
            let _ = disk.remove(&index_name(segment.serial));
            let _ = disk.remove(&segment_name(segment.serial));
        }
        segments.push_back(Arc::new(segment));
    }
    segments.retain(|s| !s.is_empty());
    report.segments = segments.len();
    let shared = Arc::new(Shared::new(disk, options, newest.journal, segments, next - 1));
    let resume = Resume { shared, carry, next, serial: top_serial, epoch: newest.epoch, salts };
    Ok((resume, report))
}

/// The readable segments of the newest journal, oldest first, and the highest serial that any file bears.
fn candidates(disk: &dyn Disk, report: &mut OpenReport) -> Result<(Vec<Candidate>, u64), JournalError> {
    let names = disk.list()?;
    let mut serials: Vec<u64> = names.iter().filter_map(|n| serial_of(n)).collect();
    serials.sort_unstable();
    let set_aside = names.iter().filter_map(|n| serial_of(n.strip_suffix(".bad")?)).max().unwrap_or(0);
    let top = serials.last().copied().unwrap_or(0).max(set_aside);
    let mut found = Vec::new();
    for serial in serials {
        let name = segment_name(serial);
        let file = disk.open(&name)?;
        let head = read_range(&*file, 0, BODY as usize)?;
        match Header::decode(&head) {
            Some(header) => found.push(Candidate { serial, header, file }),
            // Made, but its header never reached the disk.
            None if head.iter().all(|b| *b == 0) && file.len()? <= BODY => disk.remove(&name)?,
            None => {
                tracing::error!(segment = name, "journal segment without a readable header set aside");
                disk.rename(&name, &format!("{name}.bad"))?;
                report.unreadable.push(name);
            }
        }
    }
    if let Some(journal) = found.last().map(|c| c.header.journal) {
        found.retain(|c| {
            let ours = c.header.journal == journal;
            if !ours {
                report.foreign.push(segment_name(c.serial));
            }
            ours
        });
    }
    Ok((found, top))
}

/// One segment, from its index where it has a good one, else by reading all of it.
fn load(
    disk: &dyn Disk,
    candidate: &Candidate,
    fence: u64,
    is_last: bool,
    carry: &mut Group,
    report: &mut OpenReport,
) -> Result<Segment, JournalError> {
    let Candidate { serial, header, file } = candidate;
    if let Some(segment) = from_index(disk, candidate)? {
        return Ok(segment);
    }
    let Scanned { segment, gaps, torn, last_group } = scan(&**file, *serial, *header, fence)?;
    report.gaps.extend(gaps);
    if is_last {
        report.torn_bytes = torn;
        if file.len()? > segment.end() {
            file.truncate(segment.end())?;
        }
        // Only one group is ever under way, so every earlier one was synced; of the last one nobody knows. Its
        // bytes may be in memory only, and a sync of this file may have failed: they are written again elsewhere.
        if let Some((offset, first)) = last_group {
            report.rewritten = carry_over(&**file, &segment, offset, first, carry)?;
            segment.fence(first.max(header.first) - 1);
        }
    } else {
        // Not for the last one: until its last group is safe elsewhere this file must be read again.
        write_index(disk, &segment);
    }
    Ok(segment)
}

fn from_index(disk: &dyn Disk, candidate: &Candidate) -> Result<Option<Segment>, JournalError> {
    let Ok(index) = disk.open(&index_name(candidate.serial)) else { return Ok(None) };
    let len = usize::try_from(index.len()?).unwrap_or(usize::MAX);
    let bytes = read_range(&*index, 0, len)?;
    Ok(Segment::from_index(candidate.serial, candidate.header, &bytes, candidate.file.len()?))
}

/// Copies the records of the last group into `carry`. Where one of them is damaged its place is marked
/// as lost, so that the numbers of the others stay.
fn carry_over(
    file: &dyn DiskFile,
    segment: &Segment,
    offset: u64,
    first: u64,
    carry: &mut Group,
) -> Result<u64, JournalError> {
    let len = usize::try_from(segment.end() - offset).unwrap_or(usize::MAX);
    let buf = read_range(file, offset, len)?;
    let mut walk = Walk::new(&buf, segment.header.salt, true, Expect { next: first, fence: u64::MAX });
    let mut records = 0;
    loop {
        match walk.step() {
            Step::Frame(frame) => {
                carry.push_payload(&buf[frame.payload..frame.end]);
                records += 1;
            }
            Step::Gap(gap) => {
                for _ in gap.from..=gap.to {
                    carry.push_payload(&record::lost(segment.newest().unwrap_or_default()));
                }
            }
            Step::More { .. } | Step::End { .. } | Step::Fence => return Ok(records),
        }
    }
}
