//! From the journal into the store: records are parsed, their items go to bounded queues per account that are
//! served fairly, and small batches become units of work.
//!
//! The stored cursor is the lowest record that is not wholly applied; a restart applies the window again, and
//! the events' keys make that harmless.

mod deferral;
pub mod marker;
pub mod parse;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use everthread_core::event::Event;
use everthread_core::fair::FairQueue;
use everthread_core::ids::{AccountId, EndpointId, WorkspaceId};
use everthread_store::journal::{Cursor, Journal, JournalError, Reader, Record};
use everthread_store::units::{AddProblem, Apply, ApplyItem, GetCursor, ItemResult, NewProblem, SetCursor};
use everthread_store::{Error as StoreError, Store};
use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::effects::Effects;
use crate::http::Client;
use crate::hub::Rules;
use crate::registry::{Account, Registry};
use crate::supervisor::{Supervisor, TaskKind};

use self::deferral::{Deferral, Turns};
use self::marker::Marker;
use self::parse::{Opened, Problem};

/// Items in one unit of work.
const UNIT_ITEMS: usize = 256;

/// Items of one account in one unit: others get their turn.
const TURN_ITEMS: usize = 64;

/// Parsed items waiting at most; beyond it the journal is not read on.
const WINDOW_ITEMS: usize = 4_096;

/// Records read at a time.
const READ_RECORDS: usize = 512;
const READ_BYTES: usize = 4 * 1024 * 1024;

/// From this many records behind on, apply gives way: what is not yet safe goes before what is.
const YIELD_LAG: u64 = 8_192;

/// While it falls further behind, apply pauses for this part of the time that a unit took: intake gets the processor, and the
/// backlog still shrinks to nothing once the flood ebbs.
const YIELD_PART: u32 = 3;

/// How long a read waits for something new.
const IDLE: Duration = Duration::from_millis(500);

/// The cursor is written down this often.
const CURSOR_EVERY: Duration = Duration::from_millis(500);

/// Wait after the store was away.
const STORE_WAIT: Duration = Duration::from_millis(250);

/// Name of the cursor in the store.
pub const CURSOR: &str = "journal.applied";

/// What the stage works with.
#[derive(Clone)]
pub struct Stage {
    pub store: Store,
    pub journal: Journal,
    pub registry: watch::Receiver<Arc<Registry>>,
    pub rules: watch::Receiver<Arc<Rules>>,
    pub effects: Effects,
    pub data: std::path::PathBuf,
    pub stop: CancellationToken,
    /// Calls owed to a provider on receipt of an event; `None` while old records are applied again.
    pub acknowledge: Option<Acknowledge>,
}

/// Makes the calls that a platform waits for on receipt (Telegram's button presses spin until answered).
#[derive(Clone, Debug)]
pub struct Acknowledge {
    pub client: Client,
    pub supervisor: Supervisor,
    pub public_url: Arc<str>,
}

impl Acknowledge {
    /// Fire and forget: its outcome matters to nobody.
    fn event(&self, account: &Account, event: &Event) {
        let Some(request) = account.channel.acknowledge(event, &account.view(&self.public_url)) else {
            return;
        };
        let client = self.client.clone();
        self.supervisor.spawn(TaskKind::ProviderCall, async move {
            client.call(&request).await;
            Ok::<_, std::convert::Infallible>(())
        });
    }
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stage")
    }
}

