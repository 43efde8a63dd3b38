//! What follows an attempt: retry, hold, settle, fail; and whether a part may be sent at all.
//!
//! The store's unit records what comes out of here in the transaction that ends the attempt. The policy after
//! an uncertain outcome is that of the outage model, 5.3.

use serde::{Deserialize, Serialize};

use crate::fit::Capabilities;
use crate::limits::{
    ATTEMPTS_MAX, BOT_ANSWER_EXPIRES, HELD_ANSWER_EXPIRES, HELD_RETURNS, NOTICE_RESEND_AFTER, RETRY_FIRST,
    RETRY_WAIT_MAX,
};
use crate::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use crate::time::{Span, Timestamp};

/// What settles an uncertain outcome (channel facts, 0.3; outage model, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settle {
    /// Repeat with the same key: never uncertain for long.
    Idempotent,
    /// A status or echo that carries our correlation, or matches by peer, text and time, within this span.
    ByCallback(Span),
    /// Nothing can; the message ends unconfirmed at once.
    Never,
}

/// Who wrote an outgoing message; a held message keeps the kind of its author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Author {
    /// Typed by somebody.
    Person,
    /// A rule, flow or assistant.
    Bot,
    /// A campaign to many.
    Broadcast,
    /// Order, appointment: sent by an application.
    Notice,
}

impl Author {
    /// The stable word used in exports and in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Bot => "bot",
            Self::Broadcast => "broadcast",
            Self::Notice => "notice",
        }
    }

    /// Reads the stable word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Person, Self::Bot, Self::Broadcast, Self::Notice].into_iter().find(|a| a.as_str() == text)
    }

    /// When an unsent message of this author has lost its meaning or goes back (I8). `worth_until` is what the
    /// message itself says, e.g. the time of the appointment.
    pub fn deadline(self, queued_at: Timestamp, worth_until: Option<Timestamp>) -> Timestamp {
        let own = match self {
            Self::Person | Self::Broadcast | Self::Notice => queued_at + HELD_RETURNS,
            Self::Bot => queued_at + BOT_ANSWER_EXPIRES,
        };
        worth_until.map_or(own, |until| until.min(own))
    }

    /// The same once an incident has held it, for as long as it waits there and on every route that it is carried to: the two minutes
    /// of a bot's answer are for a channel that works.
    pub fn held_deadline(self, queued_at: Timestamp, worth_until: Option<Timestamp>) -> Timestamp {
        let own = match self {
            Self::Person | Self::Broadcast | Self::Notice => queued_at + HELD_RETURNS,
            Self::Bot => queued_at + HELD_ANSWER_EXPIRES,
        };
        worth_until.map_or(own, |until| until.min(own))
    }
}

/// What is known when an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub struct AttemptFacts<'a> {
    pub outcome: &'a Outcome,
    /// Attempts of this part so far, this one included: 1 for the first.
    pub attempt: u32,
    /// True where an earlier attempt ended uncertain and this one was the second copy that policy allows.
    pub second_copy: bool,
    /// The part's deadline as it is stored: [`Author::deadline`], or [`Author::held_deadline`] once an incident has held it.
    pub deadline: Timestamp,
    /// When the message loses its meaning, if it says so.
    pub worth_until: Option<Timestamp>,
    pub author: Author,
    pub settle: Settle,
    /// It was a canary, and this is the open incident's reason: where it did not get through, it waits with the others.
    pub fault: Option<&'a Reason>,
}

