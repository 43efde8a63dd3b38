//! A channel's adapter: any bytes, as ingress, apply and delivery would take them.

use everthread_channels::{CHANNELS, HookRequest, RawRecord, WireResponse, find};
use everthread_core::account::Secrets;

const HEADERS: [&str; 4] =
    ["x-hub-signature-256", "x-telegram-bot-api-secret-token", "x-twilio-signature", "authorization"];

fn secrets() -> Secrets {
    let keys = ["app_secret", "auth_token", "secret_token", "signing_key"];
    Secrets(keys.iter().map(|key| ((*key).to_owned(), "key".to_owned())).collect())
}

/// Parses a body, keeps what comes of it, and reads it as an answer.
pub fn feed(channel: &str, data: &[u8]) {
    let channel = find(channel).expect("a channel of this build");
    let text = String::from_utf8_lossy(data).into_owned();
    let parsed = channel.parse(&RawRecord { body: data, content_type: "", query: &text });
    serde_json::to_string(&parsed).expect("parsed input can be stored");
    let headers: Vec<_> =
        ["retry-after", "x-business-use-case-usage", "x-app-usage"].map(|name| (name.to_owned(), text.clone())).into();
    for status in [200, 400, 429, 503] {
        let response = WireResponse::Answer { status, headers: &headers, body: data };
        let _ = channel.classify(&response);
        let _ = channel.usage(&response);
        let _ = channel.polled(&response);
    }
}

/// Checks a signature: first byte channel, then header, query, address and body between `0xff`.
///
/// Nothing that is made up may pass: the secret is not among the inputs.
pub fn verify(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let channel = CHANNELS[usize::from(*first) % CHANNELS.len()];
    let mut pieces = rest.splitn(4, |byte| *byte == 0xff);
    let mut text = || String::from_utf8_lossy(pieces.next().unwrap_or_default()).into_owned();
    let (header, query, url) = (text(), text(), text());
    let body = pieces.next().unwrap_or_default();
    let headers: Vec<_> = HEADERS.iter().map(|name| ((*name).to_owned(), header.clone())).collect();
    let urls = [url];
    let request = HookRequest { headers: &headers, query: &query, body, urls: &urls };
    let _ = channel.verify(&request, &[secrets()]);
    assert!(channel.verify(&request, &[]).is_err(), "verified without any secret");
    let _ = channel.handshake(&request, &["token"]);
}
