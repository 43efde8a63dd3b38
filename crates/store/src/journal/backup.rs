//! Copying the log out for a backup, and back into an empty place.
//!
//! ```text
//! magic 8, then per segment: 1, serial u64, length u64, bytes, CRC32C u32; at the end: 0
//! ```

use std::io::{Read, Write};

use super::disk::{Disk, read_range};
use super::segment::{BODY, Header, segment_name};
use super::shared::{Shared, lock};
use super::types::JournalError;

const MAGIC: &[u8; 8] = b"EVTJBAK\x01";
const CHUNK: usize = 1024 * 1024;

/// What a backup of the journal holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Copied {
    /// Segments copied.
    pub segments: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The last record in it; 0 when there is none.
    pub last: u64,
}

/// Copies every finished segment that holds a record above `above`.
pub(super) fn copy(shared: &Shared, above: u64, out: &mut dyn Write) -> Result<Copied, JournalError> {
    out.write_all(MAGIC)?;
    let mut copied = Copied::default();
    for segment in shared.finished() {
        if segment.last() <= above || segment.is_empty() {
            continue;
        }
        let _no_erasure_meanwhile = lock(&shared.housekeeping);
        // It may have been rewritten or dropped since the list was made.
        let Some(segment) = shared.by_serial(segment.serial) else { continue };
        let file = shared.disk.open(&segment_name(segment.serial))?;
        let len = segment.end();
        out.write_all(&[1])?;
        out.write_all(&segment.serial.to_le_bytes())?;
        out.write_all(&len.to_le_bytes())?;
        let (mut at, mut check) = (0, 0);
        while at < len {
            let chunk = read_range(&*file, at, CHUNK.min((len - at) as usize))?;
            if chunk.is_empty() {
                return Err(JournalError::Backup("a segment is shorter than it was"));
            }
            check = crc32c::crc32c_append(check, &chunk);
            out.write_all(&chunk)?;
            at += chunk.len() as u64;
        }
        out.write_all(&check.to_le_bytes())?;
        copied.segments += 1;
        copied.bytes += len;
        copied.last = segment.last();
    }
    out.write_all(&[0])?;
    Ok(copied)
}

/// Writes the segments of a backup to `disk`, which must hold none. Fails on the first byte that is not as it was
/// written; what is there then is not to be used.
pub fn restore(disk: &dyn Disk, from: &mut dyn Read) -> Result<Copied, JournalError> {
    if disk.list()?.iter().any(|n| super::segment::serial_of(n).is_some()) {
        return Err(JournalError::Occupied);
    }
    if array::<8>(from)? != *MAGIC {
        return Err(JournalError::Backup("wrong beginning"));
    }
    let mut copied = Copied::default();
    while array::<1>(from)? == [1] {
        let serial = u64::from_le_bytes(array(from)?);
        let len = u64::from_le_bytes(array(from)?);
        let file = disk.create(&segment_name(serial))?;
        let (mut at, mut check) = (0, 0);
        while at < len {
            let mut chunk = vec![0; CHUNK.min((len - at) as usize)];
            from.read_exact(&mut chunk)?;
            if at == 0 && Header::decode(chunk.get(..BODY as usize).unwrap_or_default()).is_none() {
                return Err(JournalError::Backup("a segment without its header"));
            }
            check = crc32c::crc32c_append(check, &chunk);
            file.write_at(&chunk, at)?;
            at += chunk.len() as u64;
        }
        if u32::from_le_bytes(array(from)?) != check {
            return Err(JournalError::Backup("a segment's checksum is wrong"));
        }
        file.sync()?;
        copied.segments += 1;
        copied.bytes += len;
    }
    disk.sync_dir()?;
    Ok(copied)
}

fn array<const N: usize>(from: &mut dyn Read) -> Result<[u8; N], JournalError> {
    let mut bytes = [0; N];
    from.read_exact(&mut bytes).map_err(|_| JournalError::Backup("ends early"))?;
    Ok(bytes)
}
