//! One outgoing part as a mail, and what the server's reply to it means (channel facts, 8b and 8e).

use everthread_core::content::{Attachment, MediaSource};
use everthread_core::event::AddressKind;
use everthread_core::outcome::{ErrorClass, Outcome, Reason};
use everthread_core::state::Class;
use everthread_core::text::bare_subject;

use super::mime::{File, Mail};
use super::{connect, domain, errors, normal};
use crate::Account;
use crate::table::{self, Seen};
use crate::wire::{Outbound, WireRequest, WireResponse};

/// The part as a mail, for the shell to hand over: envelope in the headers, the mail as the body. The `Date` is the
/// shell's to add, as there is no clock here.
pub(super) fn request(out: &Outbound<'_>, account: &Account<'_>) -> Result<WireRequest, Reason> {
    if out.reaction.is_some() {
        return Err(Reason::new("reaction", "a mail has no reactions"));
    }
    if out.content.is_empty() {
        return Err(Reason::new("empty", "nothing to send"));
    }
    let to = Some(&out.to.value).filter(|_| out.to.kind == AddressKind::Email).and_then(|to| normal(to));
    let to = to
        .filter(|to| to.is_ascii())
        .ok_or_else(|| Reason::new("address", "this is no address that mail can be sent to"))?;
    let ours = account.settings.get("address").and_then(normal).ok_or_else(|| {
        Reason::new("account", "the account has no address of its own: add it again with --set address=...")
    })?;
    let id = format!("{}@{}", out.correlation, domain(&ours));
    let mut mail = Mail::default();
    mail.mailbox("From", account.settings.get("from_name"), &ours);
    mail.mailbox("To", None, &to);
    mail.text_header("Subject", &subject(out, account, &ours));
    mail.ids("Message-ID", &[&id]);
    thread(&mut mail, out);
    machine(&mut mail, out.class, &ours);
    let file = attached(out);
    let text = text(out, file.is_some());
    let mut request = connect::smtp(account, "SEND");
    request.headers.extend([("mail-from", ours), ("rcpt-to", to), ("message-id", id)]);
    request.body = mail.finish(&text, file.as_ref(), out.correlation);
    Ok(request)
}

/// The part's own subject, else the conversation's as an answer, else a plain one.
fn subject(out: &Outbound<'_>, account: &Account<'_>, ours: &str) -> String {
    if let Some(subject) = out.content.subject.as_deref().filter(|subject| !subject.trim().is_empty()) {
        return subject.to_owned();
    }
    let known = out.thread.and_then(|thread| thread.subject.as_deref()).map(bare_subject);
    match known {
        Some(bare) => format!("Re: {bare}").trim_end().to_owned(),
        None => format!("Message from {}", account.settings.get("from_name").unwrap_or(ours)),
    }
}

/// `In-Reply-To` and `References`: the message that is answered and what came before it.
fn thread(mail: &mut Mail, out: &Outbound<'_>) {
    let ids = out.thread.map_or(&[][..], |thread| thread.ids.as_slice());
    let mut chain: Vec<&str> =
        ids.iter().map(String::as_str).filter(|id| !id.starts_with("sha256:")).collect();
    if let Some(answered) = out.reply_to.filter(|id| !id.starts_with("sha256:")) {
        let end = chain.iter().position(|id| *id == answered).unwrap_or(chain.len());
        chain.truncate(end);
        chain.push(answered);
    }
    if let Some(last) = chain.last() {
        mail.ids("In-Reply-To", &[last]);
        mail.ids("References", &chain);
    }
}

/// Says that a machine wrote it, so that no other machine answers (RFC 3834).
fn machine(mail: &mut Mail, class: Class, ours: &str) {
    match class {
        Class::Live => {}
        Class::Bot => mail.header("Auto-Submitted", "auto-replied"),
        Class::Update => mail.header("Auto-Submitted", "auto-generated"),
        Class::Bulk => {
            mail.header("Auto-Submitted", "auto-generated");
            mail.header("Precedence", "bulk");
            mail.header("List-Unsubscribe", &format!("<mailto:{ours}?subject=STOP>"));
        }
    }
    if class != Class::Live {
        mail.header("X-Auto-Response-Suppress", "All");
    }
}

