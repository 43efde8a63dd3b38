//! One suite that every channel passes.

mod docs;
mod hostile;
mod send;
mod signing;
mod tables;

use std::collections::BTreeSet;

use everthread_core::account::{Secrets, Settings};

use crate::harness;
use crate::{CHANNELS, Channel};

/// Every inbound fixture of a channel.
fn inbound(channel: &'static dyn Channel) -> impl Iterator<Item = (String, harness::Record)> {
    harness::names(channel, "inbound").into_iter().map(move |name| {
        let record = harness::inbound(channel, &name);
        (name, record)
    })
}

#[test]
fn names_are_unique_and_lead_back() {
    for channel in CHANNELS {
        let name = channel.spec().name;
        assert!(std::ptr::eq(crate::find(name).expect("found").spec(), channel.spec()), "{name}");
    }
    assert!(crate::find("carrier-pigeon").is_none());
}

#[test]
fn the_events_of_the_spec_are_exactly_those_of_the_fixtures() {
    for channel in CHANNELS {
        let seen: BTreeSet<_> = inbound(*channel)
            .flat_map(|(_, record)| channel.parse(&record.raw()).items)
            .map(|item| item.event.kind.word())
            .collect();
        let claimed: BTreeSet<_> = channel.spec().events.iter().copied().collect();
        assert_eq!(seen, claimed, "{}", channel.spec().name);
    }
}

/// How keys are made is frozen: a change would let every redelivered event in twice. Never update these
/// snapshots for what is in them already; only add.
#[test]
fn keys_are_golden_and_the_same_each_time() {
    for channel in CHANNELS {
        let mut text = String::new();
        for (name, record) in inbound(*channel) {
            let (first, second) = (channel.parse(&record.raw()), channel.parse(&record.raw()));
            assert_eq!(first, second, "{name}");
            let mut seen = BTreeSet::new();
            for item in &first.items {
                let (word, key) = (item.event.kind.word(), &item.event.key);
                assert!(!key.is_empty() && key.len() <= 512, "{name}: {key}");
                assert!(seen.insert((item.account.clone(), word, key.clone())), "{name}: {word} {key} twice");
                text.push_str(&format!("{name}: {word} {key}\n"));
            }
        }
        harness::snapshot(*channel, "keys", &text);
    }
}

/// The raw piece of a problem can be read again without its batch, by a later build that knows more.
#[test]
fn problems_are_replayable_by_themselves() {
    for channel in CHANNELS {
        for (name, record) in inbound(*channel) {
            for problem in channel.parse(&record.raw()).problems {
                let again = channel.parse(&crate::RawRecord { body: problem.raw.as_bytes(), ..record.raw() });
                let accounts: Vec<_> = again.problems.iter().map(|p| &p.account).collect();
                assert_eq!(accounts, [&problem.account], "{name}: {}", problem.raw);
                assert!(again.items.is_empty(), "{name}: a problem brought something else along");
                assert!(
                    !problem.reason.is_empty() && !problem.reason.contains("Pat"),
                    "{name}: {}",
                    problem.reason
                );
            }
        }
    }
}

#[test]
fn specs_are_whole() {
    for channel in CHANNELS {
        let spec = channel.spec();
        let (settings, secrets) = harness::account(*channel);
        assert_eq!(channel.check(&settings, &secrets), Vec::<String>::new(), "{}", spec.name);
        assert!(!channel.check(&Settings::default(), &Secrets::default()).is_empty(), "{}", spec.name);
        for field in spec.secrets.iter().filter(|field| field.required) {
            let mut fewer = secrets.clone();
            fewer.0.remove(field.name);
            let wrong = channel.check(&settings, &fewer);
            assert!(wrong.iter().any(|text| text.contains(field.name)), "{}: {}", spec.name, field.name);
        }
        for field in spec.settings.iter().filter(|field| field.required) {
            let mut fewer = settings.clone();
            fewer.0.remove(field.name);
            let wrong = channel.check(&fewer, &secrets);
            assert!(wrong.iter().any(|text| text.contains(field.name)), "{}: {}", spec.name, field.name);
        }
        let ids = channel.external_ids(&settings);
        assert_eq!(ids.first().cloned(), channel.external_id(&settings), "{}", spec.name);
        assert!(!spec.fate.is_empty() && !spec.addresses.is_empty() && spec.text.max > 0);
    }
}
