//! One-time codes: how often they are sent, how often they may be tried, what they look like.

use crate::limits::{CODE_AGAIN, CODE_TRIES_MAX, CODES_MAX, CODES_WITHIN};
use crate::time::Timestamp;

/// Where the code stands in a text, until the call is made.
pub const CODE_MARK: &str = "{{ code }}";

/// What the customer is sent. `{{ business }}` is the workspace's name.
pub const CODE_TEXT: &str = "{{ code }} is your code for the chat with {{ business }}. It is good for 10 minutes. Pass it on to nobody.";

/// The text that goes out, with the code's place still open.
pub fn code_text(business: &str) -> String {
    CODE_TEXT.replace("{{ business }}", business)
}

/// Six digits out of a random number.
pub fn digits(random: u64) -> String {
    format!("{:06}", random % 1_000_000)
}

/// What is known of the newest code of a visitor.
#[derive(Clone, Copy, Debug)]
pub struct CodeFacts {
    pub expires_at: Timestamp,
    /// Tries so far, right or wrong.
    pub tries: u32,
    /// Used, or replaced by a newer one.
    pub ended: bool,
}

/// Whether a try may be compared at all. The try is counted before it is compared, so that many at once count too.
pub fn may_try(code: &CodeFacts, now: Timestamp) -> bool {
    !code.ended && code.expires_at > now && code.tries < CODE_TRIES_MAX
}

/// A code can't be sent yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooSoon {
    pub again_at: Timestamp,
}

/// Whether another code may be sent to this contact. `sent`: when codes were sent to them, newest first. The limit is the
/// contact's, not the visitor's: nobody may be pestered through links.
pub fn may_send(sent: &[Timestamp], now: Timestamp) -> Result<(), TooSoon> {
    if let Some(last) = sent.first().filter(|last| now.since(**last) < CODE_AGAIN) {
        return Err(TooSoon { again_at: *last + CODE_AGAIN });
    }
    match sent.get(CODES_MAX - 1) {
        Some(oldest) if now.since(*oldest) < CODES_WITHIN => {
            Err(TooSoon { again_at: *oldest + CODES_WITHIN })
        }
        _ => Ok(()),
    }
}
