//! One life of the hub's process: what is in memory, and the thin shell around core and store.

mod course;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use everthread_channels::{Account, Channel, Outbound, WireRequest, WireResponse, find};
use everthread_core::dedupe::KeySecret;
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::dispatch::{AccountLimits, Dispatcher};
use everthread_core::health::of_call;
use everthread_core::ids::{AccountId, AttemptId, PartId};
use everthread_core::limits::LEASE;
use everthread_core::outcome::{Outcome, Reason, ThrottleScope};
use everthread_core::time::{Span, Timestamp};
use everthread_store::journal::testing::SimDisk;
use everthread_store::journal::{Batch, Cursor, Group, Log, Options, RawRecord, Reader, Source};
use everthread_store::units::{
    After, Apply, ApplyItem, AttemptResult, Claim, Claimed, GetCursor, ItemResult, Outgoing, Record, Recover,
    SetCursor, Settle, StartAccount,
};
use everthread_store::{InlineStore, LiteOptions, Place};
use uuid::Uuid;

use self::course::Continuity;
pub(crate) use self::course::Made;
use crate::provider::Hook;
use crate::rng::Rng;
use crate::scene::Scene;
use crate::wire::Answer;

/// Calls under way at once, over all accounts.
const CALLS_MAX: usize = 24;

/// Rows of one kind settled in one unit.
const SETTLE_ROWS: u32 = 50;

/// What went wrong inside: always a violation, as nothing here is allowed to fail.
pub(crate) type Inside<T> = Result<T, String>;

pub(crate) struct Hub {
    pub(crate) store: InlineStore,
    log: Log,
    reader: Reader,
    pub(crate) dispatcher: Dispatcher,
    directory: Arc<Directory>,
    scene: Arc<Scene>,
    fence: i64,
    settle_at: Option<Timestamp>,
    under_way: HashMap<AttemptId, Outgoing>,
    pub(crate) continuity: Continuity,
    rng: Rng,
    /// Added to true time; only grows during one life.
    pub(crate) offset: Span,
}

/// Store options of a simulated process: processes crash here, machines don't.
pub(crate) fn lite() -> LiteOptions {
    LiteOptions { fsync: false, ..LiteOptions::default() }
}

impl Hub {
    /// A process starts: opens what is on disk and recovers.
    pub(crate) fn start(
        place: &Place,
        disk: &SimDisk,
        scene: &Arc<Scene>,
        (now, offset): (Timestamp, Span),
        mut rng: Rng,
    ) -> Inside<Self> {
        let clock = now + offset;
        let mut store = InlineStore::open(place, &lite()).map_err(text)?;
        let options =
            Options { reserve_bytes: 0, segment_bytes: 64 * 1024, ..Options::new(clock, rng.draw()) };
        let (mut log, _) = Log::open(Arc::new(disk.clone()), options).map_err(text)?;
        let cursor = store.read(&GetCursor { name: "apply".to_owned() }).map_err(text)?;
        let (reader, alarm) = log.reader_from(cursor.as_deref().and_then(read_cursor));
        if let Some(alarm) = alarm {
            return Err(format!("the journal lost what was applied: {alarm}"));
        }
        let fence = store.read(&GetCursor { name: "fence".to_owned() }).map_err(text)?;
        let fence = fence.and_then(|fence| fence.parse::<i64>().ok()).unwrap_or(0) + 1;
        store.write(&SetCursor { name: "fence".to_owned(), value: fence.to_string() }).map_err(text)?;
        let mut directory = Directory::default();
        let mut dispatcher = Dispatcher::default();
        let stopped = store.read(&crate::checks::StoppedAccounts).map_err(text)?;
        for info in &scene.accounts {
            let reason = stopped.iter().find(|(id, _)| *id == info.id).map(|(_, reason)| reason.clone());
            dispatcher.set_account(info.id, AccountLimits::new(info.caps.pacing), clock);
            dispatcher.stop_account(info.id, reason.is_some(), clock);
            directory.insert(AccountInfo { stopped: reason, ..AccountInfo::clone(info) });
        }
        let continuity = Continuity::load(&mut store, scene, clock)?;
        let (scene, directory) = (Arc::clone(scene), Arc::new(directory));
        let (under_way, settle_at) = (HashMap::new(), Some(clock));
        let mut hub = Self {
            store,
            log,
            reader,
            dispatcher,
            directory,
            scene,
            fence,
            settle_at,
            under_way,
            continuity,
            rng,
            offset,
        };
        // Before anything can be claimed: what lies in a fault must not go.
        hub.regate(clock)?;
        hub.recover(clock)?;
        Ok(hub)
    }

