//! What people read of a mail, and its files.

use everthread_core::content::{Attachment, AttachmentKind, MediaSource};
use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use super::{Around, html, is_invisible, line, quote};
use crate::form;

/// Files of one mail that are kept; more are the logos of a long thread.
const FILES_MAX: usize = 50;

/// Longest file name kept, in characters.
const NAME_CHARS: usize = 200;

const SEALED: &str = "[An encrypted mail: it can be read only in a mail program that holds the key.]";

/// The text without the quoted history and the signature; of HTML what is left as plain text.
pub(super) fn text(mail: &Message<'_>, is_answer: bool) -> String {
    if is_sealed(mail) {
        return SEALED.to_owned();
    }
    let mut whole = String::new();
    let mut quoted_at = None;
    for part in mail.text_bodies() {
        let piece = match &part.body {
            PartType::Text(_) if part.is_content_type("text", "calendar") => continue,
            PartType::Text(text) => readable(text),
            PartType::Html(markup) => {
                let reduced = html::reduce(markup);
                if quoted_at.is_none() {
                    quoted_at = reduced.quoted_at.map(|at| whole.len() + at);
                }
                reduced.text
            }
            _ => continue,
        };
        if !whole.is_empty() && !piece.trim().is_empty() {
            whole.push('\n');
        }
        whole.push_str(&piece);
    }
    let said =
        quoted_at.filter(|_| is_answer).and_then(|at| whole.get(..at)).filter(|said| !said.trim().is_empty());
    quote::cut(said.unwrap_or(&whole), is_answer)
}

/// Line ends as one kind, without control characters and invisible marks.
fn readable(text: &str) -> String {
    text.replace("\r\n", "\n")
        .chars()
        .map(|c| if c == '\r' { '\n' } else { c })
        .filter(|c| !is_invisible(*c) && (matches!(c, '\n' | '\t') || !c.is_control()))
        .collect()
}

/// S/MIME or PGP encryption.
fn is_sealed(mail: &Message<'_>) -> bool {
    mail.root_part().content_type().is_some_and(|kind| {
        let (main, sub) = (kind.ctype().to_lowercase(), kind.subtype().unwrap_or_default().to_lowercase());
        (main == "multipart" && sub == "encrypted")
            || (sub.ends_with("pkcs7-mime")
                && !kind.attribute("smime-type").is_some_and(|kind| kind.eq_ignore_ascii_case("signed-data")))
    })
}

/// The files, each as a place in the mailbox: the mail and the number of the part.
pub(super) fn files(mail: &Message<'_>, around: &Around, id: &str) -> Vec<Attachment> {
    let mut numbers = mail.attachments.clone();
    let calendar =
        |number: &&u32| mail.part(**number).is_some_and(|part| part.is_content_type("text", "calendar"));
    let shown: Vec<u32> = mail.text_body.iter().filter(calendar).copied().collect();
    numbers.extend(shown.into_iter().filter(|number| !mail.attachments.contains(number)));
    let found = numbers.into_iter().filter_map(|number| file(mail.part(number)?, number, around, id));
    found.take(FILES_MAX).collect()
}

fn file(part: &MessagePart<'_>, number: u32, around: &Around, id: &str) -> Option<Attachment> {
    let mime = part
        .content_type()
        .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase());
    let kind = mime.as_deref().unwrap_or(match part.body {
        PartType::Message(_) => "message/rfc822",
        _ => "application/octet-stream",
    });
    if kind.ends_with("pkcs7-signature")
        || kind == "application/pgp-signature"
        || kind.starts_with("multipart/")
    {
        return None;
    }
    let number = number.to_string();
    let place = ["folder", "validity", "uid"].map(|name| (name, around.get(name).unwrap_or_default()));
    let source = form::encode(place.into_iter().chain([("id", id), ("part", number.as_str())]));
    let name = part.attachment_name().map(|name| line(&name.replace(['/', '\\'], "_"), NAME_CHARS));
    Some(Attachment {
        kind: match kind.split('/').next() {
            Some("image") => AttachmentKind::Image,
            Some("video") => AttachmentKind::Video,
            Some("audio") => AttachmentKind::Audio,
            _ => AttachmentKind::File,
        },
        name: name.filter(|name| !name.is_empty()).or_else(|| default_name(part, kind)),
        size: Some(part.len() as u64),
        source: Some(MediaSource::ProviderId(source)),
        note: note(kind, part),
        mime,
    })
}

fn default_name(part: &MessagePart<'_>, kind: &str) -> Option<String> {
    match &part.body {
        PartType::Message(inner) => {
            let subject = line(inner.subject().unwrap_or("mail"), 80).replace(['/', '\\'], "_");
            Some(format!("{subject}.eml"))
        }
        _ if kind == "text/calendar" => Some("invite.ics".to_owned()),
        _ => None,
    }
}

/// What people should know of a file that they may not be able to open.
fn note(kind: &str, part: &MessagePart<'_>) -> Option<String> {
    match kind {
        "text/calendar" => {
            let said = part.text_contents().unwrap_or_default();
            let title =
                said.lines().find_map(|text| text.strip_prefix("SUMMARY:")).map(|text| line(text, 120));
            Some(title.map_or_else(
                || "calendar invitation".to_owned(),
                |title| format!("calendar invitation: {title}"),
            ))
        }
        "application/ms-tnef" | "application/vnd.ms-tnef" => {
            Some("written by Outlook in its own format; ask for an ordinary attachment".to_owned())
        }
        _ => None,
    }
}
