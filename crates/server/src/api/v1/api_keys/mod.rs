//! API keys: how programs sign in.

pub mod create;
pub mod list;
pub mod revoke;
