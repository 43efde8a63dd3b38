//! Typed reads for the API, exports and the shell. Each is a [`crate::Unit`] whose fields are its arguments, takes the
//! workspace (only [`hub`] crosses it), and is served by an index.

pub mod access;
pub mod accounts;
pub mod changes;
pub mod chat;
pub mod contacts;
pub mod continuity;
pub mod export;
pub mod history;
pub mod hub;
pub mod inbox;
pub mod links;
pub mod lookup;
#[cfg(test)]
mod plans;
pub mod search;
pub mod thread;
pub mod webhooks;
