//! A unit of work on its way to a thread and its answer on the way back.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use everthread_core::contain::panic_text;
use tokio::sync::oneshot;

use super::Lite;
use crate::{Error, Result, Unit};

/// A unit whose type is forgotten.
pub(crate) trait Job: Send {
    /// Runs it; the answer is kept until [`Job::reply`].
    fn run(&mut self, lite: &mut Lite) -> Result<()>;

    /// Gives the answer, or `lost` in its place.
    fn reply(self: Box<Self>, lost: Option<Error>);
}

pub(crate) struct UnitJob<U: Unit> {
    unit: U,
    out: Option<Result<U::Out>>,
    to: oneshot::Sender<Result<U::Out>>,
}

impl<U: Unit> UnitJob<U> {
    pub(crate) fn make(unit: U) -> (Box<dyn Job>, oneshot::Receiver<Result<U::Out>>) {
        let (to, from) = oneshot::channel();
        (Box::new(Self { unit, out: None, to }), from)
    }
}

impl<U: Unit> Job for UnitJob<U> {
    fn run(&mut self, lite: &mut Lite) -> Result<()> {
        let out = run_caught(&self.unit, lite);
        let result = out.as_ref().map(drop).map_err(Clone::clone);
        self.out = Some(out);
        result
    }

    fn reply(self: Box<Self>, lost: Option<Error>) {
        let answer = match (lost, self.out) {
            (Some(error), None | Some(Ok(_))) => Err(error),
            (_, Some(out)) => out,
            (None, None) => Err(Error::Defect("unit was not run".to_owned())),
        };
        // The caller may have gone: its unit is stored all the same.
        self.to.send(answer).ok();
    }
}

/// Runs a unit on this thread; a panic becomes an error.
pub(crate) fn run_caught<U: Unit>(unit: &U, lite: &mut Lite) -> Result<U::Out> {
    catch_unwind(AssertUnwindSafe(|| poll_now(unit.run(lite))))
        .unwrap_or_else(|panic| Err(Error::Panicked(panic_text(panic.as_ref()))))
}

/// Polls a future that waits for nothing but SQLite, which is to say for nothing.
///
/// # Panics
/// When it waits for anything else: a unit of work must not.
pub(crate) fn poll_now<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("a unit of work waited for something other than the database"),
    }
}
