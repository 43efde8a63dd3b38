//! Notices that a channel is down, holds and carries lanes, brings them back.
//!
//! One task owns the detectors: real platforms and the sandbox's are judged apart, so that a simulated fault never touches a
//! real account. It learns of faults only from what real calls and probes came to (and from people's word), never from the
//! sandbox's controls.

mod act;
mod handle;
mod probe;
mod side;
mod words;
mod worker;

pub use handle::{Ask, Command, Continuity, Known, Observer, Probed, Snapshot, view};
pub use words::Words;
pub use worker::{Parts, spawn};
