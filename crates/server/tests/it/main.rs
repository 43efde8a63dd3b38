//! The whole binary over HTTP: real processes, real signatures, and a provider that fails as it is told.

mod apply;
mod bench;
mod continuity;
mod contract;
mod crash;
mod delivery;
mod email;
mod fake;
mod history;
mod hub;
mod ingress;
mod link;
mod mailhost;
mod messenger;
mod outage;
mod postgres;
mod problems;
mod shapes;
mod talk;
mod tour;
mod walls;
mod webhooks;
