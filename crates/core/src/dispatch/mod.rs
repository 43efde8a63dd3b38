//! Which lane sends next: an in-memory scheduler over the heads of all lanes.
//!
//! It holds no truth. The store's lane rows do; the claim in the store checks everything again, and after
//! a restart the dispatcher is filled from there. One lane has at most one call under way. Work per operation
//! grows with the logarithm of lanes and accounts: there are ordered indexes and no scans.

use std::collections::{BTreeSet, HashMap};

use crate::ids::{AccountId, ConversationId, IdentityId, PartId, WorkspaceId};
use crate::limits::{ACCOUNT_SLOTS, ACCOUNT_SLOTS_MAX, SLOT_HELD};
use crate::pacing::{Gcra, Limit, Pacing};
use crate::state::Class;
use crate::time::Timestamp;

/// The first unsent part of a lane, and how urgent the lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneHead {
    pub conversation: ConversationId,
    pub workspace: WorkspaceId,
    /// The account of the lane's route.
    pub account: AccountId,
    /// The customer's address: with the account, the pair that providers limit.
    pub peer: IdentityId,
    /// The most urgent of all that waits in the lane.
    pub class: Class,
    /// When the head was queued: first come, first served within a class.
    pub queued_at: Timestamp,
    /// Not before this time (retry, hold).
    pub ready_at: Timestamp,
    pub head: PartId,
    /// Version of the lane's row, growing with each change: an older head than the known one is ignored. A
    /// store that has none passes 0.
    pub version: i64,
}

/// A call to make now: claim it in the store, and whatever comes of it, report [`Dispatcher::finished`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub conversation: ConversationId,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub peer: IdentityId,
    pub part: PartId,
    pub class: Class,
}

/// Limits of one account, as data.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccountLimits {
    pub pacing: Pacing,
    /// Calls under way at once.
    pub slots: u32,
}

impl AccountLimits {
    /// The pacing with the number of slots that it can fill.
    pub fn new(pacing: Pacing) -> Self {
        let fills = pacing.account.per_s * SLOT_HELD.as_micros() as f64 / 1e6;
        // A rate that is no number fills none.
        let slots = (fills.ceil() as u32).clamp(ACCOUNT_SLOTS, ACCOUNT_SLOTS_MAX);
        Self { pacing, slots }
    }
}

type PairKey = (AccountId, IdentityId);
/// Ready lanes of an account in one class, oldest first.
type Queue = BTreeSet<(Timestamp, ConversationId)>;

const CLASSES: usize = Class::ALL.len();

/// See the module's documentation.
#[derive(Debug, Default)]
pub struct Dispatcher {
    lanes: HashMap<ConversationId, Lane>,
    accounts: HashMap<AccountId, Account>,
    pairs: HashMap<PairKey, Pair>,
    /// Accounts that may send now, by class; the one served longest ago first.
    runnable: [BTreeSet<(u64, AccountId)>; CLASSES],
    timers: BTreeSet<(Timestamp, Timer)>,
    /// Pairs by the time at which they can be forgotten.
    spent_pairs: BTreeSet<(Timestamp, PairKey)>,
    turn: u64,
    running: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Account(AccountId),
    Lane(ConversationId),
}

#[derive(Debug)]
struct Lane {
    head: LaneHead,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// In the timers, until then.
    Waiting(Timestamp),
    /// In its account's queue of its class.
    Ready,
    /// A call is under way for `account`; `next` is the newest head heard of meanwhile.
    Running { account: AccountId, next: Option<LaneHead> },
}

#[derive(Debug, Default)]
struct Account {
    /// `None`: not known (yet), so nothing is sent.
    limits: Option<Limits>,
    stopped: bool,
    blocked_until: Timestamp,
    gcra: Gcra,
    in_use: u32,
    ready: [Queue; CLASSES],
    /// Where it stands in `runnable`, by class.
    listed: [Option<u64>; CLASSES],
    timer: Option<Timestamp>,
    turn: u64,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    account: Limit,
    pair: Limit,
    slots: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pair {
    gcra: Gcra,
    blocked_until: Timestamp,
    /// Where it stands in `spent_pairs`.
    forget_at: Option<Timestamp>,
}

impl Dispatcher {
    /// Sets or changes an account's limits; until then its lanes wait.
    pub fn set_account(&mut self, account: AccountId, limits: AccountLimits, now: Timestamp) {
        self.accounts.entry(account).or_default().limits = Some(Limits {
            account: limits.pacing.account.into(),
            pair: limits.pacing.pair.into(),
            slots: limits.slots.max(1),
        });
        self.list(account, now);
    }

    /// Stops an account (its token is refused, or it was removed) or lets it send again. Calls under way end by
    /// themselves.
    pub fn stop_account(&mut self, account: AccountId, stopped: bool, now: Timestamp) {
        self.accounts.entry(account).or_default().stopped = stopped;
        self.list(account, now);
    }

