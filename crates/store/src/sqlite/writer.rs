//! The one thread that writes: many units per commit, a savepoint each, answers only after the commit.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::checkpoint::Pressure;
use super::{Job, Lite};
use crate::{Error, Result};

/// Units per commit. More would only lengthen the wait of the first.
const GROUP_MAX: usize = 256;

/// Handle to the writer thread. The thread ends, after its queue, when the last handle is dropped.
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(lite: Lite, pressure: Arc<Pressure>) -> Result<Self> {
        let (queue, jobs) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work(lite, &jobs, &pressure))
            .map_err(|e| Error::Unavailable(format!("writer thread: {e}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues a job. A job that can't be queued answers with an error.
    pub(crate) fn send(&self, job: Box<dyn Job>) {
        let gone = |job: Box<dyn Job>| job.reply(Some(Error::Unavailable("the store is closed".to_owned())));
        match &self.queue {
            Some(queue) => {
                if let Err(mpsc::SendError(job)) = queue.send(job) {
                    gone(job);
                }
            }
            None => gone(job),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.join().ok();
        }
    }
}

fn work(mut lite: Lite, jobs: &mpsc::Receiver<Box<dyn Job>>, pressure: &Pressure) {
    while let Ok(first) = jobs.recv() {
        let mut group = Group::default();
        group.commit(&mut lite, first, jobs);
        pressure.relieve(&lite);
    }
}

/// Units of one commit.
#[derive(Default)]
pub(crate) struct Group {
    done: Vec<Box<dyn Job>>,
}

impl Group {
    /// Runs `first` and what else waits, commits, and answers all of them.
    fn commit(&mut self, lite: &mut Lite, first: Box<dyn Job>, jobs: &mpsc::Receiver<Box<dyn Job>>) {
        if let Err(error) = lite.quick("BEGIN IMMEDIATE") {
            first.reply(Some(error));
            return;
        }
        let mut next = Some(first);
        while let Some(job) = next {
            let lost = self.run(lite, job);
            if let Some(error) = lost {
                self.answer(Some(&error));
                return;
            }
            next = if self.done.len() < GROUP_MAX { jobs.try_recv().ok() } else { None };
        }
        let lost = lite.quick("COMMIT").err();
        if lost.is_some() && !lite.is_autocommit() {
            lite.quick("ROLLBACK").ok();
        }
        self.answer(lost.as_ref());
    }

    /// Runs one unit in its savepoint. `Some` where the whole transaction is lost with it.
    fn run(&mut self, lite: &mut Lite, mut job: Box<dyn Job>) -> Option<Error> {
        let ran = lite.quick("SAVEPOINT unit").and_then(|()| job.run(lite));
        let closed = match &ran {
            Ok(()) => lite.quick("RELEASE unit"),
            Err(_) if lite.is_autocommit() => Err(Error::Unavailable("the transaction was lost".to_owned())),
            Err(_) => lite.quick("ROLLBACK TO unit").and_then(|()| lite.quick("RELEASE unit")),
        };
        self.done.push(job);
        let lost = closed.err().map(|error| match ran {
            Err(cause @ Error::Unavailable(_)) => cause,
            _ => error,
        });
        if lost.is_some() && !lite.is_autocommit() {
            lite.quick("ROLLBACK").ok();
        }
        lost
    }

    fn answer(&mut self, lost: Option<&Error>) {
        for job in self.done.drain(..) {
            job.reply(lost.cloned());
        }
    }
}
