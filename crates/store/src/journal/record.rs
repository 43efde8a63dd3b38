//! What one journal record holds, and its bytes on disk.

use everthread_core::time::Timestamp;

/// The version this build writes; every version ever written stays readable.
const VERSION: u8 = 1;
/// Bytes before the content type: version, kind, source, received_at, endpoint, secret, lengths of type and query.
const FIXED: usize = 1 + 1 + 1 + 8 + 8 + 8 + 1 + 2;
const KIND_RAW: u8 = 0;
const KIND_ERASED: u8 = 1;
const KIND_LOST: u8 = 2;

/// A content type longer than this is cut: real ones are under 100 bytes, and one byte tells the length.
pub const CONTENT_TYPE_BYTES_MAX: usize = 255;

/// A query longer than this is cut: ours carry a correlation of under 100 bytes.
pub const QUERY_BYTES_MAX: usize = 2_048;

/// How the raw input reached us.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// A provider's POST.
    Webhook,
    /// An answer that we asked for.
    Poll,
    /// A frame of a standing connection.
    Socket,
    /// Made by ourselves (web chat, sandbox customer, replayed file).
    Local,
    /// Read back from a platform and written as its webhook would have been; starts no automation.
    History,
}

impl Source {
    const fn code(self) -> u8 {
        match self {
            Self::Webhook => 0,
            Self::Poll => 1,
            Self::Socket => 2,
            Self::Local => 3,
            Self::History => 4,
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Webhook),
            1 => Some(Self::Poll),
            2 => Some(Self::Socket),
            3 => Some(Self::Local),
            4 => Some(Self::History),
            _ => None,
        }
    }
}

/// Raw input on its way into the journal; it is copied once, straight into the group that is being written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RawRecord<'a> {
    /// When we took it in.
    pub received_at: Timestamp,
    /// The endpoint's internal id (`EndpointId`).
    pub endpoint: i64,
    /// Names the secret that verified it (a fingerprint, never the secret); replay routes by it and never re-verifies.
    pub secret: u64,
    /// The way it came.
    pub source: Source,
    /// The content type as sent; cut at [`CONTENT_TYPE_BYTES_MAX`] bytes.
    pub content_type: &'a str,
    /// The raw query string, where it carries meaning; cut at [`QUERY_BYTES_MAX`] bytes.
    pub query: &'a str,
    /// The bytes as they arrived.
    pub body: &'a [u8],
}

/// A record read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Its place in the journal: strictly rising, never given twice within one journal.
    pub number: u64,
    /// When we took it in.
    pub received_at: Timestamp,
    /// The endpoint's internal id (`EndpointId`).
    pub endpoint: i64,
    /// Names the secret that verified it (a fingerprint, never the secret); replay routes by it and never re-verifies.
    pub secret: u64,
    /// The way it came.
    pub source: Source,
    /// The content type as sent.
    pub content_type: String,
    /// The raw query string.
    pub query: String,
    /// The bytes as they arrived.
    pub body: Vec<u8>,
}

impl Record {
    /// The same record with another body, to be written.
    pub fn with_body<'a>(&'a self, body: &'a [u8]) -> RawRecord<'a> {
        RawRecord {
            received_at: self.received_at,
            endpoint: self.endpoint,
            secret: self.secret,
            source: self.source,
            content_type: &self.content_type,
            query: &self.query,
            body,
        }
    }
}

/// A payload that no version of this program wrote, although its checksum is right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// Written by a newer version.
    #[error("journal record version {0} is newer than this program")]
    Version(u8),
    /// Shorter than its own fields say, or a field outside its range.
    #[error("journal record is malformed")]
    Malformed,
}

/// A decoded payload: a record, or the place of one that was erased or found damaged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Decoded {
    Raw(Record),
    Erased,
    Lost,
}

/// Appends the payload bytes of `record` to `out`.
pub(super) fn encode(record: &RawRecord<'_>, out: &mut Vec<u8>) {
    let kind = cut_at_char(record.content_type, CONTENT_TYPE_BYTES_MAX);
    let query = cut_at_char(record.query, QUERY_BYTES_MAX);
    out.reserve(FIXED + kind.len() + query.len() + record.body.len());
    out.push(VERSION);
    out.push(KIND_RAW);
    out.push(record.source.code());
    out.extend_from_slice(&record.received_at.micros().to_le_bytes());
    out.extend_from_slice(&record.endpoint.to_le_bytes());
    out.extend_from_slice(&record.secret.to_le_bytes());
    out.push(kind.len() as u8);
    out.extend_from_slice(&(query.len() as u16).to_le_bytes());
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(query.as_bytes());
    out.extend_from_slice(record.body);
}

/// The payload of an erased record: its time stays, for the time index; nothing else does.
pub(super) fn erased(received_at: Timestamp) -> Vec<u8> {
    empty(KIND_ERASED, received_at)
}

/// The payload that keeps the place of a damaged record among those of its group.
pub(super) fn lost(received_at: Timestamp) -> Vec<u8> {
    empty(KIND_LOST, received_at)
}

