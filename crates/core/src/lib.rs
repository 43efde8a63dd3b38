//! The decisions of Everthread, as data in and data out.
//!
//! Nothing here reads a clock, draws a random number, waits, or does I/O: time and seeds come in as
//! arguments, and what should happen comes out as values. The server, the store's units of work and the
//! simulator drive the same code.

pub mod account;
pub mod contact;
pub mod contain;
pub mod content;
pub mod continuation;
pub mod continuity;
pub mod conversation;
pub mod dedupe;
pub mod defer;
pub mod directory;
pub mod dispatch;
pub mod event;
pub mod fair;
pub mod fit;
pub mod health;
pub mod history;
pub mod ids;
pub mod invariants;
pub mod limits;
pub mod outbox;
pub mod outcome;
pub mod pacing;
pub mod routing;
pub mod rules;
pub mod state;
pub mod stop;
pub mod stuck;
pub mod text;
pub mod time;