    /// Counts a call that went out at `at` without a claim from here: after a restart, for each attempt that was
    /// started in the last minutes (oldest first), so that a crash never lets an account send faster.
    pub fn book(&mut self, account: AccountId, peer: IdentityId, at: Timestamp) {
        let state = self.accounts.entry(account).or_default();
        let Some(limits) = state.limits else { return };
        state.gcra.book(&limits.account, at);
        self.pair_book((account, peer), &limits.pair, at);
        self.list(account, at);
    }

    /// Puts a lane's head in, replacing the one known. While a call is under way it is kept for afterwards.
    pub fn upsert(&mut self, head: LaneHead, now: Timestamp) {
        if let Some(lane) = self.lanes.get_mut(&head.conversation) {
            if let Phase::Running { next, .. } = &mut lane.phase {
                if next.is_none_or(|known| known.version <= head.version) {
                    *next = Some(head);
                }
                return;
            }
            if head.version < lane.head.version {
                return;
            }
            self.unplace(head.conversation, now);
        }
        self.place(head, now);
    }

    /// Takes a lane out: as of `version`, nothing waits in it. A newer head is kept: commits are heard of in any
    /// order. A call under way ends by itself.
    pub fn remove(&mut self, conversation: ConversationId, version: i64, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&conversation) else { return };
        if let Phase::Running { next, .. } = &mut lane.phase {
            *next = next.filter(|head| head.version > version);
            return;
        }
        if lane.head.version > version {
            return;
        }
        self.unplace(conversation, now);
        self.lanes.remove(&conversation);
    }

    /// Up to `max` calls that may go now: live before bot before update before bulk, accounts in turn, first
    /// come first served within account and class.
    pub fn take(&mut self, now: Timestamp, max: usize) -> Vec<Claim> {
        self.wake(now);
        let mut claims = Vec::new();
        while claims.len() < max {
            let Some((class, account)) = self.most_urgent() else { break };
            if let Some(claim) = self.take_one(class, account, now) {
                claims.push(claim);
            }
        }
        claims
    }

    /// The lane's call has ended and its outcome is recorded: frees the slot. The lane goes on with the newest head
    /// given to [`Dispatcher::upsert`] since the claim, and leaves if there was none.
    pub fn finished(&mut self, conversation: ConversationId, now: Timestamp) {
        let Some(lane) = self.lanes.get(&conversation) else { return };
        let Phase::Running { account, next } = lane.phase else { return };
        self.lanes.remove(&conversation);
        self.running -= 1;
        if let Some(state) = self.accounts.get_mut(&account) {
            state.in_use = state.in_use.saturating_sub(1);
        }
        if let Some(head) = next {
            self.place(head, now);
        }
        self.list(account, now);
    }

    /// The provider said that everything of this account must wait.
    pub fn throttle_account(&mut self, account: AccountId, until: Timestamp, now: Timestamp) {
        let state = self.accounts.entry(account).or_default();
        state.blocked_until = state.blocked_until.max(until);
        self.list(account, now);
    }

    /// The provider said that this customer must wait.
    pub fn throttle_pair(&mut self, account: AccountId, peer: IdentityId, until: Timestamp) {
        let pair = self.pairs.entry((account, peer)).or_default();
        pair.blocked_until = pair.blocked_until.max(until);
        self.pair_remember((account, peer));
    }

    /// When [`Dispatcher::take`] should be called again; `now` where it would give something at once. `None`: not
    /// before another input.
    pub fn deadline(&self, now: Timestamp) -> Option<Timestamp> {
        if self.runnable.iter().any(|accounts| !accounts.is_empty()) {
            return Some(now);
        }
        self.timers.first().map(|(at, _)| (*at).max(now))
    }

    /// Lanes known, calls under way among them.
    pub fn lane_count(&self) -> usize {
        self.lanes.len()
    }

    /// Calls under way.
    pub const fn running_count(&self) -> usize {
        self.running
    }

    fn most_urgent(&self) -> Option<(usize, AccountId)> {
        self.runnable.iter().enumerate().find_map(|(class, accounts)| {
            let (_, account) = accounts.first()?;
            Some((class, *account))
        })
    }

    /// Takes the oldest ready lane of this account and class, or puts it back where its pair must wait.
    fn take_one(&mut self, class: usize, account: AccountId, now: Timestamp) -> Option<Claim> {
        let state = self.accounts.get_mut(&account)?;
        let Some((_, conversation)) = state.ready[class].pop_first() else {
            debug_assert!(false, "{account} is listed with nothing to send");
            self.list(account, now);
            return None;
        };
        let limits = state.limits?;
        let lane = self.lanes.get_mut(&conversation)?;
        let head = lane.head;
        let key = (account, head.peer);
        if let Some(at) = self.pairs.get(&key).map(|pair| pair.earliest(&limits.pair)).filter(|at| *at > now)
        {
            lane.phase = Phase::Waiting(at);
            self.timers.insert((at, Timer::Lane(conversation)));
            self.list(account, now);
            return None;
        }
        lane.phase = Phase::Running { account, next: None };
        self.turn += 1;
        state.turn = self.turn;
        state.in_use += 1;
        state.gcra.book(&limits.account, now);
        self.running += 1;
        self.pair_book(key, &limits.pair, now);
        self.list(account, now);
        let LaneHead { workspace, peer, head: part, class, .. } = head;
        Some(Claim { conversation, workspace, account, peer, part, class })
    }

