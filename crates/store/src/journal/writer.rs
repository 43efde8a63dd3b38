//! The journal as the server uses it: one writer thread, groups of waiting appenders.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;

use everthread_core::limits;
use everthread_core::time::{Span, Timestamp};
use tokio::sync::watch;
use uuid::Uuid;

use super::backup::{self, Copied};
use super::disk::Disk;
use super::erase::{self, Erased, Erasure};
use super::log::{Group, Log};
use super::reader::Reader;
use super::record::{self, RawRecord, Record};
use super::shared::{Shared, lock};
use super::types::{AppendError, Cursor, CursorAlarm, JournalError, OpenReport, Options, Status};

/// The journal. Clones share one writer thread, which ends when the last of them goes.
#[derive(Clone)]
pub struct Journal {
    handle: Arc<Handle>,
}

struct Handle {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    shared: Arc<Shared>,
    queue: Mutex<Queue>,
    wake: Condvar,
}

struct Queue {
    group: Group,
    waiters: Arc<Waiters>,
    commands: Vec<Command>,
    /// Bytes of the group that is being written.
    writing: usize,
    /// The writer waits to be woken; while it works nobody needs to.
    asleep: bool,
    closed: bool,
}

/// Those who wait for one group.
#[derive(Default)]
struct Waiters {
    result: OnceLock<Result<u64, AppendError>>,
    wakers: Mutex<Vec<Waker>>,
}

enum Command {
    Finish(SyncSender<()>),
    Epoch { floor: u64, done: SyncSender<()> },
}

impl Journal {
    /// Opens the journal on `disk`, or makes a new one, and starts its writer thread.
    pub fn open(disk: Arc<dyn Disk>, options: Options) -> Result<(Self, OpenReport), JournalError> {
        let (log, report) = Log::open(disk, options)?;
        let queue = Queue {
            group: Group::new(),
            waiters: Arc::default(),
            commands: Vec::new(),
            writing: 0,
            asleep: false,
            closed: false,
        };
        let shared = Arc::clone(log.shared());
        let inner = Arc::new(Inner { shared, queue: Mutex::new(queue), wake: Condvar::new() });
        let for_thread = Arc::clone(&inner);
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || for_thread.write_groups(log))
            .map_err(JournalError::Io)?;
        Ok((Self { handle: Arc::new(Handle { inner, thread: Mutex::new(Some(thread)) }) }, report))
    }

    /// Takes a record in. The future ends with its number when it is durable. The record is copied before this
    /// returns, and is written even when the future is dropped.
    pub fn append(&self, record: &RawRecord<'_>) -> Append {
        self.inner().enqueue(record)
    }

    fn inner(&self) -> &Arc<Inner> {
        &self.handle.inner
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.inner.shared
    }

    /// Which journal this is.
    pub fn id(&self) -> Uuid {
        self.shared().journal
    }

    /// The number of the last durable record, as it grows.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.shared().durable.subscribe()
    }

    /// A reader behind `cursor`; without one, from the oldest record. A cursor that does not fit makes the journal
    /// begin a new epoch and answers an alarm; the reader then starts at the oldest record. Blocks shortly.
    pub fn reader_from(&self, cursor: Option<Cursor>) -> Result<(Reader, Option<CursorAlarm>), JournalError> {
        let shared = self.shared();
        let start = shared.start_from(cursor);
        if let Some((floor, alarm)) = start.alarm {
            tracing::error!(%alarm, "journal begins a new epoch; everything kept is read again");
            self.command(|done| Command::Epoch { floor, done })?;
        }
        Ok((Reader::new(Arc::clone(shared), start.next), start.alarm.map(|a| a.1)))
    }

    /// A reader that starts at or shortly before the first record received at `time` or later.
    pub fn reader_at(&self, time: Timestamp) -> Reader {
        Reader::new(Arc::clone(self.shared()), self.shared().seek_time(time))
    }

    /// Everything up to `number` is applied and may be dropped when its time has come.
    pub fn set_applied(&self, number: u64) {
        self.shared().set_applied(number);
    }

    /// Drops segments that are applied and older than the retention, or than `within` where that is shorter. Answers how
    /// many. Touches files.
    pub fn sweep(&self, now: Timestamp, within: Option<Span>) -> Result<usize, JournalError> {
        if self.shared().active_since().is_some_and(|since| since + limits::JOURNAL_SEGMENT_AGE < now) {
            self.finish_segment()?;
        }
        Ok(self.shared().sweep(now, within)?)
    }

    /// Rewrites every record that `decide` does not keep; numbers and other records stay. The segment that is
    /// written to is closed first, so all that was durable at the call is covered. `seed` is as in [`Options`].
    /// Reads and rewrites files: not for an async thread.
    pub fn erase(&self, seed: u64, decide: impl FnMut(&Record) -> Erasure) -> Result<Erased, JournalError> {
        self.finish_segment()?;
        erase::erase(self.shared(), seed, decide)
    }

    /// Closes the segment that is written to and copies all segments with records behind `cursor` to `out`, for
    /// [`super::restore`]. Without a cursor, all. Not for an async thread.
    pub fn copy_from(&self, cursor: Option<Cursor>, out: &mut dyn Write) -> Result<Copied, JournalError> {
        self.finish_segment()?;
        backup::copy(self.shared(), self.shared().copy_above(cursor), out)
    }

    /// Health and size.
    pub fn status(&self) -> Status {
        let pending = {
            let queue = lock(&self.inner().queue);
            queue.group.bytes() + queue.writing
        };
        self.shared().status(pending)
    }

    /// Closes the segment that is written to; later appends go to a new one. Blocks until it is done.
    pub fn finish_segment(&self) -> Result<(), JournalError> {
        self.command(Command::Finish)
    }

    fn command(&self, make: impl FnOnce(SyncSender<()>) -> Command) -> Result<(), JournalError> {
        let (done, wait) = sync_channel(1);
        {
            let mut queue = lock(&self.inner().queue);
            if queue.closed {
                return Err(JournalError::Closed);
            }
            queue.commands.push(make(done));
        }
        self.inner().wake.notify_one();
        wait.recv().map_err(|_| JournalError::Closed)
    }

    /// Writes what waits, closes the segment and ends the writer thread. Later appends are refused.
    pub fn close(&self) {
        self.handle.close();
    }
}

