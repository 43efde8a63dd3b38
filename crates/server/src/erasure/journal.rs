//! Which raw records an erasure drops, and which it rewrites because other people's items stand in them too.

use std::collections::HashSet;

use everthread_core::event::{Event, EventKind};
use everthread_core::ids::{EndpointId, WorkspaceId};
use everthread_core::time::Timestamp;
use everthread_store::journal::{Erasure, Record};
use serde_json::Value;

use crate::apply::parse;
use crate::registry::Registry;
use crate::seal::{Seal, hex};

/// What the digests of addresses are for.
pub(super) const USE: &str = "erased address";

/// Who is looked for.
#[derive(Debug)]
pub struct Wanted {
    seal: Seal,
    values: HashSet<String>,
    workspace: WorkspaceId,
    /// What came later is somebody new.
    until: Timestamp,
}

/// A value in the form in which it is compared: providers write one number with a `+` and without.
pub fn plain(value: &str) -> String {
    value.trim().trim_start_matches('+').to_lowercase()
}

impl Wanted {
    /// People with these hashes of [`plain`] values.
    pub fn new(seal: Seal, values: &[String], workspace: WorkspaceId, until: Timestamp) -> Self {
        Self { seal, values: values.iter().cloned().collect(), workspace, until }
    }

    fn is(&self, value: &str) -> bool {
        !value.is_empty() && self.values.contains(&hex(&self.seal.mac(USE, plain(value).as_bytes())))
    }

    fn is_peer(&self, event: &Event) -> bool {
        event.peer.iter().flat_map(|peer| &peer.addresses).any(|address| self.is(&address.value))
    }
}

/// What becomes of a record. `applied`: up to which record all is in the store.
pub fn decide(registry: &Registry, wanted: &Wanted, applied: u64, record: &Record) -> Erasure {
    if record.received_at > wanted.until {
        return Erasure::Keep;
    }
    let opened = parse::open(registry, record);
    let ours = |item: &&parse::Routed| item.account.workspace == wanted.workspace;
    let (theirs, others): (Vec<&parse::Routed>, Vec<&parse::Routed>) =
        opened.items.iter().partition(|item| ours(item) && wanted.is_peer(&item.event));
    // Items without an address (receipts) and pieces that nobody understood name the person only in the raw text.
    let somewhere = opened.items.iter().any(|item| ours(&item))
        || registry.any_of(EndpointId(record.endpoint)).is_some_and(|a| a.workspace == wanted.workspace);
    let Ok(mut json) = serde_json::from_slice::<Value>(&record.body) else {
        let named = !theirs.is_empty() || (somewhere && others.is_empty() && in_form(wanted, record));
        return if named { Erasure::Drop } else { Erasure::Keep };
    };
    let before = json.clone();
    let whole = somewhere && prune(wanted, &mut json);
    if theirs.is_empty() && !whole && json == before {
        return Erasure::Keep;
    }
    if others.is_empty() {
        return if whole || json == before { Erasure::Drop } else { rewritten(&json) };
    }
    if !whole && stays(registry, wanted, record, &json, &others) {
        return rewritten(&json);
    }
    // It can't be cut out. What is not applied yet is not given up for it: the next erasure finds it.
    if record.number <= applied { Erasure::Drop } else { Erasure::Keep }
}

fn rewritten(json: &Value) -> Erasure {
    serde_json::to_vec(json).map_or(Erasure::Drop, Erasure::Replace)
}

/// True where the rewritten record holds nothing of the person and all that is of others.
fn stays(
    registry: &Registry,
    wanted: &Wanted,
    record: &Record,
    json: &Value,
    others: &[&parse::Routed],
) -> bool {
    let Ok(body) = serde_json::to_vec(json) else { return false };
    let opened = parse::open(registry, &Record { body, ..record.clone() });
    let gone = !opened.items.iter().any(|item| wanted.is_peer(&item.event));
    let kept = others.iter().filter(|item| !matches!(item.event.kind, EventKind::Receipt(_))).all(|item| {
        opened.items.iter().any(|now| now.account.id == item.account.id && now.event == item.event)
    });
    gone && kept
}

/// Takes out of every list what names the person. True where the value itself does, outside of any list.
fn prune(wanted: &Wanted, value: &mut Value) -> bool {
    match value {
        Value::String(text) => wanted.is(text),
        Value::Number(number) => wanted.is(&number.to_string()),
        Value::Array(list) => {
            list.retain_mut(|piece| !prune(wanted, piece));
            false
        }
        Value::Object(fields) => {
            // Every field is looked into: lists inside are pruned on the way.
            fields.values_mut().filter_map(|field| prune(wanted, field).then_some(())).count() > 0
        }
        Value::Null | Value::Bool(_) => false,
    }
}

/// True where a form (or another text) holds an address as one of its values.
fn in_form(wanted: &Wanted, record: &Record) -> bool {
    let text = String::from_utf8_lossy(&record.body);
    let pieces = text.split('&').filter_map(|pair| pair.split_once('=')).map(|(_, value)| value);
    pieces
        .map(|value| value.replace("%2B", "+").replace("%40", "@").replace("%3A", ":"))
        .any(|value| wanted.is(&value) || value.rsplit_once(':').is_some_and(|(_, tail)| wanted.is(tail)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(values: &[&str]) -> Wanted {
        let seal = Seal::from_key([7; 32]);
        let values: Vec<String> = values.iter().map(|v| hex(&seal.mac(USE, plain(v).as_bytes()))).collect();
        Wanted::new(seal, &values, WorkspaceId(1), Timestamp::from_secs(100))
    }

    #[test]
    fn a_list_loses_the_persons_pieces_and_keeps_the_others() {
        let mut batch = json!({ "entry": [{ "id": "waba", "changes": [{ "value": {
            "contacts": [{ "wa_id": "491" }, { "wa_id": "492" }],
            "messages": [{ "from": "491", "id": "a" }, { "from": "492", "id": "b" }],
            "statuses": [{ "recipient_id": "491" }] } }] }] });
        assert!(!prune(&wanted(&["+491"]), &mut batch));
        let value = &batch["entry"][0]["changes"][0]["value"];
        assert_eq!(value["contacts"], json!([{ "wa_id": "492" }]));
        assert_eq!(value["messages"], json!([{ "from": "492", "id": "b" }]));
        assert_eq!(value["statuses"], json!([]));
    }

    #[test]
    fn what_names_the_person_outside_of_a_list_goes_as_a_whole() {
        assert!(prune(&wanted(&["77"]), &mut json!({ "message": { "chat": { "id": 77 } } })));
        assert!(!prune(&wanted(&["77"]), &mut json!({ "message": { "chat": { "id": 777 } } })));
    }
}
