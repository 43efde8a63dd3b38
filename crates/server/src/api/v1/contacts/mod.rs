//! Contacts.

pub mod list;
pub mod merge;
pub mod show;
pub mod split;
pub mod update;
pub mod verify;
