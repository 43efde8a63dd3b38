//! Delivery: takes from the dispatcher, claims in the store, calls the provider, records what came of it.
//!
//! One task owns the dispatcher and decides nothing else. Claims, calls and records run beside it and send their
//! results to its inbox, so a slow provider or a slow commit never keeps it from serving another account.

mod call;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use everthread_core::dispatch::{AccountLimits, Claim as Take, Dispatcher};
use everthread_core::ids::{AccountId, AttemptId, ConversationId};
use everthread_core::limits::LEASE;
use everthread_core::outcome::ThrottleScope;
use everthread_core::pacing::{Gcra, Limit};
use everthread_core::time::{Span, Timestamp};
use everthread_store::Store;
use everthread_store::units::{
    After, AttemptResult, Claim, Claimed, GetCursor, Outgoing, Record, Recorded, Recover, Recovered,
    SetCursor, Settle, Settled,
};
use tokio::sync::{mpsc, watch};

use crate::clock::{self, JumpWatch};
use crate::continuity::Observer;
use crate::effects::Effects;
use crate::http::Client;
use crate::media::{Files, link::Links};
use crate::registry::Registry;
use crate::supervisor::{Supervisor, TaskKind};

/// Claims in one unit of work: a fair share of a commit.
const CLAIMS_MAX: usize = 256;

/// Outcomes in one unit of work.
const RECORDS_MAX: usize = 256;

/// Units under way at one time, of each kind.
const UNITS_MAX: usize = 2;

/// Lanes read in one step of the start.
const RECOVER_LANES: u32 = 2_000;

/// Parts settled in one unit.
const SETTLE_PARTS: u32 = 256;

/// First wait after a failed unit; doubled up to half a minute.
const STORE_WAIT: Duration = Duration::from_millis(100);

/// What arrives in delivery's inbox.
#[derive(Debug)]
pub enum Note {
    /// What followed from a commit.
    After(After),
    /// A claim unit has ended.
    Claimed { takes: Vec<Take>, claimed: Vec<Claimed>, after: After },
    /// A call has ended.
    Called { conversation: ConversationId, result: Box<AttemptResult> },
    /// A record unit has ended.
    Recorded { conversations: Vec<ConversationId>, recorded: Vec<Recorded>, after: After },
    /// A settle unit has ended.
    Settled(Box<Settled>),
}

/// What delivery works with.
#[derive(Clone)]
pub struct Delivery {
    pub store: Store,
    pub client: Client,
    pub registry: watch::Receiver<Arc<Registry>>,
    pub effects: Effects,
    pub supervisor: Supervisor,
    pub links: Links,
    pub files: Files,
    pub observer: Observer,
    pub notes: mpsc::UnboundedSender<Note>,
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Delivery")
    }
}

/// Why delivery ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("delivery can't start: {0}")]
    Start(everthread_store::Error),
}

struct Worker {
    with: Delivery,
    dispatcher: Dispatcher,
    fence: i64,
    owner: String,
    claiming: usize,
    recording: usize,
    settling: bool,
    results: VecDeque<(ConversationId, AttemptResult)>,
    /// When each account's calls start. Its pace is booked at the claim, and claims that were committed together must not go out
    /// together: the platform counts what reaches it.
    starts: HashMap<AccountId, (Limit, Gcra)>,
    /// Lanes whose call has not been recorded, by attempt: for the log only.
    calls: HashMap<AttemptId, ConversationId>,
    due: Option<Timestamp>,
    jump: JumpWatch,
}

impl Delivery {
    /// Runs until the supervisor stops it; then calls under way are waited for and recorded.
    pub async fn run(self, mut inbox: mpsc::UnboundedReceiver<Note>) -> Result<(), Error> {
        let stop = self.supervisor.stopping();
        let fence = self.next_fence().await.map_err(Error::Start)?;
        let mut worker = Worker {
            owner: format!("serve-{fence}"),
            with: self,
            dispatcher: Dispatcher::default(),
            fence,
            claiming: 0,
            recording: 0,
            settling: false,
            results: VecDeque::new(),
            starts: HashMap::new(),
            calls: HashMap::new(),
            due: None,
            jump: JumpWatch::new(),
        };
        worker.accounts();
        worker.recover().await.map_err(Error::Start)?;
        let mut notes = Vec::new();
        let mut registry = worker.with.registry.clone();
        loop {
            worker.pump();
            let wait = worker.wait();
            tokio::select! {
                () = stop.cancelled() => break,
                n = inbox.recv_many(&mut notes, 1_024) => if n == 0 { break },
                changed = registry.changed() => if changed.is_ok() { worker.accounts() },
                () = tokio::time::sleep(wait) => {}
            }
            for note in notes.drain(..) {
                worker.note(note);
            }
        }
        worker.wind_down(inbox).await;
        Ok(())
    }