impl Handle {
    fn close(&self) {
        lock(&self.inner.queue).closed = true;
        self.inner.wake.notify_one();
        if let Some(thread) = lock(&self.thread).take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn enqueue(&self, record: &RawRecord<'_>) -> Append {
        let options = &self.shared.options;
        let bytes = record::encoded_len(record);
        if bytes > options.record_bytes_max {
            return Append(State::Refused(AppendError::TooLarge));
        }
        let mut queue = lock(&self.queue);
        if queue.closed
            || (queue.group.bytes() + bytes > options.pending_bytes_max && !queue.group.is_empty())
        {
            return Append(State::Refused(AppendError::Unavailable));
        }
        let index = queue.group.len() as u64;
        queue.group.push(record);
        let waiters = Arc::clone(&queue.waiters);
        let wake = std::mem::take(&mut queue.asleep);
        drop(queue);
        if wake {
            self.wake.notify_one();
        }
        Append(State::Waiting { waiters, index, slot: None })
    }

    fn write_groups(self: Arc<Self>, mut log: Log) {
        let mut guard = Guard { inner: &self, waiters: Arc::default() };
        let mut group = Group::new();
        loop {
            let mut queue = lock(&self.queue);
            queue.writing = 0;
            while queue.group.is_empty() && queue.commands.is_empty() && !queue.closed {
                queue.asleep = true;
                queue = self.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            queue.asleep = false;
            if queue.group.is_empty() && queue.commands.is_empty() {
                return;
            }
            std::mem::swap(&mut queue.group, &mut group);
            queue.writing = group.bytes();
            guard.waiters = std::mem::take(&mut queue.waiters);
            let commands = std::mem::take(&mut queue.commands);
            drop(queue);
            if !group.is_empty() {
                guard.waiters.finish(log.append(&mut group));
                group.clear();
            }
            for command in commands {
                match command {
                    Command::Finish(done) => {
                        log.finish();
                        let _ = done.send(());
                    }
                    Command::Epoch { floor, done } => {
                        log.begin_epoch(floor);
                        let _ = done.send(());
                    }
                }
            }
        }
    }
}

/// However the writer thread ends, nobody waits for it for ever.
struct Guard<'a> {
    inner: &'a Inner,
    waiters: Arc<Waiters>,
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.waiters.finish(Err(AppendError::Unavailable));
        let mut queue = lock(&self.inner.queue);
        queue.closed = true;
        queue.commands.clear();
        queue.waiters.finish(Err(AppendError::Unavailable));
    }
}

impl Waiters {
    fn finish(&self, result: Result<u64, AppendError>) {
        let _ = self.result.set(result);
        let wakers = std::mem::take(&mut *lock(&self.wakers));
        for waker in wakers {
            waker.wake();
        }
    }
}

/// An append under way: ends with the record's number once it is durable.
#[must_use = "a record is acknowledged only when this has ended well"]
pub struct Append(State);

enum State {
    Refused(AppendError),
    Waiting { waiters: Arc<Waiters>, index: u64, slot: Option<usize> },
}

impl Future for Append {
    type Output = Result<u64, AppendError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let (waiters, index, slot) = match &mut self.0 {
            State::Refused(error) => return Poll::Ready(Err(*error)),
            State::Waiting { waiters, index, slot } => (waiters, *index, slot),
        };
        let ready = |waiters: &Waiters| waiters.result.get().map(|r| r.map(|first| first + index));
        if let Some(result) = ready(waiters) {
            return Poll::Ready(result);
        }
        let mut wakers = lock(&waiters.wakers);
        // The result is set before the wakers are taken: whoever finds none here is still in time.
        if let Some(result) = ready(waiters) {
            return Poll::Ready(result);
        }
        if let Some(waker) = slot.and_then(|i| wakers.get_mut(i)) {
            waker.clone_from(cx.waker());
        } else {
            *slot = Some(wakers.len());
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
