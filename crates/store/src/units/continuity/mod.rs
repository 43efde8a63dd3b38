//! Carrying conversations over a fault: incidents, holds, plans, moves, the way back; links into the web chat and their proof.

mod carry;
mod codes;
mod history;
mod hold;
mod incidents;
mod links;
mod plan;
mod release;
mod returns;
mod stuck;
mod ways;

pub use codes::{CodeSent, CodeStand, CodeWay, ProveByCode, ProveByHand, SendCode, Tried, TryCode};
pub use history::{
    DueReadings, EndReading, EndThread, KnownIds, ListThreads, ListedThread, NewGap, NewReading, NextThread,
    Reading, SaidWith, ThreadRead, ThreadToRead, WriteThread,
};
pub use hold::{HeldLanes, HoldLanes};
pub use incidents::{FindingRow, NoteIncident, SaveHealth, SavedIncident};
pub(crate) use links::give_back;
pub use links::{LinkOffer, MakeLink, OpenLink, Opened, RevokeLink};
pub use plan::{KnownFault, PlanLane, Planned, Trigger};
pub use release::{Canary, ReleaseLanes, Released};
pub use returns::{ReturnRoutes, Returned, SetPolicy};
pub use stuck::{MarkStuck, StuckParts};
