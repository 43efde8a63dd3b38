//! The shell around the core: HTTP, workers, command line, embedded console.
//!
//! Decisions are made in `everthread-core`, provider payloads are read in `everthread-channels`, SQL lives in
//! `everthread-store`; here is what waits, calls and serves.

pub mod admin;
pub mod api;
pub mod app;
pub mod apply;
pub mod bench;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod continuation;
pub mod continuity;
pub mod delivery;
pub mod demo;
pub mod effects;
pub mod erasure;
pub mod export;
pub mod first_run;
pub mod history;
pub mod http;
pub mod hub;
pub mod ingress;
pub mod keeper;
pub mod mail;
pub mod media;
pub mod realtime;
pub mod registry;
pub mod retention;
pub mod sandbox;
pub mod seal;
pub mod sso;
pub mod supervisor;
pub mod web;
pub mod webchat;
pub mod webhooks_out;
