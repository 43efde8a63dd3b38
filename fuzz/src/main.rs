//! One fuzzer, many targets: `FUZZ_TARGET` says which. `tools/fuzz` builds and runs it.
//!
//! A finding is a panic. Inputs that once made one are kept in `corpus/<target>/` and run first, always.
#![no_main]

mod channel;
mod journal;
mod rules;
mod text;

use std::sync::LazyLock;

type Target = fn(&[u8]);

const TARGETS: &[(&str, Target)] = &[
    ("webchat", |data| channel::feed("webchat", data)),
    ("telegram", |data| channel::feed("telegram", data)),
    ("whatsapp", |data| channel::feed("whatsapp", data)),
    ("instagram", |data| channel::feed("instagram", data)),
    ("messenger", |data| channel::feed("messenger", data)),
    ("twilio", |data| channel::feed("twilio", data)),
    ("email", |data| channel::feed("email", data)),
    ("verify", channel::verify),
    ("journal", journal::open),
    ("rules", rules::rule),
    ("templates", rules::template),
    ("fit", text::fit_parts),
    ("search", text::search),
];

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = TARGETS.iter().find(|(known, _)| *known == name);
    found.unwrap_or_else(|| panic!("FUZZ_TARGET is `{name}`, not one of {:?}", TARGETS.iter().map(|t| t.0).collect::<Vec<_>>())).1
});

libfuzzer_sys::fuzz_target!(|data: &[u8]| TARGET(data));
