//! The envelope of Meta's webhooks: each entry is routed by its own id, whatever path it came in by.

use everthread_core::event::{Address, AddressKind, Parsed};
use serde_json::{Value, json};

use crate::json::{self, Sink};
use crate::{instagram, whatsapp};

/// Reads a webhook of any Meta product.
pub fn parse(body: &[u8]) -> Parsed {
    let value = match json::parse(body) {
        Ok(value) => value,
        Err(reason) => return json::unreadable(reason, body),
    };
    let mut sink = Sink::new();
    envelope(&value, &mut sink);
    sink.finish(body)
}

fn envelope(value: &Value, sink: &mut Sink) {
    let object = json::text(value, "object").unwrap_or_default();
    let Some(entries) = value.get("entry").and_then(Value::as_array).filter(|list| !list.is_empty()) else {
        return sink.problem(None, "no list of entries", || value.to_string());
    };
    for value in entries {
        let entry = Entry { object, value, id: json::id(value, "id").filter(|id| id != "0") };
        let mut found = false;
        for list in ["messaging", "standby", "changes"] {
            match value.get(list) {
                Some(Value::Array(items)) => {
                    found = true;
                    for item in items {
                        one(&entry, list, item, sink);
                    }
                }
                Some(other) if !other.is_null() => {
                    found = true;
                    sink.problem(entry.id.clone(), format!("`{list}` is not a list"), || {
                        entry.wrap(list, other)
                    });
                }
                _ => {}
            }
        }
        if !found {
            sink.problem(entry.id.clone(), format!("an entry of `{object}` holds nothing known"), || {
                json!({"object": object, "entry": [value]}).to_string()
            });
        }
    }
}

fn one(entry: &Entry<'_>, list: &str, item: &Value, sink: &mut Sink) {
    match (entry.object, list) {
        ("instagram", "changes") => instagram::parse::change(entry, item, sink),
        ("instagram", _) => instagram::parse::item(entry, list, item, list == "standby", sink),
        ("whatsapp_business_account", "changes") => whatsapp::parse::change(entry, item, sink),
        ("page", _) => sink.problem(
            entry.id.clone(),
            format!("Messenger is not connected: {} for a Facebook Page", kind_of(item)),
            || entry.wrap(list, item),
        ),
        (object, _) => {
            sink.problem(entry.id.clone(), format!("`{list}` of `{object}` is not known"), || {
                entry.wrap(list, item)
            });
        }
    }
}

/// What a Messenger item is, by the fields that Messenger documents.
fn kind_of(item: &Value) -> &'static str {
    let kinds = ["message", "postback", "reaction", "message_edit", "read", "delivery", "referral", "optin"];
    let names =
        ["a message", "a button press", "a reaction", "an edit", "a read receipt", "a delivery receipt"];
    let at = kinds.iter().position(|kind| item.get(kind).is_some());
    at.map_or("an event", |at| names.get(at).copied().unwrap_or("a referral"))
}

/// One entry of the envelope.
pub(crate) struct Entry<'a> {
    pub(crate) object: &'a str,
    pub(crate) value: &'a Value,
    /// Our account; `None` where Meta sends a test without one.
    pub(crate) id: Option<String>,
}

impl Entry<'_> {
    /// The smallest payload that holds this one item and can be read again.
    pub(crate) fn wrap(&self, list: &str, item: &Value) -> String {
        let mut entry = json!({"id": self.value.get("id"), "time": self.value.get("time")});
        entry[list] = if item.is_array() { item.clone() } else { json!([item]) };
        json!({"object": self.object, "entry": [entry]}).to_string()
    }
}

/// A phone number as Meta writes it, digits without a plus sign, as an address.
pub(crate) fn phone(digits: &str) -> Option<Address> {
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let phone = (5..=20).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    phone.then(|| Address { kind: AddressKind::Phone, value: format!("+{digits}") })
}
