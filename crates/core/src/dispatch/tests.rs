use std::collections::HashMap;

use super::*;
use crate::invariants::within_rate;
use crate::pacing::Rate;
use crate::time::Span;

const START: Timestamp = Timestamp::from_secs(1_000_000);
const FAST: Pacing =
    Pacing { account: Rate { per_s: 1e6, burst: 1_000_000 }, pair: Rate { per_s: 1e6, burst: 1_000 } };

fn head(conversation: i64, account: i64, class: Class) -> LaneHead {
    LaneHead {
        conversation: ConversationId(conversation),
        workspace: WorkspaceId(1),
        account: AccountId(account),
        peer: IdentityId(conversation),
        class,
        queued_at: START + Span::micros(conversation),
        ready_at: START,
        head: PartId(conversation),
        version: 0,
    }
}

fn dispatcher(accounts: i64, pacing: Pacing) -> Dispatcher {
    let mut dispatcher = Dispatcher::default();
    for account in 1..=accounts {
        dispatcher.set_account(AccountId(account), AccountLimits { pacing, slots: 8 }, START);
    }
    dispatcher
}

fn order(claims: &[Claim]) -> Vec<i64> {
    claims.iter().map(|claim| claim.conversation.0).collect()
}

#[test]
fn urgent_lanes_go_first_then_accounts_in_turn_then_the_oldest() {
    let mut dispatcher = dispatcher(2, FAST);
    for (lane, account, class) in [
        (1, 1, Class::Bulk),
        (2, 1, Class::Update),
        (3, 1, Class::Live),
        (4, 1, Class::Live),
        (5, 2, Class::Live),
        (6, 2, Class::Bot),
    ] {
        dispatcher.upsert(head(lane, account, class), START);
    }
    assert_eq!(order(&dispatcher.take(START, 4)), [3, 5, 4, 6]);
    assert_eq!(dispatcher.deadline(START), Some(START), "more could go");
    assert_eq!(order(&dispatcher.take(START, 9)), [2, 1]);
    assert_eq!(dispatcher.deadline(START), None);
}

#[test]
fn a_lane_has_one_call_and_goes_on_with_the_newest_head() {
    let mut dispatcher = dispatcher(1, FAST);
    dispatcher.upsert(head(1, 1, Class::Live), START);
    assert_eq!(dispatcher.take(START, 9).len(), 1);
    let second = LaneHead { head: PartId(77), version: 2, ..head(1, 1, Class::Live) };
    dispatcher.upsert(second, START);
    dispatcher.upsert(LaneHead { head: PartId(66), version: 1, ..second }, START);
    assert_eq!(dispatcher.take(START, 9), []);
    dispatcher.finished(ConversationId(1), START);
    let claims = dispatcher.take(START, 9);
    assert_eq!(claims.iter().map(|c| c.part).collect::<Vec<_>>(), [PartId(77)]);
    dispatcher.remove(ConversationId(1), 2, START);
    dispatcher.finished(ConversationId(1), START);
    assert_eq!((dispatcher.lane_count(), dispatcher.running_count()), (0, 0));
}

#[test]
fn an_older_word_that_a_lane_is_empty_does_not_lose_a_newer_head() {
    let newer = LaneHead { head: PartId(2), version: 11, ..head(1, 1, Class::Live) };
    for under_way in [true, false] {
        let mut dispatcher = dispatcher(1, FAST);
        if under_way {
            dispatcher.upsert(LaneHead { head: PartId(1), version: 9, ..newer }, START);
            assert_eq!(dispatcher.take(START, 9).len(), 1);
        }
        // Another unit queued a message after the first one's outcome was committed, and is heard of first.
        dispatcher.upsert(newer, START);
        dispatcher.remove(ConversationId(1), 10, START);
        dispatcher.finished(ConversationId(1), START);
        let claims = dispatcher.take(START, 9);
        assert_eq!(claims.iter().map(|c| c.part).collect::<Vec<_>>(), [PartId(2)], "under way: {under_way}");
    }
}

