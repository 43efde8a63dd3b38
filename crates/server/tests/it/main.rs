//! The whole binary over HTTP: real processes, real signatures, and a provider that fails as it is told.

#![expect(
    clippy::unused_self,
    clippy::format_collect,
    clippy::too_many_lines,
    reason = "a harness and stories that read better whole"
)]

mod apply;
mod contract;
mod crash;
mod delivery;
mod fake;
mod hub;
mod ingress;
mod postgres;
mod shapes;
mod talk;
mod walls;
