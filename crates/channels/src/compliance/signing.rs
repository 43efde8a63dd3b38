//! Signatures: the right one passes, everything else does not.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everthread_core::account::Secrets;
use hmac::{Hmac, KeyInit, Mac};

use crate::harness::{self, Record};
use crate::spec::Transport;
use crate::{CHANNELS, Channel, HookRequest, Reject, form};

const URL: &str = "https://hub.example/hooks/x/k1";

/// The header that the provider would send, made here from the provider's description.
pub(super) fn sign(channel: &dyn Channel, secrets: &Secrets, record: &Record) -> (String, String) {
    let secret = |name: &str| secrets.get(name).expect("a secret").to_owned();
    match channel.spec().name {
        "telegram" => ("x-telegram-bot-api-secret-token".to_owned(), secret("secret_token")),
        "twilio" => {
            let mut pairs = form::decode(&record.body);
            pairs.sort();
            let query = if record.query.is_empty() { String::new() } else { format!("?{}", record.query) };
            let mut text = format!("{URL}{query}");
            for (name, value) in &pairs {
                text.push_str(&format!("{name}{value}"));
            }
            let mut mac = Hmac::<sha1::Sha1>::new_from_slice(secret("auth_token").as_bytes()).expect("key");
            mac.update(text.as_bytes());
            ("x-twilio-signature".to_owned(), STANDARD.encode(mac.finalize().into_bytes()))
        }
        "webchat" => {
            let token = crate::webchat::issue("v_7f3a", secrets).expect("token");
            ("authorization".to_owned(), format!("Bearer {token}"))
        }
        _ => {
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret("app_secret").as_bytes()).expect("key");
            mac.update(&record.body);
            let digits: String =
                mac.finalize().into_bytes().iter().fold(String::new(), |text, b| text + &format!("{b:02x}"));
            ("x-hub-signature-256".to_owned(), format!("sha256={digits}"))
        }
    }
}

fn verify(
    channel: &dyn Channel,
    record: &Record,
    header: &(String, String),
    secrets: &[Secrets],
) -> Result<usize, Reject> {
    let headers = [header.clone()];
    let urls = ["http://127.0.0.1:1/elsewhere".to_owned(), URL.to_owned()];
    let request = HookRequest { headers: &headers, query: &record.query, body: &record.body, urls: &urls };
    channel.verify(&request, secrets)
}

/// Channels that something is posted to. A mailbox is read by us: nothing that is posted to it verifies.
fn posted() -> impl Iterator<Item = &'static &'static dyn Channel> {
    CHANNELS.iter().filter(|channel| channel.spec().transport != Transport::Mailbox)
}

fn others() -> Secrets {
    let names = ["app_secret", "auth_token", "secret_token", "signing_key", "token"];
    Secrets(
        names
            .iter()
            .map(|name| ((*name).to_owned(), "another-secret-0123456789abcdef0123".to_owned()))
            .collect(),
    )
}

/// One fixture that the visitor of the test token may have sent.
fn fixture(channel: &dyn Channel) -> Record {
    let names = harness::names(channel, "inbound");
    let name = if names.iter().any(|name| name == "status_sent") { "status_sent" } else { "text" };
    harness::inbound(channel, name)
}

#[test]
fn the_right_signature_passes_under_old_and_new_secret() {
    for channel in posted() {
        let (_, secrets) = harness::account(*channel);
        let record = fixture(*channel);
        let header = sign(*channel, &secrets, &record);
        assert_eq!(verify(*channel, &record, &header, std::slice::from_ref(&secrets)), Ok(0));
        assert_eq!(verify(*channel, &record, &header, &[others(), secrets.clone(), secrets]), Ok(1));
    }
}

#[test]
fn a_wrong_or_missing_signature_does_not() {
    for channel in posted() {
        let (_, secrets) = harness::account(*channel);
        let record = fixture(*channel);
        let header = sign(*channel, &secrets, &record);
        let name = channel.spec().name;
        assert_eq!(verify(*channel, &record, &header, &[others()]), Err(Reject::Mismatch), "{name}");
        assert_eq!(
            verify(*channel, &record, &header, &[Secrets::default()]),
            Err(Reject::Mismatch),
            "{name}"
        );
        assert_eq!(verify(*channel, &record, &header, &[]), Err(Reject::Mismatch), "{name}");
        let elsewhere = ("x-other".to_owned(), header.1.clone());
        assert_eq!(
            verify(*channel, &record, &elsewhere, std::slice::from_ref(&secrets)),
            Err(Reject::Missing)
        );
        for at in 0..header.1.len() {
            let mut bytes = header.1.clone().into_bytes();
            bytes[at] ^= 1;
            let Ok(value) = String::from_utf8(bytes) else { continue };
            let broken = (header.0.clone(), value);
            // The last sextet of base64 holds spare bits; the decoder refuses those that are set.
            let verdict = verify(*channel, &record, &broken, std::slice::from_ref(&secrets));
            assert!(verdict.is_err() || broken.1.eq_ignore_ascii_case(&header.1), "{name} at {at}");
            let cut = (header.0.clone(), header.1[..at].to_owned());
            assert!(
                verify(*channel, &record, &cut, std::slice::from_ref(&secrets)).is_err(),
                "{name} cut at {at}"
            );
        }
    }
}

