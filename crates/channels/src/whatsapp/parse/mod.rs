//! Items of `changes` (channel facts, 4a).

mod body;

use everthread_core::event::{
    Address, AddressKind, Echo, Event, EventKind, Fact, InMessage, Peer, Receipt, ReceiptError, ReceiptOf,
};
use serde_json::{Value, json};

use super::TABLES;
use crate::json::{self, Sink};
use crate::meta::envelope::{Entry, phone};
use crate::sign::key_of;
use crate::table::{self, Seen};

/// Fields that are understood and need nothing done here.
const OTHER_FIELDS: &[&str] = &[
    "account_alerts",
    "account_review_update",
    "account_settings_update",
    "account_update",
    "business_capability_update",
    "business_status_update",
    "calls",
    "flows",
    "history",
    "message_template_components_update",
    "message_template_quality_update",
    "message_template_status_update",
    "partner_solutions",
    "payment_configuration_update",
    "phone_number_name_update",
    "phone_number_quality_update",
    "security",
    "smb_app_state_sync",
    "template_category_update",
    "tracking_events",
];

/// One item of `changes`.
pub(crate) fn change(entry: &Entry<'_>, change: &Value, sink: &mut Sink) {
    let field = json::text(change, "field").unwrap_or_default();
    let Some(value) = change.get("value").filter(|value| value.is_object()) else {
        return sink.problem(entry.id.clone(), "a change without a value", || entry.wrap("changes", change));
    };
    let place = Place { entry, field, value };
    match field {
        "messages" => place.messages(sink),
        "smb_message_echoes" => place.each("message_echoes", sink, |item| event(item, value, true)),
        "user_preferences" => place.each("user_preferences", sink, preference),
        _ if OTHER_FIELDS.contains(&field) => {
            let key = key_of(&[field, &json::canonical(value)]);
            let kind = EventKind::Notice { what: format!("whatsapp.{field}") };
            place.push(vec![Event { key, at: None, peer: None, kind }], sink);
        }
        _ => sink.problem(place.account(), format!("field `{}` is not known", table::clean(field)), || {
            entry.wrap("changes", change)
        }),
    }
}

/// Where an item was found.
struct Place<'a> {
    entry: &'a Entry<'a>,
    field: &'a str,
    value: &'a Value,
}

impl Place<'_> {
    /// Our number; only where none is named, the business account: it may hold numbers that are not connected here, and
    /// what was written to one of them must not be answered from another.
    fn account(&self) -> Option<String> {
        json::id(self.value, "metadata.phone_number_id").or_else(|| self.entry.id.clone())
    }

    fn push(&self, events: Vec<Event>, sink: &mut Sink) {
        for event in events {
            sink.item(self.account(), Vec::new(), event);
        }
    }

    /// The smallest payload with this one item, its number and its sender.
    fn wrap(&self, list: &str, item: &Value) -> String {
        let mut value = json!({});
        for key in ["messaging_product", "metadata"] {
            if let Some(part) = self.value.get(key) {
                value[key] = part.clone();
            }
        }
        if let Some(contact) = contact_of(item, self.value) {
            value["contacts"] = json!([contact]);
        }
        value[list] = json!([item]);
        self.entry.wrap("changes", &json!({"field": self.field, "value": value}))
    }

    fn each(&self, list: &str, sink: &mut Sink, read: impl Fn(&Value) -> Result<Vec<Event>, String>) {
        let Some(items) = self.value.get(list).and_then(Value::as_array) else {
            let reason = format!("`{list}` is missing or not a list");
            return sink.problem(self.account(), reason, || self.wrap(list, &Value::Null));
        };
        for item in items {
            match read(item) {
                Ok(events) => self.push(events, sink),
                Err(reason) => sink.problem(self.account(), reason, || self.wrap(list, item)),
            }
        }
    }

    fn messages(&self, sink: &mut Sink) {
        let mut found = false;
        for list in ["messages", "statuses", "errors"] {
            if self.value.get(list).is_none_or(Value::is_null) {
                continue;
            }
            found = true;
            match list {
                "messages" => self.each(list, sink, |item| event(item, self.value, false)),
                "statuses" => self.each(list, sink, |item| status(item).map(|event| vec![event])),
                _ => self.each(list, sink, |item| Err(account_error(item))),
            }
        }
        if !found {
            sink.problem(self.account(), "neither messages nor statuses", || {
                self.entry.wrap("changes", &json!({"field": self.field, "value": self.value}))
            });
        }
    }
}

/// An error about our account; people see it among the problems.
fn account_error(item: &Value) -> String {
    let code = json::number(item, "code").unwrap_or_default();
    let text = ["error_data.details", "message", "title"].iter().find_map(|path| json::text(item, path));
    format!("WhatsApp reports error {code} for this account: {}", table::clean(text.unwrap_or("no text")))
}

