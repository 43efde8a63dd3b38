//! Faults played against the detector in virtual time.

use super::*;
use crate::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use crate::time::Span;

const IG: AccountId = AccountId(1);
const WA: AccountId = AccountId(2);
const TG: AccountId = AccountId(3);
const IG2: AccountId = AccountId(4);

/// A hub in virtual time: ticks of ten seconds, one message every `send_every` ticks on each account, probes every third tick.
struct Play {
    detector: Detector,
    accounts: Vec<AccountId>,
    now: Timestamp,
    tick: i64,
    send_every: i64,
    probing: Vec<AccountId>,
    /// Whether what fails is answered, or not a byte comes back.
    answers: bool,
    found: Vec<Finding>,
}

fn member(account: AccountId) -> Member {
    let (channel, fate) = match account {
        IG | IG2 => ("instagram", "meta"),
        WA => ("whatsapp", "meta"),
        _ => ("telegram", "telegram"),
    };
    Member { account, channel: channel.into(), fate: vec![fate.into()] }
}

impl Play {
    fn new(accounts: &[AccountId]) -> Self {
        let mut detector = Detector::new(Config::default());
        detector.members(accounts.iter().map(|a| member(*a)));
        Self {
            detector,
            accounts: accounts.to_vec(),
            now: Timestamp::from_secs(1_000_000),
            tick: 0,
            send_every: 6,
            probing: accounts.to_vec(),
            answers: true,
            found: Vec::new(),
        }
    }

    fn see(&mut self, account: AccountId, signal: Signal, bad: bool) {
        let peer = (signal == Signal::Send).then_some(IdentityId(self.tick * 10 + account.0));
        let seen = Observation {
            at: self.now,
            account,
            signal,
            bad,
            answered: !bad || self.answers,
            peer,
            detail: String::new(),
        };
        self.detector.observe(&seen);
    }

    /// Minutes of life in which the accounts in `down` fail by `signal`.
    fn run(&mut self, minutes: i64, down: &[AccountId], auth: bool) {
        for _ in 0..minutes * 6 {
            self.now = self.now + Span::secs(10);
            self.tick += 1;
            for account in self.accounts.clone() {
                let bad = down.contains(&account);
                if self.tick % self.send_every == 0 && self.gate(account) == Gate::Open {
                    self.see(account, Signal::Send, bad && !auth);
                    self.see(account, Signal::Token, bad && auth);
                }
                if self.tick % 3 == 0 && self.probing.contains(&account) {
                    self.see(account, Signal::Messaging, bad && !auth);
                    self.see(account, Signal::Token, bad && auth);
                }
            }
            self.found.extend(self.detector.evaluate(self.now));
        }
    }

    fn gate(&self, account: AccountId) -> Gate {
        let members = self.detector.all_members();
        gates(self.detector.incidents(), &members, self.now, 1.0).get(&account).copied().unwrap_or(Gate::Open)
    }

    fn open(&self) -> Vec<(Phase, Direction, Scope)> {
        let scope = |i: &Incident| i.scope().cloned().unwrap_or(Scope::Network);
        self.detector.incidents().iter().map(|i| (i.phase, i.direction, scope(i))).collect()
    }

    fn attributed(&self) -> Option<Scope> {
        self.detector.incidents().first()?.attribution.attributed(&self.detector.all_members())
    }

    fn confirmed_after(&self, from: Timestamp) -> Option<Span> {
        self.found.iter().find(|f| f.incident.phase == Phase::Confirmed).map(|f| f.at.since(from))
    }
}

fn channel(name: &str) -> Scope {
    Scope::Channel(name.into())
}

#[test]
fn instagram_alone_is_named_where_whatsapp_speaks_against_the_company() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(60, &[], false);
    assert!(play.open().is_empty());
    let onset = play.now;
    play.run(6, &[IG], false);
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Send, channel("instagram"))]);
    assert_eq!(play.attributed(), Some(channel("instagram")));
    assert!(play.confirmed_after(onset).is_some_and(|after| after <= Span::mins(5)));
    assert!(play.gate(IG).is_shut() && play.gate(WA) == Gate::Open);
    let words = what(&play.detector.incidents()[0], Scope::id);
    assert_eq!(words, "instagram: sending fails (seen on one of our accounts only)");
}

#[test]
fn an_undecided_scope_counts_as_the_company() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(60, &[], false);
    // WhatsApp is silent from the onset on: nothing speaks against the company.
    play.accounts.retain(|account| *account != WA);
    play.run(6, &[IG], false);
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Send, channel("instagram"))]);
    assert_eq!(play.attributed(), Some(Scope::Company("meta".into())));
    let words = sure(&play.detector.incidents()[0].attribution, Scope::id);
    assert!(words.starts_with("60 % instagram, 30 % meta"), "{words}");
}

