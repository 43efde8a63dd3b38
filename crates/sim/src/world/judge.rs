//! The judge: what was promised, and whether it was kept.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use everthread_core::directory::AccountInfo;
use everthread_core::event::Fact;
use everthread_core::ids::{AccountId, ConversationId, IdentityId, IncidentId, PartId, WorkspaceId};
use everthread_core::invariants::{Ended, may_send_again, within_rate};
use everthread_core::outbox::{Author, Settle};
use everthread_core::state::State;
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::Outgoing;

use super::World;
use crate::checks::{Away, Check, Final, LookAtClaim, LookAtEnd};
use crate::hub::{Inside, text};

/// Platforms count in whole seconds.
pub(super) const WINDOW_SLACK: Span = Span::secs(2);

/// What was promised to the outside, and what is known of calls.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) since: HashMap<WorkspaceId, i64>,
    /// Acknowledged customer messages and hand-typed messages: account and provider id.
    /// The first with their words.
    pub(super) messages: HashMap<(AccountId, String), String>,
    pub(super) typed: HashSet<(AccountId, String)>,
    /// Acknowledged corrections, withdrawals and reactions, by the message they concern.
    pub(super) edits: HashMap<(AccountId, String), HashSet<String>>,
    pub(super) deleted: HashSet<(AccountId, String)>,
    pub(super) reactions: HashSet<(AccountId, String)>,
    pub(super) composed: HashSet<String>,
    /// Attempts of each part since a person last asked for it; the last may be under way.
    pub(super) attempts: HashMap<PartId, Vec<Ended>>,
    pub(super) open: HashMap<PartId, u64>,
    pub(super) authors: HashMap<PartId, Author>,
    /// The last place in each lane that was started.
    pub(super) places: HashMap<ConversationId, (i64, i64)>,
    pub(super) retried: HashSet<PartId>,
    /// Starts of calls by the hub's clock.
    pub(super) starts: BTreeMap<AccountId, Vec<Timestamp>>,
    pub(super) pair_starts: BTreeMap<(AccountId, IdentityId), Vec<Timestamp>>,
    /// Incidents that carried a conversation.
    pub(super) carried: BTreeMap<ConversationId, BTreeSet<IncidentId>>,
    /// When each conversation was planned last, by the hub's clock.
    pub(super) planned: HashMap<ConversationId, Timestamp>,
    /// Conversations away from their first channel, with that channel's account.
    pub(super) away: Vec<(ConversationId, WorkspaceId, AccountId)>,
}

