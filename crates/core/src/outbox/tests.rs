use super::*;
use crate::pacing::{Pacing, Rate};
use crate::text::Unit;

const QUEUED: Timestamp = Timestamp::from_secs(1_000_000);

fn facts(outcome: &Outcome) -> AttemptFacts<'_> {
    AttemptFacts {
        outcome,
        attempt: 1,
        second_copy: false,
        deadline: Author::Person.deadline(QUEUED, None),
        worth_until: None,
        author: Author::Person,
        settle: Settle::Never,
        fault: None,
    }
}

/// The same of another author, with the deadline that follows.
fn by(author: Author, facts: AttemptFacts<'_>) -> AttemptFacts<'_> {
    AttemptFacts { author, deadline: author.deadline(QUEUED, facts.worth_until), ..facts }
}

fn not_executed(class: ErrorClass, wait: Option<Span>) -> Outcome {
    Outcome::NotExecuted { class, reason: Reason::new("503", "away"), wait, scope: ThrottleScope::Pair }
}

/// The kind of outcome and, where it has one, its time in seconds after the message was queued.
fn show(next: &Next) -> String {
    let at = |t: Timestamp| t.since(QUEUED).as_micros() / 1_000_000;
    match next {
        Next::Accepted { provider_id } => format!("accepted {provider_id:?}"),
        Next::Retry { at: t, throttle, .. } => format!("retry {} {throttle:?}", at(*t)),
        Next::StopAccount { until, .. } => format!("stop {}", at(*until)),
        Next::Held { until, .. } => format!("held {}", at(*until)),
        Next::Failed { class, .. } => format!("failed {}", class.as_str()),
        Next::Uncertain { settle_by, .. } => format!("uncertain {}", at(*settle_by)),
        Next::Unconfirmed { .. } => "unconfirmed".to_owned(),
        Next::Returned { .. } => "returned".to_owned(),
        Next::Cancelled { .. } => "cancelled".to_owned(),
    }
}

#[test]
fn every_outcome_has_its_consequence() {
    let refused = |class| Outcome::Refused { class, reason: Reason::default() };
    let accepted = Outcome::Accepted { provider_id: "p1".into() };
    let uncertain = Outcome::Uncertain { reason: Reason::default() };
    let away = not_executed(ErrorClass::PlatformOutage, None);
    let slow = not_executed(ErrorClass::Throttled, Some(Span::secs(77)));
    let long = not_executed(ErrorClass::Throttled, Some(Span::hours(30)));
    let auth = not_executed(ErrorClass::Auth, None);
    let down = Reason::new("incident", "down");
    let base = |outcome| facts(outcome);
    let bot = |outcome| by(Author::Bot, facts(outcome));
    let callback = |outcome| AttemptFacts { settle: Settle::ByCallback(Span::secs(60)), ..facts(outcome) };
    let idempotent = |outcome| AttemptFacts { settle: Settle::Idempotent, ..facts(outcome) };
    let ahead = Some(QUEUED + Span::hours(5));
    let notice = |outcome| by(Author::Notice, AttemptFacts { worth_until: ahead, ..facts(outcome) });
    let (window, unknown) = (refused(ErrorClass::WindowClosed), refused(ErrorClass::UnknownOutcome));
    let (duplicate, bad_token) = (refused(ErrorClass::Duplicate), refused(ErrorClass::Auth));
    for (facts, expected) in [
        (base(&accepted), "accepted Some(\"p1\")"),
        (base(&duplicate), "accepted None"),
        (base(&window), "failed window_closed"),
        (base(&bad_token), "stop 86400"),
        (base(&auth), "stop 86400"),
        (base(&away), "retry 1 None"),
        (AttemptFacts { attempt: 5, ..base(&away) }, "retry 16 None"),
        (AttemptFacts { attempt: 30, ..base(&away) }, "retry 2400 None"),
        (AttemptFacts { attempt: ATTEMPTS_MAX, ..base(&away) }, "returned"),
        (AttemptFacts { attempt: ATTEMPTS_MAX, fault: Some(&down), ..base(&away) }, "held 86400"),
        (AttemptFacts { fault: Some(&down), ..base(&slow) }, "retry 77 Some(Pair)"),
        (AttemptFacts { fault: Some(&down), ..base(&auth) }, "stop 86400"),
        (AttemptFacts { attempt: ATTEMPTS_MAX, ..bot(&away) }, "cancelled"),
        (base(&slow), "retry 77 Some(Pair)"),
        (base(&long), "retry 86400 Some(Pair)"),
        (bot(&slow), "retry 77 Some(Pair)"),
        (bot(&long), "cancelled"),
        (base(&uncertain), "unconfirmed"),
        (base(&unknown), "unconfirmed"),
        (bot(&uncertain), "unconfirmed"),
        (callback(&uncertain), "uncertain 60"),
        (idempotent(&uncertain), "retry 1 None"),
        (AttemptFacts { attempt: ATTEMPTS_MAX, ..idempotent(&uncertain) }, "unconfirmed"),
        (notice(&uncertain), "uncertain 600"),
        (AttemptFacts { second_copy: true, ..notice(&uncertain) }, "unconfirmed"),
        (AttemptFacts { worth_until: None, ..notice(&uncertain) }, "unconfirmed"),
    ] {
        assert_eq!(show(&after(&facts, QUEUED, 0)), expected, "{facts:?}");
    }
}

#[test]
fn only_a_notice_whose_event_is_ahead_gets_a_second_copy() {
    let outcome = Outcome::Uncertain { reason: Reason::default() };
    let now = QUEUED + Span::mins(10);
    for author in [Author::Person, Author::Bot, Author::Broadcast, Author::Notice] {
        for (worth_until, second_copy) in [
            (None, false),
            (Some(now + Span::secs(1)), false),
            (Some(now), false),
            (Some(now + Span::secs(1)), true),
        ] {
            let facts = AttemptFacts { second_copy, worth_until, author, ..facts(&outcome) };
            let again = matches!(unsettled(&facts, &Reason::default(), now), Next::Retry { .. });
            let expected = author == Author::Notice && worth_until.is_some_and(|t| t > now) && !second_copy;
            assert_eq!(again, expected, "{facts:?}");
        }
    }
}

#[test]
fn windows_open_for_all_then_for_people_then_not() {
    let rate = Rate { per_s: 1.0, burst: 1 };
    let caps = |human: Option<Span>, templates| Capabilities {
        text: crate::fit::TextLimit { max: 1, unit: Unit::Chars },
        caption: None,
        buttons: crate::fit::ButtonLimit { max: 0, title_chars: 0, urls: false },
        media: vec![],
        replies: false,
        reactions: false,
        templates,
        echoes: false,
        delivered_receipts: false,
        read_receipts: false,
        window: Some(Span::hours(24)),
        human_window: human,
        settle: Settle::Never,
        pacing: Pacing { account: rate, pair: rate },
    };
    let meta = caps(Some(Span::hours(168)), false);
    let whatsapp = caps(None, true);
    let at = |hours| QUEUED + Span::hours(hours);
    use Author::{Bot, Person};
    for (caps, hours, author, template, text_only, expected) in [
        (&meta, 23, Bot, false, false, Permit::Go),
        (&meta, 24, Person, false, true, Permit::HumanTag),
        (&meta, 24, Person, false, false, Permit::Closed),
        (&meta, 24, Bot, false, true, Permit::Closed),
        (&meta, 168, Person, false, true, Permit::Closed),
        (&whatsapp, 24, Person, false, true, Permit::NeedsTemplate),
        (&whatsapp, 24, Bot, true, true, Permit::Go),
    ] {
        let window = window(caps, Some(QUEUED), at(hours));
        assert_eq!(permit(window, caps, author, template, text_only), expected, "{hours} h, {author:?}");
    }
    assert_eq!(window(&meta, None, QUEUED), Window::Closed);
    assert_eq!(window(&Capabilities { window: None, ..meta }, None, QUEUED), Window::Unlimited);
}

proptest::proptest! {
    #[test]
    fn waits_obey_the_provider_grow_and_are_bounded(attempt in 0_u32..100, draw: u64, wait in 0_i64..100_000) {
        let asked = Span::secs(wait);
        let told = backoff(attempt, Some(asked), draw);
        proptest::prop_assert!(told >= asked && told <= asked + Span::mins(1));
        let own = backoff(attempt, None, draw);
        proptest::prop_assert!(own >= RETRY_FIRST && own <= RETRY_WAIT_MAX + Span::mins(1));
        proptest::prop_assert!(backoff(attempt + 1, None, 0) >= backoff(attempt, None, 0));
    }

    #[test]
    fn no_part_is_retried_past_its_deadline_or_for_ever(attempt in 1_u32..60, late in 0_i64..200_000, draw: u64, bot: bool) {
        let outcome = not_executed(ErrorClass::PlatformOutage, None);
        let author = if bot { Author::Bot } else { Author::Person };
        let facts = by(author, AttemptFacts { attempt, ..facts(&outcome) });
        let now = QUEUED + Span::secs(late);
        match after(&facts, now, draw) {
            Next::Retry { at, .. } => {
                proptest::prop_assert!(attempt < ATTEMPTS_MAX && now < facts.deadline && at <= facts.deadline);
            }
            Next::Returned { .. } => proptest::prop_assert!(!bot),
            Next::Cancelled { .. } => proptest::prop_assert!(bot),
            other => proptest::prop_assert!(false, "{:?}", other),
        }
    }
}
