//! Files: `getFile`, then the bytes under `/file/`.

use everthread_core::content::MediaSource;
use everthread_core::outcome::Outcome;
use serde_json::{Value, json};

use super::{SPEC, send};
use crate::wire::{WireRequest, WireResponse};
use crate::{Account, MediaStep, json as read};

/// The next step for a file.
pub(super) fn step(
    source: &MediaSource,
    account: &Account<'_>,
    answers: &[WireResponse<'_>],
) -> Option<MediaStep> {
    let MediaSource::ProviderId(id) = source else { return None };
    let Some(answer) = answers.last() else {
        return Some(MediaStep::Ask(send::call(account, "getFile", &json!({"file_id": id}))));
    };
    let WireResponse::Answer { status: 200, body, .. } = *answer else { return Some(failed(answer)) };
    let value = read::parse(body).unwrap_or(Value::Null);
    let Some(path) = read::text(&value, "result.file_path") else { return Some(failed(answer)) };
    let base = account.settings.get("api_base").unwrap_or(SPEC.api_base).trim_end_matches('/');
    let token = account.secrets.get("token").unwrap_or_default();
    Some(MediaStep::Fetch(WireRequest {
        method: "GET",
        url: format!("{base}/file/bot{token}/{}", path.trim_start_matches('/')),
        headers: Vec::new(),
        body: Vec::new(),
        timeout: None,
        secrets: account.secrets.0.values().cloned().collect(),
    }))
}

fn failed(answer: &WireResponse<'_>) -> MediaStep {
    match send::classify(answer) {
        Outcome::Refused { class: everthread_core::outcome::ErrorClass::BadRequest, reason } => {
            MediaStep::Gone(reason.text)
        }
        Outcome::Refused { reason, .. }
        | Outcome::NotExecuted { reason, .. }
        | Outcome::Uncertain { reason } => MediaStep::Later(reason.text),
        Outcome::Accepted { .. } => MediaStep::Gone("the platform names no file".to_owned()),
    }
}
