//! Our own payloads, written by the hub from what the widget posts.
//!
//! A message: `{"client_id", "visitor": "id" | {"id", "name", "locale"}, "text", "payload"?, "reply_to"?,
//! "attachments"?: [...], "referral"?, "at"?}`. Receipts: `{"visitor", "read": [id, ...]}` or `"delivered"`.

use everthread_core::content::{Attachment, Content, MediaSource};
use everthread_core::event::{
    Address, AddressKind, Event, EventKind, Fact, InMessage, Parsed, Peer, Receipt, ReceiptOf,
};
use everthread_core::time::Timestamp;
use serde_json::Value;

use crate::json::{self, Sink};

/// Files one message may bring.
const ATTACHMENTS_MAX: usize = 10;

/// Reads one record.
pub(super) fn parse(body: &[u8]) -> Parsed {
    let value = match json::parse(body) {
        Ok(value) => value,
        Err(reason) => return json::unreadable(reason, body),
    };
    let mut sink = Sink::new();
    match read(&value) {
        Ok(events) => events.into_iter().for_each(|event| sink.item(None, Vec::new(), event)),
        Err(reason) => sink.problem(None, reason, || value.to_string()),
    }
    sink.finish(body)
}

fn read(value: &Value) -> Result<Vec<Event>, String> {
    let peer = peer(value).ok_or("a payload without its visitor")?;
    let at = json::text(value, "at").and_then(Timestamp::parse_rfc3339).or_else(|| json::time(value, "at"));
    for (field, fact) in [("read", Fact::Read), ("delivered", Fact::Delivered)] {
        let ids: Vec<_> = json::list(value, field).iter().filter_map(Value::as_str).collect();
        if !ids.is_empty() {
            return Ok(ids.into_iter().map(|id| receipt(id, field, fact, &peer, at)).collect());
        }
    }
    if json::flag(value, "typing") {
        let kind = EventKind::Notice { what: "webchat.typing".to_owned() };
        let key = crate::sign::key_of(&["typing", &json::canonical(value)]);
        return Ok(vec![Event { key, at, peer: Some(peer), kind }]);
    }
    let Some(id) = json::id(value, "client_id") else {
        return Err("a message without its client_id".to_owned());
    };
    let postback = json::string(value, "payload");
    let content = Content {
        text: json::text(value, "text").or(postback.as_deref()).unwrap_or_default().to_owned(),
        attachments: attachments(value)?,
        ..Content::default()
    };
    if content.is_empty() {
        return Err("a message without content".to_owned());
    }
    let kind = EventKind::Message(InMessage {
        provider_id: id.clone(),
        content,
        reply_to: json::id(value, "reply_to"),
        postback,
        referral: json::string(value, "referral"),
        standby: false,
    });
    Ok(vec![Event { key: id, at, peer: Some(peer), kind }])
}

fn peer(value: &Value) -> Option<Peer> {
    let visitor = value.get("visitor")?;
    let value = json::id(value, "visitor").or_else(|| json::id(visitor, "id"))?;
    Some(Peer {
        addresses: vec![Address { kind: AddressKind::Webchat, value }],
        name: json::string(visitor, "name"),
        username: None,
        locale: json::string(visitor, "locale"),
        claimed: false,
    })
}

fn receipt(id: &str, word: &str, fact: Fact, peer: &Peer, at: Option<Timestamp>) -> Event {
    let of = ReceiptOf::ProviderId(id.to_owned());
    let kind = EventKind::Receipt(Receipt { of, fact, error: None, correlation: None });
    Event { key: format!("{id}:{word}"), at, peer: Some(peer.clone()), kind }
}

/// Only files that the hub has stored already: a visitor cannot make it fetch an address.
fn attachments(value: &Value) -> Result<Vec<Attachment>, String> {
    let list = json::list(value, "attachments");
    if list.len() > ATTACHMENTS_MAX {
        return Err(format!("more than {ATTACHMENTS_MAX} files in one message"));
    }
    list.iter()
        .map(|value| match serde_json::from_value::<Attachment>(value.clone()) {
            Ok(file) if matches!(file.source, Some(MediaSource::Stored(_))) => Ok(file),
            _ => Err("a file that is not in the store".to_owned()),
        })
        .collect()
}
