//! The binary `everthread`.

use std::process::ExitCode;

use clap::Parser;
use everthread::cli::Cli;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    everthread::commands::run(Cli::parse())
}
