//! Reading back what a platform holds after an outage: from when on, what of it is new, and what an honest report says
//! (design section 5, outage model 6.2).

use crate::health::{Direction, Incident, Phase};
use crate::time::{Span, Timestamp};

/// Bad signs begin after the fault does, and clocks differ: so much before the onset is read too.
const MARGIN: Span = Span::mins(10);

/// A person notices later than a detector.
const MARGIN_DECLARED: Span = Span::hours(1);

/// Between two times of one message: platforms give whole seconds, and a webhook may carry another clock's.
pub const SAME_TIME: Span = Span::secs(5);

/// First wait before asking again for what could not be read, doubled up to [`RETRY_MAX`].
const RETRY_FIRST: Span = Span::secs(10);

/// The longest wait.
const RETRY_MAX: Span = Span::hours(1);

/// From when on to read after this incident. `None` while nothing is to be read: it is not over yet, or it never was one.
pub fn read_from(incident: &Incident) -> Option<Timestamp> {
    let over = match incident.phase {
        Phase::Recovering => true,
        Phase::Closed => incident.confirmed_at.is_some(),
        Phase::Suspect | Phase::Confirmed => false,
    };
    let margin = if incident.declared { MARGIN_DECLARED } else { MARGIN };
    over.then(|| incident.since - margin)
}

/// The time in which messages of customers may be missing on a channel that can't be read back. `None` where the incident says
/// nothing of what comes in, is not over, or was shorter than the platform keeps what it has to tell.
pub fn gap(incident: &Incident, queue: Span, now: Timestamp) -> Option<(Timestamp, Timestamp)> {
    let inbound = matches!(incident.direction, Direction::Webhook | Direction::Inbound);
    let until = incident.recovering_at.or(incident.closed_at).unwrap_or(now);
    let over = read_from(incident).is_some();
    (inbound && over && until.since(incident.since) > queue).then_some((incident.since, until))
}

/// How long to wait after the `tries`th reading that left something unread.
pub fn retry_after(tries: u32) -> Span {
    let doubled = RETRY_FIRST.as_micros().saturating_mul(1 << tries.saturating_sub(1).min(20));
    Span::micros(doubled.min(RETRY_MAX.as_micros()))
}

/// A message as far as two tellings of it agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// Written on our side.
    pub ours: bool,
    /// A hash of its words: platforms trim and fold white space.
    pub words: i64,
    pub at: Timestamp,
}

impl Line {
    const fn says_the_same(&self, other: &Self) -> bool {
        self.ours == other.ours && self.words == other.words
    }
}

/// What a message of the platform, whose id we do not know, is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    New,
    /// We have it under another id.
    Known,
    /// We have some of several that look the same: nobody can say which, so it is shown and not inserted.
    Ambiguous,
}

/// Compares messages of one conversation whose ids we do not know with those of ours that the platform did not name: by side, words and
/// time, and by count.
pub fn compare(held: &[Line], stored: &[Line]) -> Vec<Match> {
    held.iter()
        .map(|line| {
            let (from, to) = cluster(line, held);
            let same = |other: &&Line| line.says_the_same(other);
            let count = held.iter().filter(same).filter(|o| o.at >= from && o.at <= to).count();
            let near = |o: &&Line| o.at >= from - SAME_TIME && o.at <= to + SAME_TIME;
            match stored.iter().filter(same).filter(near).count() {
                0 => Match::New,
                ours if ours >= count => Match::Known,
                _ => Match::Ambiguous,
            }
        })
        .collect()
}

/// First and last time of the messages that could be taken for this one: each near the next.
fn cluster(line: &Line, held: &[Line]) -> (Timestamp, Timestamp) {
    let mut times: Vec<Timestamp> = held.iter().filter(|o| line.says_the_same(o)).map(|o| o.at).collect();
    times.sort_unstable();
    let (mut from, mut to) = (line.at, line.at);
    for at in times.iter().rev().filter(|at| **at <= line.at) {
        if from.since(*at) <= SAME_TIME + SAME_TIME {
            from = *at;
        }
    }
    for at in times.iter().filter(|at| **at >= line.at) {
        if at.since(to) <= SAME_TIME + SAME_TIME {
            to = *at;
        }
    }
    (from, to)
}

