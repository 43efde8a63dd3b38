//! Every simulated platform, judged over real HTTP by code that shares nothing with it.

mod common;
mod telegram;
