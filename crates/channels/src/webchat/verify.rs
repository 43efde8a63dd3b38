//! Visitors' tokens: `<visitor>.<mac>`, made and checked by ourselves, sent as a bearer token.

use everthread_core::account::Secrets;

use crate::wire::HookRequest;
use crate::{Reject, json, sign};

/// Separates these digests from any other use of the key.
const PURPOSE: &str = "everthread webchat visitor 1:";

/// The token of a visitor. `None` without a signing key, or where the id holds anything but letters, digits,
/// `-` and `_`.
pub fn issue(visitor: &str, secrets: &Secrets) -> Option<String> {
    let plain = !visitor.is_empty() && visitor.len() <= 128 && visitor.bytes().all(is_plain);
    let key = secrets.get("signing_key").filter(|_| plain)?;
    Some(format!("{visitor}.{}", mac(key, visitor)))
}

/// The visitor that a token belongs to, and the index of the secrets that made it.
pub fn visitor<'t>(token: &'t str, secrets: &[Secrets]) -> Result<(&'t str, usize), Reject> {
    let (visitor, given) = token.rsplit_once('.').ok_or(Reject::Malformed)?;
    if visitor.is_empty() || given.len() != 64 {
        return Err(Reject::Malformed);
    }
    let index = sign::first_match(secrets, &["signing_key"], |key| {
        sign::same(mac(key, visitor).as_bytes(), given.as_bytes())
    })?;
    Ok((visitor, index))
}

/// Checks the bearer token, and that the body does not speak for another visitor.
pub(super) fn verify(request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
    let header = request.header("authorization").ok_or(Reject::Missing)?;
    let token = header.strip_prefix("Bearer ").ok_or(Reject::Malformed)?;
    let (visitor, index) = visitor(token.trim(), secrets)?;
    let body = json::parse(request.body).map_err(|_| Reject::Malformed)?;
    let named = json::id(&body, "visitor").or_else(|| json::id(&body, "visitor.id"));
    match named {
        Some(named) if named != visitor => Err(Reject::Mismatch),
        _ => Ok(index),
    }
}

fn mac(key: &str, visitor: &str) -> String {
    sign::hex(&sign::hmac_sha256(key.as_bytes(), format!("{PURPOSE}{visitor}").as_bytes()))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