/// The contact card that belongs to a message: by id, or the only one.
fn contact_of<'a>(item: &Value, value: &'a Value) -> Option<&'a Value> {
    let cards = json::list(value, "contacts");
    let (from, user) = (json::id(item, "from"), json::id(item, "from_user_id"));
    let fits = |card: &&Value| {
        (from.is_some() && json::id(card, "wa_id") == from)
            || (user.is_some() && json::id(card, "user_id") == user)
    };
    let only = || cards.first().filter(|_| cards.len() == 1 && json::list(value, "messages").len() <= 1);
    cards.iter().find(fits).or_else(only)
}

/// The customer under every id that the payload names; none is made from another.
fn peer(item: &Value, card: Option<&Value>) -> Option<Peer> {
    let field = |path: &str| json::id(item, path);
    let of_card = |path: &str| card.and_then(|card| json::id(card, path));
    let user = field("from_user_id")
        .or_else(|| of_card("user_id"))
        .or_else(|| field("from").filter(|id| is_user(id)));
    let number = field("from").or_else(|| of_card("wa_id")).and_then(|digits| phone(&digits));
    person(number, user).map(|peer| Peer {
        name: card.and_then(|card| json::string(card, "profile.name")),
        username: card.and_then(|card| json::string(card, "profile.username")),
        ..peer
    })
}

/// The number first: every kind of message can go to it.
fn person(number: Option<Address>, user: Option<String>) -> Option<Peer> {
    let user = user.map(|value| Address { kind: AddressKind::WhatsappUser, value });
    let addresses: Vec<_> = number.into_iter().chain(user).collect();
    (!addresses.is_empty()).then(|| Peer { addresses, ..Peer::default() })
}

/// `US.13491208655302741918`
fn is_user(id: &str) -> bool {
    id.split_once('.').is_some_and(|(country, rest)| country.len() == 2 && !rest.is_empty())
}

/// One message; `ours` where it was typed in the phone app of a coexistence number.
fn event(item: &Value, value: &Value, ours: bool) -> Result<Vec<Event>, String> {
    let kind = json::text(item, "type").unwrap_or_default();
    let at = json::time(item, "timestamp");
    let id = json::id(item, "id").unwrap_or_else(|| {
        key_of_fields("message", item, &["from", "from_user_id", "to", "timestamp", "type", "text.body"])
    });
    let peer = if ours {
        let number = json::id(item, "to").and_then(|digits| phone(&digits));
        person(number, json::id(item, "to_user_id"))
    } else {
        peer(item, contact_of(item, value))
    };
    if json::at(item, "group_id").is_some() {
        return Err("a message in a group: groups are not connected".to_owned());
    }
    let Some(peer) = peer else { return Err("a message without its sender".to_owned()) };
    let make = |key: String, kind: EventKind| Event { key, at, peer: Some(peer.clone()), kind };
    let of =
        |path: &str, what: &str| json::id(item, path).ok_or_else(|| format!("{what} without its message"));
    let kind = match kind {
        "system" => return system(item, &id, &peer.addresses, make),
        "reaction" if ours => EventKind::Notice { what: "whatsapp.own_reaction".to_owned() },
        "reaction" => EventKind::Reaction {
            provider_id: of("reaction.message_id", "a reaction")?,
            emoji: json::string(item, "reaction.emoji"),
        },
        "revoke" => EventKind::Delete { provider_id: of("revoke.original_message_id", "a withdrawal")? },
        "edit" => {
            let original = of("edit.original_message_id", "an edit")?;
            let inner = json::at(item, "edit.message").ok_or("an edit without its content")?;
            EventKind::Edit { provider_id: original, content: body::read(inner)?.content }
        }
        "request_welcome" => EventKind::Notice { what: "whatsapp.request_welcome".to_owned() },
        _ => {
            let body = body::read(item)?;
            let reply_to = json::id(item, "context.id");
            if ours {
                let echo =
                    Echo { provider_id: id.clone(), content: body.content, reply_to, correlation: None };
                return Ok(vec![make(id, EventKind::Echo(echo))]);
            }
            EventKind::Message(InMessage {
                provider_id: id.clone(),
                content: body.content,
                reply_to,
                postback: body.postback,
                referral: referral(item),
                standby: false,
            })
        }
    };
    Ok(vec![make(id, kind)])
}

/// A key for an item without an id, from the fields that bear its meaning.
fn key_of_fields(kind: &str, item: &Value, fields: &[&str]) -> String {
    let values: Vec<_> = fields.iter().map(|path| json::id(item, path).unwrap_or_default()).collect();
    let all: Vec<_> = std::iter::once(kind).chain(values.iter().map(String::as_str)).collect();
    key_of(&all)
}

