//! What goes first when a channel is back, and what has lost its meaning meanwhile (outage model, 6.1).

use crate::outbox::{Author, Next, expired};
use crate::outcome::Reason;
use crate::state::{Class, Status};
use crate::time::{Span, Timestamp};

/// A person's answer that waited longer goes back to its author for one tap, rather than out blindly.
const STALE_ANSWER: Span = Span::hours(2);

/// From this age of the backlog on, customers who were active last come first (adaptive newest-first).
const OLD_BACKLOG: Span = Span::mins(10);

/// A lane that waits for a recovered channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When the customer's reply window closes; `None`: it has none.
    pub window_until: Option<Timestamp>,
    /// The most urgent of what waits.
    pub class: Class,
    pub last_in_at: Option<Timestamp>,
    pub queued_at: Timestamp,
}

/// Sorts lanes for the drain, first out first: the soonest closing window, then class, then newest customer activity while the
/// backlog is old and first come first served while it is fresh.
pub fn drain_order<T>(lanes: &mut [(Waiting, T)], now: Timestamp) {
    let oldest = lanes.iter().map(|(lane, _)| lane.queued_at).min();
    let old = oldest.is_some_and(|at| now.since(at) > OLD_BACKLOG);
    lanes.sort_by(|(a, _), (b, _)| {
        let window = |lane: &Waiting| lane.window_until.unwrap_or(Timestamp::from_micros(i64::MAX));
        let age = if old { b.last_in_at.cmp(&a.last_in_at) } else { a.queued_at.cmp(&b.queued_at) };
        window(a).cmp(&window(b)).then(a.class.cmp(&b.class)).then(age).then(a.queued_at.cmp(&b.queued_at))
    });
}

/// What a waiting part has become while it waited; `None` where it still makes sense.
pub fn thin(
    author: Author,
    queued_at: Timestamp,
    last_in_at: Option<Timestamp>,
    status: Status,
    now: Timestamp,
) -> Option<Next> {
    let back = |code: &str, text: &str| Some(expired(author, &Reason::new(code, text)));
    if status == Status::Resolved {
        return back("resolved", "the conversation was resolved while this waited for the channel");
    }
    if author == Author::Person && now.since(queued_at) > STALE_ANSWER {
        return back("stale", "it waited more than two hours for the channel: read it again before it goes");
    }
    if last_in_at.is_some_and(|at| at > queued_at) {
        return back("overtaken", "the customer wrote again while this waited for the channel");
    }
    None
}
