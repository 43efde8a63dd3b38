//! A provider's answers as data: rows that say what an answer means, read from top to bottom.

use everthread_core::outcome::{ErrorClass, NO_ANSWER, NOT_SENT, Outcome, Reason, ThrottleScope};
use everthread_core::time::Span;

use crate::wire::WireResponse;

/// One row: what an answer looks like, what it means, and where that is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Row {
    /// HTTP status, inclusive; `(0, 999)`: any.
    pub http: (u16, u16),
    pub code: Code,
    /// The provider's second code, where it has one.
    pub subcode: Option<i64>,
    /// A piece of the provider's text, in lower case; empty: any.
    pub text: &'static str,
    /// Only where the provider itself calls the failure transient.
    pub transient: bool,
    pub verdict: Verdict,
    /// Seconds to wait where the provider names none; 0: the hub's own schedule.
    pub wait_s: u32,
    /// What a throttle holds back.
    pub scope: ThrottleScope,
    /// For people: what happened.
    pub note: &'static str,
    /// Where this is known from: a section of the channel facts.
    pub see: &'static str,
}

/// Which provider codes a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// With or without a code.
    Any,
    /// Answers that carry no code at all.
    Absent,
    In(&'static [i64]),
    /// Inclusive.
    Range(i64, i64),
}

/// What an answer means for the part that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Known not executed: the same part may be tried again.
    Retry(ErrorClass),
    /// Refused for good.
    Refused(ErrorClass),
    /// Nobody knows whether it was executed.
    Uncertain,
    /// The provider already has it.
    Duplicate,
}

impl Verdict {
    /// The class, for a failure that is told later by a receipt.
    pub const fn class(self) -> ErrorClass {
        match self {
            Self::Retry(class) | Self::Refused(class) => class,
            Self::Uncertain => ErrorClass::UnknownOutcome,
            Self::Duplicate => ErrorClass::Duplicate,
        }
    }
}

impl Row {
    /// A row that retries what was not executed.
    pub const fn retry(class: ErrorClass, code: Code, note: &'static str, see: &'static str) -> Self {
        Self::new(Verdict::Retry(class), code, note, see)
    }

    /// A row that refuses for good.
    pub const fn refused(class: ErrorClass, code: Code, note: &'static str, see: &'static str) -> Self {
        Self::new(Verdict::Refused(class), code, note, see)
    }

    /// A row of any verdict.
    pub const fn new(verdict: Verdict, code: Code, note: &'static str, see: &'static str) -> Self {
        Self {
            http: (0, 999),
            code,
            subcode: None,
            text: "",
            transient: false,
            verdict,
            wait_s: 0,
            scope: ThrottleScope::Account,
            note,
            see,
        }
    }

    /// Only for these HTTP statuses, inclusive.
    pub const fn http(self, from: u16, to: u16) -> Self {
        Self { http: (from, to), ..self }
    }

    /// Only with this second code.
    pub const fn sub(self, subcode: i64) -> Self {
        Self { subcode: Some(subcode), ..self }
    }

    /// Only where the provider's text holds this (lower case).
    pub const fn says(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    /// Only where the provider calls it transient.
    pub const fn transient(self) -> Self {
        Self { transient: true, ..self }
    }

    /// Wait so many seconds where the provider names no time.
    pub const fn wait(self, seconds: u32) -> Self {
        Self { wait_s: seconds, ..self }
    }

    /// Holds back this customer only.
    pub const fn pair(self) -> Self {
        Self { scope: ThrottleScope::Pair, ..self }
    }

    fn fits(&self, seen: &Seen) -> bool {
        let code = match self.code {
            Code::Any => true,
            Code::Absent => seen.code.is_none(),
            Code::In(codes) => seen.code.is_some_and(|code| codes.contains(&code)),
            Code::Range(from, to) => seen.code.is_some_and(|code| (from..=to).contains(&code)),
        };
        code && (self.http.0..=self.http.1).contains(&seen.status)
            && self.subcode.is_none_or(|sub| seen.subcode == Some(sub))
            && (!self.transient || seen.transient)
            && (self.text.is_empty() || seen.text.to_lowercase().contains(self.text))
    }
}

/// An answer as the channel read it from status, headers and body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub status: u16,
    pub code: Option<i64>,
    pub subcode: Option<i64>,
    /// The provider's text.
    pub text: String,
    pub transient: bool,
    /// The wait that the provider names.
    pub wait: Option<Span>,
    /// The provider's trace id, kept for support.
    pub trace: Option<String>,
}

