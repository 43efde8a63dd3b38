//! Conversations: the inbox and one thread.

pub mod assign;
pub mod counts;
pub mod labels;
pub mod links;
pub mod list;
pub mod messages;
pub mod plans;
pub mod read;
pub mod route;
pub mod send;
pub mod show;
pub mod status;
