//! The frame around a record in a segment, and how frames are found again among damaged bytes.
//!
//! ```text
//! 0  magic      4   fixed; where a search for the next frame looks
//! 4  length     4   of the payload
//! 8  number     8   of the record
//! 16 group      4   how many records of the same group come before it
//! 20 head check 4   CRC32C over bytes 0..20
//! 24 body check 4   CRC32C over the payload
//! 28 payload
//! ```
//! All little endian. Both checks start from the segment's salt, which no outsider knows: bytes that a customer
//! sends cannot pass for a frame when the search for the next one runs through them.

use super::types::{Gap, GapCause};

/// Bytes before the payload.
pub(super) const HEAD: usize = 28;
const MAGIC: [u8; 4] = [0xE7, b'J', b'r', 0x1D];

/// A frame found in a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Frame {
    pub(super) number: u64,
    /// Records of its group before it.
    pub(super) group: u32,
    /// Where it begins in the buffer.
    pub(super) at: usize,
    /// Where its payload begins.
    pub(super) payload: usize,
    /// Where the next frame begins.
    pub(super) end: usize,
}

/// What is at one place of a buffer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Found {
    Frame(Frame),
    /// A good head over a payload that fails its check: exactly this record is lost.
    Spoilt(Frame),
    /// A good head whose payload reaches beyond the buffer.
    Short,
    /// No frame begins here.
    Nothing,
}

/// Which numbers may appear: from `next` up to but not including `fence`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expect {
    pub(super) next: u64,
    pub(super) fence: u64,
}

/// Writes the head of a frame whose payload already lies behind it.
pub(super) fn seal(frame: &mut [u8], number: u64, group: u32, salt: u32) {
    let (head, payload) = frame.split_at_mut(HEAD);
    head[0..4].copy_from_slice(&MAGIC);
    head[4..8].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    head[8..16].copy_from_slice(&number.to_le_bytes());
    head[16..20].copy_from_slice(&group.to_le_bytes());
    let head_check = crc32c::crc32c_append(salt, &head[..20]);
    head[20..24].copy_from_slice(&head_check.to_le_bytes());
    let body_check = crc32c::crc32c_append(salt ^ number as u32, payload);
    head[24..28].copy_from_slice(&body_check.to_le_bytes());
}

fn u32_at(buf: &[u8], at: usize) -> u32 {
    buf[at..at + 4].iter().rev().fold(0, |n, b| n << 8 | u32::from(*b))
}

fn u64_at(buf: &[u8], at: usize) -> u64 {
    u64::from(u32_at(buf, at)) | u64::from(u32_at(buf, at + 4)) << 32
}

fn look(buf: &[u8], at: usize, salt: u32) -> Found {
    let Some(head) = buf.get(at..at + HEAD) else { return Found::Short };
    if head[..4] != MAGIC || crc32c::crc32c_append(salt, &head[..20]) != u32_at(head, 20) {
        return Found::Nothing;
    }
    let number = u64_at(head, 8);
    let payload = at + HEAD;
    let end = payload + u32_at(head, 4) as usize;
    let frame = Frame { number, group: u32_at(head, 16), at, payload, end };
    let Some(bytes) = buf.get(payload..end) else { return Found::Short };
    if crc32c::crc32c_append(salt ^ number as u32, bytes) == u32_at(head, 24) {
        Found::Frame(frame)
    } else {
        Found::Spoilt(frame)
    }
}

/// What a walk over a buffer meets next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    /// A good frame.
    Frame(Frame),
    /// Records are missing here.
    Gap(Gap),
    /// The buffer ends within a frame, or behind the last one: read on from here, or stop.
    More { from: usize },
    /// No frame follows, only zeros or an unfinished append.
    End { from: usize },
    /// A number that a later segment took over.
    Fence,
}