#[test]
fn retries_throttles_and_stops_hold_only_their_own() {
    let mut dispatcher = dispatcher(2, FAST);
    let later = START + Span::secs(30);
    dispatcher.upsert(LaneHead { ready_at: later, ..head(1, 1, Class::Live) }, START);
    for lane in [2, 3] {
        dispatcher.upsert(head(lane, 1, Class::Live), START);
    }
    dispatcher.upsert(head(4, 2, Class::Live), START);
    dispatcher.throttle_pair(AccountId(1), IdentityId(2), START + Span::secs(10));
    assert_eq!(order(&dispatcher.take(START, 9)), [3, 4]);
    assert_eq!(dispatcher.deadline(START), Some(START + Span::secs(10)));
    dispatcher.throttle_account(AccountId(1), START + Span::secs(20), START);
    assert_eq!(dispatcher.take(START + Span::secs(19), 9), []);
    assert_eq!(order(&dispatcher.take(START + Span::secs(20), 9)), [2]);
    dispatcher.stop_account(AccountId(1), true, later);
    assert_eq!(dispatcher.take(later, 9), []);
    assert_eq!(dispatcher.deadline(later), None);
    dispatcher.stop_account(AccountId(1), false, later);
    assert_eq!(order(&dispatcher.take(later, 9)), [1]);
}

#[test]
fn a_hung_account_holds_only_its_slots_and_bulk_leaves_some_to_talk() {
    let mut dispatcher = dispatcher(2, FAST);
    for lane in 0..100 {
        dispatcher.upsert(head(lane, 1, Class::Bulk), START);
    }
    assert_eq!(dispatcher.take(START, 1_000).len(), 6, "two of eight slots are kept for talk");
    for lane in 100..110 {
        dispatcher.upsert(head(lane, 1, Class::Live), START);
        dispatcher.upsert(head(lane + 100, 2, Class::Live), START);
    }
    let claims = dispatcher.take(START, 1_000);
    let of = |account| claims.iter().filter(|claim| claim.account == AccountId(account)).count();
    assert_eq!((of(1), of(2)), (2, 8));
}

#[test]
fn what_was_sent_before_a_restart_counts() {
    let rate = Rate { per_s: 1.0, burst: 2 };
    let mut dispatcher = dispatcher(1, Pacing { account: rate, ..FAST });
    for _ in 0..2 {
        dispatcher.book(AccountId(1), IdentityId(9), START);
    }
    dispatcher.upsert(head(1, 1, Class::Live), START);
    assert_eq!(dispatcher.take(START, 9), []);
    assert_eq!(dispatcher.deadline(START), Some(START + Span::secs(1)));
    assert_eq!(dispatcher.take(START + Span::secs(1), 9).len(), 1);
}

#[test]
fn an_account_that_is_not_known_yet_waits_for_its_limits() {
    let mut dispatcher = Dispatcher::default();
    dispatcher.upsert(head(1, 1, Class::Live), START);
    assert_eq!((dispatcher.take(START, 9), dispatcher.deadline(START)), (vec![], None));
    dispatcher.set_account(AccountId(1), AccountLimits::new(FAST), START);
    assert_eq!(dispatcher.take(START, 9).len(), 1);
}

#[test]
fn pairs_are_forgotten_when_their_past_is_worked_off() {
    let mut dispatcher = dispatcher(1, Pacing { pair: Rate { per_s: 0.1, burst: 1 }, ..FAST });
    for lane in 0..50 {
        dispatcher.upsert(head(lane, 1, Class::Live), START);
        for claim in dispatcher.take(START, 9) {
            dispatcher.finished(claim.conversation, START);
        }
    }
    assert_eq!(dispatcher.pairs.len(), 50);
    let _ = dispatcher.take(START + Span::secs(10), 9);
    assert_eq!((dispatcher.pairs.len(), dispatcher.spent_pairs.len(), dispatcher.lane_count()), (0, 0, 0));
}

#[test]
fn live_lanes_do_not_feel_fifty_thousand_bulk_lanes() {
    let time = |bulk: i64| {
        let mut dispatcher = dispatcher(1_000, FAST);
        for lane in 0..bulk {
            dispatcher.upsert(head(lane, 1 + lane % 1_000, Class::Bulk), START);
        }
        let _ = dispatcher.take(START, 500);
        let started = std::time::Instant::now();
        for lane in 1_000_000..1_005_000 {
            dispatcher.upsert(head(lane, 1 + lane % 1_000, Class::Live), START);
            let claims = dispatcher.take(START, 1);
            assert_eq!(order(&claims), [lane]);
            dispatcher.finished(ConversationId(lane), START);
        }
        started.elapsed()
    };
    let (quiet, loaded) = (time(0), time(100_000));
    println!("5,000 live claims: {quiet:?} alone, {loaded:?} beside 100,000 bulk lanes");
    assert!(loaded < quiet * 6 + std::time::Duration::from_millis(200), "{quiet:?} -> {loaded:?}");
}

