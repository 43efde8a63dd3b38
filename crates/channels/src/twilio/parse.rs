//! Form fields of inbound messages and status callbacks (channel facts, 6a).

use everthread_core::content::{Attachment, AttachmentKind, Content, MediaSource};
use everthread_core::event::{
    Address, AddressKind, Event, EventKind, Fact, InMessage, Parsed, Peer, Receipt, ReceiptError, ReceiptOf,
};
use everthread_core::outcome::ErrorClass;

use super::TABLES;
use crate::form;
use crate::json::Sink;
use crate::table::{self, Seen};
use crate::wire::RawRecord;

/// Our token in the query of a status callback.
pub(super) const CORRELATION: &str = "part";

/// Twilio allows ten files; room for compatible vendors.
const MEDIA_MAX: usize = 32;

/// Reads one form.
pub(super) fn parse(raw: &RawRecord<'_>) -> Parsed {
    let pairs = form::decode(raw.body);
    let query = form::decode(raw.query.as_bytes());
    let form = Form { pairs: &pairs, correlation: form::value(&query, CORRELATION) };
    let mut sink = Sink::new();
    let mut account = None;
    match form.read(&mut account) {
        Ok(events) => {
            let also: Vec<_> = form.get("MessagingServiceSid").map(str::to_owned).into_iter().collect();
            for event in events {
                sink.item(account.clone(), also.clone(), event);
            }
        }
        Err(reason) => sink.problem(account, reason, || String::from_utf8_lossy(raw.body).into_owned()),
    }
    sink.finish(raw.body)
}

struct Form<'a> {
    pairs: &'a [(String, String)],
    correlation: Option<&'a str>,
}

impl Form<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        form::value(self.pairs, name)
    }

    /// `account` is set as soon as it is known, so that a problem carries it too.
    fn read(&self, account: &mut Option<String>) -> Result<Vec<Event>, String> {
        let sid = ["MessageSid", "SmsMessageSid", "SmsSid"].iter().find_map(|name| self.get(name));
        let status = self.get("MessageStatus").or_else(|| self.get("SmsStatus"));
        let inbound = matches!(status, None | Some("received" | "receiving"));
        *account = self.get(if inbound { "To" } else { "From" }).map(str::to_owned);
        let Some(sid) = sid else { return Err("not a message: it has no MessageSid".to_owned()) };
        match status {
            Some(status) if !inbound => self.status(sid, status),
            _ => self.message(sid),
        }
    }

    /// A number as it comes; short codes and names of senders have no plus sign.
    fn peer(&self, field: &str) -> Result<Peer, String> {
        let Some(value) = self.get(field) else { return Err(format!("a message without `{field}`")) };
        if let Some((network, _)) = value.split_once(':') {
            return Err(format!("`{}` by way of Twilio is not connected", table::clean(network)));
        }
        let addresses = vec![Address { kind: AddressKind::Phone, value: value.trim().to_owned() }];
        Ok(Peer { addresses, ..Peer::default() })
    }

    fn message(&self, sid: &str) -> Result<Vec<Event>, String> {
        let peer = self.peer("From")?;
        let event = |kind| Event { key: sid.to_owned(), at: None, peer: Some(peer.clone()), kind };
        let mut events = vec![event(EventKind::Message(InMessage {
            provider_id: sid.to_owned(),
            content: self.content(),
            reply_to: self.get("OriginalRepliedMessageSid").map(str::to_owned),
            postback: self.get("ButtonPayload").map(str::to_owned),
            ..InMessage::default()
        }))];
        let reachable = match self.get("OptOutType").map(str::to_ascii_uppercase).as_deref() {
            Some("STOP") => Some((false, "opted out")),
            Some("START") => Some((true, "opted in")),
            _ => None,
        };
        if let Some((reachable, reason)) = reachable {
            events.push(event(EventKind::Reachable { reachable, reason: reason.to_owned() }));
        }
        Ok(events)
    }

    fn content(&self) -> Content {
        let mut content = Content::text(self.get("Body").unwrap_or_default());
        let count = self.get("NumMedia").and_then(|n| n.parse::<usize>().ok()).unwrap_or(0).min(MEDIA_MAX);
        for index in 0..count {
            let mime = self.get(&format!("MediaContentType{index}")).map(str::to_owned);
            let Some(url) = self.get(&format!("MediaUrl{index}")) else { continue };
            content.attachments.push(Attachment {
                source: Some(MediaSource::Url(url.to_owned())),
                ..bare(kind_of(mime.as_deref().unwrap_or_default()), mime)
            });
        }
        if let (Some(latitude), Some(longitude)) = (self.get("Latitude"), self.get("Longitude")) {
            let note = Some(format!("{latitude},{longitude}"));
            content.attachments.push(Attachment { note, ..bare(AttachmentKind::Location, None) });
        }
        if content.is_empty() {
            let note = Some("a message without content".to_owned());
            content.attachments.push(Attachment { note, ..bare(AttachmentKind::Unsupported, None) });
        }
        content
    }

    fn status(&self, sid: &str, status: &str) -> Result<Vec<Event>, String> {
        let fact = match status {
            "accepted" | "scheduled" | "queued" | "sending" | "sent" => Fact::Accepted,
            "delivered" | "partially_delivered" => Fact::Delivered,
            "read" => Fact::Read,
            "failed" | "undelivered" | "canceled" => Fact::Failed,
            other => return Err(format!("a status of unknown kind `{}`", table::clean(other))),
        };
        let peer = self.peer("To").ok();
        let error = (fact == Fact::Failed).then(|| self.error(status));
        let opted_out = error.as_ref().is_some_and(|error| error.code == "21610");
        let event = |kind| Event { key: format!("{sid}:{status}"), at: None, peer: peer.clone(), kind };
        let mut events = vec![event(EventKind::Receipt(Receipt {
            of: ReceiptOf::ProviderId(sid.to_owned()),
            fact,
            error,
            correlation: self.correlation.map(str::to_owned),
        }))];
        if opted_out && peer.is_some() {
            events.push(event(EventKind::Reachable { reachable: false, reason: "opted out".to_owned() }));
        }
        Ok(events)
    }

    fn error(&self, status: &str) -> ReceiptError {
        let code = self.get("ErrorCode").and_then(|code| code.parse::<i64>().ok());
        let text = table::clean(self.get("ErrorMessage").unwrap_or_default());
        let seen = Seen { status: 400, code, text: text.clone(), ..Seen::default() };
        let row = code.and_then(|_| table::find(TABLES, &seen));
        let class = row.map_or(ErrorClass::UnknownOutcome, |row| row.verdict.class());
        let text = if text.is_empty() { row.map_or(status, |row| row.note).to_owned() } else { text };
        ReceiptError { class, code: code.map_or_else(|| status.to_owned(), |code| code.to_string()), text }
    }
}

fn bare(kind: AttachmentKind, mime: Option<String>) -> Attachment {
    Attachment { kind, mime, name: None, size: None, source: None, note: None }
}

fn kind_of(mime: &str) -> AttachmentKind {
    match mime.split('/').next().unwrap_or_default() {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        _ if mime.ends_with("vcard") => AttachmentKind::Contact,
        _ => AttachmentKind::File,
    }
}