/// The ad or post that led here.
fn referral(item: &Value) -> Option<String> {
    let ad = || json::id(item, "referral.source_id").map(|id| format!("ad:{id}"));
    let link = || json::string(item, "referral.source_url");
    json::string(item, "referral.ref").or_else(ad).or_else(link)
}

/// A new number, a new user id, or both at once.
fn system(
    item: &Value,
    id: &str,
    known: &[Address],
    make: impl Fn(String, EventKind) -> Event,
) -> Result<Vec<Event>, String> {
    let word = json::text(item, "system.type").unwrap_or_default();
    if !matches!(word, "user_changed_number" | "customer_changed_number" | "user_changed_user_id") {
        if word.contains("identity") {
            let what = format!("whatsapp.{}", table::clean(word));
            return Ok(vec![make(id.to_owned(), EventKind::Notice { what })]);
        }
        return Err(format!("a system message of unknown kind `{}`", table::clean(word)));
    }
    let number = ["system.wa_id", "system.new_wa_id"].iter().find_map(|path| json::id(item, path));
    let user = ["system.user_id", "system.new_user_id"].iter().find_map(|path| json::id(item, path));
    let number = number.and_then(|digits| phone(&digits));
    let user = user.map(|value| Address { kind: AddressKind::WhatsappUser, value });
    let events: Vec<_> = number
        .into_iter()
        .chain(user)
        .filter(|to| !known.contains(to))
        .map(|to| make(format!("{id}:{}", to.kind.as_str()), EventKind::AddressChanged { to }))
        .collect();
    if events.is_empty() { Err("a change of number that names no new one".to_owned()) } else { Ok(events) }
}

/// One status of something we sent.
fn status(item: &Value) -> Result<Event, String> {
    let (Some(id), Some(word)) = (json::id(item, "id"), json::text(item, "status")) else {
        return Err("a status without its message or word".to_owned());
    };
    let number = json::id(item, "recipient_id").and_then(|digits| phone(&digits));
    let peer = person(number, json::id(item, "recipient_user_id"));
    let fact = match word {
        "accepted" | "sent" => Fact::Accepted,
        "delivered" => Fact::Delivered,
        "read" | "played" => Fact::Read,
        "failed" => Fact::Failed,
        "deleted" | "warning" | "pending" => {
            let kind = EventKind::Notice { what: format!("whatsapp.status.{word}") };
            return Ok(Event { key: format!("{id}:{word}"), at: json::time(item, "timestamp"), peer, kind });
        }
        other => return Err(format!("a status of unknown kind `{}`", table::clean(other))),
    };
    let receipt = Receipt {
        of: ReceiptOf::ProviderId(id.clone()),
        fact,
        error: (fact == Fact::Failed).then(|| status_error(item)),
        correlation: json::string(item, "biz_opaque_callback_data"),
    };
    let at = json::time(item, "timestamp");
    Ok(Event { key: format!("{id}:{word}"), at, peer, kind: EventKind::Receipt(receipt) })
}

/// The first error, classified by the same table as an answer.
fn status_error(item: &Value) -> ReceiptError {
    let error = json::list(item, "errors").first().cloned().unwrap_or(Value::Null);
    let code = json::number(&error, "code");
    let text = ["error_data.details", "message", "title"].iter().find_map(|path| json::text(&error, path));
    let text = table::clean(text.unwrap_or_default());
    let seen = Seen { status: 400, code, text: text.clone(), ..Seen::default() };
    let class = table::find(TABLES, &seen)
        .map_or(everthread_core::outcome::ErrorClass::UnknownOutcome, |row| row.verdict.class());
    ReceiptError { class, code: code.map_or_else(String::new, |code| code.to_string()), text }
}

/// Marketing switched off or on again.
fn preference(item: &Value) -> Result<Vec<Event>, String> {
    let number =
        ["wa_id", "from"].iter().find_map(|path| json::id(item, path)).and_then(|digits| phone(&digits));
    let Some(peer) = person(number, json::id(item, "user_id")) else {
        return Err("a preference without its customer".to_owned());
    };
    let reachable = match json::text(item, "value") {
        Some("stop") => false,
        Some("resume") => true,
        _ => return Err("a preference of unknown kind".to_owned()),
    };
    let what = json::text(item, "category").unwrap_or("marketing_messages");
    let reason = format!("{}: {}", table::clean(what), if reachable { "allowed again" } else { "opted out" });
    let key = key_of_fields("preference", item, &["wa_id", "user_id", "category", "value", "timestamp"]);
    let kind = EventKind::Reachable { reachable, reason };
    Ok(vec![Event { key, at: json::time(item, "timestamp"), peer: Some(peer), kind }])
}
