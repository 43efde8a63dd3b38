//! One reading of one account: the list of conversations, then each conversation, at the pace that the platform allows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use everthread_channels::history::{Ask, Held, History, Listed, Told};
use everthread_core::history::{Line, Match, SAME_TIME, compare, retry_after};
use everthread_core::limits::{HISTORY_MESSAGES_MAX, HISTORY_THREADS_MAX, HISTORY_TRIES_MAX};
use everthread_core::outcome::Reason;
use everthread_core::time::Span;
use everthread_store::journal::{RawRecord, Source};
use everthread_store::read::history::IncidentReadings;
use everthread_store::units::{
    EndReading, EndThread, KnownIds, ListThreads, ListedThread, NextThread, Reading, SaidWith, ThreadRead,
    ThreadToRead, WriteThread, text_hash,
};
use tokio::time::Instant;

use super::Historian;
use crate::clock;
use crate::http::cut;
use crate::registry::Account;

type Error = everthread_store::Error;

/// A throttled call is made again so often before its conversation waits for the next try.
const THROTTLED_TRIES: u32 = 5;

/// The longest wait that a platform may ask for within one try.
const THROTTLED_MAX: Duration = Duration::from_mins(2);

/// Conversations that fail one after another before the rest waits too: then it is not about them.
const FAILED_IN_A_ROW: u32 = 3;

/// How long what was journaled may take until it is applied.
const APPLIED_WITHIN: Duration = Duration::from_secs(30);

/// How often that is looked for.
const APPLIED_LOOK: Duration = Duration::from_millis(100);

/// A reason kept with a conversation or a reading.
const REASON_BYTES_MAX: usize = 300;

/// See the module.
pub(super) struct Reader<'h> {
    shared: &'h Historian,
    account: Arc<Account>,
    history: &'static dyn History,
    reading: Reading,
    next_call: Instant,
}

impl<'h> Reader<'h> {
    pub(super) fn new(
        shared: &'h Historian,
        account: Arc<Account>,
        history: &'static dyn History,
        reading: Reading,
    ) -> Self {
        Self { shared, account, history, reading, next_call: Instant::now() }
    }

    /// Goes on where the last try ended, until nothing is left or it has to wait.
    pub(super) async fn run(mut self) -> Result<(), Error> {
        if self.reading.state == "listing"
            && let Err(why) = self.list().await?
        {
            return self.end(Some(why)).await;
        }
        let mut failed = 0;
        while failed < FAILED_IN_A_ROW {
            let next = NextThread { reading: self.reading.clone() };
            let Some(thread) = self.shared.store.read(next).await? else { break };
            let read = self.thread(&thread).await?;
            if self.shared.stop.is_cancelled() {
                return Ok(());
            }
            failed = if read.failed { failed + 1 } else { 0 };
            let ended = EndThread { reading: self.reading.clone(), thread: thread.thread, read };
            self.shared.store.write(ended).await?;
        }
        self.end(None).await
    }

    /// Lists conversations of the time; every page is kept, so that a restart goes on behind it. `Err` says why not.
    async fn list(&mut self) -> Result<Result<(), String>, Error> {
        loop {
            let cursor = self.reading.cursor.clone();
            let (threads, next) = match self.ask(&Ask::Threads { after: cursor.as_deref() }).await {
                Told::Threads { threads, next } => (threads, next),
                Told::Failed { reason, .. } => return Ok(Err(words(&reason))),
                Told::Unreadable(why) => return Ok(Err(why)),
                Told::Messages { .. } | Told::Message(_) => {
                    return Ok(Err("no list of conversations".into()));
                }
            };
            let since = self.reading.since;
            let count = threads.len();
            let threads: Vec<ListedThread> = threads
                .into_iter()
                .filter(|thread| thread.updated_at.is_none_or(|at| at >= since))
                .map(|thread| ListedThread {
                    thread: thread.id,
                    address: thread.customer,
                    name: thread.name,
                    updated_at: thread.updated_at.unwrap_or(since),
                })
                .collect();
            self.reading.threads += threads.len() as i64;
            // The last touched come first.
            let complete = next.is_none() || threads.len() < count;
            let over = complete || self.reading.threads >= i64::from(HISTORY_THREADS_MAX);
            self.reading.cursor.clone_from(&next);
            let page = ListThreads { reading: self.reading.clone(), threads, cursor: next, over, complete };
            self.shared.store.write(page).await?;
            if over {
                return Ok(Ok(()));
            }
        }
    }

