//! Contacts.

pub mod list;
pub mod show;
pub mod update;
pub mod verify;
