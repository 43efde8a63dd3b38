//! Typed reads for the API, exports and the shell.
pub mod chat;
pub mod hub;