    fn recover(&mut self, clock: Timestamp) -> Inside<()> {
        let mut after = None;
        loop {
            let unit = Recover {
                now: clock,
                seed: self.rng.draw(),
                after,
                limit: 20,
                directory: Arc::clone(&self.directory),
                fence: self.fence,
            };
            let recovered = self.store.write(&unit).map_err(text)?;
            for call in &recovered.recent {
                self.dispatcher.book(call.account, call.peer, call.at);
            }
            self.follow(recovered.after, clock);
            for head in recovered.heads {
                self.dispatcher.upsert(head, clock);
            }
            after = recovered.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// A webhook: durable, or refused. The caller answers 200 only for `true`.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "every step of the hub may end it; its callers treat all alike"
    )]
    pub(crate) fn ingest(&mut self, hook: &Hook, clock: Timestamp) -> Inside<bool> {
        let mut group = Group::new();
        group.push(&RawRecord {
            received_at: clock,
            endpoint: hook.account.0,
            secret: 1,
            source: if hook.history { Source::History } else { Source::Webhook },
            content_type: "",
            query: &hook.query,
            body: &hook.body,
        });
        Ok(self.log.append(&mut group).is_ok())
    }

    /// Applies some of what the journal holds. The results, and what the records were.
    pub(crate) fn apply(&mut self, clock: Timestamp, max: usize) -> Inside<Vec<ItemResult>> {
        let batch = self.reader.read_batch(max, 1 << 20).map_err(text)?;
        self.apply_batch(clock, batch)
    }

    fn apply_batch(&mut self, clock: Timestamp, batch: Batch) -> Inside<Vec<ItemResult>> {
        if !batch.gaps.is_empty() {
            return Err(format!("the journal has gaps: {:?}", batch.gaps));
        }
        let mut items = Vec::new();
        for record in batch.records {
            let Some(info) = self.scene.account(AccountId(record.endpoint)) else { continue };
            let raw =
                everthread_channels::RawRecord { body: &record.body, content_type: "", query: &record.query };
            let channel = channel(info)?;
            let parsed = channel.parse(&raw);
            if let Some(problem) = parsed.problems.first() {
                return Err(format!("a payload was not understood: {problem:?}"));
            }
            let ours = channel.external_ids(&self.scene.settings);
            for (item, index) in parsed.items.into_iter().zip(0..) {
                if item.account.as_ref().is_some_and(|id| !ours.contains(id)) {
                    return Err(format!("an item is for an account that is not there: {item:?}"));
                }
                items.push(ApplyItem {
                    record: record.number,
                    index,
                    workspace: info.workspace,
                    account: info.id,
                    received_at: record.received_at,
                    event: item.event,
                    automation: record.source != Source::History,
                });
            }
        }
        if items.is_empty() {
            return Ok(Vec::new());
        }
        let unit = Apply {
            now: clock,
            seed: self.rng.draw(),
            items,
            keys: KeySecret::new(&[7; 32]),
            directory: Arc::clone(&self.directory),
            rules: Arc::clone(&self.scene.rules),
        };
        let applied = self.store.write(&unit).map_err(text)?;
        self.follow(applied.after, clock);
        Ok(applied.results)
    }

