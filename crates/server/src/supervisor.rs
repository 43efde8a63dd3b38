//! No anonymous tasks: every background task has a kind, and the kind says what an error and a stop mean.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// What a task is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    HttpServer,
    Apply,
    Delivery,
    ProviderCall,
    PollSource,
    Continuity,
    History,
    Media,
    Realtime,
    AdminSocket,
    OutgoingWebhook,
    Housekeeping,
    Sandbox,
}

impl TaskKind {
    /// True where the product can't go on without it: its error or panic stops the process with exit code 1.
    const fn vital(self) -> bool {
        matches!(self, Self::HttpServer | Self::Apply | Self::Delivery)
    }
}

/// How long a stop waits for tasks to finish what they are doing.
pub const DRAIN: Duration = Duration::from_secs(20);

/// Starts tasks, and ends them in order. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Supervisor {
    tracker: TaskTracker,
    stop: CancellationToken,
    failed: Arc<AtomicBool>,
}

impl Supervisor {
    /// A supervisor without tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancelled when the process should stop. Tasks watch it and finish their current step.
    pub fn stopping(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Runs `task` until it ends. An error is logged once, here; for a vital kind it also stops the process.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that spawns")]
    pub fn spawn<F, E>(&self, kind: TaskKind, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: std::fmt::Display + Send + 'static,
    {
        let this = self.clone();
        let inner = tokio::spawn(task);
        self.tracker.spawn(async move {
            let problem = match inner.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(join) if join.is_panic() => "panicked".to_owned(),
                Err(_) => return,
            };
            tracing::error!(task.kind = ?kind, error = problem, "background task failed");
            if kind.vital() {
                this.failed.store(true, Ordering::Release);
                this.stop.cancel();
            }
        });
    }

    /// Asks every task to stop and waits at most [`DRAIN`]. True when all ended and none had failed.
    pub async fn shut_down(&self) -> bool {
        self.stop.cancel();
        self.tracker.close();
        let drained = tokio::time::timeout(DRAIN, self.tracker.wait()).await.is_ok();
        drained && !self.failed.load(Ordering::Acquire)
    }
}