#[test]
fn every_byte_of_the_body_is_covered() {
    // Telegram signs nothing: its header is a password. The web chat's token is for a visitor, not for a body.
    for channel in posted().filter(|c| !matches!(c.spec().name, "telegram" | "webchat")) {
        let (_, secrets) = harness::account(*channel);
        let record = fixture(*channel);
        let header = sign(*channel, &secrets, &record);
        for at in 0..record.body.len() {
            let mut body = record.body.clone();
            body[at] ^= 1;
            let other = Record { body, query: record.query.clone(), ..record };
            // A form may be written in more than one way; what counts is what it says.
            let same = record.content_type.contains("form")
                && form::decode(&other.body) == form::decode(&record.body);
            let verdict = verify(*channel, &other, &header, std::slice::from_ref(&secrets));
            assert!(verdict.is_err() || same, "{} at {at}", channel.spec().name);
        }
    }
}

#[test]
fn twilio_covers_the_address_and_its_query() {
    let channel = crate::find("twilio").expect("twilio");
    let (_, secrets) = harness::account(channel);
    let record = fixture(channel);
    let header = sign(channel, &secrets, &record);
    let moved = Record { query: "part=part_02".to_owned(), body: record.body.clone(), ..record };
    assert_eq!(verify(channel, &moved, &header, std::slice::from_ref(&secrets)), Err(Reject::Mismatch));
    let headers = [header];
    let with_port = ["https://hub.example:443/hooks/x/k1".to_owned()];
    let request =
        HookRequest { headers: &headers, query: &record.query, body: &record.body, urls: &with_port };
    assert_eq!(
        channel.verify(&request, std::slice::from_ref(&secrets)),
        Ok(0),
        "the default port may be written out"
    );
    let request = HookRequest { urls: &[], ..request };
    assert_eq!(channel.verify(&request, &[secrets]), Err(Reject::Mismatch), "no address, no signature");
}

/// The example of Twilio's own security page.
#[test]
fn twilio_example_of_the_vendor() {
    let channel = crate::find("twilio").expect("twilio");
    let fields = [
        ("CallSid", "CA1234567890ABCDE"),
        ("Caller", "+14158675309"),
        ("Digits", "1234"),
        ("From", "+14158675309"),
        ("To", "+18005551212"),
    ];
    let body = form::encode(fields).into_bytes();
    let headers = [("x-twilio-signature".to_owned(), "RSOYDt4T1cUTdK1PDd93/VVr8B8=".to_owned())];
    let urls = ["https://mycompany.com/myapp.php?foo=1&bar=2".to_owned()];
    let request = HookRequest { headers: &headers, query: "foo=1&bar=2", body: &body, urls: &urls };
    let secrets = Secrets([("auth_token".to_owned(), "12345".to_owned())].into());
    assert_eq!(channel.verify(&request, &[secrets]), Ok(0));
}

#[test]
fn meta_tries_both_app_secrets() {
    let channel = crate::find("instagram").expect("instagram");
    let (_, mut secrets) = harness::account(channel);
    let record = fixture(channel);
    let header = sign(channel, &secrets, &record);
    let signer = secrets.0.insert("app_secret".to_owned(), "another".to_owned()).expect("it was set");
    assert_eq!(verify(channel, &record, &header, std::slice::from_ref(&secrets)), Err(Reject::Mismatch));
    secrets.0.insert("instagram_app_secret".to_owned(), signer);
    assert_eq!(verify(channel, &record, &header, &[secrets]), Ok(0));
}

#[test]
fn a_visitor_cannot_speak_for_another() {
    let channel = crate::find("webchat").expect("webchat");
    let (_, secrets) = harness::account(channel);
    let other = Record { body: br#"{"visitor":"v_other","text":"hi"}"#.to_vec(), ..fixture(channel) };
    let header = sign(channel, &secrets, &other);
    assert_eq!(verify(channel, &other, &header, std::slice::from_ref(&secrets)), Err(Reject::Mismatch));
    assert_eq!(crate::webchat::issue("v.x", &secrets), None);
    let token = crate::webchat::issue("v_1", &secrets).expect("token");
    assert_eq!(crate::webchat::visitor(&token, &[secrets]), Ok(("v_1", 0)));
}

#[test]
fn handshakes() {
    let query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=S3CR3T-verify";
    let ask = |channel: &dyn Channel, query: &str| {
        let request = HookRequest { headers: &[], query, body: b"", urls: &[] };
        channel.handshake(&request, &["other", "S3CR3T-verify"])
    };
    for channel in CHANNELS {
        if !channel.spec().fate.contains(&"meta") {
            assert_eq!(ask(*channel, query), None, "{}", channel.spec().name);
            continue;
        }
        assert_eq!(ask(*channel, query), Some(Ok("1158201444".to_owned())));
        assert_eq!(ask(*channel, &query.replace("S3CR3T", "x")), Some(Err(Reject::VerifyToken)));
        assert_eq!(ask(*channel, "hub.mode=subscribe&hub.challenge=1"), Some(Err(Reject::VerifyToken)));
        assert_eq!(ask(*channel, &query.replace("1158201444", "%3Cscript%3E")), Some(Err(Reject::Malformed)));
        assert_eq!(ask(*channel, &query.replace("subscribe", "other")), Some(Err(Reject::Malformed)));
        assert_eq!(ask(*channel, "x=1"), None);
    }
}
