//! One mail into events (channel facts, 8a).

mod body;
mod html;
mod proof;
mod quote;
mod report;

use everthread_core::content::Content;
use everthread_core::event::{
    Address, AddressKind, Echo, Event, EventKind, InMessage, Item, ParseProblem, Parsed, Peer,
};
use everthread_core::time::Timestamp;
use mail_parser::{HeaderValue, Message, MessageParser, MimeHeaders};
use sha2::{Digest, Sha256};

use super::{correlation, normal};
use crate::form;
use crate::wire::RawRecord;

/// Longest subject kept, in characters; longer ones are no subjects.
const SUBJECT_CHARS: usize = 500;

/// Longest name of a person kept, in characters.
const NAME_CHARS: usize = 200;

/// Longest Message-ID kept; a longer one is replaced by its hash.
const ID_BYTES: usize = 400;

/// What the record's query says beside the mail (see [`super::facts`]).
struct Around {
    pairs: Vec<(String, String)>,
    /// Our own address, in lower case; empty where it is not known.
    ours: String,
    at: Option<Timestamp>,
}

impl Around {
    fn read(query: &str) -> Self {
        let pairs = form::decode(query.as_bytes());
        let ours = form::value(&pairs, "address").and_then(normal).unwrap_or_default();
        let at =
            form::value(&pairs, "at").and_then(|at| at.parse().ok()).filter(|at| (0..1 << 40).contains(at));
        Self { ours, at: at.map(Timestamp::from_secs), pairs }
    }

    fn get(&self, name: &str) -> Option<&str> {
        form::value(&self.pairs, name)
    }
}

/// Turns a mail into events.
pub(super) fn parse(raw: &RawRecord<'_>) -> Parsed {
    let around = Around::read(raw.query);
    let mut parsed = Parsed::default();
    let events = match MessageParser::default().parse(raw.body) {
        None => Err("this is no mail"),
        Some(mail) => read(&mail, &around),
    };
    match events {
        Ok(events) => {
            parsed.items.extend(events.into_iter().map(|event| Item {
                account: None,
                also: Vec::new(),
                event,
            }));
        }
        Err(reason) => parsed.problems.push(ParseProblem {
            account: None,
            reason: reason.to_owned(),
            raw: String::from_utf8_lossy(raw.body).into_owned(),
        }),
    }
    parsed
}

