//! Messenger's own codes (channel facts, 3e), before those it shares with Instagram.

use everthread_core::outcome::ErrorClass::{Auth, RecipientUnreachable, Throttled};

use crate::table::{Code, Row};

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::refused(RecipientUnreachable, Code::In(&[10]), "the customer opted out of the topic", "3e")
        .sub(1_893_015),
    Row::retry(Throttled, Code::In(&[9]), "too many opt-in requests", "3e").sub(2_018_352).wait(60),
    Row::retry(Throttled, Code::In(&[4]), "too many opt-in requests", "3e").sub(2_018_354).wait(60),
    Row::retry(Throttled, Code::In(&[613]), "too many opt-in requests", "3e").sub(1_893_016).wait(60),
    Row::retry(Throttled, Code::In(&[4]), "too many messages", "3e").sub(2_018_022).wait(60),
    Row::refused(Auth, Code::In(&[200]), "the app is not live, or not reviewed for messages", "3e")
        .sub(2_018_027),
    Row::refused(Auth, Code::In(&[200]), "the app is not live, or not reviewed for messages", "3e")
        .sub(2_018_028),
    Row::refused(Auth, Code::In(&[200]), "the app is not live, or not reviewed for messages", "3e")
        .sub(2_018_021),
];
