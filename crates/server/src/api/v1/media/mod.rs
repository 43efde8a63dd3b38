//! Files.

pub mod show;
pub mod upload;
