//! House rules that no linter knows: sizes, module docs, crate edges, words that don't land, documents that name
//! only what exists.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

/// Lines above which a Rust file is too large to be one room.
const RUST_LINES_MAX: usize = 800;
/// The same for TypeScript.
const TS_LINES_MAX: usize = 400;

/// Files that may be larger, each with its reason.
const LARGE: &[(&str, &str)] = &[("web/src/lib/api/schema.ts", "generated from the OpenAPI document")];

/// Crate, and the crates of ours it may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("everthread-core", &[]),
    ("everthread-channels", &["everthread-core"]),
    ("everthread-store", &["everthread-core"]),
    ("everthread-sandbox", &[]),
    ("everthread-sim", &["everthread-core", "everthread-channels", "everthread-store"]),
    ("everthread", &["everthread-core", "everthread-channels", "everthread-store", "everthread-sandbox"]),
    ("xtask", &[]),
];

/// Crate, and outside crates it must never depend on directly.
const NEVER: &[(&str, &[&str])] = &[
    ("everthread-core", &["tokio", "reqwest", "axum", "rusqlite", "rand"]),
    ("everthread-channels", &["tokio", "reqwest", "axum", "rusqlite"]),
    ("everthread-store", &["axum", "reqwest"]),
    ("everthread-sim", &["tokio", "axum", "reqwest"]),
];

/// Text that marks unfinished work or breaks a rule, in source files.
const WORDS: &[&str] = &[
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    "FIXME",
    "// XXX",
    "#[ignore",
    "it.skip",
    "describe.skip",
    "test.skip",
    "console.log(",
];

/// Runs every check; the findings, one line each.
pub(crate) fn run() -> Result<Vec<String>> {
    let root = root();
    let files = tracked(&root)?;
    let mut found = Vec::new();
    for file in &files {
        let Ok(text) = std::fs::read_to_string(root.join(file)) else { continue };
        sizes(file, &text, &mut found);
        module_docs(file, &text, &mut found);
        words(file, &text, &mut found);
        white_space(file, &text, &mut found);
    }
    edges(&root, &mut found)?;
    for document in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        names_exist(&root, document, &mut found);
    }
    Ok(found)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

fn tracked(root: &Path) -> Result<Vec<String>> {
    let output = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("git ls-files")?;
    Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
}

fn is(file: &str, endings: &[&str]) -> bool {
    endings.iter().any(|e| file.ends_with(e))
}

fn sizes(file: &str, text: &str, found: &mut Vec<String>) {
    let max = match file {
        _ if is(file, &[".rs"]) => RUST_LINES_MAX,
        _ if is(file, &[".ts", ".tsx"]) => TS_LINES_MAX,
        _ => return,
    };
    let lines = text.lines().count();
    if lines > max && !LARGE.iter().any(|(name, _)| *name == file) {
        found.push(format!("{file}: {lines} lines, at most {max}: split it by concept"));
    }
}

fn module_docs(file: &str, text: &str, found: &mut Vec<String>) {
    let needs = file.starts_with("crates/") && is(file, &["/lib.rs", "/mod.rs"]) && !file.contains("/tests/");
    if needs && !text.lines().any(|l| l.starts_with("//!")) {
        found.push(format!("{file}: begins without a `//!` line that says what it is for"));
    }
}

fn words(file: &str, text: &str, found: &mut Vec<String>) {
    if file.starts_with("xtask/") || !is(file, &[".rs", ".ts", ".tsx"]) {
        return;
    }
    for (number, line) in text.lines().enumerate() {
        for word in WORDS.iter().filter(|w| line.contains(**w)) {
            found.push(format!("{file}:{}: {word} does not land", number + 1));
        }
        if line.trim_start().starts_with("#[allow(") || line.trim_start().starts_with("#![allow(") {
            found.push(format!(
                "{file}:{}: use #[expect(.., reason = \"..\")] instead of #[allow]",
                number + 1
            ));
        }
    }
}

fn white_space(file: &str, text: &str, found: &mut Vec<String>) {
    let checked =
        is(file, &[".rs", ".ts", ".tsx", ".css", ".html", ".toml", ".sql", ".yml", ".sh", "Makefile"]);
    if !checked {
        return;
    }
    if let Some(number) = text.lines().position(|l| l.ends_with([' ', '\t'])) {
        found.push(format!("{file}:{}: trailing space", number + 1));
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(format!("{file}: no line break at its end"));
    }
}

fn edges(root: &Path, found: &mut Vec<String>) -> Result<()> {
    let output = Command::new("cargo")
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .context("cargo metadata")?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata printed no JSON")?;
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let normal = package["dependencies"].as_array().into_iter().flatten().filter(|d| d["kind"].is_null());
        let dependencies: Vec<&str> = normal.filter_map(|d| d["name"].as_str()).collect();
        let Some((_, may)) = EDGES.iter().find(|(n, _)| *n == name) else {
            found.push(format!("{name}: a crate without a row in xtask's EDGES"));
            continue;
        };
        for d in dependencies.iter().filter(|d| d.starts_with("everthread") && !may.contains(d)) {
            found.push(format!("{name}: must not depend on {d}"));
        }
        let never = NEVER.iter().find(|(n, _)| *n == name).map_or(&[][..], |(_, list)| *list);
        for d in dependencies.iter().filter(|d| never.contains(d)) {
            found.push(format!("{name}: must not depend on {d}"));
        }
    }
    Ok(())
}

/// Paths in backticks that begin with a folder of the project must exist.
fn names_exist(root: &Path, document: &str, found: &mut Vec<String>) {
    let Ok(text) = std::fs::read_to_string(root.join(document)) else {
        found.push(format!("{document}: missing"));
        return;
    };
    for quoted in text.split('`').skip(1).step_by(2) {
        let looks_like_path =
            ["crates/", "web/", "docs/", "xtask/", "fuzz/"].iter().any(|p| quoted.starts_with(p));
        let plain = !quoted.contains(['<', '*', '{', ' ', 'N']);
        if looks_like_path && plain && !root.join(quoted.trim_end_matches('/')).exists() {
            found.push(format!("{document}: names {quoted}, which does not exist"));
        }
    }
}
