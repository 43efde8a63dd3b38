//! What every fuzz target does: one raw input as ingress and apply would take it.
//!
//! `cargo +nightly fuzz run telegram` from the repository's root. What it finds goes into `corpus/<channel>/`,
//! which the ordinary tests of `everthread-channels` read as well.

use everthread_channels::{HookRequest, RawRecord, WireResponse, find};
use everthread_core::account::Secrets;

/// Feeds bytes to the channel's verification, parser and classification. Panics are the findings.
pub fn feed(channel: &str, data: &[u8]) {
    let channel = find(channel).expect("a channel of this build");
    let text = String::from_utf8_lossy(data).into_owned();
    let names = ["x-hub-signature-256", "x-telegram-bot-api-secret-token", "x-twilio-signature", "authorization"];
    let headers: Vec<_> = names.iter().map(|name| ((*name).to_owned(), text.clone())).collect();
    let keys = ["app_secret", "auth_token", "secret_token", "signing_key"];
    let secrets = Secrets(keys.iter().map(|key| ((*key).to_owned(), "key".to_owned())).collect());
    let urls = [text.clone()];
    let request = HookRequest { headers: &headers, query: &text, body: data, urls: &urls };
    let _ = channel.verify(&request, &[secrets]);
    let _ = channel.handshake(&request, &["token"]);
    let parsed = channel.parse(&RawRecord { body: data, content_type: "", query: &text });
    serde_json::to_string(&parsed).expect("parsed input can be stored");
    let _ = channel.classify(&WireResponse::Answer { status: 400, headers: &headers, body: data });
}
