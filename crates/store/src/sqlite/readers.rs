//! Threads that answer reads, each with its own connection, each read in one consistent snapshot.

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;

use super::{Job, Lite};
use crate::{Error, Result};

pub(crate) struct Readers {
    queue: Option<mpsc::Sender<Box<dyn Job>>>,
    threads: Vec<JoinHandle<()>>,
}

impl Readers {
    pub(crate) fn start(connections: Vec<Lite>) -> Result<Self> {
        let (queue, jobs) = mpsc::channel::<Box<dyn Job>>();
        let jobs = Arc::new(Mutex::new(jobs));
        let mut threads = Vec::new();
        for (at, lite) in connections.into_iter().enumerate() {
            let jobs = Arc::clone(&jobs);
            let thread = std::thread::Builder::new()
                .name(format!("store-reader-{at}"))
                .spawn(move || work(lite, &jobs))
                .map_err(|e| Error::Unavailable(format!("reader thread: {e}")))?;
            threads.push(thread);
        }
        Ok(Self { queue: Some(queue), threads })
    }

    /// Queues a job. A job that can't be queued answers with an error.
    pub(crate) fn send(&self, job: Box<dyn Job>) {
        if let Some(queue) = &self.queue
            && let Err(mpsc::SendError(job)) = queue.send(job)
        {
            job.reply(Some(Error::Unavailable("the store is closed".to_owned())));
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.queue = None;
        for thread in self.threads.drain(..) {
            if thread.thread().id() != std::thread::current().id() {
                thread.join().ok();
            }
        }
    }
}

fn work(mut lite: Lite, jobs: &Mutex<mpsc::Receiver<Box<dyn Job>>>) {
    loop {
        // One waits inside the lock, the others for the lock: either way the next job wakes one thread.
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = next else { return };
        let lost = job_in_snapshot(&mut lite, job.as_mut()).err();
        job.reply(lost);
    }
}

fn job_in_snapshot(lite: &mut Lite, job: &mut dyn Job) -> Result<()> {
    lite.quick("BEGIN")?;
    // An error of the job itself is its answer.
    job.run(lite).ok();
    if lite.is_autocommit() { Ok(()) } else { lite.quick("COMMIT") }
}
