//! Files: the media id is exchanged for a link that lives five minutes and wants the token.

use everthread_core::content::MediaSource;
use everthread_core::outcome::Outcome;
use serde_json::Value;

use super::{SPEC, TABLES};
use crate::wire::{WireRequest, WireResponse};
use crate::{Account, MediaStep, form, json, meta};

/// The next step for a file.
pub(super) fn step(
    source: &MediaSource,
    account: &Account<'_>,
    answers: &[WireResponse<'_>],
) -> Option<MediaStep> {
    let id = match source {
        MediaSource::ProviderId(id) => id,
        MediaSource::Url(url) => {
            return Some(MediaStep::Fetch(fetch(url.clone(), account, is_metas(url, account))));
        }
        MediaSource::Stored(_) => return None,
    };
    let Some(answer) = answers.last() else {
        let mut path = form::escape(id);
        if let Some(number) = account.settings.get("phone_number_id") {
            path.push_str(&format!("?phone_number_id={number}"));
        }
        return Some(MediaStep::Ask(meta::answer::get(account, SPEC.api_base, &path)));
    };
    let body = match *answer {
        WireResponse::Answer { status: 200, body, .. } => json::parse(body).unwrap_or(Value::Null),
        _ => Value::Null,
    };
    let Some(url) = json::string(&body, "url") else { return Some(failed(answer)) };
    Some(MediaStep::Fetch(fetch(url, account, true)))
}

fn fetch(url: String, account: &Account<'_>, with_token: bool) -> WireRequest {
    let token = account.secrets.get("token").filter(|_| with_token);
    WireRequest {
        method: "GET",
        url,
        headers: token.map(|token| ("authorization", format!("Bearer {token}"))).into_iter().collect(),
        body: Vec::new(),
        timeout: None,
        secrets: account.secrets.0.values().cloned().collect(),
    }
}

/// The token goes to Meta's own hosts only, and to the one that the operator named.
fn is_metas(url: &str, account: &Account<'_>) -> bool {
    let host = |url: &str| {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        rest.split(['/', '?', '#', '\\']).next().unwrap_or_default().to_ascii_lowercase()
    };
    let named = account.settings.get("api_base").is_some_and(|base| host(base) == host(url));
    let metas = [".fbsbx.com", ".fbcdn.net", ".facebook.com", ".whatsapp.net"];
    named || (url.starts_with("https://") && metas.iter().any(|end| host(url).ends_with(end)))
}

/// A missing object is gone for good; everything else may come back, a token included.
fn failed(answer: &WireResponse<'_>) -> MediaStep {
    match meta::answer::classify(answer, TABLES, |_| None) {
        Outcome::Refused { reason, .. } if matches!(reason.code.as_str(), "100" | "100/33" | "131052") => {
            MediaStep::Gone(reason.text)
        }
        Outcome::Refused { reason, .. }
        | Outcome::NotExecuted { reason, .. }
        | Outcome::Uncertain { reason } => MediaStep::Later(reason.text),
        Outcome::Accepted { .. } => MediaStep::Later("the answer has no link".to_owned()),
    }
}
