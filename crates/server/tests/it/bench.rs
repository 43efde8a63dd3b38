//! Every measurement runs, with numbers so small that its figures mean nothing; nothing here looks at a time.

use std::process::{Command, Stdio};

use serde_json::Value;

/// Runs `everthread bench` on a real disk and reads its one object.
fn measure(arguments: &str) -> Value {
    let out = Command::new(env!("CARGO_BIN_EXE_everthread"))
        .arg("bench")
        .args(arguments.split(' '))
        .args(["--json", "--rounds", "1", "--seconds", "1", "--connections", "8", "--dir"])
        .arg(env!("CARGO_TARGET_TMPDIR"))
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{arguments}: {} {said}", String::from_utf8_lossy(&out.stdout));
    let object: Value = serde_json::from_slice(&out.stdout).expect("one JSON object");
    assert!(object["machine"]["cores"].as_u64() > Some(0), "{object}");
    object
}

#[test]
fn idle_has_its_three_figures() {
    let found = measure("idle");
    for figure in ["resident_mb", "binary_mb", "ready_ms"] {
        assert!(found[figure].as_f64() > Some(0.0), "{figure}: {found}");
    }
}

#[test]
fn hung_counts_nothing_of_the_account_that_hangs() {
    let found = measure("hung");
    assert_eq!(found["lost"], 0, "{found}");
    assert!(found["stressed_p99_ms"].as_f64() > Some(0.0), "{found}");
}

#[test]
fn growth_compares_what_finds_something() {
    let found = measure("growth --messages 21000");
    let costs = found["costs"].as_array().expect("costs");
    assert_eq!(costs.len(), 6, "{found}");
    assert!(costs.iter().all(|row| row["many_ms"].as_f64() > Some(0.0)), "{found}");
}

#[test]
fn a_few_kills_lose_nothing_and_send_nothing_twice_unmarked() {
    let found = measure("crash --kills 5 --settle 20");
    assert_eq!((&found["kills"], &found["within"]), (&5.into(), &true.into()), "{found}");
    assert!(found["acknowledged"].as_u64() > Some(0), "{found}");
    assert!(found["sent"].as_u64() > Some(0), "{found}");
}