    /// Reads one conversation and takes in what is new of it.
    async fn thread(&mut self, thread: &ThreadToRead) -> Result<ThreadRead, Error> {
        let listed = match self.messages(&thread.thread).await {
            Ok(listed) => listed,
            Err(why) => return Ok(ThreadRead { failed: true, reason: Some(why), ..ThreadRead::default() }),
        };
        let mut out = ThreadRead { platform: listed.len() as i64, ..ThreadRead::default() };
        let ids: Vec<String> = listed.iter().map(|message| message.id.clone()).collect();
        let known = self.known(ids.clone()).await?;
        let written: BTreeSet<String> =
            thread.writing.as_deref().and_then(|ids| serde_json::from_str(ids).ok()).unwrap_or_default();
        out.added =
            ids.iter().zip(&known).filter(|(id, known)| **known && written.contains(*id)).count() as i64;
        let mut held = Vec::new();
        // The oldest first, as they were said.
        for (id, _) in ids.iter().zip(&known).rev().filter(|(_, known)| !**known) {
            match self.ask(&Ask::Message { id }).await {
                Told::Message(message) => held.push(*message),
                Told::Unreadable(why) => {
                    out.unreadable += 1;
                    out.reason = Some(why);
                }
                Told::Failed { reason, .. } => {
                    out.failed = true;
                    out.reason = Some(words(&reason));
                    break;
                }
                Told::Threads { .. } | Told::Messages { .. } => {}
            }
        }
        out.address = held.first().map(|message| message.customer.clone());
        let (new, ambiguous) = self.new_of(held, &ids).await?;
        out.ambiguous = ambiguous;
        if ambiguous > 0 {
            out.reason
                .get_or_insert_with(|| "some messages look like ones that we have under other ids".into());
        }
        if !new.is_empty() {
            self.take_in(&thread.thread, &new, &mut out).await?;
        }
        out.reason = out.reason.map(|why| cut(&why, REASON_BYTES_MAX));
        Ok(out)
    }

