//! Carrying conversations over a fault: incidents, holds, plans, moves, the way back.

mod carry;
mod hold;
mod incidents;
mod plan;
mod release;
mod returns;
mod ways;

pub use hold::{HeldLanes, HoldLanes};
pub use incidents::{FindingRow, NoteIncident, SaveHealth, SavedIncident};
pub use plan::{KnownFault, PlanLane, Planned, Trigger};
pub use release::{Canary, ReleaseLanes, Released};
pub use returns::{ReturnRoutes, Returned, SetPolicy};
