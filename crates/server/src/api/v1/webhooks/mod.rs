//! Outgoing webhooks: where the workspace wants to be called.

pub mod create;
pub mod delete;
pub mod deliveries;
pub mod list;
pub mod redeliver;
pub mod test;

/// What a webhook's public id begins with.
pub const PREFIX: &str = "webhook";

/// What a delivery's public id begins with.
pub const DELIVERY_PREFIX: &str = "delivery";
