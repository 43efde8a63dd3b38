//! What a Messenger account must be given. Signature and handshake are Meta's: `meta::verify`.

use everthread_core::account::{Secrets, Settings};

use crate::meta;

/// Names what is missing or malformed.
pub(super) fn check(settings: &Settings, secrets: &Secrets) -> Vec<String> {
    meta::verify::check(settings, secrets, "page_id", &["page_id"])
}