impl World {
    pub(super) fn check(&mut self) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let since = Some(std::mem::take(&mut self.judge.since));
        let (since, wrong) = hub.store.read(&Check { since }).map_err(text)?;
        self.judge.since = since;
        wrong.into_iter().next().map_or(Ok(()), Err)
    }

    /// I4, I10 and pacing, when an attempt is on disk and its call has not started.
    pub(super) fn judge_claim(&mut self, out: &Outgoing, clock: Timestamp) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Ok(()) };
        let facts = hub.store.read(&LookAtClaim(out.part)).map_err(text)?;
        let author = Author::parse(&facts.author).ok_or("an author without a word")?;
        self.judge.authors.insert(out.part, author);
        let info = self.scene.account(out.account).cloned();
        if let Some(incident) = info.and_then(|info| self.shut_over(&info)).filter(|_| !out.canary) {
            return Err(format!("{} goes out into {incident}", out.part));
        }
        if author == Author::Bot && (facts.version != Some(facts.owner_version)) {
            let (wrote, owns) = (facts.version, facts.owner_version);
            return Err(format!("{} of a bot at version {wrote:?} goes out at {owns}", out.part));
        }
        if author == Author::Bot && facts.people_after > 0 {
            return Err(format!("{} of a bot goes out after a person spoke", out.part));
        }
        if author != Author::Person && facts.stopped > 0 {
            return Err(format!("{} goes out after the customer said stop", out.part));
        }
        if facts.before > 0 {
            return Err(format!("{} starts before {} parts ahead of it", out.part, facts.before));
        }
        let here = (facts.seq, facts.idx);
        let last = self.judge.places.entry(out.conversation).or_insert(here);
        if here < *last && !self.judge.retried.contains(&out.part) {
            return Err(format!("{} at {here:?} starts after {last:?}", out.part));
        }
        *last = here.max(*last);
        self.judge_pace(out, clock)
    }

    fn judge_pace(&mut self, out: &Outgoing, clock: Timestamp) -> Inside<()> {
        let Some(info) = self.scene.account(out.account) else { return Ok(()) };
        let starts = self.judge.starts.entry(out.account).or_default();
        starts.push(clock);
        let pair = self.judge.pair_starts.entry((out.account, out.identity)).or_default();
        pair.push(clock);
        for (limit, starts) in [(info.caps.pacing.account, starts), (info.caps.pacing.pair, pair)] {
            let tail = &starts[starts.len().saturating_sub(40)..];
            if !within_rate(&limit.into(), tail) {
                return Err(format!("{} is sent faster than {limit:?}: {tail:?}", out.part));
            }
        }
        Ok(())
    }

    /// I6: no call outside the reply window as the platform counts it. After a jump the clocks differ.
    pub(super) fn judge_window(&self, out: &Outgoing, info: &AccountInfo) -> Inside<()> {
        let free = self.jumped || out.content.template.is_some();
        let Some(window) = info.caps.window.filter(|_| !free) else { return Ok(()) };
        let last = self.provider.last.get(&(info.id, out.to.value.clone()));
        if last.is_some_and(|last| self.now <= *last + window + WINDOW_SLACK) {
            return Ok(());
        }
        Err(format!("{} goes out at {} outside its window: {last:?}", out.part, self.now.rfc3339()))
    }

    /// I5, when a call starts.
    pub(super) fn judge_call(&mut self, out: &Outgoing) -> Inside<()> {
        let Some(info) = self.scene.account(out.account) else { return Ok(()) };
        let author = self.judge.authors.get(&out.part).copied().unwrap_or(Author::Bot);
        let attempts = self.judge.attempts.entry(out.part).or_default();
        if !may_send_again(author, info.caps.settle == Settle::Idempotent, attempts) {
            return Err(format!("{} is sent again after {attempts:?}", out.part));
        }
        attempts.push(Ended::Uncertain);
        self.judge.open.insert(out.part, self.life);
        Ok(())
    }

    pub(super) fn judge_end(&mut self) -> Inside<()> {
        let Some(hub) = &mut self.hub else { return Err("the hub is down at the end".to_owned()) };
        let (_, wrong) = hub.store.read(&Check { since: None }).map_err(text)?;
        if let Some(first) = wrong.into_iter().next() {
            return Err(first);
        }
        let end = hub.store.read(&LookAtEnd).map_err(text)?;
        if hub.lag() > 0 || end.parked > 0 || end.live_attempts > 0 {
            return Err(format!(
                "left over: lag {}, {} parked, {} attempts",
                hub.lag(),
                end.parked,
                end.live_attempts
            ));
        }
        if let Some(incident) = hub.continuity.detector.incidents().first() {
            return Err(format!("an incident is never over: {incident:?}"));
        }
        if let Some(away) = hub.store.read(&Away).map_err(text)?.first() {
            return Err(format!("{away:?} never went home"));
        }
        if let Some((part, state)) = end.unfinished.first() {
            return Err(format!("{part} never came to an end: {state:?}"));
        }
        if let Some(problem) = end.problems.first() {
            return Err(format!("a problem was stored: {problem}"));
        }
        self.judge_words(&end)?;
        let acknowledged = self.judge.messages.keys().cloned().collect();
        let incoming: Vec<_> =
            end.incoming.iter().map(|row| (row.account, row.provider_id.clone())).collect();
        exactly_once("message", &acknowledged, &incoming)?;
        // By a clock that jumped, a late echo of our own cannot always be told from words typed by hand.
        let ours =
            |entry: &&(AccountId, String)| self.provider.sent.iter().any(|sent| sent.provider_id == entry.1);
        let typed: Vec<_> = end.typed.iter().filter(|entry| !(self.jumped && ours(entry))).cloned().collect();
        exactly_once("hand-typed message", &self.judge.typed, &typed)?;
        if let Some(lost) = self.judge.composed.iter().find(|id| !end.composed.contains(id)) {
            return Err(format!("what a person wrote is gone: {lost}"));
        }
        for sent in &self.provider.sent {
            let by_time = sent.told_by_time.filter(|_| !self.jumped);
            let Some(told) = sent.told.max(by_time) else { continue };
            // A copy that the part no longer goes by (it was sent again by hand) has nowhere to be shown.
            let Some(state) = end.parts.get(&(sent.account, sent.provider_id.clone())) else { continue };
            let least = match told {
                Fact::Delivered => [State::Delivered, State::Read].as_slice(),
                Fact::Read => &[State::Read],
                Fact::Failed => &[State::Failed, State::Delivered, State::Read],
                Fact::Accepted => &[State::Accepted, State::Delivered, State::Read, State::Failed],
            };
            if !least.contains(state) {
                return Err(format!("{} is {state:?}, but {told:?} was acknowledged", sent.part));
            }
        }
        self.judge_replay(&end)
    }

    /// Corrections, withdrawals and reactions are in force, whatever order they came in.
    fn judge_words(&self, end: &Final) -> Inside<()> {
        for row in &end.incoming {
            let at = (row.account, row.provider_id.clone());
            let (wrote, edits) = (self.judge.messages.get(&at), self.judge.edits.get(&at));
            let fits = if self.judge.deleted.contains(&at) {
                row.deleted && row.text.is_empty()
            } else {
                let edited = edits.is_some_and(|edits| edits.contains(&row.text));
                !row.deleted && if edits.is_some() { edited } else { wrote == Some(&row.text) }
            };
            if !fits {
                return Err(format!("{row:?} was {wrote:?}, then {edits:?}"));
            }
        }
        let lost = self.judge.reactions.iter().find(|at| end.unreacted.contains(at));
        lost.map_or(Ok(()), |at| Err(format!("the reaction to {at:?} is lost")))
    }

    /// I2: the whole journal once more changes nothing.
    fn judge_replay(&mut self, before: &Final) -> Inside<()> {
        let clock = self.clock();
        let Some(hub) = &mut self.hub else { return Err("the hub is down at the end".to_owned()) };
        hub.replay(clock)?;
        let after = hub.store.read(&LookAtEnd).map_err(text)?;
        if after == *before { Ok(()) } else { Err("replaying the journal changed something".to_owned()) }
    }
}

/// Each acknowledged thing is there, each thing that is there was sent, and nothing is there twice.
fn exactly_once(
    what: &str,
    acknowledged: &HashSet<(AccountId, String)>,
    stored: &[(AccountId, String)],
) -> Inside<()> {
    let mut seen = HashSet::new();
    if let Some(twice) = stored.iter().find(|entry| !seen.insert(*entry)) {
        return Err(format!("{what} {twice:?} is there twice"));
    }
    if let Some(lost) = acknowledged.iter().find(|entry| !seen.contains(entry)) {
        return Err(format!("acknowledged {what} {lost:?} is lost"));
    }
    match stored.iter().find(|entry| !acknowledged.contains(*entry)) {
        Some(invented) => Err(format!("{what} {invented:?} was never sent to us")),
        None => Ok(()),
    }
}
