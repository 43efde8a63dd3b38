//! Reports of mail servers: what became of something we sent (RFC 3464), complaints (RFC 5965), read notes (RFC 8098).

use everthread_core::event::{
    Address, AddressKind, Event, EventKind, Fact, Peer, Receipt, ReceiptError, ReceiptOf,
};
use everthread_core::outcome::Reason;
use mail_parser::{HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::{Around, good_id, ids, report_type};
use crate::email::{correlation, normal, send};
use crate::table::clean;

/// The events of a report; `None` where the mail is none.
pub(super) fn read(mail: &Message<'_>, around: &Around, id: &str) -> Option<Vec<Event>> {
    match report_type(mail).as_deref() {
        Some("delivery-status") => Some(delivery(mail, around, id)),
        Some("feedback-report") => Some(complaint(mail, around, id)),
        Some("disposition-notification") => {
            Some(vec![notice(around, id, "a mail program says that a mail was shown")])
        }
        // OpenSMTPD sends the same parts in an ordinary multipart.
        _ if mail.parts.iter().any(is_delivery_report) => Some(delivery(mail, around, id)),
        _ => bare_bounce(mail, around, id),
    }
}

fn is_delivery_report(part: &MessagePart<'_>) -> bool {
    let kind = part.content_type().filter(|kind| kind.ctype().eq_ignore_ascii_case("message"));
    let sub = kind.and_then(|kind| kind.subtype()).unwrap_or_default().to_lowercase();
    ["delivery-status", "global-delivery-status"].contains(&sub.as_str())
}

fn notice(around: &Around, id: &str, what: &str) -> Event {
    Event { key: id.to_owned(), at: around.at, peer: None, kind: EventKind::Notice { what: what.to_owned() } }
}

/// Fields of all report parts, names in lower case, in their order.
fn fields(mail: &Message<'_>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for part in &mail.parts {
        let text = match &part.body {
            PartType::Text(text) => text.to_string(),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => continue,
        };
        let is_report = is_delivery_report(part) || part.is_content_type("message", "feedback-report");
        if !is_report {
            continue;
        }
        for line in text.lines() {
            match line.split_once(':') {
                _ if line.starts_with([' ', '\t']) => {
                    if let Some((_, value)) = all.last_mut() {
                        let value: &mut String = value;
                        value.push(' ');
                        value.push_str(line.trim());
                    }
                }
                Some((name, value)) => all.push((name.trim().to_lowercase(), value.trim().to_owned())),
                None => {}
            }
        }
    }
    all
}

fn get<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// The id of the mail that a report is about: from the copy or the headers of it that the report carries, else from
/// what the report says it answers.
fn about(mail: &Message<'_>) -> Option<String> {
    let inner = mail.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => inner.message_id().and_then(good_id),
        PartType::Text(text) if part.is_content_type("text", "rfc822-headers") => {
            let text = format!("{}\r\n\r\n", text.trim_end());
            MessageParser::default().parse(&text)?.message_id().and_then(good_id)
        }
        _ => None,
    });
    let said = || match mail.header("X-Original-Message-ID") {
        Some(HeaderValue::Text(id)) => good_id(id),
        _ => None,
    };
    inner
        .or_else(said)
        .or_else(|| ids(mail.in_reply_to()).into_iter().next())
        .or_else(|| ids(mail.references()).pop())
}

/// An address behind its type, as in `rfc822; pat@example.com`.
fn recipient(text: &str) -> Option<String> {
    let value = text.split_once(';').map_or(text, |(_, value)| value);
    normal(value.trim().trim_start_matches('<').trim_end_matches('>'))
}

fn delivery(mail: &Message<'_>, around: &Around, id: &str) -> Vec<Event> {
    let fields = fields(mail);
    let action = get(&fields, "action").unwrap_or_default().to_lowercase();
    let Some(original) = about(mail) else {
        return vec![notice(around, id, "a delivery report that does not say of which mail")];
    };
    let fact = match action.as_str() {
        "failed" => Fact::Failed,
        "delivered" => Fact::Delivered,
        // Delayed: the server goes on trying. Relayed, expanded: nobody knows more than before.
        _ => return vec![notice(around, id, "a delivery report without an end")],
    };
    let status = get(&fields, "status").unwrap_or_default();
    let diagnostic = get(&fields, "diagnostic-code").unwrap_or_default();
    let to = get(&fields, "final-recipient").or(get(&fields, "original-recipient")).and_then(recipient);
    let error = (fact == Fact::Failed).then(|| error(status, diagnostic));
    result(around, id, &original, (fact, error), to)
}