/// What the shell around the dispatcher does, with the truth about lanes in plain vectors.
struct World {
    dispatcher: Dispatcher,
    now: Timestamp,
    /// Unsent parts of each lane, with their class.
    lanes: HashMap<i64, Vec<(i64, Class)>>,
    running: HashMap<i64, Claim>,
    sends: HashMap<AccountId, Vec<Timestamp>>,
    pair_sends: HashMap<PairKey, Vec<Timestamp>>,
    version: i64,
    next_part: i64,
    sent: Vec<(i64, i64)>,
    ready_at: HashMap<i64, Timestamp>,
}

const ACCOUNTS: i64 = 3;
const SLOTS: u32 = 3;
const PACING: Pacing = Pacing { account: Rate { per_s: 5.0, burst: 4 }, pair: Rate { per_s: 1.0, burst: 2 } };

#[derive(Clone, Copy, Debug)]
enum Step {
    Queue(i64, Class),
    Take(usize),
    Finish(usize, bool),
    Pass(i64),
    ThrottleAccount(i64, i64),
    ThrottlePair(i64, i64),
}

impl World {
    fn new() -> Self {
        let mut dispatcher = Dispatcher::default();
        for account in 0..ACCOUNTS {
            dispatcher.set_account(AccountId(account), AccountLimits { pacing: PACING, slots: SLOTS }, START);
        }
        Self {
            dispatcher,
            now: START,
            lanes: HashMap::new(),
            running: HashMap::new(),
            sends: HashMap::new(),
            pair_sends: HashMap::new(),
            version: 0,
            next_part: 0,
            sent: Vec::new(),
            ready_at: HashMap::new(),
        }
    }

    /// Two lanes in three share their peer with another one.
    fn head(&mut self, lane: i64) -> Option<LaneHead> {
        let parts = self.lanes.get(&lane)?;
        let (part, _) = *parts.first()?;
        self.version += 1;
        Some(LaneHead {
            conversation: ConversationId(lane),
            workspace: WorkspaceId(1),
            account: AccountId(lane % ACCOUNTS),
            peer: IdentityId(lane / 2),
            class: parts.iter().map(|(_, class)| *class).min()?,
            queued_at: START + Span::micros(part),
            ready_at: self.ready_at.get(&lane).copied().unwrap_or(START),
            head: PartId(part),
            version: self.version,
        })
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Queue(lane, class) => {
                self.next_part += 1;
                self.lanes.entry(lane).or_default().push((self.next_part, class));
                if let Some(head) = self.head(lane) {
                    self.dispatcher.upsert(head, self.now);
                }
            }
            Step::Take(max) => self.take(max),
            Step::Finish(which, retry) => {
                let mut running: Vec<i64> = self.running.keys().copied().collect();
                running.sort_unstable();
                if let Some(lane) = running.get(which % running.len().max(1)).copied() {
                    self.finish(lane, retry);
                }
            }
            Step::Pass(millis) => self.now = self.now + Span::millis(millis),
            Step::ThrottleAccount(account, secs) => {
                self.dispatcher.throttle_account(AccountId(account), self.now + Span::secs(secs), self.now);
            }
            Step::ThrottlePair(lane, secs) => {
                let until = self.now + Span::secs(secs);
                self.dispatcher.throttle_pair(AccountId(lane % ACCOUNTS), IdentityId(lane / 2), until);
            }
        }
    }

    fn take(&mut self, max: usize) {
        let claims = self.dispatcher.take(self.now, max);
        assert!(claims.len() <= max);
        for claim in claims {
            let lane = claim.conversation.0;
            let (part, _) = self.lanes[&lane][0];
            assert_eq!(claim.part, PartId(part), "the lane's first part");
            assert!(self.ready_at.get(&lane).is_none_or(|at| *at <= self.now), "not before its time");
            assert!(self.running.insert(lane, claim).is_none(), "one call per lane");
            self.sends.entry(claim.account).or_default().push(self.now);
            self.pair_sends.entry((claim.account, claim.peer)).or_default().push(self.now);
        }
        for account in 0..ACCOUNTS {
            let count = self.running.values().filter(|claim| claim.account == AccountId(account)).count();
            assert!(count <= SLOTS as usize, "slots");
        }
        assert_eq!(self.running.len(), self.dispatcher.running_count());
    }

    fn finish(&mut self, lane: i64, retry: bool) {
        self.running.remove(&lane);
        if retry {
            self.ready_at.insert(lane, self.now + Span::secs(2));
        } else {
            self.ready_at.remove(&lane);
            let (part, _) = self.lanes.get_mut(&lane).expect("lane").remove(0);
            self.sent.push((lane, part));
        }
        match self.head(lane) {
            Some(head) => self.dispatcher.upsert(head, self.now),
            None => self.dispatcher.remove(ConversationId(lane), i64::MAX, self.now),
        }
        self.dispatcher.finished(ConversationId(lane), self.now);
    }

    /// Everything left goes out, driven by the one timer alone.
    fn quiesce(&mut self) {
        for _ in 0..10_000 {
            let mut running: Vec<i64> = self.running.keys().copied().collect();
            running.sort_unstable();
            for lane in running {
                self.finish(lane, false);
            }
            match self.dispatcher.deadline(self.now) {
                None => break,
                Some(at) => self.now = self.now.max(at),
            }
            self.take(2);
        }
        assert!(self.lanes.values().all(Vec::is_empty), "left over: {:?}", self.lanes);
        assert_eq!((self.dispatcher.lane_count(), self.dispatcher.running_count()), (0, 0));
    }
}

fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Step>> {
    use proptest::prelude::*;
    let class = proptest::sample::select(Class::ALL);
    let step = prop_oneof![
        4 => (0_i64..9, class).prop_map(|(lane, class)| Step::Queue(lane, class)),
        3 => (1_usize..5).prop_map(Step::Take),
        3 => (0_usize..9, any::<bool>()).prop_map(|(which, retry)| Step::Finish(which, retry)),
        2 => (0_i64..1_500).prop_map(Step::Pass),
        1 => (0..ACCOUNTS, 0_i64..5).prop_map(|(account, secs)| Step::ThrottleAccount(account, secs)),
        1 => (0_i64..9, 0_i64..5).prop_map(|(lane, secs)| Step::ThrottlePair(lane, secs)),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest::proptest! {
    /// Order in each lane, one call per lane, slots, pacing of accounts and pairs; and everything goes out.
    #[test]
    fn lanes_keep_their_promises(steps in steps()) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.quiesce();
        let mut last: HashMap<i64, i64> = HashMap::new();
        for (lane, part) in &world.sent {
            proptest::prop_assert!(last.insert(*lane, *part).is_none_or(|before| before < *part), "order");
        }
        proptest::prop_assert_eq!(world.sent.len() as i64, world.next_part);
        for sends in world.sends.values() {
            proptest::prop_assert!(within_rate(&PACING.account.into(), sends));
        }
        for sends in world.pair_sends.values() {
            proptest::prop_assert!(within_rate(&PACING.pair.into(), sends));
        }
    }

    /// However many less urgent lanes there are, an urgent one that may go is in the next claims.
    #[test]
    fn urgent_lanes_are_never_starved(
        crowd in proptest::collection::vec((0_i64..ACCOUNTS, proptest::sample::select(&Class::ALL[1..])), 0..60),
        account in 0..ACCOUNTS,
        max in 1_usize..4,
    ) {
        let mut dispatcher = Dispatcher::default();
        for account in 0..ACCOUNTS {
            dispatcher.set_account(AccountId(account), AccountLimits { pacing: FAST, slots: 8 }, START);
        }
        for (lane, (account, class)) in crowd.iter().enumerate() {
            dispatcher.upsert(head(lane as i64, *account, *class), START);
        }
        dispatcher.upsert(head(9_999, account, Class::Live), START);
        let claims = dispatcher.take(START, max);
        proptest::prop_assert_eq!(claims[0].conversation, ConversationId(9_999));
    }

    /// Accounts with equally urgent lanes get equally many turns.
    #[test]
    fn accounts_take_turns(lanes in proptest::collection::vec(3_usize..20, 2..6)) {
        let mut dispatcher = Dispatcher::default();
        for (account, count) in lanes.iter().enumerate() {
            let account = account as i64;
            dispatcher.set_account(AccountId(account), AccountLimits { pacing: FAST, slots: 8 }, START);
            for lane in 0..*count as i64 {
                dispatcher.upsert(head(account * 1_000 + lane, account, Class::Live), START);
            }
        }
        let claims = dispatcher.take(START, lanes.len() * 3);
        for account in 0..lanes.len() {
            let count = claims.iter().filter(|claim| claim.account == AccountId(account as i64)).count();
            proptest::prop_assert_eq!(count, 3);
        }
    }
}
