//! What the API shows: the shapes of its answers, and how rows of the store become them.

pub mod account;
pub mod contact;
pub mod conversation;
pub mod lead;
pub mod message;
mod message_show;
mod route;
mod show;

use everthread_core::ids::Uid;
use everthread_core::time::Timestamp;

pub(crate) use message_show::message;
pub(crate) use route::{blocked, composer, route};
pub(crate) use show::{address_label, name};

/// What the public id of a stage begins with.
pub(crate) const STAGE: &str = "stage";

/// What the public id of an API key begins with.
pub(crate) const API_KEY: &str = "key";

/// What the public id of a line of the audit log begins with.
const AUDIT: &str = "audit";

/// What the public id of a pipeline begins with.
pub(crate) const PIPELINE: &str = "pipe";

/// A time as the API writes it: RFC 3339 in UTC.
pub(crate) fn time(at: Timestamp) -> String {
    at.rfc3339()
}

/// As [`time`], where there may be none.
pub(crate) fn time_opt(at: Option<Timestamp>) -> Option<String> {
    at.map(Timestamp::rfc3339)
}

/// A public id as the API writes it.
pub(crate) fn id(prefix: &str, uid: Uid) -> String {
    uid.show(prefix)
}

/// A JSON column; what can't be read becomes null rather than an error, as one bad row must not hide a list.
pub(crate) fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap_or_default()
}