/// Why the stage ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the journal can't be read: {0}")]
    Journal(#[from] JournalError),
    #[error("the store refused: {0}")]
    Store(#[from] StoreError),
    #[error("the mark of records in progress can't be written: {0}")]
    Mark(#[from] std::io::Error),
}

/// An item on its way, with where it came from.
#[derive(Clone, Debug)]
struct Waiting {
    item: ApplyItem,
    channel: &'static str,
}

struct Worker {
    stage: Stage,
    queue: FairQueue<AccountId, Waiting>,
    waiting: usize,
    /// Items of each record that are not applied yet; the first key is the lowest unapplied record.
    open: BTreeMap<u64, u32>,
    /// Everything up to here was read.
    read: u64,
    /// False while old records are applied again: rules don't see them.
    automation: bool,
    marker: Option<Marker>,
    deferral: Deferral,
    /// Records not read yet, when it was last looked at.
    lag: u64,
    written: u64,
    written_at: tokio::time::Instant,
}

impl Stage {
    /// Applies what comes in until it is stopped.
    pub async fn run(self) -> Result<(), Error> {
        let cursor = self.cursor().await;
        let (mut reader, alarm) = self.journal.reader_from(cursor)?;
        if let Some(alarm) = alarm {
            tracing::error!(%alarm, "the journal on disk is not the one that the store knows; all of it is applied again");
        }
        let marker = Marker::start(&self.data)?;
        let mut worker = Worker::new(self, reader.cursor().number, true, Some(marker));
        worker.deferral = worker.stage.deferral().await;
        let stop = worker.stage.stop.clone();
        loop {
            if worker.waiting < WINDOW_ITEMS / 2 {
                let wait = if worker.waiting == 0 { IDLE } else { Duration::ZERO };
                tokio::select! {
                    () = stop.cancelled() => break,
                    batch = reader.next_batch(READ_RECORDS, READ_BYTES, wait) => {
                        let batch = batch?;
                        worker.take(batch).await?;
                    }
                }
            }
            let from = tokio::time::Instant::now();
            worker.step().await?;
            if worker.falls_behind(reader.lag()) {
                tokio::time::sleep(from.elapsed() / YIELD_PART).await;
            }
            worker.try_deferred().await?;
            worker.note_cursor(false).await;
            gauge!("everthread_apply_deferred_customers").set(worker.deferral.len() as f64);
            gauge!("everthread_apply_lag_records").set((reader.lag() + worker.open.len() as u64) as f64);
        }
        worker.note_cursor(true).await;
        if let Some(marker) = &worker.marker {
            marker.end();
        }
        Ok(())
    }

    /// Applies a stretch of the journal again; rules see none of it. Returns records read.
    pub async fn replay(self, reader: Reader) -> Result<u64, Error> {
        self.stretch(reader, false).await
    }

    /// Applies what the store does not know yet, up to the present end, and writes the cursor down. Returns records
    /// read.
    pub async fn catch_up(self, reader: Reader) -> Result<u64, Error> {
        self.stretch(reader, true).await
    }

    async fn stretch(self, mut reader: Reader, automation: bool) -> Result<u64, Error> {
        let mut worker = Worker::new(self, reader.cursor().number, automation, None);
        let mut records = 0;
        while reader.lag() > 0 {
            let batch = reader.read_batch(READ_RECORDS, READ_BYTES)?;
            records += batch.records.len() as u64;
            worker.take(batch).await?;
            while worker.waiting > 0 {
                worker.step().await?;
            }
        }
        worker.note_cursor(true).await;
        Ok(records)
    }

    /// Waits for the store.
    async fn deferral(&self) -> Deferral {
        loop {
            match Deferral::load(&self.store).await {
                Ok(known) => return known,
                Err(error) => {
                    tracing::warn!(%error, "what was set aside can't be read yet");
                    tokio::time::sleep(STORE_WAIT * 4).await;
                }
            }
        }
    }

    /// Waits for the store, as at start it may be away.
    async fn cursor(&self) -> Option<Cursor> {
        loop {
            match self.store.read(GetCursor { name: CURSOR.to_owned() }).await {
                Ok(text) => return text.as_deref().and_then(read_cursor),
                Err(error) => {
                    tracing::warn!(%error, "the store is away; what comes in is kept in the journal");
                    tokio::time::sleep(STORE_WAIT * 4).await;
                }
            }
        }
    }
}

/// `<journal uuid>:<number>`.
pub fn read_cursor(text: &str) -> Option<Cursor> {
    let (journal, number) = text.split_once(':')?;
    Some(Cursor { journal: uuid::Uuid::try_parse(journal).ok()?, number: number.parse().ok()? })
}

/// The text of a cursor.
pub fn write_cursor(cursor: Cursor) -> String {
    format!("{}:{}", cursor.journal, cursor.number)
}

impl Worker {
    fn new(stage: Stage, read: u64, automation: bool, marker: Option<Marker>) -> Self {
        Self {
            stage,
            queue: FairQueue::new(WINDOW_ITEMS),
            waiting: 0,
            open: BTreeMap::new(),
            read,
            automation,
            marker,
            deferral: Deferral::default(),
            lag: 0,
            written: read,
            written_at: tokio::time::Instant::now(),
        }
    }

    /// Parses a batch and queues its items.
    async fn take(&mut self, batch: everthread_store::journal::Batch) -> Result<(), Error> {
        let mut problems = Vec::new();
        for gap in &batch.gaps {
            tracing::error!(gap.from, gap.to, gap.cause = ?gap.cause, "records of the journal are lost");
            counter!("everthread_journal_lost_records_total").increment(gap.to - gap.from + 1);
        }
        for number in &batch.unknown {
            tracing::error!(record = number, "a record was written by a newer version; update, then replay");
        }
        let registry = self.stage.registry.borrow().clone();
        for record in &batch.records {
            let opened = self.open_record(&registry, record);
            let signer = registry.signer(EndpointId(record.endpoint), record.secret).map(|a| a.workspace);
            problems.extend(opened.problems.into_iter().map(|p| new_problem(p, record, signer)));
            for routed in opened.items {
                if let Some(acknowledge) = &self.stage.acknowledge {
                    acknowledge.event(&routed.account, &routed.event);
                }
                let item = ApplyItem {
                    record: record.number,
                    index: routed.index,
                    workspace: routed.account.workspace,
                    account: routed.account.id,
                    received_at: record.received_at,
                    event: routed.event,
                    automation: self.automation,
                };
                let waiting = Waiting { item, channel: routed.account.channel.spec().name };
                *self.open.entry(record.number).or_default() += 1;
                self.waiting += 1;
                self.push(waiting).await?;
            }
            // After an unclean end a record is applied before the next is noted: a death is charged to its cause.
            while self.waiting > 0 && self.marker.as_ref().is_some_and(Marker::is_careful) {
                self.step().await?;
            }
        }
        self.read = self.read.max(batch.upto);
        self.keep_problems(problems).await
    }

    fn open_record(&mut self, registry: &Registry, record: &Record) -> Opened {
        if self.marker.as_mut().is_none_or(|m| m.may_parse(record.number)) {
            return parse::open(registry, record);
        }
        tracing::error!(
            record = record.number,
            "the process ended twice while this record was in progress; kept as a problem"
        );
        let account = registry.any_of(EndpointId(record.endpoint));
        let problem = parse::whole(
            record,
            account,
            "the hub ended twice while it worked on it; kept unparsed, replay it after an update",
        );
        Opened { items: Vec::new(), problems: vec![problem] }
    }

    /// Queues an item; while its account's queue is full, applies.
    async fn push(&mut self, mut waiting: Waiting) -> Result<(), Error> {
        loop {
            match self.queue.push(waiting.item.account, waiting) {
                Ok(()) => return Ok(()),
                Err(full) => {
                    waiting = full.0;
                    self.step().await?;
                }
            }
        }
    }

    /// Applies one unit's worth of what waits.
    async fn step(&mut self) -> Result<(), Error> {
        let mut batch = Vec::new();
        let mut accounts = Vec::new();
        while batch.len() < UNIT_ITEMS {
            let Some((account, items)) = self.queue.take(TURN_ITEMS.min(UNIT_ITEMS - batch.len())) else {
                break;
            };
            accounts.push(account);
            batch.extend(items);
        }
        if batch.is_empty() {
            if let Some(marker) = self.marker.as_mut() {
                marker.rest();
            }
            return Ok(());
        }
        let records: Vec<u64> = batch.iter().map(|w| w.item.record).collect();
        self.apply(batch).await?;
        for account in &accounts {
            self.queue.done(account);
        }
        self.waiting -= records.len();
        for record in records {
            if let Some(left) = self.open.get_mut(&record) {
                *left -= 1;
                if *left == 0 {
                    self.open.remove(&record);
                }
            }
        }
        Ok(())
    }

    /// True while more comes in than is applied, and much of it waits.
    fn falls_behind(&mut self, lag: u64) -> bool {
        let before = std::mem::replace(&mut self.lag, lag);
        lag > YIELD_LAG && lag >= before
    }

    /// Items set aside whose time has come, each by itself and in the order of its customer.
    async fn try_deferred(&mut self) -> Result<(), Error> {
        let due = match self.deferral.due(&self.stage.store).await {
            Ok(due) => due,
            Err(error) if error.is_transient() => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let mut turns = Turns::default();
        for row in due {
            let channel =
                self.stage.registry.borrow().account(row.item.account).map_or("", |a| a.channel.spec().name);
            let waiting = Waiting { item: row.item.clone(), channel };
            if turns.is_over(&row.item) {
                self.deferral
                    .defer(&self.stage.store, (&row.item, true), row.tries, "behind an earlier one")
                    .await?;
                continue;
            }
            match self.unit(std::slice::from_ref(&waiting)).await {
                Ok(()) => self.deferral.done(&self.stage.store, &row).await?,
                Err(error)
                    if error.is_transient() && everthread_core::defer::wait(row.tries + 1).is_some() =>
                {
                    turns.failed(&row.item);
                    let reason = error.to_string();
                    self.deferral.defer(&self.stage.store, (&row.item, true), row.tries + 1, &reason).await?;
                }
                Err(error) => {
                    self.without_rules_or_problem(&waiting, &error).await?;
                    self.deferral.done(&self.stage.store, &row).await?;
                }
            }
        }
        Ok(())
    }

    /// Takes out what must wait behind an earlier item of its customer.
    async fn behind(&mut self, batch: Vec<Waiting>) -> Result<Vec<Waiting>, Error> {
        let mut now = Vec::with_capacity(batch.len());
        for waiting in batch {
            if self.deferral.is_behind(&waiting.item) {
                self.deferral
                    .defer(&self.stage.store, (&waiting.item, false), 0, "behind an earlier one")
                    .await?;
            } else {
                now.push(waiting);
            }
        }
        Ok(now)
    }

    /// Applies a batch; where it fails for another reason than the store being away, item by item (I12).
    async fn apply(&mut self, batch: Vec<Waiting>) -> Result<(), Error> {
        let batch = self.behind(batch).await?;
        if batch.is_empty() {
            return Ok(());
        }
        match self.unit(&batch).await {
            Ok(()) => Ok(()),
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, items = batch.len(), "a batch failed, applying its items one by one");
                for one in batch {
                    Box::pin(self.apply(vec![one])).await?;
                }
                Ok(())
            }
            Err(error) => self.give_up(&batch, &error).await,
        }
    }

    /// One unit of work, tried until the store is there.
    async fn unit(&mut self, batch: &[Waiting]) -> Result<(), StoreError> {
        let rules = self.stage.rules.borrow().clone();
        self.unit_with(batch, &rules).await
    }

    async fn unit_with(&mut self, batch: &[Waiting], rules: &Arc<Rules>) -> Result<(), StoreError> {
        let mut contended = 0;
        loop {
            let unit = Apply {
                now: clock::now(),
                seed: clock::seed(),
                items: batch.iter().map(|w| w.item.clone()).collect(),
                directory: self.stage.registry.borrow().directory.clone(),
                rules: Arc::clone(rules),
            };
            match self.stage.store.write(unit).await {
                Ok(applied) => {
                    count(batch, &applied.results);
                    self.stage.effects.committed(applied.after);
                    return Ok(());
                }
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away; what comes in is kept in the journal");
                    tokio::select! {
                        () = self.stage.stop.cancelled() => return Err(StoreError::Unavailable(error)),
                        () = tokio::time::sleep(STORE_WAIT) => {}
                    }
                }
                Err(StoreError::Contended(_)) if contended < 10 => contended += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// A single item that the store refuses: set aside where the reason may pass, else stored without its rules, else a
    /// problem. The rest goes on.
    async fn give_up(&mut self, batch: &[Waiting], error: &StoreError) -> Result<(), Error> {
        if self.stage.stop.is_cancelled() {
            return Err(error.clone().into());
        }
        let Some(one) = batch.first() else { return Ok(()) };
        if error.is_transient() && self.deferral.has_room() {
            tracing::warn!(%error, record = one.item.record, "an item could not be applied now; set aside");
            let reason = error.to_string();
            return Ok(self.deferral.defer(&self.stage.store, (&one.item, false), 0, &reason).await?);
        }
        self.without_rules_or_problem(one, error).await
    }

    /// If it was the rules that failed, the message is stored without them (it always is), and people are told.
    async fn without_rules_or_problem(&mut self, one: &Waiting, error: &StoreError) -> Result<(), Error> {
        let (item, channel) = (&one.item, one.channel);
        let problem = |reason: &str| NewProblem {
            workspace: Some(item.workspace),
            account: Some(item.account),
            endpoint: None,
            channel: Some(channel.to_owned()),
            reason: reason.to_owned(),
            raw: serde_json::to_string(&item.event).unwrap_or_default(),
            record: Some(item.record),
            index: Some(item.index),
        };
        let ruled = item.automation && self.stage.rules.borrow().contains_key(&item.workspace);
        if ruled && self.unit_with(std::slice::from_ref(one), &Arc::default()).await.is_ok() {
            tracing::error!(%error, record = item.record, "rules failed; the message is stored without them");
            let reason = format!(
                "the rules failed on this message: {error}. It is stored; answer it by hand, and check the rules"
            );
            return self.keep_problems(vec![problem(&reason)]).await;
        }
        tracing::error!(%error, record = item.record, "an item could not be applied; kept as a problem");
        let reason =
            "it could not be applied (a defect of ours); it is kept and can be replayed after an update";
        self.keep_problems(vec![problem(reason)]).await
    }

    async fn keep_problems(&mut self, problems: Vec<NewProblem>) -> Result<(), Error> {
        if problems.is_empty() {
            return Ok(());
        }
        counter!("everthread_problems_total").increment(problems.len() as u64);
        loop {
            let unit = AddProblem { now: clock::now(), seed: clock::seed(), problems: problems.clone() };
            match self.stage.store.write(unit).await {
                Ok(after) => {
                    self.stage.effects.committed(after);
                    return Ok(());
                }
                Err(error) if error.is_transient() && !self.stage.stop.is_cancelled() => {
                    tokio::time::sleep(STORE_WAIT).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Writes the cursor down from time to time. Losing one write costs a little work after a restart.
    async fn note_cursor(&mut self, now: bool) {
        if !self.automation || (!now && self.written_at.elapsed() < CURSOR_EVERY) {
            return;
        }
        let number = self.open.keys().next().map_or(self.read, |lowest| lowest - 1);
        if number == self.written {
            return;
        }
        let cursor = Cursor { journal: self.stage.journal.id(), number };
        let unit = SetCursor { name: CURSOR.to_owned(), value: write_cursor(cursor) };
        if self.stage.store.write(unit).await.is_ok() {
            self.written = number;
            self.stage.journal.set_applied(number);
        }
        self.written_at = tokio::time::Instant::now();
    }
}

/// A piece that belongs to no account is shown where its webhook came in: to those whose secret signed it.
fn new_problem(problem: Problem, record: &Record, signer: Option<WorkspaceId>) -> NewProblem {
    NewProblem {
        workspace: problem.account.as_ref().map(|a| a.workspace).or(signer),
        account: problem.account.as_ref().map(|a| a.id),
        endpoint: Some(EndpointId(record.endpoint)),
        channel: problem.channel.map(str::to_owned),
        reason: problem.reason,
        raw: problem.raw,
        record: Some(record.number),
        index: Some(problem.index),
    }
}

fn count(batch: &[Waiting], results: &[ItemResult]) {
    for (waiting, result) in batch.iter().zip(results) {
        let word = match result {
            ItemResult::Applied { .. } => "applied",
            ItemResult::Duplicate => "duplicate",
            ItemResult::Parked => "parked",
            ItemResult::Nothing => "nothing",
            ItemResult::Problem(_) => "problem",
        };
        counter!("everthread_events_total", "channel" => waiting.channel, "result" => word).increment(1);
    }
}
