//! Where the next message goes and what it may hold.

use everthread_core::fit::Capabilities;
use everthread_core::ids::{AccountId, IdentityId};
use everthread_core::limits::MESSAGE_PARTS_MAX;
use everthread_core::outbox::{Author, Permit, Window, permit, window};
use everthread_core::time::Timestamp;
use everthread_store::read::inbox::RouteRow;

use super::conversation::{Composer, MediaLimit, Route};
use super::{address_label, id, time};

/// The route as people see it: whether a text typed now would go, and why not.
pub(crate) fn route(row: &RouteRow, caps: Option<&Capabilities>, now: Timestamp) -> Route {
    let (closes, refusal) = match caps {
        None => (None, Some("This version knows nothing of the channel.".to_owned())),
        Some(caps) => by_window(caps, row.last_in_at, now),
    };
    let refusal = blocked(row).or(refusal);
    let can_send = refusal.is_none();
    let reason = refusal.or_else(|| waits(row));
    Route {
        identity_id: id(IdentityId::PREFIX, row.identity_uid),
        account_id: id(AccountId::PREFIX, row.account_uid),
        channel: row.account_channel.clone(),
        address_label: address_label(row.username.as_deref(), &row.value),
        proof: row.proof.as_str().to_owned(),
        window_closes_at: closes.map(time),
        can_send,
        reason,
    }
}

/// Why what is sent now waits instead of failing.
fn waits(row: &RouteRow) -> Option<String> {
    row.account_stopped_at?;
    let why = row.account_stopped_reason.as_deref().unwrap_or("its access was withdrawn");
    Some(format!("The account is stopped: {why}. Messages wait until it is connected again."))
}

/// Why nothing can be sent on this route at all.
pub(crate) fn blocked(row: &RouteRow) -> Option<String> {
    if row.account_removed_at.is_some() {
        return Some("The account was removed.".to_owned());
    }
    if row.contact_stopped_at.is_some() {
        return Some("The customer asked not to be written to.".to_owned());
    }
    if row.reachable == Some(false) {
        let why = row.reach_reason.as_deref().unwrap_or("the platform says so");
        return Some(format!("The customer can't be reached here: {why}."));
    }
    None
}

fn by_window(
    caps: &Capabilities,
    last_in_at: Option<Timestamp>,
    now: Timestamp,
) -> (Option<Timestamp>, Option<String>) {
    let window = window(caps, last_in_at, now);
    let closes = match window {
        Window::Open { until } | Window::HumanOnly { until } => Some(until),
        Window::Unlimited | Window::Closed => None,
    };
    let refusal = match permit(window, caps, Author::Person, false, true) {
        Permit::Go | Permit::HumanTag => None,
        Permit::NeedsTemplate => Some("The reply window is closed; a template can still be sent.".to_owned()),
        Permit::Closed => Some("The reply window is closed until the customer writes again.".to_owned()),
    };
    (closes, refusal)
}

/// What the composer may offer. Without a channel: text alone, as a note.
pub(crate) fn composer(caps: Option<&Capabilities>) -> Composer {
    let Some(caps) = caps else {
        return Composer {
            text_max: everthread_core::limits::TEXT_BYTES_MAX,
            text_unit: "bytes".to_owned(),
            parts_max: 1,
            buttons_max: 0,
            media: Vec::new(),
            replies: false,
            reactions: false,
            templates: false,
        };
    };
    let unit = match caps.text.unit {
        everthread_core::text::Unit::Bytes => "bytes",
        everthread_core::text::Unit::Chars => "chars",
        everthread_core::text::Unit::Utf16 => "utf16",
    };
    Composer {
        text_max: caps.text.max,
        text_unit: unit.to_owned(),
        parts_max: MESSAGE_PARTS_MAX,
        buttons_max: caps.buttons.max,
        media: caps
            .media
            .iter()
            .map(|(kind, max_bytes)| MediaLimit { kind: kind.as_str().to_owned(), max_bytes: *max_bytes })
            .collect(),
        replies: caps.replies,
        reactions: caps.reactions,
        templates: caps.templates,
    }
}
