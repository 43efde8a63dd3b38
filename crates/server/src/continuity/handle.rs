//! How the rest of the hub talks with the continuity task.

use std::collections::HashMap;
use std::sync::Arc;

use everthread_core::health::{Direction, Gate, Incident, IncidentKey, Observation, Scope, of_call};
use everthread_core::ids::{AccountId, ConversationId, IdentityId, IncidentId, UserId, WorkspaceId};
use everthread_core::outcome::Outcome;
use everthread_core::routing::{Fault, Plan, Wish};
use everthread_core::time::Timestamp;
use metrics::counter;
use tokio::sync::{mpsc, oneshot, watch};

/// Observations waiting to be weighed: seconds of the busiest hub. More are dropped and counted; evidence is not lost by that, the
/// next ones say the same.
const OBSERVATIONS_MAX: usize = 16_384;

/// Passes observations on. Cheap to clone; never blocks.
#[derive(Clone, Debug)]
pub struct Observer(mpsc::Sender<Observation>);

impl Observer {
    /// An observer and what it fills.
    pub fn new() -> (Self, mpsc::Receiver<Observation>) {
        let (sender, receiver) = mpsc::channel(OBSERVATIONS_MAX);
        (Self(sender), receiver)
    }

    /// What a real call came to: its attempt's number and whether it is a canary decide what that says.
    pub fn call(
        &self,
        at: Timestamp,
        account: AccountId,
        peer: IdentityId,
        attempt: (u32, bool),
        outcome: &Outcome,
    ) {
        for seen in of_call((at, account, peer), attempt, outcome) {
            self.see(seen);
        }
    }

    /// Any other observation.
    pub fn see(&self, seen: Observation) {
        if self.0.try_send(seen).is_err() {
            counter!("everthread_observations_dropped_total").increment(1);
        }
    }
}

/// The last probe of one level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    pub at: Timestamp,
    pub ok: bool,
    /// The provider's words where it was not.
    pub detail: String,
}

/// An open incident with its row.
#[derive(Clone, Debug)]
pub struct Known {
    pub id: IncidentId,
    pub number: i64,
    pub sandbox: bool,
    pub incident: Incident,
    /// What routing keeps out of.
    pub attributed: Scope,
}

impl Known {
    /// As routing sees it.
    pub fn fault(&self) -> Fault {
        Fault {
            incident: self.incident.key,
            number: self.number,
            phase: self.incident.phase,
            direction: self.incident.direction,
            undecided: self.incident.scope() != Some(&self.attributed),
            attributed: self.attributed.clone(),
            suspected_at: self.incident.suspected_at,
        }
    }
}

/// What the continuity task knows at one moment, for everybody to read.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// Open incidents, oldest first.
    pub incidents: Vec<Known>,
    /// Gates that are not open.
    pub gates: HashMap<AccountId, Gate>,
    /// The last probe of each level, by account: `edge`, `token`, `messaging`.
    pub probes: HashMap<AccountId, HashMap<&'static str, Probed>>,
    /// Simulated platforms are judged so many times faster.
    pub dial: f64,
}

impl Snapshot {
    /// Every open incident of the real platforms, or of the sandbox's.
    pub fn faults(&self, sandbox: bool) -> Arc<[Fault]> {
        self.incidents.iter().filter(|known| known.sandbox == sandbox).map(Known::fault).collect()
    }
}

/// What a person or the API asks of the task.
#[derive(Debug)]
pub enum Command {
    Declare {
        scope: Scope,
        direction: Direction,
        sandbox: bool,
    },
    Dismiss {
        sandbox: bool,
        key: IncidentKey,
    },
    /// Carries a conversation as suggested.
    Approve {
        workspace: WorkspaceId,
        conversation: ConversationId,
        user: UserId,
    },
    /// A person's own choice of the way.
    Choose {
        workspace: WorkspaceId,
        conversation: ConversationId,
        user: UserId,
        to: Wish,
    },
    /// Policies or dials changed.
    Reload,
}

/// A command and where its answer goes.
#[derive(Debug)]
pub struct Ask {
    pub command: Command,
    pub answer: oneshot::Sender<Result<Option<Plan>, String>>,
}

/// The handle: ask and read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Continuity {
    pub(super) asks: mpsc::Sender<Ask>,
    pub(super) plans: mpsc::UnboundedSender<(WorkspaceId, ConversationId)>,
    pub(super) snapshot: watch::Receiver<Arc<Snapshot>>,
}

impl Continuity {
    /// What is known now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// Asks, and waits for the answer: a plan where one was made, or a sentence that says why not.
    pub async fn ask(&self, command: Command) -> Result<Option<Plan>, String> {
        let away = || "the hub is stopping; try again in a moment".to_owned();
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask { command, answer }).await.map_err(|_| away())?;
        answered.await.map_err(|_| away())?
    }

    /// Lanes that wait in a fault and want a plan.
    pub fn wanted(&self, lanes: Vec<(WorkspaceId, ConversationId)>) {
        for lane in lanes {
            // Fails only while the process stops.
            let _ = self.plans.send(lane);
        }
    }
}

/// The handle of a hub that does not run: nothing is known, nothing can be asked.
pub fn view() -> Continuity {
    let (asks, _) = mpsc::channel(1);
    let (plans, _) = mpsc::unbounded_channel();
    let (_, snapshot) = watch::channel(Arc::default());
    Continuity { asks, plans, snapshot }
}
