//! Files of a mail stay where they are until they are fetched: in the mailbox.

use everthread_core::content::MediaSource;
use mail_parser::{MessageParser, MimeHeaders, PartType};

use super::connect;
use crate::form;
use crate::wire::WireResponse;
use crate::{Account, MediaStep};

/// Asks for the mail again, then takes the part out of it.
pub(super) fn step(source: &MediaSource, account: &Account<'_>, answers: &[WireResponse<'_>]) -> MediaStep {
    let MediaSource::ProviderId(id) = source else {
        return MediaStep::Gone("a file of a mail is in the mailbox, not at an address".to_owned());
    };
    let place = form::decode(id.as_bytes());
    let get = |name| form::value(&place, name).unwrap_or_default();
    let Some(answer) = answers.first() else {
        let wanted = ["folder", "validity", "uid", "id"].map(|name| (name, get(name)));
        return MediaStep::Ask(connect::fetch(account, wanted));
    };
    match answer {
        WireResponse::Answer { status: 200, body, .. } => match part(body, get("part")) {
            Some((mime, bytes)) => MediaStep::Bytes { mime, bytes },
            None => MediaStep::Gone("the mail has no such part".to_owned()),
        },
        WireResponse::Answer { status: 404, .. } => {
            MediaStep::Gone("the mail is no longer in the mailbox".to_owned())
        }
        WireResponse::Answer { status, .. } => MediaStep::Later(format!("the mail server answered {status}")),
        WireResponse::NotSent { error } | WireResponse::NoAnswer { error } => {
            MediaStep::Later((*error).to_owned())
        }
    }
}

/// Type and bytes of one part, decoded.
fn part(mail: &[u8], number: &str) -> Option<(String, Vec<u8>)> {
    let mail = MessageParser::default().parse(mail)?;
    let part = mail.part(number.parse().ok()?)?;
    let mime = part
        .content_type()
        .map_or_else(String::new, |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
    let bytes = match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes().to_vec(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes.to_vec(),
        PartType::Message(inner) => inner.raw_message.to_vec(),
        PartType::Multipart(_) => return None,
    };
    Some((mime, bytes))
}