    /// Applies everything that the journal still holds once more (I2).
    pub(crate) fn replay(&mut self, clock: Timestamp) -> Inside<()> {
        let (mut reader, _) = self.log.reader_from(None);
        while reader.lag() > 0 {
            let batch = reader.read_batch(50, 1 << 20).map_err(text)?;
            self.apply_batch(clock, batch)?;
        }
        Ok(())
    }

    /// The call for a part; `Err` where the channel cannot carry it.
    pub(crate) fn request(&self, out: &Outgoing) -> Inside<Result<WireRequest, Reason>> {
        let Some(info) = self.scene.account(out.account) else { return Err("no such account".to_owned()) };
        let correlation = out.correlation.show(PartId::PREFIX);
        let outbound = Outbound {
            correlation: &correlation,
            to: &out.to,
            content: Cow::Borrowed(&out.content),
            reply_to: out.reply_to.as_deref(),
            reaction: out.reaction.as_ref().map(|(id, emoji)| (id.as_str(), emoji.as_deref())),
            class: out.class,
            human_tag: out.human_tag,
            file: None,
            thread: None,
        };
        Ok(channel(info)?.request(&outbound, &self.account()))
    }

    fn account(&self) -> Account<'_> {
        Account {
            settings: &self.scene.settings,
            secrets: &self.scene.secrets,
            public_url: "https://hub.example",
            webhook_path: "/hooks/key",
        }
    }

    /// What an answer means.
    pub(crate) fn classify(&self, account: AccountId, answer: &Answer) -> Inside<Outcome> {
        let Some(info) = self.scene.account(account) else { return Err("no such account".to_owned()) };
        let response = match answer {
            Answer::Http { status, headers, body } => WireResponse::Answer { status: *status, headers, body },
            Answer::NotSent => WireResponse::NotSent { error: "connection refused" },
            Answer::NoAnswer => WireResponse::NoAnswer { error: "timed out" },
        };
        Ok(channel(info)?.classify(&response))
    }

    /// Keeps how far apply has come.
    pub(crate) fn save_cursor(&mut self) -> Inside<()> {
        let cursor = self.reader.cursor();
        let value = format!("{} {}", cursor.journal, cursor.number);
        self.store.write(&SetCursor { name: "apply".to_owned(), value }).map_err(text)?;
        self.log.set_applied(cursor.number);
        Ok(())
    }

    /// Durable records that are not applied.
    pub(crate) fn lag(&self) -> u64 {
        self.reader.lag()
    }

    /// Ends what is overdue.
    pub(crate) fn settle(&mut self, clock: Timestamp) -> Inside<()> {
        while self.settle_at.is_some_and(|at| at <= clock) {
            let unit = Settle {
                now: clock,
                seed: self.rng.draw(),
                limit: SETTLE_ROWS,
                directory: Arc::clone(&self.directory),
            };
            let settled = self.store.write(&unit).map_err(text)?;
            if settled.next.is_some_and(|next| next <= clock) && !settled.more && settled.parts == 0 {
                return Err(format!("settling does not get on: {settled:?}"));
            }
            self.settle_at = settled.next;
            self.follow(settled.after, clock);
        }
        Ok(())
    }

    /// Claims what may go now. The calls to make.
    pub(crate) fn claim(&mut self, clock: Timestamp) -> Inside<Vec<Outgoing>> {
        let claims = self.dispatcher.take(clock, CALLS_MAX.saturating_sub(self.under_way.len()));
        if claims.is_empty() {
            return Ok(Vec::new());
        }
        let unit = Claim {
            now: clock,
            seed: self.rng.draw(),
            claims: claims.clone(),
            lease_until: clock + LEASE,
            owner: "sim".to_owned(),
            fence: self.fence,
            directory: Arc::clone(&self.directory),
        };
        let (claimed, after) = self.store.write(&unit).map_err(text)?;
        self.follow(after, clock);
        let mut calls = Vec::new();
        for (claim, claimed) in claims.iter().zip(claimed) {
            match claimed {
                Claimed::Send(outgoing) => {
                    self.under_way.insert(outgoing.attempt, Outgoing::clone(&outgoing));
                    calls.push(*outgoing);
                }
                Claimed::Skip => self.dispatcher.finished(claim.conversation, clock),
            }
        }
        Ok(calls)
    }

    /// Records what came of a call.
    pub(crate) fn record(&mut self, attempt: AttemptId, outcome: &Outcome, clock: Timestamp) -> Inside<()> {
        let Some(out) = self.under_way.remove(&attempt) else {
            return Err(format!("{attempt} was not under way"));
        };
        self.observe(&of_call((clock, out.account, out.identity), (out.number, out.canary), outcome));
        let (workspace, conversation) = (out.workspace, out.conversation);
        let result = AttemptResult {
            workspace,
            attempt,
            outcome: outcome.clone(),
            request: String::new(),
            answer: String::new(),
        };
        let unit = Record {
            now: clock,
            seed: self.rng.draw(),
            results: vec![result],
            directory: Arc::clone(&self.directory),
        };
        let (_, after) = self.store.write(&unit).map_err(text)?;
        self.follow(after, clock);
        self.dispatcher.finished(conversation, clock);
        Ok(())
    }

    /// An operator has repaired an account.
    pub(crate) fn start_account(&mut self, account: AccountId, clock: Timestamp) -> Inside<()> {
        let Some(info) = self.directory.get(account).filter(|info| info.stopped.is_some()).map(Arc::clone)
        else {
            return Ok(());
        };
        let after = self
            .store
            .write(&StartAccount { now: clock, workspace: info.workspace, account })
            .map_err(text)?;
        Arc::make_mut(&mut self.directory).insert(AccountInfo { stopped: None, ..AccountInfo::clone(&info) });
        self.dispatcher.stop_account(account, false, clock);
        self.follow(after, clock);
        Ok(())
    }

    pub(crate) fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    /// What the shell does after a commit.
    pub(crate) fn follow(&mut self, after: After, clock: Timestamp) {
        for (account, reason) in after.stopped {
            if let Some(info) = self.directory.get(account).map(Arc::clone) {
                let stopped = AccountInfo { stopped: Some(reason), ..AccountInfo::clone(&info) };
                Arc::make_mut(&mut self.directory).insert(stopped);
            }
            self.dispatcher.stop_account(account, true, clock);
        }
        for throttle in after.throttled {
            match throttle.scope {
                ThrottleScope::Account => {
                    self.dispatcher.throttle_account(throttle.account, throttle.until, clock);
                }
                ThrottleScope::Pair => {
                    self.dispatcher.throttle_pair(throttle.account, throttle.peer, throttle.until);
                }
            }
        }
        for head in after.heads {
            self.dispatcher.upsert(head, clock);
        }
        for (conversation, version) in after.idle {
            self.dispatcher.remove(conversation, version, clock);
        }
        self.settle_at = [self.settle_at, after.due].into_iter().flatten().min();
        self.want(after.plans);
    }

    /// When this process wants to be woken, by its clock.
    pub(crate) fn deadline(&self, clock: Timestamp) -> Option<Timestamp> {
        let send = if self.under_way.len() < CALLS_MAX { self.dispatcher.deadline(clock) } else { None };
        [send, self.settle_at].into_iter().flatten().min()
    }
}

fn channel(info: &AccountInfo) -> Inside<&'static dyn Channel> {
    find(&info.channel).ok_or_else(|| format!("no channel {}", info.channel))
}

fn read_cursor(text: &str) -> Option<Cursor> {
    let (journal, number) = text.split_once(' ')?;
    Some(Cursor { journal: Uuid::try_parse(journal).ok()?, number: number.parse().ok()? })
}

pub(crate) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
