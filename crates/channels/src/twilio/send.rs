//! `Messages.json`: form fields, Basic auth, our token in the address of the status callback.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everthread_core::content::MediaSource;
use everthread_core::outcome::{Outcome, Reason};
use serde_json::Value;

use super::{SPEC, TABLES, parse};
use crate::table::{self, Seen};
use crate::wire::{Outbound, WireRequest, WireResponse};
use crate::{Account, form, json as read};

/// One part as one call.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    if out.reaction.is_some() {
        return Err(Reason::new("reaction", "SMS has no reactions"));
    }
    if !out.buttons().is_empty() {
        return Err(Reason::new("buttons", "SMS has no buttons"));
    }
    let need = |key: &str| {
        account.settings.get(key).ok_or_else(|| Reason::new("settings", format!("{key} is missing")))
    };
    let (sid, from) = (need("account_sid")?, need("from")?);
    let callback = format!(
        "{}{}?{}={}",
        account.public_url,
        account.webhook_path,
        parse::CORRELATION,
        form::escape(out.correlation)
    );
    let service = from.starts_with("MG");
    let mut fields = vec![
        ("To", out.to.value.as_str()),
        (if service { "MessagingServiceSid" } else { "From" }, from),
        ("StatusCallback", &callback),
        ("SmartEncoded", "true"),
    ];
    if let Some(seconds) = account.settings.get("validity_s") {
        fields.push(("ValidityPeriod", seconds));
    }
    if !out.content.text.is_empty() {
        fields.push(("Body", &out.content.text));
    }
    match out.content.attachments.as_slice() {
        [] if out.content.text.is_empty() => return Err(Reason::new("empty", "nothing to send")),
        [] => {}
        [one] => match &one.source {
            Some(MediaSource::Url(url)) => fields.push(("MediaUrl", url)),
            _ => return Err(Reason::new("attachment", "the file has no public address")),
        },
        _ => return Err(Reason::new("attachments", "one file per part")),
    }
    let body = form::encode(fields).into_bytes();
    let path = format!("/2010-04-01/Accounts/{}/Messages.json", form::escape(sid));
    let mut request = WireRequest { method: "POST", body, ..get(account, &path) };
    request.headers.push(("content-type", "application/x-www-form-urlencoded".to_owned()));
    Ok(request)
}

/// A `GET` of a path under the account's base address.
pub(super) fn get(account: &Account<'_>, path: &str) -> WireRequest {
    let base = account.settings.get("api_base").unwrap_or(SPEC.api_base).trim_end_matches('/');
    let (header, mut secrets) = basic(account);
    secrets.extend(account.secrets.0.values().cloned());
    WireRequest {
        method: "GET",
        url: format!("{base}{path}"),
        headers: vec![("authorization", header)],
        body: Vec::new(),
        timeout: None,
        secrets,
    }
}

/// The Basic header, and its secret part.
pub(super) fn basic(account: &Account<'_>) -> (String, Vec<String>) {
    let user = account.settings.get("account_sid").unwrap_or_default();
    let pair = STANDARD.encode(format!("{user}:{}", account.secrets.get("auth_token").unwrap_or_default()));
    (format!("Basic {pair}"), vec![pair])
}

/// Classifies an answer.
pub(super) fn classify(response: &WireResponse<'_>) -> Outcome {
    let WireResponse::Answer { status, headers, body } = *response else {
        return table::without_answer(response).unwrap_or_else(|| table::decide(TABLES, &Seen::default()));
    };
    let value = read::parse(body).unwrap_or(Value::Null);
    if (200..300).contains(&status) {
        // A message that is created failed has its own code and will never be sent.
        let dead = matches!(read::text(&value, "status"), Some("failed" | "undelivered" | "canceled"));
        if let Some(provider_id) = read::string(&value, "sid").filter(|_| !dead) {
            return Outcome::Accepted { provider_id };
        }
    }
    let code = read::number(&value, "code").or_else(|| read::number(&value, "error_code"));
    let text =
        read::string(&value, "message").or_else(|| read::string(&value, "error_message")).unwrap_or_default();
    let wait = table::retry_after(headers);
    table::decide(TABLES, &Seen { status, code, text, wait, ..Seen::default() })
}
