//! What the business hears of a message's way: Instagram names what was read, Messenger says up to when all is delivered
//! or read.

use serde_json::{Value, json};

use super::{Dialect, messaging};
use crate::account::Account;
use crate::book::{Author, Stage};
use crate::fault::Component;

/// Tells of a message's new state, where the dialect has a word for it.
pub(crate) fn receipt(account: &mut Account, id: &str, now: i64) {
    let dialect = Dialect::of(account.view.platform);
    let Some(message) = account.book.get(id) else { return };
    let (stage, at) = (message.state, message.at_ms);
    let Some(customer) = account.customers.get(&message.customer) else { return };
    let (key, address) = (customer.key.clone(), customer.address.clone());
    let (name, what) = match (dialect.is_messenger(), stage) {
        (false, Stage::Read) => ("read", json!({"mid": id})),
        (true, Stage::Delivered) => {
            let mids = all_before(account, &key, id, stage, now);
            ("delivery", json!({"mids": mids, "watermark": at}))
        }
        (true, Stage::Read) => {
            all_before(account, &key, id, stage, now);
            ("read", json!({"watermark": at}))
        }
        _ => return,
    };
    let mut item: Value =
        json!({"sender": {"id": address}, "recipient": {"id": dialect.own(&account.view)}, "timestamp": now});
    item[name] = what;
    messaging(account, Component::Receipts, now, item, Some(id.to_owned()));
}

/// A thread arrives and is read in order: what was sent before a message has come as far as it. Returns the ids that are news,
/// the message's own last.
fn all_before(account: &mut Account, key: &str, id: &str, stage: Stage, now: i64) -> Vec<String> {
    let Some(own) = account.book.number(id) else { return Vec::new() };
    let behind = account.book.iter().filter(|(number, m)| {
        let ours = m.customer == key && matches!(m.author, Author::Business | Author::App);
        ours && *number < own && m.state < stage && m.state != Stage::Failed && !m.lost && !m.deleted
    });
    let mut ids: Vec<String> = behind.map(|(_, m)| m.id.clone()).collect();
    for behind in &ids {
        let raised = account.book.get_mut(behind).is_some_and(|message| message.raise(stage, now));
        account.book.counts.delivered += u64::from(raised && stage == Stage::Delivered);
        account.book.counts.read += u64::from(raised && stage == Stage::Read);
    }
    ids.push(id.to_owned());
    ids
}
