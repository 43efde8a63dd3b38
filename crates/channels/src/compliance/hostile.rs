//! Bytes that no provider would send: nothing panics, nothing is lost without a word.

use std::path::Path;

use proptest::prelude::*;

use crate::harness;
use crate::{CHANNELS, Channel, HookRequest, RawRecord};

/// Verifies and parses, as ingress and apply would. Returns the number of items and problems.
fn feed(channel: &dyn Channel, body: &[u8], query: &str) -> usize {
    let (_, secrets) = harness::account(channel);
    let names =
        ["x-hub-signature-256", "x-telegram-bot-api-secret-token", "x-twilio-signature", "authorization"];
    let text = String::from_utf8_lossy(body).chars().take(80).collect::<String>();
    let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
    let urls = [format!("https://hub.example/{text}"), text.clone()];
    let request = HookRequest { headers: &headers, query, body, urls: &urls };
    assert!(channel.verify(&request, std::slice::from_ref(&secrets)).is_err());
    let _ = channel.handshake(&request, &[&text]);
    let parsed = channel.parse(&RawRecord { body, content_type: "", query });
    serde_json::to_string(&parsed).expect("parsed input can be stored");
    parsed.items.len() + parsed.problems.len()
}

/// Every fixture cut after every byte.
#[test]
fn cut_off_at_every_byte() {
    for channel in CHANNELS {
        for (name, record) in super::inbound(*channel) {
            for end in 0..record.body.trim_ascii_end().len() {
                let parsed = channel.parse(&RawRecord { body: &record.body[..end], ..record.raw() });
                let found = parsed.items.len() + parsed.problems.len();
                assert!(found > 0, "{} {name} cut at {end} vanished", channel.spec().name);
            }
        }
    }
}

#[test]
fn oversized_and_deep() {
    let deep = "[".repeat(200_000);
    let nested = format!("{}1{}", "{\"entry\":[".repeat(20_000), "]}".repeat(20_000));
    let many = format!(
        "{{\"object\":\"instagram\",\"entry\":[{{\"id\":\"1\",\"messaging\":[{}1]}}]}}",
        "1,".repeat(50_000)
    );
    let updates = format!("[{}1]", "1,".repeat(50_000));
    let fields = "a=b&".repeat(100_000);
    let long = "x".repeat(5 * 1024 * 1024);
    for channel in CHANNELS {
        for body in [&deep, &nested, &many, &updates, &fields, &long] {
            let found = feed(*channel, body.as_bytes(), "");
            assert!((1..=everthread_core::limits::BATCH_ITEMS_MAX + 1).contains(&found), "{found}");
        }
    }
}

/// The regression corpus of the fuzz targets: `fuzz/corpus/<channel>/`.
#[test]
fn regression_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    for channel in CHANNELS {
        let folder = std::fs::read_dir(corpus.join(channel.spec().name)).expect("a corpus for each channel");
        let mut count = 0;
        for file in folder {
            let body = std::fs::read(file.expect("entry").path()).expect("corpus file");
            feed(*channel, &body, "part=1&hub.mode=subscribe");
            count += 1;
        }
        assert!(count > 0, "{}", channel.spec().name);
    }
}

/// Words that parsers look for.
#[rustfmt::skip]
const WORDS: &[&str] = &[
    "object", "entry", "id", "messaging", "standby", "changes", "field", "value", "messages", "statuses", "from",
    "type", "text", "body", "message", "mid", "sender", "recipient", "attachments", "payload", "reaction", "read",
    "update_id", "chat", "result", "callback_query", "data", "edited_message", "interactive", "contacts", "errors",
    "instagram", "whatsapp_business_account", "page", "private", "visitor", "client_id", "metadata", "timestamp",
    "phone_number_id", "image", "system", "status", "message_reaction", "postback", "is_echo", "location", "delivery",
    "mids", "watermark", "coordinates", "sticker_id",
];

/// JSON that is made of the words that parsers look for.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let word = prop::sample::select(WORDS);

    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<f64>().prop_map(serde_json::Value::from),
        word.clone().prop_map(serde_json::Value::from),
        "\\PC{0,8}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(6, 48, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::vec((word.clone(), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn random_bytes(body in prop::collection::vec(any::<u8>(), 0..400), query in "\\PC{0,40}") {
        for channel in CHANNELS {
            prop_assert!(feed(*channel, &body, &query) > 0);
        }
    }

    #[test]
    fn random_json(value in json()) {
        let body = value.to_string();
        for channel in CHANNELS {
            feed(*channel, body.as_bytes(), "");
        }
    }

    /// One value of a real payload replaced by anything.
    #[test]
    fn fixtures_with_one_value_changed(which in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), value in json()) {
        for channel in CHANNELS {
            let names = harness::names(*channel, "inbound");
            let record = harness::inbound(*channel, &names[which.index(names.len())]);
            let Ok(mut payload) = serde_json::from_slice::<serde_json::Value>(&record.body) else { continue };
            let mut slots = 0;
            count(&payload, &mut slots);
            let mut at = at.index(slots);
            replace(&mut payload, &mut at, &value);
            feed(*channel, payload.to_string().as_bytes(), "");
        }
    }
}

fn children(value: &serde_json::Value) -> Vec<&serde_json::Value> {
    match value {
        serde_json::Value::Array(list) => list.iter().collect(),
        serde_json::Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

fn count(value: &serde_json::Value, slots: &mut usize) {
    *slots += 1;
    for child in children(value) {
        count(child, slots);
    }
}

fn replace(value: &mut serde_json::Value, at: &mut usize, by: &serde_json::Value) -> bool {
    if *at == 0 {
        *value = by.clone();
        return true;
    }
    *at -= 1;
    match value {
        serde_json::Value::Array(list) => list.iter_mut().any(|child| replace(child, at, by)),
        serde_json::Value::Object(map) => map.values_mut().any(|child| replace(child, at, by)),
        _ => false,
    }
}
