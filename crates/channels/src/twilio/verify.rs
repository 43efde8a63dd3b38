//! `X-Twilio-Signature`: HMAC-SHA1 over the address and the sorted form fields.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everthread_core::account::{Secrets, Settings};

use crate::wire::HookRequest;
use crate::{Reject, form, sign};

/// Checks the signature for every address the request may have been sent to, under every auth token.
pub(super) fn verify(request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
    let header = request.header("x-twilio-signature").ok_or(Reject::Missing)?;
    let given = STANDARD.decode(header.trim()).ok().filter(|b| b.len() == 20).ok_or(Reject::Malformed)?;
    let query = form::decode(request.query.as_bytes());
    let fields = match form::value(&query, "bodySHA256") {
        Some(digest)
            if sign::same(
                digest.to_ascii_lowercase().as_bytes(),
                sign::sha256_hex(request.body).as_bytes(),
            ) =>
        {
            Vec::new()
        }
        Some(_) => return Err(Reject::Mismatch),
        None => sorted_fields(request.body),
    };
    let urls: Vec<String> = request.urls.iter().flat_map(|url| variants(url, request.query)).collect();
    sign::first_match(secrets, &["auth_token"], |secret| {
        urls.iter().fold(false, |found, url| {
            let pieces = std::iter::once(url.as_bytes()).chain(fields.iter().map(String::as_bytes));
            found | sign::same(&sign::hmac_sha1(secret.as_bytes(), pieces), &given)
        })
    })
}

/// Names and values, sorted by name and value; the same pair twice counts once.
fn sorted_fields(body: &[u8]) -> Vec<String> {
    let mut pairs = form::decode(body);
    pairs.sort();
    pairs.dedup();
    pairs.into_iter().map(|(name, value)| name + &value).collect()
}

/// The address with its query, as given, and with the default port written out or left out: vendors differ.
fn variants(url: &str, query: &str) -> Vec<String> {
    let full = if query.is_empty() || url.contains('?') { url.to_owned() } else { format!("{url}?{query}") };
    let mut all = vec![full.clone()];
    let Some((scheme, rest)) = full.split_once("://") else { return all };
    let (host, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let port = match scheme {
        "https" => "443",
        _ => "80",
    };
    let has_port =
        host.rsplit_once(':').is_some_and(|(_, p)| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
    if has_port {
        let bare = host.rsplit_once(':').map_or(host, |(name, _)| name);
        all.push(format!("{scheme}://{bare}{path}"));
    } else {
        all.push(format!("{scheme}://{host}:{port}{path}"));
    }
    all
}

/// Names what is missing or malformed.
pub(super) fn check(settings: &Settings, secrets: &Secrets) -> Vec<String> {
    let mut wrong = Vec::new();
    match settings.get("account_sid") {
        None => wrong.push("account_sid is missing: --set account_sid=AC...".to_owned()),
        Some(sid) if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            wrong.push("account_sid must be letters and digits, as the console shows it".to_owned());
        }
        Some(_) => {}
    }
    match settings.get("from") {
        None => {
            wrong.push("from is missing: --set from=+15550001111, or a Messaging Service MG...".to_owned());
        }
        Some(from) if from.bytes().all(|b| b.is_ascii_digit()) && from.len() > 6 => {
            wrong.push("from must be written as +E.164, with the plus sign".to_owned());
        }
        Some(_) => {}
    }
    if secrets.get("auth_token").is_none() {
        wrong.push("auth_token is missing: --secret auth_token=...".to_owned());
    }
    wrong
}
