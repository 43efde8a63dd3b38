//! The envelope of Meta's webhooks: each entry is routed by its own id, whatever path it came in by.

use everthread_core::event::{Address, AddressKind, Parsed};
use serde_json::{Value, json};

use crate::json::{self, Sink};
use crate::meta::messaging;
use crate::{instagram, messenger, whatsapp};

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
        ("instagram", "changes") => messaging::change(&instagram::PRODUCT, entry, item, sink),
        ("instagram", _) => messaging::item(&instagram::PRODUCT, entry, list, item, sink),
        ("page", "changes") => messaging::change(&messenger::PRODUCT, entry, item, sink),
        ("page", _) => messaging::item(&messenger::PRODUCT, entry, list, item, sink),
        ("whatsapp_business_account", "changes") => whatsapp::parse::change(entry, item, sink),
        (object, _) => {
            sink.problem(entry.id.clone(), format!("`{list}` of `{object}` is not known"), || {
                entry.wrap(list, item)
            });
        }
    }
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
