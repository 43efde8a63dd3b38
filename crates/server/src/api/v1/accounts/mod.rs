//! Accounts: our logins on channels.

pub mod create;
pub mod delete;
pub mod list;
