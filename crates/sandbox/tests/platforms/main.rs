//! Every simulated platform, judged over real HTTP by code that shares nothing with it.
#![expect(clippy::unwrap_used, reason = "a failed step of a test is the test's failure")]

mod common;
mod control;
mod instagram;
mod messenger;
mod telegram;
mod trouble;
mod twilio;
mod whatsapp;
