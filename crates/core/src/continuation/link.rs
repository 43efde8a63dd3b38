//! What becomes of a link when somebody presses its button.

use crate::time::Timestamp;

/// What is known of a link.
#[derive(Clone, Copy, Debug)]
pub struct LinkFacts<'a> {
    pub expires_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
    /// The visitor whose browser opened it first.
    pub opened_by: Option<&'a str>,
}

/// What opening comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// Nobody has opened it: this browser becomes the invited visitor.
    First,
    /// The browser that opened it: the same visitor again.
    Again,
    /// Another browser has opened it. It leads nobody else into the conversation: whoever got the link passed on could write there
    /// in the customer's name and turn the route to themselves.
    Elsewhere,
    /// Over or taken back.
    Ended,
}

/// Decides it. `browser` is the visitor that the browser can show to be.
pub fn open(link: &LinkFacts<'_>, browser: Option<&str>, now: Timestamp) -> Opening {
    if link.revoked_at.is_some() || link.expires_at <= now {
        return Opening::Ended;
    }
    match link.opened_by {
        None => Opening::First,
        Some(visitor) if browser == Some(visitor) => Opening::Again,
        Some(_) => Opening::Elsewhere,
    }
}