/// What becomes of the part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// It is out. `provider_id` is `None` where the provider only said that it already has it.
    Accepted { provider_id: Option<String> },
    /// Stays queued at the head of its lane until `at`. `throttle` says how much else must wait with it.
    Retry { at: Timestamp, class: ErrorClass, reason: Reason, throttle: Option<ThrottleScope> },
    /// The account sends nothing until somebody acts; this part is held until `until`.
    StopAccount { reason: Reason, until: Timestamp },
    /// Waits for an open incident to end, at most until `until`; nobody has to act.
    Held { reason: Reason, until: Timestamp },
    /// Failed for good and visibly; the lane goes on.
    Failed { class: ErrorClass, reason: Reason },
    /// Nobody knows; blocks its lane until a fact settles it or `settle_by` passes (then [`unsettled`]).
    Uncertain { settle_by: Timestamp, reason: Reason },
    /// May have been delivered; never sent again by itself; the lane goes on.
    Unconfirmed { reason: Reason },
    /// Back to its author: state `failed`, marked returned, with one tap to send again.
    Returned { reason: Reason },
    /// Has lost its meaning.
    Cancelled { reason: Reason },
}

/// What follows the attempt. `draw` is any random number; it spreads retries.
pub fn after(facts: &AttemptFacts<'_>, now: Timestamp, draw: u64) -> Next {
    match facts.outcome {
        Outcome::Accepted { provider_id } => Next::Accepted { provider_id: Some(provider_id.clone()) },
        Outcome::NotExecuted { class: ErrorClass::Auth, reason, .. }
        | Outcome::Refused { class: ErrorClass::Auth, reason } => {
            Next::StopAccount { reason: reason.clone(), until: facts.deadline }
        }
        Outcome::Refused { class: ErrorClass::Duplicate, .. }
        | Outcome::NotExecuted { class: ErrorClass::Duplicate, .. } => Next::Accepted { provider_id: None },
        Outcome::NotExecuted { class, .. } if facts.fault.is_some() && *class != ErrorClass::Throttled => {
            Next::Held { reason: facts.fault.cloned().unwrap_or_default(), until: facts.deadline }
        }
        Outcome::NotExecuted { class, reason, wait, scope } => {
            let throttle = (*class == ErrorClass::Throttled).then_some(*scope);
            retry(facts, *class, reason, *wait, throttle, now, draw)
        }
        Outcome::Refused { class: ErrorClass::UnknownOutcome, reason } | Outcome::Uncertain { reason } => {
            uncertain(facts, reason, now, draw)
        }
        Outcome::Refused { class, reason } => Next::Failed { class: *class, reason: reason.clone() },
    }
}

/// What follows when `settle_by` has passed and no fact has settled the attempt: outage model, 5.3.
///
/// Only a notice whose event is still ahead is sent once more. Where the table says "drop", nothing is sent
/// again and the part says so; its state is `unconfirmed`, because it may have reached the customer.
pub fn unsettled(facts: &AttemptFacts<'_>, reason: &Reason, now: Timestamp) -> Next {
    let ahead = facts.worth_until.is_some_and(|until| until > now);
    if facts.author == Author::Notice && ahead && !facts.second_copy && facts.attempt < ATTEMPTS_MAX {
        let reason = Reason::new(reason.code.clone(), format!("{} (second copy allowed)", reason.text));
        return Next::Retry { at: now, class: ErrorClass::UnknownOutcome, reason, throttle: None };
    }
    Next::Unconfirmed { reason: reason.clone() }
}

/// What follows when a part that never went out has reached its deadline (I8).
pub fn expired(author: Author, why: &Reason) -> Next {
    match author {
        Author::Person => Next::Returned { reason: why.clone() },
        Author::Bot | Author::Broadcast | Author::Notice => Next::Cancelled { reason: why.clone() },
    }
}

fn uncertain(facts: &AttemptFacts<'_>, reason: &Reason, now: Timestamp, draw: u64) -> Next {
    let at_least = if facts.author == Author::Notice && facts.worth_until.is_some() && !facts.second_copy {
        NOTICE_RESEND_AFTER
    } else {
        Span::ZERO
    };
    match facts.settle {
        Settle::Idempotent => retry(facts, ErrorClass::UnknownOutcome, reason, None, None, now, draw),
        Settle::ByCallback(span) => {
            Next::Uncertain { settle_by: now + span.max(at_least), reason: reason.clone() }
        }
        Settle::Never if at_least > Span::ZERO => {
            Next::Uncertain { settle_by: now + at_least, reason: reason.clone() }
        }
        Settle::Never => unsettled(facts, reason, now),
    }
}