/// The last rows of every table: what a bare HTTP status means (channel facts, 0.1).
pub const FALLBACK: &[Row] = &[
    Row::retry(ErrorClass::Throttled, Code::Any, "too many requests; not executed", "0.1 rule 2")
        .http(429, 429),
    Row::new(Verdict::Uncertain, Code::Any, "the server failed; it may have executed the call", "0.1 rule 3")
        .http(500, 599),
    Row::new(Verdict::Uncertain, Code::Any, "the server gave up waiting for the request", "0.1 rule 1")
        .http(408, 408),
    Row::refused(ErrorClass::Auth, Code::Any, "the credential is not accepted", "0.1").http(401, 401),
    Row::refused(ErrorClass::Auth, Code::Any, "the credential does not allow this", "0.1").http(403, 403),
    Row::refused(ErrorClass::BadRequest, Code::Any, "the request is refused", "0.1").http(400, 499),
    Row::refused(ErrorClass::BadRequest, Code::Any, "the address redirects: check api_base", "0.1")
        .http(300, 399),
    Row::new(Verdict::Uncertain, Code::Any, "the answer has no message id", "0.1"),
];

/// The first row that fits, over all tables.
pub fn find<'t>(tables: &[&'t [Row]], seen: &Seen) -> Option<&'t Row> {
    tables.iter().flat_map(|table| table.iter()).find(|row| row.fits(seen))
}

/// What comes of the attempt, by the tables.
pub fn decide(tables: &[&[Row]], seen: &Seen) -> Outcome {
    let code = match (seen.code, seen.subcode) {
        (Some(code), Some(sub)) => format!("{code}/{sub}"),
        (Some(code), None) => code.to_string(),
        (None, _) => format!("http_{}", seen.status),
    };
    let Some(row) = find(tables, seen) else {
        return Outcome::Uncertain { reason: Reason::new(code, clean(&seen.text)) };
    };
    let mut text = if seen.text.is_empty() { row.note.to_owned() } else { clean(&seen.text) };
    if let Some(trace) = &seen.trace {
        text.push_str(&format!(" (trace {trace})"));
    }
    let reason = Reason::new(code, text);
    match row.verdict {
        Verdict::Retry(class) => {
            let own = (row.wait_s > 0).then(|| Span::secs(i64::from(row.wait_s)));
            Outcome::NotExecuted { class, reason, wait: seen.wait.or(own), scope: row.scope }
        }
        Verdict::Refused(class) => Outcome::Refused { class, reason },
        Verdict::Uncertain => Outcome::Uncertain { reason },
        Verdict::Duplicate => Outcome::Accepted { provider_id: String::new() },
    }
}

/// Outcome where there is no HTTP answer; `None` where there is one.
pub fn without_answer(response: &WireResponse<'_>) -> Option<Outcome> {
    match response {
        WireResponse::Answer { .. } => None,
        WireResponse::NotSent { error } => Some(Outcome::NotExecuted {
            class: ErrorClass::PlatformOutage,
            reason: Reason::new(NOT_SENT, clean(error)),
            wait: None,
            scope: ThrottleScope::Account,
        }),
        WireResponse::NoAnswer { error } => {
            Some(Outcome::Uncertain { reason: Reason::new(NO_ANSWER, clean(error)) })
        }
    }
}

/// `Retry-After` in seconds; its date form is ignored, as there is no clock here.
pub fn retry_after(headers: &[(String, String)]) -> Option<Span> {
    let (_, value) = headers.iter().find(|(name, _)| name == "retry-after")?;
    value.trim().parse().ok().filter(|s| (0..=86_400).contains(s)).map(Span::secs)
}

/// Text fit to be stored: one line, at most 300 characters, without anything that looks like a credential.
pub fn clean(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(300).collect();
    let line = mask_after(&line, "/bot", |c| c.is_ascii_alphanumeric() || ":_-".contains(c));
    mask_after(&line, "access_token=", |c| !c.is_whitespace() && !"&\"')".contains(c))
}

fn mask_after(text: &str, mark: &str, part: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(mark) {
        let (before, tail) = rest.split_at(at + mark.len());
        out.push_str(before);
        rest = tail.trim_start_matches(&part);
        if rest.len() < tail.len() {
            out.push_str("***");
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_error_texts_are_masked() {
        let text =
            "error sending request for url (https://h/bot12:AB_c-d/sendMessage?access_token=EAAx&x=1)\n";
        assert_eq!(
            clean(text),
            "error sending request for url (https://h/bot***/sendMessage?access_token=***&x=1) "
        );
    }

    #[test]
    fn without_a_table_the_status_decides() {
        let seen = |status| Seen { status, ..Seen::default() };
        let outcome = |status| decide(&[FALLBACK], &seen(status));
        assert!(matches!(outcome(429), Outcome::NotExecuted { class: ErrorClass::Throttled, .. }));
        assert!(matches!(outcome(503), Outcome::Uncertain { .. }));
        assert!(matches!(outcome(200), Outcome::Uncertain { .. }));
        assert!(matches!(outcome(404), Outcome::Refused { class: ErrorClass::BadRequest, .. }));
        assert!(matches!(outcome(302), Outcome::Refused { class: ErrorClass::BadRequest, .. }));
    }
}