#[test]
fn both_products_of_a_company_are_the_company() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(60, &[], false);
    play.run(6, &[IG, WA], false);
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Send, Scope::Company("meta".into()))]);
    assert!(play.gate(WA).is_shut() && play.gate(TG) == Gate::Open);
}

#[test]
fn a_dead_token_is_told_from_a_dead_platform_by_its_neighbours() {
    let mut play = Play::new(&[IG, IG2, WA]);
    play.run(30, &[], false);
    play.run(4, &[IG2], true);
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Auth, Scope::Account(IG2))]);
    let mut wide = Play::new(&[IG, IG2, WA]);
    wide.run(30, &[], false);
    wide.run(4, &[IG, IG2, WA], true);
    assert_eq!(wide.open(), [(Phase::Confirmed, Direction::Auth, Scope::Company("meta".into()))]);
}

#[test]
fn two_companies_that_answer_with_failures_are_not_our_own_network() {
    for (answers, own) in [(true, false), (false, true)] {
        let mut play = Play::new(&[IG, WA, TG]);
        play.run(30, &[], false);
        play.answers = answers;
        play.run(8, &[IG, WA, TG], false);
        let open = play.open();
        let scopes: Vec<_> = open.iter().map(|(_, _, scope)| scope.clone()).collect();
        assert_eq!(scopes.contains(&Scope::Network), own, "answers: {answers}, open: {open:?}");
        assert!(open.iter().all(|(phase, ..)| *phase == Phase::Confirmed), "{open:?}");
    }
}

#[test]
fn one_customers_failures_and_throttling_confirm_nothing() {
    let mut play = Play::new(&[IG, WA]);
    play.run(30, &[], false);
    for _ in 0..200 {
        let peer = Some(IdentityId(7));
        let at = play.now;
        play.detector.observe(&Observation {
            at,
            account: IG,
            signal: Signal::Send,
            bad: true,
            answered: true,
            peer,
            detail: String::new(),
        });
    }
    play.run(10, &[], false);
    assert!(play.found.iter().all(|f| f.incident.phase != Phase::Confirmed));
    let reason = Reason::new("429", "slow down");
    let throttled = Outcome::NotExecuted {
        class: ErrorClass::Throttled,
        reason,
        wait: None,
        scope: ThrottleScope::Account,
    };
    assert!(of_outcome(&throttled).is_empty());
}

#[test]
fn recovery_is_called_after_the_end_and_the_ramp_closes_it() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    play.run(40, &[IG], false);
    let end = play.now;
    play.found.clear();
    play.run(5, &[], false);
    let recovering = play.found.iter().find(|f| f.incident.phase == Phase::Recovering).map(|f| f.at);
    assert!(recovering.is_some_and(|at| at > end && at.since(end) <= Span::mins(5)), "{:?}", play.open());
    let Gate::Ramp(key, share) = play.gate(IG) else { panic!("{:?}", play.gate(IG)) };
    assert!(share < 0.2);
    assert!(play.detector.drained(key, play.now).is_none(), "the ramp is not over");
    play.run(6, &[], false);
    let closed = play.detector.drained(key, play.now).map(|f| f.incident.phase);
    assert_eq!((closed, play.open().len()), (Some(Phase::Closed), 0));
}

#[test]
fn flapping_makes_the_all_clear_slower() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    for _ in 0..10 {
        play.run(3, &[IG], false);
        play.run(3, &[], false);
    }
    let changes = play.found.iter().filter(|f| !f.scope_only && f.incident.phase >= Phase::Confirmed).count();
    assert!(changes <= 4, "{changes} changes of state in an hour of flapping");
}

#[test]
fn a_month_of_harmless_failures_confirms_nothing() {
    let mut play = Play::new(&[IG, WA, TG]);
    // Every 97th message fails, and now and then a probe does.
    for hour in 0..24 * 30_i64 {
        for _ in 0..6 {
            play.now = play.now + Span::mins(10);
            play.tick += 1;
            for account in [IG, WA, TG] {
                play.see(account, Signal::Send, play.tick % 97 == account.0);
                play.see(account, Signal::Messaging, play.tick % 240 == account.0 * 7);
            }
            play.found.extend(play.detector.evaluate(play.now));
        }
        assert!(play.found.iter().all(|f| f.incident.phase != Phase::Confirmed), "hour {hour}");
    }
}