    /// A number that grows with every start; what an older process claimed can't be taken over silently.
    async fn next_fence(&self) -> Result<i64, everthread_store::Error> {
        let name = "delivery.fence".to_owned();
        let last = self.store.read(GetCursor { name: name.clone() }).await?;
        let next = last.and_then(|text| text.parse::<i64>().ok()).unwrap_or(0) + 1;
        self.store.write(SetCursor { name, value: next.to_string() }).await?;
        Ok(next)
    }
}

/// Tries a unit until the store takes it; gives up only for defects.
async fn insist<U: everthread_store::Unit + Clone>(
    store: &Store,
    unit: U,
) -> Result<U::Out, everthread_store::Error> {
    let mut wait = STORE_WAIT;
    loop {
        match store.write(unit.clone()).await {
            Err(error) if error.is_transient() => {
                tracing::warn!(%error, "the store is away, trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(Duration::from_secs(30));
            }
            done => return done,
        }
    }
}

impl Worker {
    /// Everything that waits in lanes, and what was in flight when the last process ended (I11).
    async fn recover(&mut self) -> Result<(), everthread_store::Error> {
        let mut from = None;
        loop {
            let unit = Recover {
                now: clock::now(),
                seed: clock::seed(),
                after: from,
                limit: RECOVER_LANES,
                directory: self.with.registry.borrow().directory.clone(),
                fence: self.fence,
            };
            let Recovered { after, heads, recent, next, uncertain } = insist(&self.with.store, unit).await?;
            if uncertain > 0 {
                tracing::warn!(
                    parts = uncertain,
                    "calls of the last run have an unknown outcome and are being settled"
                );
            }
            for call in recent {
                self.dispatcher.book(call.account, call.peer, call.at);
            }
            self.consequences(after);
            for head in heads {
                self.dispatcher.upsert(head, clock::now());
            }
            if next.is_none() {
                self.due = Some(clock::now());
                return Ok(());
            }
            from = next;
        }
    }

    /// Limits and stops of every account, after the registry changed.
    fn accounts(&mut self) {
        let now = clock::now();
        let registry = self.with.registry.borrow_and_update().clone();
        self.starts.retain(|id, _| registry.account(*id).is_some());
        for account in registry.accounts() {
            let Some(info) = registry.directory.get(account.id) else { continue };
            let limits = AccountLimits::new(info.caps.pacing);
            let known = self.starts.get(&account.id).map_or_else(Gcra::default, |(_, gcra)| *gcra);
            self.starts.insert(account.id, (limits.pacing.account.into(), known));
            self.dispatcher.set_account(account.id, limits, now);
            self.dispatcher.stop_account(account.id, account.stopped.is_some(), now);
        }
    }

    fn after(&mut self, after: After) {
        let now = clock::now();
        for (account, _) in &after.stopped {
            self.dispatcher.stop_account(*account, true, now);
        }
        for throttle in &after.throttled {
            match throttle.scope {
                ThrottleScope::Account => {
                    self.dispatcher.throttle_account(throttle.account, throttle.until, now);
                }
                ThrottleScope::Pair => {
                    self.dispatcher.throttle_pair(throttle.account, throttle.peer, throttle.until);
                }
            }
        }
        for (conversation, version) in after.idle {
            self.dispatcher.remove(conversation, version, now);
        }
        for head in after.heads {
            self.dispatcher.upsert(head, now);
        }
        if let Some(due) = after.due {
            self.due = Some(self.due.map_or(due, |known| known.min(due)));
        }
    }

    /// Takes the lanes' part of a unit's consequences for itself and passes the rest on.
    fn consequences(&mut self, after: After) {
        let rest =
            After { heads: Vec::new(), idle: Vec::new(), throttled: Vec::new(), due: None, ..after.clone() };
        self.with.effects.committed(rest);
        self.after(after);
    }

    fn note(&mut self, note: Note) {
        match note {
            Note::After(after) => self.after(after),
            Note::Claimed { takes, claimed, after } => {
                self.claiming -= 1;
                self.consequences(after);
                for (take, claimed) in takes.into_iter().zip(claimed) {
                    match claimed {
                        Claimed::Send(outgoing) => self.call(*outgoing),
                        Claimed::Skip => self.dispatcher.finished(take.conversation, clock::now()),
                    }
                }
            }
            Note::Called { conversation, result } => {
                self.calls.remove(&result.attempt);
                self.results.push_back((conversation, *result));
            }
            Note::Recorded { conversations, recorded, after } => {
                self.recording -= 1;
                debug_assert_eq!(conversations.len(), recorded.len());
                self.consequences(after);
                for conversation in conversations {
                    self.dispatcher.finished(conversation, clock::now());
                }
            }
            Note::Settled(settled) => {
                self.settling = false;
                let Settled { after, next, more, .. } = *settled;
                self.consequences(after);
                if let Some(due) = if more { Some(clock::now()) } else { next } {
                    self.due = Some(self.due.map_or(due, |known| known.min(due)));
                }
            }
        }
    }

    /// Starts what can start: claims, records, settling.
    fn pump(&mut self) {
        while self.claiming < UNITS_MAX {
            let takes = self.dispatcher.take(clock::now(), CLAIMS_MAX);
            if takes.is_empty() {
                break;
            }
            self.claim(takes);
        }
        while self.recording < UNITS_MAX && !self.results.is_empty() {
            self.record();
        }
        if !self.settling && self.due.is_some_and(|due| due <= clock::now()) {
            self.due = None;
            self.settle();
        }
    }

    /// Time until something is due by itself.
    fn wait(&self) -> Duration {
        let now = clock::now();
        let lanes = if self.claiming < UNITS_MAX { self.dispatcher.deadline(now) } else { None };
        let due = if self.settling { None } else { self.due };
        let next = [lanes, due].into_iter().flatten().min();
        next.map_or(Duration::from_secs(5), |at| at.since(now).to_std().min(Duration::from_secs(5)))
    }

    fn claim(&mut self, takes: Vec<Take>) {
        self.claiming += 1;
        let now = clock::now();
        let unit = Claim {
            now,
            seed: clock::seed(),
            claims: takes.clone(),
            lease_until: now + LEASE,
            owner: self.owner.clone(),
            fence: self.fence,
            directory: self.with.registry.borrow().directory.clone(),
        };
        let with = self.with.clone();
        self.with.supervisor.spawn(TaskKind::Delivery, async move {
            let (claimed, after) = insist(&with.store, unit).await?;
            let _ = with.notes.send(Note::Claimed { takes, claimed, after });
            Ok::<_, everthread_store::Error>(())
        });
    }

    fn call(&mut self, outgoing: Outgoing) {
        self.calls.insert(outgoing.attempt, outgoing.conversation);
        let with = self.with.clone();
        let account = self.with.registry.borrow().account(outgoing.account).cloned();
        let wait = self.start_in(outgoing.account);
        self.with.supervisor.spawn(TaskKind::ProviderCall, async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let result = call::make(&with, account.as_deref(), &outgoing).await;
            let _ = with
                .notes
                .send(Note::Called { conversation: outgoing.conversation, result: Box::new(result) });
            Ok::<_, std::convert::Infallible>(())
        });
    }

    /// How long the next call of an account waits for its turn.
    fn start_in(&mut self, account: AccountId) -> Duration {
        let now = clock::now();
        let Some((limit, gcra)) = self.starts.get_mut(&account) else { return Duration::ZERO };
        let at = gcra.earliest(limit, 0).max(now);
        gcra.book(limit, at);
        at.since(now).to_std()
    }

    fn record(&mut self) {
        self.recording += 1;
        let take = self.results.len().min(RECORDS_MAX);
        let (conversations, results): (Vec<_>, Vec<_>) = self.results.drain(..take).unzip();
        let unit = Record {
            now: clock::now(),
            seed: clock::seed(),
            results,
            directory: self.with.registry.borrow().directory.clone(),
        };
        let with = self.with.clone();
        self.with.supervisor.spawn(TaskKind::Delivery, async move {
            let (recorded, after) = insist(&with.store, unit).await?;
            let _ = with.notes.send(Note::Recorded { conversations, recorded, after });
            Ok::<_, everthread_store::Error>(())
        });
    }

    /// Deadlines of held and uncertain parts. After a jump of the clock one pass of catching up comes first (I14).
    fn settle(&mut self) {
        if self.jump.jumped() {
            tracing::warn!("the clock jumped; deadlines are looked at again in a moment");
            self.due = Some(clock::now() + Span::secs(5));
            return;
        }
        self.settling = true;
        let unit = Settle {
            now: clock::now(),
            seed: clock::seed(),
            limit: SETTLE_PARTS,
            directory: self.with.registry.borrow().directory.clone(),
        };
        let with = self.with.clone();
        self.with.supervisor.spawn(TaskKind::Delivery, async move {
            let settled = insist(&with.store, unit).await?;
            let _ = with.notes.send(Note::Settled(Box::new(settled)));
            Ok::<_, everthread_store::Error>(())
        });
    }

    /// No new claims; what is under way is recorded. Ends early when the supervisor's patience does.
    async fn wind_down(mut self, mut inbox: mpsc::UnboundedReceiver<Note>) {
        let mut notes = Vec::new();
        while self.claiming + self.recording > 0 || !self.calls.is_empty() || !self.results.is_empty() {
            while self.recording < UNITS_MAX && !self.results.is_empty() {
                self.record();
            }
            if inbox.recv_many(&mut notes, 1_024).await == 0 {
                return;
            }
            for note in notes.drain(..) {
                self.note(note);
            }
        }
    }
}