fn retry(
    facts: &AttemptFacts<'_>,
    class: ErrorClass,
    reason: &Reason,
    wait: Option<Span>,
    throttle: Option<ThrottleScope>,
    now: Timestamp,
    draw: u64,
) -> Next {
    let at = now + backoff(facts.attempt, wait, draw);
    let deadline = facts.deadline;
    if facts.attempt >= ATTEMPTS_MAX || at >= deadline {
        // An idempotent call that was never answered may have been executed.
        return if class == ErrorClass::UnknownOutcome {
            Next::Unconfirmed { reason: reason.clone() }
        } else if now >= deadline || facts.author != Author::Person || facts.attempt >= ATTEMPTS_MAX {
            expired(facts.author, reason)
        } else {
            // Too far away to be tried again: it stays visible until its deadline and goes back then.
            Next::Retry { at: deadline, class, reason: reason.clone(), throttle }
        };
    }
    Next::Retry { at, class, reason: reason.clone(), throttle }
}

/// How long to wait before attempt `attempt + 1`: the provider's own word and up to an eighth more, else
/// doubling from [`RETRY_FIRST`] to [`RETRY_WAIT_MAX`] and up to a quarter more. Never less than the provider said.
pub fn backoff(attempt: u32, wait: Option<Span>, draw: u64) -> Span {
    let (base, share) = if let Some(wait) = wait {
        (wait.max(Span::ZERO), 8)
    } else {
        let doubled = RETRY_FIRST * (1_i64 << attempt.saturating_sub(1).min(20));
        (doubled.min(RETRY_WAIT_MAX), 4)
    };
    let room = u64::try_from(base.as_micros() / share).unwrap_or(0).min(60_000_000);
    let jitter = draw.checked_rem(room + 1).unwrap_or(0);
    base + Span::micros(i64::try_from(jitter).unwrap_or(0))
}

/// The reply window towards one customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The channel has none.
    Unlimited,
    /// Open until then.
    Open { until: Timestamp },
    /// Only text typed by a person may go, with the human-agent tag, until then.
    HumanOnly { until: Timestamp },
    /// Over, or the customer has not written yet.
    Closed,
}

/// The window, given when the customer last wrote on this channel.
pub fn window(caps: &Capabilities, last_customer_at: Option<Timestamp>, now: Timestamp) -> Window {
    let Some(standard) = caps.window else { return Window::Unlimited };
    let Some(last) = last_customer_at else { return Window::Closed };
    let human = caps.human_window.map(|span| last + span);
    match human {
        _ if now < last + standard => Window::Open { until: last + standard },
        Some(until) if now < until => Window::HumanOnly { until },
        _ => Window::Closed,
    }
}

/// Whether a message may go now, by the policy of its channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    Go,
    /// Go with the human-agent tag.
    HumanTag,
    /// Only an approved template or another channel can carry it: fails with class `window_closed`.
    NeedsTemplate,
    /// No way on this channel: fails with class `window_closed`.
    Closed,
}

/// Decides by the window. Rules, bots and bulk never use the human-agent tag; nor do files.
pub fn permit(
    window: Window,
    caps: &Capabilities,
    author: Author,
    template: bool,
    text_only: bool,
) -> Permit {
    match window {
        Window::Unlimited | Window::Open { .. } => Permit::Go,
        _ if template && caps.templates => Permit::Go,
        Window::HumanOnly { .. } if author == Author::Person && text_only => Permit::HumanTag,
        _ if caps.templates => Permit::NeedsTemplate,
        _ => Permit::Closed,
    }
}

#[cfg(test)]
mod tests;