    /// The ids of a conversation's messages of the time, the newest first.
    async fn messages(&mut self, thread: &str) -> Result<Vec<Listed>, String> {
        let mut all: Vec<Listed> = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (messages, next) = match self.ask(&Ask::Messages { thread, after: after.as_deref() }).await {
                Told::Messages { messages, next } => (messages, next),
                Told::Failed { reason, .. } => return Err(words(&reason)),
                Told::Unreadable(why) => return Err(why),
                Told::Threads { .. } | Told::Message(_) => return Err("no list of messages".to_owned()),
            };
            let count = messages.len();
            all.extend(messages.into_iter().filter(|m| m.at.is_none_or(|at| at >= self.reading.since)));
            let older = all.len() < count;
            if next.is_none() || older || count == 0 || all.len() >= HISTORY_MESSAGES_MAX {
                all.truncate(HISTORY_MESSAGES_MAX);
                return Ok(all);
            }
            after = next;
        }
    }

    async fn known(&self, ids: Vec<String>) -> Result<Vec<bool>, Error> {
        let Reading { workspace, account, .. } = self.reading;
        self.shared.store.read(KnownIds { workspace, account, ids, keys: self.shared.keys.clone() }).await
    }

    /// Those that we do not have under another id, and how many nobody can tell.
    async fn new_of(&self, held: Vec<Held>, listed: &[String]) -> Result<(Vec<Held>, i64), Error> {
        let (Some(first), Some(from), Some(until)) =
            (held.first(), held.iter().map(|h| h.at).min(), held.iter().map(|h| h.at).max())
        else {
            return Ok((held, 0));
        };
        let said = SaidWith {
            workspace: self.reading.workspace,
            account: self.reading.account,
            address: first.customer.clone(),
            from: from - SAME_TIME,
            until: until + SAME_TIME,
        };
        let stored = self.shared.store.read(said).await?;
        let stored: Vec<Line> =
            stored.into_iter().filter(|(id, _)| !listed.contains(id)).map(|(_, line)| line).collect();
        let lines: Vec<Line> =
            held.iter().map(|h| Line { ours: h.ours, words: text_hash(&h.text), at: h.at }).collect();
        let matches = compare(&lines, &stored);
        let ambiguous = matches.iter().filter(|m| **m == Match::Ambiguous).count() as i64;
        let new = held.into_iter().zip(matches).filter(|(_, m)| *m == Match::New).map(|(h, _)| h);
        Ok((new.collect(), ambiguous))
    }

    /// Journals messages as the webhook that never came, and waits until they are applied.
    async fn take_in(&self, thread: &str, new: &[Held], out: &mut ThreadRead) -> Result<(), Error> {
        let ids: Vec<String> = new.iter().map(|message| message.id.clone()).collect();
        let writing = WriteThread {
            reading: self.reading.clone(),
            thread: thread.to_owned(),
            ids: serde_json::to_string(&ids)?,
        };
        self.shared.store.write(writing).await?;
        let body = self.history.webhook(&self.account.view(&self.shared.public_url), new);
        let record = RawRecord {
            received_at: clock::now(),
            endpoint: self.account.endpoint.0,
            secret: self.account.fingerprint,
            source: Source::History,
            content_type: "application/json",
            query: "",
            body: &body,
        };
        let why = match self.shared.journal.append(&record).await {
            Ok(_) => "the hub has not taken it in yet".to_owned(),
            Err(error) => format!("the journal can't take it: {error}"),
        };
        let end = Instant::now() + APPLIED_WITHIN;
        while Instant::now() < end && !self.shared.stop.is_cancelled() {
            if self.known(ids.clone()).await?.iter().all(|known| *known) {
                out.added += ids.len() as i64;
                return Ok(());
            }
            tokio::time::sleep(APPLIED_LOOK).await;
        }
        (out.failed, out.unsettled) = (true, true);
        out.reason = Some(why);
        Ok(())
    }

    /// Ends this try: for good where nothing can be done any more, else until the next one.
    async fn end(self, reason: Option<String>) -> Result<(), Error> {
        let Reading { incident, workspace, account, tries, .. } = self.reading;
        let rows = self.shared.store.read(IncidentReadings { workspace, incident }).await?;
        let Some(row) = rows.into_iter().find(|row| row.account == account) else { return Ok(()) };
        let tally = row.tally();
        let left = reason.is_some() || tally.unread_threads > 0;
        let now = clock::now();
        let again = (left && tries + 1 < HISTORY_TRIES_MAX).then(|| now + retry_after(tries + 1));
        let sentence = tally.sentence(row.listed);
        tracing::info!(account.id = account.0, reading = sentence, "read back after an incident");
        // The first try is told, and the last.
        let line =
            (tries == 0 || again.is_none()).then(|| format!("{} read back, {sentence}.", self.account.name));
        let reason = reason.map(|why| cut(&why, REASON_BYTES_MAX));
        let unit = EndReading { now, seed: clock::seed(), reading: self.reading, again, reason, line };
        let after = self.shared.store.write(unit).await?;
        self.shared.effects.committed(after);
        Ok(())
    }

    /// One call at the allowed pace. Where the platform asks for a wait it is waited for.
    async fn ask(&mut self, ask: &Ask<'_>) -> Told {
        let pause = Duration::from_secs_f64(1.0 / self.history.per_s().max(0.01));
        let mut tries = 0;
        loop {
            tokio::time::sleep_until(self.next_call).await;
            self.next_call = Instant::now() + pause;
            let view = self.account.view(&self.shared.public_url);
            let request = self.history.request(&view, ask);
            let answer = tokio::select! {
                () = self.shared.stop.cancelled() => {
                    return Told::Failed { reason: Reason::new("stop", "the hub is stopping"), wait: None };
                }
                answer = self.shared.client.call(&request) => answer,
            };
            let told = self.history.read(&view, ask, &answer.wire());
            let wait = match &told {
                Told::Failed { wait: Some(wait), .. } => Span::to_std(*wait),
                _ => return told,
            };
            tries += 1;
            if tries >= THROTTLED_TRIES || wait > THROTTLED_MAX {
                return told;
            }
            self.next_call = Instant::now() + wait.max(pause);
        }
    }
}

fn words(reason: &Reason) -> String {
    format!("{} {}", reason.code, reason.text).trim().to_owned()
}