/// What a failure means, by the same table as replies to our own calls.
fn error(status: &str, diagnostic: &str) -> ReceiptError {
    let text = diagnostic.split_once(';').map_or(diagnostic, |(_, text)| text).trim();
    let reply =
        text.get(..3).and_then(|digits| digits.parse::<u16>().ok()).filter(|code| (400..600).contains(code));
    let enhanced = status.split_whitespace().next().unwrap_or_default();
    let code = reply.unwrap_or(if enhanced.starts_with('4') { 450 } else { 550 });
    // A status of x.0.0 says nothing; the server's own words may.
    let said =
        if enhanced.ends_with(".0.0") { format!("{text} {enhanced}") } else { format!("{enhanced} {text}") };
    let (class, Reason { code, .. }) = send::meaning(code, &format!("at rcpt: {said}"));
    let text = if text.is_empty() { format!("the mail server gave up: {enhanced}") } else { clean(text) };
    ReceiptError { class, code, text }
}

/// The receipt, and for a mailbox that does not exist what follows for the address. Only for mail that carries an
/// id of ours: anybody can write a report.
fn result(
    around: &Around,
    id: &str,
    original: &str,
    (fact, error): (Fact, Option<ReceiptError>),
    to: Option<String>,
) -> Vec<Event> {
    let ours = correlation(original, &around.ours).map(str::to_owned);
    let dead = error.as_ref().is_some_and(|error| {
        error.class == everthread_core::outcome::ErrorClass::RecipientUnreachable
            && error.code.contains("5.1.")
    });
    let word = if fact == Fact::Failed { "failed" } else { "delivered" };
    let reason = error.as_ref().map(|error| error.text.clone()).unwrap_or_default();
    let receipt =
        Receipt { of: ReceiptOf::ProviderId(original.to_owned()), fact, error, correlation: ours.clone() };
    let mut events = vec![Event {
        key: format!("{original}:{word}"),
        at: around.at,
        peer: None,
        kind: EventKind::Receipt(receipt),
    }];
    if let Some(to) = to.filter(|_| dead && ours.is_some()) {
        events.push(unreachable(around, id, to, format!("there is no such mailbox: {reason}")));
    }
    events
}

fn unreachable(around: &Around, id: &str, to: String, reason: String) -> Event {
    let addresses = vec![Address { kind: AddressKind::Email, value: to }];
    Event {
        key: id.to_owned(),
        at: around.at,
        peer: Some(Peer { addresses, claimed: true, ..Peer::default() }),
        kind: EventKind::Reachable { reachable: false, reason },
    }
}

/// A customer pressed "this is spam": they are left alone.
fn complaint(mail: &Message<'_>, around: &Around, id: &str) -> Vec<Event> {
    let fields = fields(mail);
    let ours = about(mail).is_some_and(|original| correlation(&original, &around.ours).is_some());
    let to = get(&fields, "original-rcpt-to").and_then(recipient);
    match to.filter(|_| ours) {
        Some(to) => vec![unreachable(around, id, to, "they reported our mail as spam".to_owned())],
        None => vec![notice(around, id, "a complaint about mail that is not ours")],
    }
}

/// Old servers write a bounce as plain text. It counts where it comes from a mail server and quotes an id of ours.
fn bare_bounce(mail: &Message<'_>, around: &Around, id: &str) -> Option<Vec<Event>> {
    let from = mail.from().and_then(mail_parser::Address::first)?.address.as_deref()?.to_lowercase();
    if !from.starts_with("mailer-daemon@") && !from.starts_with("postmaster@") {
        return None;
    }
    let text = String::from_utf8_lossy(&mail.raw_message);
    let words = text.split(|c: char| c.is_whitespace() || "<>\"'();,".contains(c));
    let original = words.filter(|word| *word != id).find(|word| correlation(word, &around.ours).is_some())?;
    let failed = super::header(mail, "X-Failed-Recipients").and_then(recipient);
    let said = text.lines().map(str::trim).find(|line| line.starts_with("550") || line.contains(" 5.1.1 "));
    let error = match said {
        Some(said) => error("5.0.0", &format!("smtp; {said}")),
        None => error("5.0.0", ""),
    };
    Some(result(around, id, original, (Fact::Failed, Some(error)), failed))
}
