//! One pass over the journal: parsed records wait per account, are served in turn, and leave a cursor behind.

use std::collections::BTreeMap;
use std::time::Duration;

use everthread_core::fair::FairQueue;
use everthread_core::ids::{AccountId, EndpointId, WorkspaceId};
use everthread_store::journal::{Batch, Cursor, Record, Source};
use everthread_store::units::{ApplyItem, NewProblem, SetCursor};
use metrics::counter;

use super::deferral::Deferral;
use super::marker::Marker;
use super::parse::{self, Opened, Problem};
use super::{CURSOR, Error, Stage, write_cursor};
use crate::registry::Registry;

/// Items in one unit of work.
const UNIT_ITEMS: usize = 256;

/// Items of one account in one unit: others get their turn.
const TURN_ITEMS: usize = 64;

/// Parsed items waiting at most; beyond it the journal is not read on.
pub(super) const WINDOW_ITEMS: usize = 4_096;

/// From this many records behind on, apply gives way: what is not yet safe goes before what is.
const YIELD_LAG: u64 = 8_192;

/// The cursor is written down this often.
const CURSOR_EVERY: Duration = Duration::from_millis(500);

/// An item on its way, with where it came from.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) item: ApplyItem,
    pub(super) channel: &'static str,
}

pub(super) struct Worker {
    pub(super) stage: Stage,
    queue: FairQueue<AccountId, Waiting>,
    pub(super) waiting: usize,
    /// Items of each record that are not applied yet; the first key is the lowest unapplied record.
    pub(super) open: BTreeMap<u64, u32>,
    /// Everything up to here was read.
    read: u64,
    /// False while old records are applied again: rules don't see them.
    automation: bool,
    pub(super) marker: Option<Marker>,
    pub(super) deferral: Deferral,
    /// Records not read yet, when it was last looked at.
    lag: u64,
    written: u64,
    written_at: tokio::time::Instant,
}

impl Worker {
    pub(super) fn new(
        stage: Stage,
        read: u64,
        (automation, marker, deferral): (bool, Option<Marker>, Deferral),
    ) -> Self {
        Self {
            stage,
            queue: FairQueue::new(WINDOW_ITEMS),
            waiting: 0,
            open: BTreeMap::new(),
            read,
            automation,
            marker,
            deferral,
            lag: 0,
            written: read,
            written_at: tokio::time::Instant::now(),
        }
    }

    /// Parses a batch and queues its items.
    pub(super) async fn take(&mut self, batch: Batch) -> Result<(), Error> {
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
                    automation: self.automation && record.source != Source::History,
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
        if self.marker.as_mut().is_none_or(|m| m.may_begin(record.number)) {
            return parse::open(registry, record);
        }
        tracing::error!(
            record = record.number,
            "the process ended twice while this record was in progress; kept as a problem"
        );
        let account = registry.any_of(EndpointId(record.endpoint));
        let problem = parse::whole(record, account, Marker::GIVEN_UP);
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
    pub(super) async fn step(&mut self) -> Result<(), Error> {
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
    pub(super) fn falls_behind(&mut self, lag: u64) -> bool {
        let before = std::mem::replace(&mut self.lag, lag);
        lag > YIELD_LAG && lag >= before
    }

    /// Writes the cursor down from time to time. Losing one write costs a little work after a restart.
    pub(super) async fn note_cursor(&mut self, now: bool) {
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
