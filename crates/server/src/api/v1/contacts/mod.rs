//! Contacts.

pub mod erase;
pub mod export;
pub mod list;
pub mod merge;
pub mod show;
pub mod split;
pub mod update;
pub mod verify;
