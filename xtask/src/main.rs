//! Tasks of the project that are more than a line of shell: `cargo xtask tidy`.

mod tidy;

use std::process::ExitCode;

fn main() -> ExitCode {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("tidy") => match tidy::run() {
            Ok(found) if found.is_empty() => {
                eprintln!("tidy: clean");
                ExitCode::SUCCESS
            }
            Ok(found) => {
                for line in &found {
                    eprintln!("{line}");
                }
                eprintln!("tidy: {} to mend", found.len());
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("tidy: {error:#}");
                ExitCode::FAILURE
            }
        },
        _ => {
            eprintln!("usage: cargo xtask tidy");
            ExitCode::FAILURE
        }
    }
}
