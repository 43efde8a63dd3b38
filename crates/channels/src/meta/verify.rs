//! `X-Hub-Signature-256` over the raw bytes, and the handshake that saves a webhook.

use everthread_core::account::{Secrets, Settings};

use crate::wire::HookRequest;
use crate::{Reject, form, sign};

/// Checks the signature against every secret of [`super::SIGNING`]. The older SHA-1 header is ignored.
pub fn verify(request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
    let header = request.header("x-hub-signature-256").ok_or(Reject::Missing)?;
    let digits = header.trim().strip_prefix("sha256=").ok_or(Reject::Malformed)?;
    let given = sign::unhex(digits).filter(|bytes| bytes.len() == 32).ok_or(Reject::Malformed)?;
    sign::first_match(secrets, super::SIGNING, |secret| {
        sign::same(&sign::hmac_sha256(secret.as_bytes(), request.body), &given)
    })
}

/// Answers `hub.mode=subscribe` with the challenge. `None` where the query is no handshake.
pub fn handshake(request: &HookRequest<'_>, tokens: &[&str]) -> Option<Result<String, Reject>> {
    let query = form::decode(request.query.as_bytes());
    let mode = form::value(&query, "hub.mode")?;
    let challenge = form::value(&query, "hub.challenge").unwrap_or_default();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if mode != "subscribe" || challenge.is_empty() || challenge.len() > 256 || !challenge.chars().all(plain) {
        return Some(Err(Reject::Malformed));
    }
    let given = form::value(&query, "hub.verify_token").unwrap_or_default();
    let known =
        tokens.iter().fold(false, |known, token| known | sign::same(token.as_bytes(), given.as_bytes()));
    Some(if known { Ok(challenge.to_owned()) } else { Err(Reject::VerifyToken) })
}

/// What every Meta account needs; `ids` are the settings that must be numbers.
pub(crate) fn check(settings: &Settings, secrets: &Secrets, required: &str, ids: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    if settings.get(required).is_none() {
        wrong.push(format!("{required} is missing: --set {required}=..."));
    }
    for key in ids {
        if settings.get(key).is_some_and(|id| !id.bytes().all(|b| b.is_ascii_digit())) {
            wrong.push(format!("{key} must be the number that Meta shows, digits only"));
        }
    }
    for key in ["token", "app_secret", "verify_token"] {
        if secrets.get(key).is_none() {
            wrong.push(format!("{key} is missing: --secret {key}=..."));
        }
    }
    wrong
}