    /// Handles all timers up to `now`.
    fn wake(&mut self, now: Timestamp) {
        while let Some((at, timer)) = self.timers.first().copied().filter(|(at, _)| *at <= now) {
            self.timers.remove(&(at, timer));
            match timer {
                Timer::Account(account) => {
                    if let Some(state) = self.accounts.get_mut(&account) {
                        state.timer = None;
                    }
                    self.list(account, now);
                }
                Timer::Lane(conversation) => {
                    if let Some(head) = self.lanes.get(&conversation).map(|lane| lane.head) {
                        self.place(head, now);
                    }
                }
            }
        }
        while let Some((at, key)) = self.spent_pairs.first().copied().filter(|(at, _)| *at <= now) {
            self.spent_pairs.remove(&(at, key));
            self.pairs.remove(&key);
        }
    }

    /// Puts a lane that is nowhere yet into the timers or its account's queue.
    fn place(&mut self, head: LaneHead, now: Timestamp) {
        let pair = self.pairs.get(&(head.account, head.peer));
        let state = self.accounts.entry(head.account).or_default();
        let pair_at = match (pair, state.limits) {
            (Some(pair), Some(limits)) => pair.earliest(&limits.pair),
            _ => head.ready_at,
        };
        let at = head.ready_at.max(pair_at);
        let phase = if at > now {
            self.timers.insert((at, Timer::Lane(head.conversation)));
            Phase::Waiting(at)
        } else {
            state.ready[head.class as usize].insert((head.queued_at, head.conversation));
            Phase::Ready
        };
        self.lanes.insert(head.conversation, Lane { head, phase });
        if phase == Phase::Ready {
            self.list(head.account, now);
        }
    }

    /// Takes a lane out of the timers or its account's queue.
    fn unplace(&mut self, conversation: ConversationId, now: Timestamp) {
        let Some(lane) = self.lanes.get(&conversation) else { return };
        match lane.phase {
            Phase::Waiting(at) => drop(self.timers.remove(&(at, Timer::Lane(conversation)))),
            Phase::Ready => {
                if let Some(state) = self.accounts.get_mut(&lane.head.account) {
                    state.ready[lane.head.class as usize].remove(&(lane.head.queued_at, conversation));
                }
                let account = lane.head.account;
                self.list(account, now);
            }
            Phase::Running { .. } => {}
        }
    }

    /// Brings `runnable` and the timer of an account up to date.
    fn list(&mut self, id: AccountId, now: Timestamp) {
        let Some(state) = self.accounts.get_mut(&id) else { return };
        let mut wake_at: Option<Timestamp> = None;
        for class in 0..CLASSES {
            let open_at = if state.ready[class].is_empty() { None } else { state.open_at(class) };
            let may = open_at.is_some_and(|at| at <= now);
            let listed = state.listed[class];
            if listed.is_some() && (!may || listed != Some(state.turn)) {
                self.runnable[class].remove(&(listed.unwrap_or_default(), id));
                state.listed[class] = None;
            }
            if may && state.listed[class].is_none() {
                self.runnable[class].insert((state.turn, id));
                state.listed[class] = Some(state.turn);
            }
            if let (Some(at), false) = (open_at, may) {
                wake_at = Some(wake_at.map_or(at, |known| known.min(at)));
            }
        }
        if state.timer != wake_at {
            if let Some(at) = state.timer {
                self.timers.remove(&(at, Timer::Account(id)));
            }
            if let Some(at) = wake_at {
                self.timers.insert((at, Timer::Account(id)));
            }
            state.timer = wake_at;
        }
    }

    fn pair_book(&mut self, key: PairKey, limit: &Limit, at: Timestamp) {
        self.pairs.entry(key).or_default().gcra.book(limit, at);
        self.pair_remember(key);
    }

    /// Keeps the index by which pairs are forgotten up to date.
    fn pair_remember(&mut self, key: PairKey) {
        let Some(pair) = self.pairs.get_mut(&key) else { return };
        let at = pair.gcra.free_at().max(pair.blocked_until);
        if let Some(old) = pair.forget_at.replace(at) {
            self.spent_pairs.remove(&(old, key));
        }
        self.spent_pairs.insert((at, key));
    }
}

impl Account {
    /// When a call of this class may go; `None` until another input (a slot, an operator).
    fn open_at(&self, class: usize) -> Option<Timestamp> {
        let limits = self.limits.filter(|_| !self.stopped)?;
        let bulk = class == Class::Bulk as usize;
        // A quarter of slots and burst is kept from bulk, so that talk finds some free.
        let slots = if bulk { limits.slots - limits.slots / 4 } else { limits.slots };
        let reserve = if bulk { (limits.account.burst() + 3) / 4 } else { 0 };
        (self.in_use < slots).then(|| self.gcra.earliest(&limits.account, reserve).max(self.blocked_until))
    }
}

impl Pair {
    fn earliest(&self, limit: &Limit) -> Timestamp {
        self.gcra.earliest(limit, 0).max(self.blocked_until)
    }
}

#[cfg(test)]
mod tests;