fn empty(kind: u8, received_at: Timestamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIXED);
    let empty = RawRecord {
        received_at,
        endpoint: 0,
        secret: 0,
        source: Source::Local,
        content_type: "",
        query: "",
        body: &[],
    };
    encode(&empty, &mut out);
    out[1] = kind;
    out
}

/// How many payload bytes [`encode`] makes.
pub(super) fn encoded_len(record: &RawRecord<'_>) -> usize {
    FIXED
        + record.content_type.floor_char_boundary(CONTENT_TYPE_BYTES_MAX)
        + record.query.floor_char_boundary(QUERY_BYTES_MAX)
        + record.body.len()
}

/// Reads a payload back.
pub(super) fn decode(number: u64, payload: &[u8]) -> Result<Decoded, DecodeError> {
    let (fixed, rest) = payload.split_at_checked(FIXED).ok_or(DecodeError::Malformed)?;
    if fixed[0] != VERSION {
        return Err(DecodeError::Version(fixed[0]));
    }
    match fixed[1] {
        KIND_RAW => {}
        KIND_ERASED => return Ok(Decoded::Erased),
        KIND_LOST => return Ok(Decoded::Lost),
        _ => return Err(DecodeError::Malformed),
    }
    let source = Source::from_code(fixed[2]).ok_or(DecodeError::Malformed)?;
    let (kind, rest) = rest.split_at_checked(fixed[27] as usize).ok_or(DecodeError::Malformed)?;
    let query_bytes = u16::from_le_bytes([fixed[28], fixed[29]]) as usize;
    let (query, body) = rest.split_at_checked(query_bytes).ok_or(DecodeError::Malformed)?;
    Ok(Decoded::Raw(Record {
        number,
        received_at: received_at(payload).ok_or(DecodeError::Malformed)?,
        endpoint: read_i64(fixed, 11).ok_or(DecodeError::Malformed)?,
        secret: read_i64(fixed, 19).ok_or(DecodeError::Malformed)?.cast_unsigned(),
        source,
        content_type: str::from_utf8(kind).map_err(|_| DecodeError::Malformed)?.to_owned(),
        query: str::from_utf8(query).map_err(|_| DecodeError::Malformed)?.to_owned(),
        body: body.to_vec(),
    }))
}

/// The time of a payload without decoding the rest. `None` when it is too short.
pub(super) fn received_at(payload: &[u8]) -> Option<Timestamp> {
    read_i64(payload, 3).map(Timestamp::from_micros)
}

fn read_i64(bytes: &[u8], at: usize) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

fn cut_at_char(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> RawRecord<'static> {
        RawRecord {
            received_at: Timestamp::from_micros(1_764_000_000_123_456),
            endpoint: 7,
            secret: 1,
            source: Source::Webhook,
            content_type: "application/json",
            query: "a=1",
            body: br#"{"a":1}"#,
        }
    }

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut out, b| {
            let _ = write!(out, "{b:02x}");
            out
        })
    }

    #[test]
    fn bytes_of_version_1_are_frozen() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        assert_eq!(
            hex(&out),
            concat!(
                "010000402264415944060007000000000000000100000000000000100300",
                "6170706c69636174696f6e2f6a736f6e613d317b2261223a317d"
            )
        );
        assert_eq!(out.len(), encoded_len(&sample()));
        let erased = erased(sample().received_at);
        assert_eq!(hex(&erased), "010103402264415944060000000000000000000000000000000000000000");
        assert_eq!(decode(1, &erased), Ok(Decoded::Erased));
        let lost = lost(sample().received_at);
        assert_eq!(hex(&lost), "010203402264415944060000000000000000000000000000000000000000");
        assert_eq!(decode(1, &lost), Ok(Decoded::Lost));
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        let Ok(Decoded::Raw(record)) = decode(9, &out) else { panic!("not a record") };
        assert_eq!(record.number, 9);
        assert_eq!(record.received_at, sample().received_at);
        assert_eq!((record.endpoint, record.secret, record.source), (7, 1, Source::Webhook));
        assert_eq!(
            (record.content_type.as_str(), record.query.as_str(), record.body.as_slice()),
            ("application/json", "a=1", sample().body)
        );
    }

    #[test]
    fn a_short_or_newer_payload_is_an_error_and_no_panic() {
        let mut out = Vec::new();
        encode(&sample(), &mut out);
        for cut in 0..FIXED + 19 {
            assert_eq!(decode(1, &out[..cut]), Err(DecodeError::Malformed), "cut at {cut}");
        }
        out[0] = 9;
        assert_eq!(decode(1, &out), Err(DecodeError::Version(9)));
    }

    #[test]
    fn a_long_content_type_is_cut_between_characters() {
        let long = "é".repeat(200);
        let mut out = Vec::new();
        encode(&RawRecord { content_type: &long, ..sample() }, &mut out);
        let Ok(Decoded::Raw(record)) = decode(1, &out) else { panic!("not a record") };
        assert_eq!(record.content_type, "é".repeat(127));
        assert_eq!(record.body, sample().body);
    }
}