#[test]
fn a_person_declares_and_dismisses() {
    let mut play = Play::new(&[IG, WA]);
    let declared = play.detector.declare(channel("instagram"), Direction::Send, play.now).incident;
    play.run(60, &[], false);
    assert_eq!(
        play.open(),
        [(Phase::Confirmed, Direction::Send, channel("instagram"))],
        "only a person ends it"
    );
    assert!(what(&declared, Scope::id).ends_with("(declared by a person)"));
    let over = play.detector.dismiss(declared.key, play.now).map(|f| f.incident.phase);
    assert_eq!((over, play.gate(IG)), (Some(Phase::Closed), Gate::Open));
    play.run(10, &[IG], false);
    assert!(play.open().is_empty(), "the person has just said that it is not down");
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    play.run(2, &[IG], false);
    let text = serde_json::to_string(&play.detector).expect("it can be written");
    let mut again: Detector = serde_json::from_str(&text).expect("it can be read");
    again.members([IG, WA, TG].map(member));
    play.detector = again;
    play.run(4, &[IG], false);
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Send, channel("instagram"))]);
    let per_account = serde_json::to_string(&play.detector).expect("it can be written").len() / 3;
    assert!(per_account < 8_000, "{per_account} bytes an account");
}

#[test]
fn a_burst_that_is_over_holds_nobody_for_long() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    for n in 0..5 {
        play.tick += 1;
        play.now = play.now + Span::millis(10 * n);
        play.see(IG, Signal::Send, true);
    }
    play.found.extend(play.detector.evaluate(play.now));
    assert_eq!(play.open()[0].0, Phase::Suspect);
    assert!(play.gate(IG).is_shut());
    for _ in 0..4 {
        play.now = play.now + Span::secs(10);
        play.see(IG, Signal::Canary, false);
        play.found.extend(play.detector.evaluate(play.now));
    }
    assert!(play.open().is_empty(), "{:?}", play.open());
    assert!(play.found.iter().all(|f| f.incident.phase != Phase::Confirmed));
}

#[test]
fn the_fast_dial_divides_every_duration() {
    let mut play = Play::new(&[IG, WA]);
    play.detector.configure(Config { pace: 10.0, ..Config::default() });
    let onset = play.now;
    for _ in 0..40 {
        play.now = play.now + Span::secs(1);
        play.tick += 1;
        play.see(IG, Signal::Messaging, true);
        play.see(WA, Signal::Messaging, false);
        play.found.extend(play.detector.evaluate(play.now));
    }
    assert!(play.confirmed_after(onset).is_some_and(|after| after <= Span::secs(30)));
    assert_eq!(play.open().len(), 1);
}

#[test]
fn a_probe_that_stays_good_does_not_hide_failing_sends() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    // Sends and then canaries fail; the probe goes on listing conversations.
    for tick in 0..36 {
        play.now = play.now + Span::secs(10);
        play.tick += 1;
        if tick < 3 {
            play.see(IG, Signal::Send, true);
        } else if tick % 3 == 0 {
            play.see(IG, Signal::Canary, true);
        }
        for account in [IG, WA, TG] {
            if tick % 3 == 0 {
                play.see(account, Signal::Messaging, false);
            }
        }
        play.found.extend(play.detector.evaluate(play.now));
    }
    assert_eq!(play.open(), [(Phase::Confirmed, Direction::Send, channel("instagram"))]);
    assert_eq!(play.attributed(), Some(channel("instagram")));
    // Good probes alone are no recovery; good canaries are.
    play.accounts.clear();
    play.probing.clear();
    for tick in 0..60 {
        play.now = play.now + Span::secs(10);
        play.tick += 1;
        play.see(IG, Signal::Messaging, false);
        if tick >= 30 && tick % 3 == 0 {
            play.see(IG, Signal::Canary, false);
        }
        play.found.extend(play.detector.evaluate(play.now));
        assert!(tick > 30 || play.open()[0].0 == Phase::Confirmed);
    }
    assert_eq!(play.open()[0].0, Phase::Recovering);
}

#[test]
fn where_nothing_waits_to_be_tried_good_probes_are_believed_in_the_end() {
    let mut play = Play::new(&[IG, WA, TG]);
    play.run(30, &[], false);
    play.accounts.clear();
    play.probing.clear();
    let mut over = None;
    for tick in 0..360 {
        play.now = play.now + Span::secs(10);
        play.tick += 1;
        if tick < 36 && tick % 3 == 0 {
            play.see(IG, if tick < 9 { Signal::Send } else { Signal::Canary }, true);
        }
        play.see(IG, Signal::Messaging, false);
        play.found.extend(play.detector.evaluate(play.now));
        let recovers = play.open().first().is_some_and(|(phase, ..)| *phase == Phase::Recovering);
        over = over.or(recovers.then_some(tick));
    }
    // The last canary failed in the sixth minute; half an hour later its word is old.
    assert!(over.is_some_and(|tick| (210..260).contains(&tick)), "{over:?} {:?}", play.open());
}
