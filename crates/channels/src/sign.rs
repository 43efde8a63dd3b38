//! Keyed digests and comparison in constant time, shared by every `verify.rs`.

use everthread_core::account::Secrets;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::Reject;

/// HMAC-SHA256 of `data` under `key`.
pub(crate) fn hmac_sha256(key: &[u8], data: &[u8]) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(data);
    mac.finalize().into_bytes().to_vec()
}

/// HMAC-SHA1 of the pieces, one after another, under `key`.
pub(crate) fn hmac_sha1<'a>(key: &[u8], pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(key) else { return Vec::new() };
    for piece in pieces {
        mac.update(piece);
    }
    mac.finalize().into_bytes().to_vec()
}

/// True where both are equal; the time tells their length only.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    !a.is_empty() && bool::from(a.ct_eq(b))
}

/// The index of the first set of secrets of which one of `names` passes `test`. All are tested, so that the
/// time does not tell which one it was.
pub(crate) fn first_match(
    secrets: &[Secrets],
    names: &[&str],
    test: impl Fn(&str) -> bool,
) -> Result<usize, Reject> {
    let mut found = None;
    for (index, set) in secrets.iter().enumerate() {
        for name in names {
            if set.get(name).is_some_and(&test) && found.is_none() {
                found = Some(index);
            }
        }
    }
    found.ok_or(Reject::Mismatch)
}

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |n: u8| char::from_digit(u32::from(n), 16).unwrap_or('0');
    bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect()
}

/// Reads hexadecimal of either case. `None` where it is none.
pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| char::from(b).to_digit(16);
    digits.chunks(2).map(|two| Some((digit(two[0])? * 16 + digit(two[1])?) as u8)).collect()
}

/// SHA-256 of the body, in hexadecimal.
pub(crate) fn sha256_hex(data: &[u8]) -> String {
    hex(&Sha256::digest(data))
}

/// A deduplication key for an event without an id: the first 128 bits of a digest over its meaning-bearing
/// fields, each with its length, so that no two lists of fields run together.
pub(crate) fn key_of(fields: &[&str]) -> String {
    let mut digest = Sha256::new();
    for field in fields {
        digest.update((field.len() as u64).to_be_bytes());
        digest.update(field.as_bytes());
    }
    format!("h:{}", hex(&digest.finalize()[..16]))
}
