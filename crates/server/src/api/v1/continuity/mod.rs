//! Channel health and the workspace's policy for the day a channel fails.

pub mod health;
pub mod policy;