/// What a reading came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages that the platform holds of the time.
    pub platform: u64,
    /// Of those, the ones that came in by the reading.
    pub added: u64,
    /// Messages that it names and does not hand out.
    pub unreadable: u64,
    /// Messages of which nobody can say whether we have them.
    pub ambiguous: u64,
    /// Conversations that could not be read, or not yet.
    pub unread_threads: u64,
}

impl Tally {
    /// Messages that were there before.
    pub const fn known(&self) -> u64 {
        self.platform.saturating_sub(self.added + self.unreadable + self.ambiguous)
    }

    /// Nothing is left that could not be read.
    pub const fn complete(&self) -> bool {
        self.unreadable == 0 && self.ambiguous == 0 && self.unread_threads == 0
    }

    /// In words for people. `listed`: every conversation of the time was listed.
    pub fn sentence(&self, listed: bool) -> String {
        let ours = self.known() + self.added;
        let new = format!("{} came in by this, {} were known", self.added, self.known());
        if self.complete() && listed {
            return format!("complete: platform {}, we {ours}; {new}", self.platform);
        }
        let mut left = Vec::new();
        let mut note = |n: u64, what: &str| {
            if n > 0 {
                left.push(format!("{n} {what}"));
            }
        };
        note(self.unreadable, "messages that the platform does not hand out");
        note(self.ambiguous, "messages that look like ones we have");
        note(self.unread_threads, "conversations that could not be read");
        if !listed {
            left.push("conversations that could not be listed".to_owned());
        }
        format!("not complete: platform {}, we {ours}; {new}; left: {}", self.platform, left.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::Match::{Ambiguous, Known, New};
    use super::*;

    fn line(text: &str, secs: i64) -> Line {
        let words = i64::from(text.trim() == "hi");
        Line { ours: false, words, at: Timestamp::from_secs(1_764_000_000 + secs) }
    }

    #[test]
    fn equal_words_are_told_apart_by_side_time_and_count() {
        type Said = &'static [(&'static str, i64)];
        let cases: &[(Said, Said, &[Match])] = &[
            (&[("hi", 0)], &[], &[New]),
            (&[("hi", 0)], &[("hi ", 3)], &[Known]),
            (&[("hi", 0)], &[("hi", 11)], &[New]),
            (&[("hi", 0)], &[("ho", 0)], &[New]),
            (&[("hi", 0), ("hi", 2)], &[("hi", 1)], &[Ambiguous, Ambiguous]),
            (&[("hi", 0), ("hi", 2)], &[("hi", 0), ("hi", 2)], &[Known, Known]),
            (&[("hi", 0), ("hi", 600)], &[("hi", 0)], &[Known, New]),
        ];
        for (held, stored, expected) in cases {
            let lines = |all: Said| all.iter().map(|(text, secs)| line(text, *secs)).collect::<Vec<_>>();
            assert_eq!(compare(&lines(held), &lines(stored)), *expected, "{held:?} {stored:?}");
        }
        let ours = Line { ours: true, ..line("hi", 0) };
        assert_eq!(compare(&[ours], &[line("hi", 0)]), [New]);
    }

    #[test]
    fn only_what_has_nothing_left_is_complete() {
        let all = Tally { platform: 412, added: 7, ..Tally::default() };
        assert_eq!(all.sentence(true), "complete: platform 412, we 412; 7 came in by this, 405 were known");
        assert!(all.sentence(false).starts_with("not complete: platform 412, we 412;"));
        let left = Tally { unreadable: 2, unread_threads: 1, ..all };
        assert_eq!(
            left.sentence(true),
            "not complete: platform 412, we 410; 7 came in by this, 403 were known; left: \
             2 messages that the platform does not hand out, 1 conversations that could not be read"
        );
    }

    #[test]
    fn waits_double_up_to_an_hour() {
        let waits: Vec<i64> = [1, 2, 3, 9, 10, 40].map(|n| retry_after(n).as_micros() / 1_000_000).into();
        assert_eq!(waits, [10, 20, 40, 2_560, 3_600, 3_600]);
    }
}