fn attached<'a>(out: &'a Outbound<'_>) -> Option<File<'a>> {
    let (attachment, bytes) = (out.content.attachments.first()?, out.file?);
    Some(File {
        name: attachment.name.as_deref().unwrap_or(attachment.kind.as_str()),
        mime: attachment.mime.as_deref().unwrap_or("application/octet-stream"),
        bytes,
    })
}

/// The text, and links to files whose bytes are not here.
fn text(out: &Outbound<'_>, is_attached: bool) -> String {
    let mut text = out.content.text.clone();
    let linked = |attachment: &Attachment| match &attachment.source {
        Some(MediaSource::Url(url)) => Some(match &attachment.name {
            Some(name) => format!("{name}: {url}"),
            None => url.clone(),
        }),
        _ => attachment.note.clone(),
    };
    let skip = usize::from(is_attached);
    for link in out.content.attachments.iter().skip(skip).filter_map(linked) {
        if !text.is_empty() {
            text.push_str("\n\n");
        }
        text.push_str(&link);
    }
    text
}

/// Classifies the reply to the last command. The shell repeats our Message-ID beside a reply that accepts the mail.
pub(super) fn classify(response: &WireResponse<'_>) -> Outcome {
    let WireResponse::Answer { status, headers, body } = *response else {
        return table::without_answer(response)
            .unwrap_or_else(|| Outcome::Uncertain { reason: Reason::default() });
    };
    let id = headers.iter().find(|(name, value)| name == "message-id" && !value.is_empty());
    if let Some((_, id)) = id.filter(|_| (250..260).contains(&status)) {
        return Outcome::Accepted { provider_id: id.clone() };
    }
    let seen = seen(status, &String::from_utf8_lossy(body));
    let code = shown(&seen);
    match table::decide(&[errors::ROWS], &seen) {
        Outcome::NotExecuted { class, reason, wait, scope } => {
            Outcome::NotExecuted { class, reason: Reason { code, ..reason }, wait, scope }
        }
        Outcome::Refused { class, reason } => Outcome::Refused { class, reason: Reason { code, ..reason } },
        Outcome::Uncertain { reason } => Outcome::Uncertain { reason: Reason { code, ..reason } },
        accepted @ Outcome::Accepted { .. } => accepted,
    }
}

/// Class and reason of a failure that a report tells.
pub(super) fn meaning(status: u16, text: &str) -> (ErrorClass, Reason) {
    let seen = seen(status, text);
    let class =
        table::find(&[errors::ROWS], &seen).map_or(ErrorClass::UnknownOutcome, |row| row.verdict.class());
    (class, Reason::new(shown(&seen), table::clean(text)))
}

/// The reply's code as people know it: `550 5.1.1`.
fn shown(seen: &Seen) -> String {
    match seen.code {
        Some(code) => format!("{} {}.{}.{}", seen.status, code / 10_000, code / 1_000 % 10, code % 1_000),
        None => seen.status.to_string(),
    }
}

fn seen(status: u16, text: &str) -> Seen {
    let code = text.split_whitespace().find_map(enhanced);
    Seen { status, code, text: text.to_owned(), ..Seen::default() }
}

/// `5.1.1` as 51001 (RFC 3463); `None` for any other word.
fn enhanced(word: &str) -> Option<i64> {
    let word = word.trim_matches(|c: char| !c.is_ascii_digit());
    let mut numbers = word.split('.').map(|piece| {
        Some(piece).filter(|piece| (1..=3).contains(&piece.len())).and_then(|piece| piece.parse::<i64>().ok())
    });
    let (class, subject, detail) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let fits = matches!(class, 2 | 4 | 5) && subject < 10 && numbers.next().is_none();
    fits.then_some(class * 10_000 + subject * 1_000 + detail)
}
