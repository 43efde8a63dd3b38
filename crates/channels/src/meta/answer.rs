//! Graph API calls and their answers: bearer token, error envelope, usage headers.

use everthread_core::outcome::Outcome;
use everthread_core::time::Span;
use serde_json::Value;

use crate::table::{self, Row, Seen};
use crate::wire::{WireRequest, WireResponse};
use crate::{Account, Usage, json};

/// A `GET` under the account's base address.
pub(crate) fn get(account: &Account<'_>, base: &str, path: &str) -> WireRequest {
    call("GET", account, base, path, Vec::new())
}

/// A `POST` of JSON under the account's base address.
pub(crate) fn post(account: &Account<'_>, base: &str, path: &str, body: Vec<u8>) -> WireRequest {
    call("POST", account, base, path, body)
}

fn call(method: &'static str, account: &Account<'_>, base: &str, path: &str, body: Vec<u8>) -> WireRequest {
    let base = account.settings.get("api_base").unwrap_or(base).trim_end_matches('/');
    let token = account.secrets.get("token").unwrap_or_default();
    let mut headers = vec![("authorization", format!("Bearer {token}"))];
    if method == "POST" {
        headers.push(("content-type", "application/json".to_owned()));
    }
    WireRequest {
        method,
        url: format!("{base}/{path}"),
        headers,
        body,
        timeout: None,
        secrets: account.secrets.0.values().cloned().collect(),
    }
}

/// Classifies an answer by the channel's tables; `id` reads the message id of a success.
pub(crate) fn classify(
    response: &WireResponse<'_>,
    tables: &[&[Row]],
    id: impl Fn(&Value) -> Option<String>,
) -> Outcome {
    let WireResponse::Answer { status, headers, body } = *response else {
        return table::without_answer(response).unwrap_or_else(|| table::decide(tables, &Seen::default()));
    };
    let value = json::parse(body).unwrap_or(Value::Null);
    let success = (200..300).contains(&status) && value.get("error").is_none();
    if let Some(provider_id) = success.then(|| id(&value)).flatten() {
        return Outcome::Accepted { provider_id };
    }
    table::decide(tables, &read(status, headers, &value))
}

/// Reads the error envelope.
fn read(status: u16, headers: &[(String, String)], body: &Value) -> Seen {
    let details = json::text(body, "error.error_data.details");
    let message = json::text(body, "error.message").unwrap_or_default();
    let text = match details {
        Some(details) if details != message => format!("{message}: {details}"),
        _ => message.to_owned(),
    };
    let wait = table::retry_after(headers).or_else(|| usage_of(headers).and_then(|usage| usage.regain));
    Seen {
        status,
        code: json::number(body, "error.code"),
        subcode: json::number(body, "error.error_subcode").filter(|code| *code != 0),
        text,
        transient: json::flag(body, "error.is_transient"),
        wait,
        trace: json::string(body, "error.fbtrace_id").map(|trace| table::clean(&trace)),
    }
}

/// How much of the allowance the answer's headers say is used.
pub(crate) fn usage(response: &WireResponse<'_>) -> Option<Usage> {
    match response {
        WireResponse::Answer { headers, .. } => usage_of(headers),
        _ => None,
    }
}

fn usage_of(headers: &[(String, String)]) -> Option<Usage> {
    let header = |name: &str| {
        headers.iter().find(|(n, _)| n == name).and_then(|(_, v)| json::parse(v.as_bytes()).ok())
    };
    let percents = ["call_count", "total_time", "total_cputime"];
    let mut usage: Option<Usage> = None;
    let mut add = |object: &Value| {
        let percent = percents.iter().filter_map(|name| json::number(object, name)).max();
        let regain = json::number(object, "estimated_time_to_regain_access").filter(|m| *m > 0);
        let Some(percent) = percent.and_then(|p| u32::try_from(p).ok()) else { return };
        let regain = regain.map(|minutes| Span::mins(minutes.min(24 * 60)));
        let so_far = usage.unwrap_or(Usage { percent: 0, regain: None });
        usage = Some(Usage { percent: so_far.percent.max(percent), regain: so_far.regain.max(regain) });
    };
    if let Some(app) = header("x-app-usage") {
        add(&app);
    }
    let business = header("x-business-use-case-usage");
    for list in business.iter().filter_map(Value::as_object).flat_map(|map| map.values()) {
        list.as_array().into_iter().flatten().for_each(&mut add);
    }
    usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tightest_allowance_counts() {
        let headers = [
            ("x-app-usage".to_owned(), r#"{"call_count":28,"total_time":25,"total_cputime":80}"#.to_owned()),
            (
                "x-business-use-case-usage".to_owned(),
                r#"{"1":[{"type":"messenger","call_count":95,"total_cputime":1,"total_time":1,
                "estimated_time_to_regain_access":3}],"2":[{"call_count":1}]}"#
                    .to_owned(),
            ),
        ];
        let usage = usage(&WireResponse::Answer { status: 200, headers: &headers, body: b"{}" });
        assert_eq!(usage, Some(Usage { percent: 95, regain: Some(Span::mins(3)) }));
        assert_eq!(super::usage(&WireResponse::Answer { status: 200, headers: &[], body: b"{}" }), None);
    }
}