fn read(mail: &Message<'_>, around: &Around) -> Result<Vec<Event>, &'static str> {
    let from = mail.from().and_then(mail_parser::Address::first);
    let sender = from.and_then(|from| normal(from.address.as_deref()?)).ok_or("the mail names no sender")?;
    let id = own_id(mail);
    if let Some(events) = report::read(mail, around, &id) {
        return Ok(events);
    }
    let event = |key: String, peer, kind| Event { key, at: around.at, peer, kind };
    if around.get("sent").is_some() {
        return Ok(vec![match echo(mail, around, &id) {
            Some((peer, echo)) => event(id, Some(peer), EventKind::Echo(echo)),
            None => {
                event(id, None, EventKind::Notice { what: "a mail from ourselves to ourselves".to_owned() })
            }
        }]);
    }
    // Anybody can write our address into a mail: outside the folder of sent mail it speaks for nobody.
    if sender == around.ours && !is_form(mail, around) {
        let what = "a mail in our own name came in from outside".to_owned();
        return Ok(vec![event(id, None, EventKind::Notice { what })]);
    }
    let (address, claimed, form) = author(mail, around, &sender);
    let name = from
        .filter(|_| address == sender)
        .and_then(|from| from.name.as_deref())
        .map(|name| line(name, NAME_CHARS));
    let peer = Peer {
        addresses: vec![Address { kind: AddressKind::Email, value: address }],
        name: name.filter(|name| !name.is_empty()),
        claimed,
        ..Peer::default()
    };
    let message = InMessage {
        provider_id: id.clone(),
        content: content(mail, around, &id),
        reply_to: answered(mail),
        standby: !form && is_automatic(mail, &sender),
        ..InMessage::default()
    };
    Ok(vec![event(id, Some(peer), EventKind::Message(message))])
}

/// The mail's own id, else a hash of the mail.
fn own_id(mail: &Message<'_>) -> String {
    mail.message_id().and_then(good_id).unwrap_or_else(|| hash(&mail.raw_message))
}

fn good_id(id: &str) -> Option<String> {
    let id = id.trim().trim_start_matches('<').trim_end_matches('>');
    let plain =
        !id.is_empty() && !id.chars().any(|c| c.is_whitespace() || c.is_control() || "<>".contains(c));
    plain.then(|| if id.len() <= ID_BYTES { id.to_owned() } else { hash(id.as_bytes()) })
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold("sha256:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}

fn ids(value: &HeaderValue<'_>) -> Vec<String> {
    match value {
        HeaderValue::Text(id) => good_id(id).into_iter().collect(),
        HeaderValue::TextList(all) => all.iter().filter_map(|id| good_id(id)).collect(),
        _ => Vec::new(),
    }
}

/// The mail that this one answers: `In-Reply-To`, else the newest of `References`.
fn answered(mail: &Message<'_>) -> Option<String> {
    ids(mail.in_reply_to()).into_iter().next().or_else(|| ids(mail.references()).pop())
}

/// Who wrote, whether that is only claimed, and whether a contact form wrote in their name. Contact forms write as
/// themselves and name the customer in `Reply-To`.
fn author(mail: &Message<'_>, around: &Around, sender: &str) -> (String, bool, bool) {
    if let Some(other) = other_author(mail, sender)
        && (sender == around.ours || is_no_reply(sender))
    {
        return (other, true, true);
    }
    (sender.to_owned(), !proof::is_attested(mail, around.get("authserv"), sender), false)
}

fn other_author(mail: &Message<'_>, sender: &str) -> Option<String> {
    let first = mail.reply_to().and_then(mail_parser::Address::first)?;
    normal(first.address.as_deref()?).filter(|other| other != sender && !is_no_reply(other))
}

/// A mail from ourselves that a contact form of our site wrote to ourselves.
fn is_form(mail: &Message<'_>, around: &Around) -> bool {
    let to_us = mail.to().is_some_and(|to| to.contains(&around.ours));
    to_us && other_author(mail, &around.ours).is_some()
}

/// What we (or a person in a mail program) sent, and to whom.
fn echo(mail: &Message<'_>, around: &Around, id: &str) -> Option<(Peer, Echo)> {
    let everybody = [mail.to(), mail.cc(), mail.bcc()].into_iter().flatten().flat_map(|list| list.iter());
    let (to, name) = everybody
        .filter_map(|to| Some((normal(to.address.as_deref()?)?, to.name.as_deref())))
        .find(|(to, _)| *to != around.ours)?;
    let peer = Peer {
        addresses: vec![Address { kind: AddressKind::Email, value: to }],
        name: name.map(|name| line(name, NAME_CHARS)).filter(|name| !name.is_empty()),
        claimed: true,
        ..Peer::default()
    };
    let echo = Echo {
        provider_id: id.to_owned(),
        content: content(mail, around, id),
        reply_to: answered(mail),
        correlation: correlation(id, &around.ours).map(str::to_owned),
    };
    Some((peer, echo))
}

fn content(mail: &Message<'_>, around: &Around, id: &str) -> Content {
    let subject = mail.subject().map(|subject| line(subject, SUBJECT_CHARS)).filter(|s| !s.is_empty());
    let mut content = Content { subject, ..Content::default() };
    if let Some(bytes) = around.get("cut").and_then(|cut| cut.parse::<u64>().ok()) {
        content.text =
            format!("[A mail of {} MB, too large to be taken in. Read it in the mailbox.]", bytes >> 20);
        return content;
    }
    content.text = body::text(mail, answered(mail).is_some());
    content.attachments = body::files(mail, around, id);
    if content.text.is_empty() && content.attachments.is_empty() {
        content.text = content.subject.clone().unwrap_or_default();
    }
    content
}

/// One line without control characters.
fn line(text: &str, chars_max: usize) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(chars_max).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that nobody sees: of order, of joining, of where a word may break.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{feff}' | '\u{200b}' | '\u{ad}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn header<'a>(mail: &'a Message<'_>, name: &'static str) -> Option<&'a str> {
    mail.header_raw(name).map(str::trim)
}

/// Written by a machine, or by a person to many: automation never answers it (RFC 3834; channel facts, 8a).
fn is_automatic(mail: &Message<'_>, sender: &str) -> bool {
    const MARKS: [&str; 7] = [
        "X-Autoreply",
        "X-Autorespond",
        "X-Auto-Response-Suppress",
        "List-Id",
        "List-Unsubscribe",
        "Feedback-ID",
        "X-Failed-Recipients",
    ];
    let submitted = header(mail, "Auto-Submitted").map(str::to_lowercase);
    let precedence = header(mail, "Precedence").unwrap_or_default().to_lowercase();
    submitted.is_some_and(|how| !how.is_empty() && how != "no")
        || ["bulk", "list", "junk", "auto_reply"].contains(&precedence.as_str())
        || MARKS.into_iter().any(|name| header(mail, name).is_some())
        || header(mail, "Return-Path") == Some("<>")
        || is_no_reply(sender)
}

fn is_no_reply(address: &str) -> bool {
    const NAMES: [&str; 7] =
        ["noreply", "donotreply", "mailerdaemon", "postmaster", "bounce", "bounces", "autoreply"];
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    let local = local.split('+').next().unwrap_or(local).replace(['-', '_', '.'], "");
    NAMES.contains(&local.as_str())
}

/// `multipart/report; report-type=...`.
fn report_type(mail: &Message<'_>) -> Option<String> {
    let kind = mail.root_part().content_type()?;
    let is_report = kind.ctype().eq_ignore_ascii_case("multipart")
        && kind.subtype().is_some_and(|subtype| subtype.eq_ignore_ascii_case("report"));
    is_report.then(|| kind.attribute("report-type").unwrap_or_default().to_lowercase())
}
