//! Reading provider JSON without ever failing, and collecting what was read.

use everthread_core::event::{Event, Item, ParseProblem, Parsed};
use everthread_core::limits::BATCH_ITEMS_MAX;
use everthread_core::time::Timestamp;
use serde_json::Value;

/// Parses a body. Lone surrogates (an emoji cut in half by a sender) and broken UTF-8 are replaced rather
/// than losing the whole batch. `Err` names what is wrong, without customer data.
pub(crate) fn parse(body: &[u8]) -> Result<Value, String> {
    let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
    let first = match serde_json::from_slice(body) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(body);
    serde_json::from_str(&mend_surrogates(&text))
        .map_err(|_| format!("not JSON at line {} column {}", first.line(), first.column()))
}

/// Replaces `\uD800`..`\uDFFF` escapes that are not part of a pair by `\ufffd`.
fn mend_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let len = match (escape_at(tail), tail.get(6..).and_then(escape_at)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                out.push_str("\\ufffd");
                rest = &tail[6..];
                continue;
            }
            (Some(_), _) => 6,
            (None, _) => 1 + tail[1..].chars().next().map_or(0, char::len_utf8),
        };
        out.push_str(&tail[..len]);
        rest = &tail[len..];
    }
    out.push_str(rest);
    out
}

fn escape_at(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok()).flatten()
}

/// The value at a dotted path; `None` where a step is missing.
pub(crate) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, |value, step| value.get(step)).filter(|v| !v.is_null())
}

/// Text at a dotted path, if it is not empty.
pub(crate) fn text<'a>(value: &'a Value, path: &str) -> Option<&'a str> {
    at(value, path)?.as_str().filter(|t| !t.is_empty())
}

/// Owned text at a dotted path, if it is not empty.
pub(crate) fn string(value: &Value, path: &str) -> Option<String> {
    text(value, path).map(str::to_owned)
}

/// An id at a dotted path, written as text or as a number.
pub(crate) fn id(value: &Value, path: &str) -> Option<String> {
    match at(value, path)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A whole number at a dotted path, also where it is written as text.
pub(crate) fn number(value: &Value, path: &str) -> Option<i64> {
    match at(value, path)? {
        Value::Number(number) => number.as_i64().or_else(|| number.as_f64().map(|f| f as i64)),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// True where the flag is set.
pub(crate) fn flag(value: &Value, path: &str) -> bool {
    at(value, path).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a dotted path; empty where there is none.
pub(crate) fn list<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    at(value, path).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// JSON with sorted keys, the same however the map is kept: for keys that must never change.
pub(crate) fn canonical(value: &Value) -> String {
    match value {
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let mut pairs: Vec<_> = map.iter().collect();
            pairs.sort_by_key(|(name, _)| *name);
            let pairs = pairs.iter().map(|(name, value)| format!("{name:?}:{}", canonical(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        leaf => leaf.to_string(),
    }
}

/// A time in seconds or in milliseconds: providers send both, sometimes against their own documentation.
pub(crate) fn time(value: &Value, path: &str) -> Option<Timestamp> {
    let number = number(value, path).filter(|n| *n > 0)?;
    Some(if number < 1_000_000_000_000 {
        Timestamp::from_secs(number)
    } else {
        Timestamp::from_millis(number)
    })
}

/// Collects items and problems of one record, with a bound on their number.
pub(crate) struct Sink {
    parsed: Parsed,
    over: bool,
}

impl Sink {
    pub(crate) fn new() -> Self {
        Self { parsed: Parsed::default(), over: false }
    }

    pub(crate) fn item(&mut self, account: Option<String>, also: Vec<String>, event: Event) {
        if self.room() {
            self.parsed.items.push(Item { account, also, event });
        }
    }

    pub(crate) fn problem(
        &mut self,
        account: Option<String>,
        reason: impl Into<String>,
        raw: impl FnOnce() -> String,
    ) {
        if self.room() {
            self.parsed.problems.push(ParseProblem { account, reason: reason.into(), raw: raw() });
        }
    }

    fn room(&mut self) -> bool {
        self.over |= self.parsed.items.len() + self.parsed.problems.len() >= BATCH_ITEMS_MAX;
        !self.over
    }

    /// The result; where the bound was reached, one problem holds the whole record.
    pub(crate) fn finish(mut self, body: &[u8]) -> Parsed {
        if self.over {
            let reason =
                format!("more than {BATCH_ITEMS_MAX} updates in one record; the later ones were not read");
            let raw = String::from_utf8_lossy(body).into_owned();
            self.parsed.problems.push(ParseProblem { account: None, reason, raw });
        }
        self.parsed
    }
}

/// A record that is one problem as a whole.
pub(crate) fn unreadable(reason: impl Into<String>, body: &[u8]) -> Parsed {
    let mut sink = Sink::new();
    sink.problem(None, reason, || String::from_utf8_lossy(body).into_owned());
    sink.finish(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_emoji_does_not_lose_the_batch() {
        let value = parse(br#"{"a":"x\ud83d","b":"\ud83d\ude00","c":"\\ud83d \udc4d"}"#).expect("mended");
        assert_eq!(text(&value, "a"), Some("x\u{fffd}"));
        assert_eq!(text(&value, "b"), Some("😀"));
        assert_eq!(text(&value, "c"), Some("\\ud83d \u{fffd}"));
    }

    #[test]
    fn times_come_in_seconds_or_milliseconds_as_number_or_text() {
        for raw in ["1764000000", "\"1764000000\"", "1764000000000", "\"1764000000000\""] {
            let value = parse(format!("{{\"t\":{raw}}}").as_bytes()).expect("json");
            assert_eq!(time(&value, "t"), Some(Timestamp::from_secs(1_764_000_000)), "{raw}");
        }
    }
}
