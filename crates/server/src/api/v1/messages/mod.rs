//! Messages: what became of one.

pub mod attempts;
pub mod cancel;
pub mod retry;