/// Walks over the frames of a buffer.
pub(super) struct Walk<'a> {
    buf: &'a [u8],
    at: usize,
    salt: u32,
    /// Whether `buf` reaches to the end of what there is.
    whole: bool,
    expect: Expect,
    held: Option<Frame>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(buf: &'a [u8], salt: u32, whole: bool, expect: Expect) -> Self {
        Self { buf, at: 0, salt, whole, expect, held: None }
    }

    /// The number that should come next.
    pub(super) const fn next_number(&self) -> u64 {
        self.expect.next
    }

    pub(super) fn step(&mut self) -> Step {
        if let Some(frame) = self.held.take() {
            return self.take(frame);
        }
        loop {
            match look(self.buf, self.at, self.salt) {
                Found::Frame(frame) => return self.arrive(frame, GapCause::Missing),
                // Its number will be missed by the next good frame, or by who knows where the segment ends.
                Found::Spoilt(frame) if !self.is_tail(frame.end) => {
                    self.at = frame.end;
                    if let Some(gap) = self.lose_up_to(frame.number) {
                        return Step::Gap(gap);
                    }
                }
                Found::Short if !self.whole => return Step::More { from: self.at },
                Found::Spoilt(_) | Found::Short | Found::Nothing => {
                    if !self.whole {
                        return Step::More { from: self.at };
                    }
                    return match self.search() {
                        Some(frame) => self.arrive(frame, GapCause::Damaged),
                        None => Step::End { from: self.at },
                    };
                }
            }
        }
    }

    /// Whether nothing but reserved space follows.
    fn is_tail(&self, from: usize) -> bool {
        self.whole && self.buf.get(from..).is_none_or(|rest| rest.iter().all(|b| *b == 0))
    }

    /// The next good frame behind bytes that are none. Heads are checked first and cannot be forged, so this
    /// reads each byte about once.
    fn search(&self) -> Option<Frame> {
        let mut at = self.at + 1;
        while at + HEAD <= self.buf.len() {
            let skip = self.buf[at..].iter().position(|b| *b == MAGIC[0])?;
            at += skip;
            if let Found::Frame(frame) = look(self.buf, at, self.salt)
                && frame.number >= self.expect.next
            {
                return Some(frame);
            }
            at += 1;
        }
        None
    }

    fn lose_up_to(&mut self, number: u64) -> Option<Gap> {
        let to = number.min(self.expect.fence - 1);
        let from = self.expect.next;
        (to >= from).then(|| {
            self.expect.next = to + 1;
            Gap { from, to, cause: GapCause::Damaged }
        })
    }

    fn arrive(&mut self, frame: Frame, cause: GapCause) -> Step {
        if frame.number > self.expect.next && frame.number <= self.expect.fence {
            let gap = Gap { from: self.expect.next, to: frame.number - 1, cause };
            self.expect.next = frame.number;
            self.held = Some(frame);
            return Step::Gap(gap);
        }
        self.take(frame)
    }

    fn take(&mut self, frame: Frame) -> Step {
        self.at = frame.end;
        if frame.number >= self.expect.fence {
            return Step::Fence;
        }
        self.expect.next = self.expect.next.max(frame.number + 1);
        Step::Frame(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: u32 = 0x1234_5678;

    fn frames(bodies: &[&[u8]]) -> Vec<u8> {
        let mut out = Vec::new();
        for (i, body) in bodies.iter().enumerate() {
            let start = out.len();
            out.extend_from_slice(&[0; HEAD]);
            out.extend_from_slice(body);
            seal(&mut out[start..], i as u64 + 1, 0, SALT);
        }
        out
    }

    fn numbers(buf: &[u8]) -> (Vec<u64>, Vec<(u64, u64)>) {
        let mut walk = Walk::new(buf, SALT, true, Expect { next: 1, fence: u64::MAX });
        let (mut found, mut gaps) = (Vec::new(), Vec::new());
        loop {
            match walk.step() {
                Step::Frame(f) => found.push(f.number),
                Step::Gap(g) => gaps.push((g.from, g.to)),
                Step::End { .. } | Step::More { .. } | Step::Fence => return (found, gaps),
            }
        }
    }

    #[test]
    fn a_flipped_bit_loses_its_own_record_only() {
        let good = frames(&[b"one", b"two", b"three", b"four"]);
        let frame = HEAD + 3;
        for bit in frame * 8..2 * frame * 8 {
            let mut buf = good.clone();
            buf[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(numbers(&buf), (vec![1, 3, 4], vec![(2, 2)]), "bit {bit}");
        }
    }

    #[test]
    fn a_frame_inside_a_customers_bytes_is_not_found_without_the_salt() {
        let mut forged = vec![0_u8; HEAD];
        forged.extend_from_slice(b"forged");
        seal(&mut forged, 2, 0, SALT ^ 1);
        let mut buf = frames(&[&forged, b"real"]);
        buf[4] ^= 0xFF;
        assert_eq!(numbers(&buf), (vec![2], vec![(1, 1)]));
    }

    #[test]
    fn a_tail_cut_anywhere_ends_the_walk_before_it() {
        let good = frames(&[b"one", b"two"]);
        for cut in HEAD + 3..good.len() {
            assert_eq!(numbers(&good[..cut]), (vec![1], vec![]), "cut {cut}");
            let mut padded = good[..cut].to_vec();
            padded.resize(good.len() + 4096, 0);
            assert_eq!(numbers(&padded), (vec![1], vec![]), "cut {cut} in reserved space");
        }
    }
}
