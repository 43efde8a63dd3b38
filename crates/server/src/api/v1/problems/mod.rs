//! Problems: what could not be understood or done.

pub mod list;
pub mod replay;
