//! Instagram's own codes (channel facts, 2e), before those it shares with Messenger.

use everthread_core::outcome::ErrorClass::{Auth, BadRequest};

use crate::table::{Code, Row};

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::refused(Auth, Code::In(&[10]), "the account's link to its Page, or its second factor", "2e")
        .sub(2_534_077),
    Row::refused(Auth, Code::In(&[100]), "the Page is not linked to an Instagram account", "2e")
        .sub(2_534_013),
    Row::refused(BadRequest, Code::In(&[100]), "a private reply is refused: there is one per comment", "2e")
        .sub(2_534_025),
    Row::refused(Auth, Code::In(&[36_103]), "the account may not use messaging", "2e"),
];
