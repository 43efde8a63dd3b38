//! What goes out: within the channel's own limits, and without a secret where people can see it.

use std::borrow::Cow;

use everthread_core::content::{Attachment, AttachmentKind, Button, ButtonAction, Content, MediaSource};
use everthread_core::event::{Address, AddressKind};
use everthread_core::fit::fit;
use everthread_core::state::Class;
use proptest::prelude::*;

use crate::harness::{self, SECRET};
use crate::{CHANNELS, Channel, MediaStep, Outbound, WireRequest, WireResponse};

fn send(channel: &dyn Channel, content: &Content) -> Result<WireRequest, everthread_core::outcome::Reason> {
    let (settings, secrets) = harness::account(channel);
    let kind = channel.spec().addresses[0];
    let value = if kind == AddressKind::Email { "pat@example.org" } else { "+4915112345678" };
    let to = Address { kind, value: value.to_owned() };
    let out = Outbound {
        correlation: "part_01",
        to: &to,
        content: Cow::Borrowed(content),
        reply_to: None,
        thread: None,
        file: None,
        reaction: None,
        class: Class::Live,
        human_tag: false,
    };
    channel.request(&out, &harness::at(&settings, &secrets))
}

fn button(title: String, link: bool) -> Button {
    let action = if link {
        ButtonAction::Url("https://shop.example".to_owned())
    } else {
        ButtonAction::Payload("p1".to_owned())
    };
    Button { title, action }
}

fn file(kind: AttachmentKind) -> Attachment {
    let note = (kind == AttachmentKind::Location).then(|| "52.5,13.4 Shop".to_owned());
    let source = note.is_none().then(|| MediaSource::Url("https://hub.example/f".to_owned()));
    Attachment { kind, mime: None, name: None, size: None, source, note }
}

proptest! {
    /// What core cuts to a channel's capabilities, the channel can send.
    #[test]
    fn every_fitted_part_can_be_sent(
        text in "(\\PC|สวัสดี|👨‍👩‍👧|[a-z \n]{40}){1,120}",
        buttons in prop::collection::vec(("[a-z]{1,30}", any::<bool>()), 0..6),
        files in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        for channel in CHANNELS {
            let spec = channel.spec();
            let content = Content {
                text: text.clone(),
                attachments: files.iter().filter(|_| !spec.media.is_empty()).map(|i| file(i.get(spec.media).0)).collect(),
                buttons: buttons.iter().map(|(title, link)| button(title.clone(), *link)).collect(),
                ..Content::default()
            };
            let Ok(parts) = fit(&content, &spec.capabilities()) else { continue };
            for part in parts {
                prop_assert!(spec.text.unit.len(&part.text) <= spec.text.max);
                let sent = send(*channel, &part);
                prop_assert!(sent.is_ok(), "{}: {sent:?} for {part:?}", spec.name);
            }
        }
    }
}

#[test]
fn long_text_of_wide_characters_keeps_within_the_limit() {
    for channel in CHANNELS {
        let spec = channel.spec();
        let content = Content::text("สวัสดีครับ👍".repeat(500));
        for part in fit(&content, &spec.capabilities()).expect("fits") {
            assert!(spec.text.unit.len(&part.text) <= spec.text.max, "{}", spec.name);
            send(*channel, &part).expect("sent");
        }
    }
}

/// Every request that a channel makes, by every way.
fn requests(channel: &dyn Channel) -> Vec<WireRequest> {
    let (settings, secrets) = harness::account(channel);
    let account = harness::at(&settings, &secrets);
    let mut all: Vec<_> = harness::names(channel, "outbound")
        .iter()
        .filter_map(|name| harness::outbound(channel, name).ok())
        .collect();
    all.extend(channel.probe(&account));
    all.extend(channel.poll(&account, Some("7")));
    all.extend(channel.connect(&account, true));
    all.extend(channel.connect(&account, false));
    let event =
        super::inbound(channel_static(channel)).flat_map(|(_, record)| channel.parse(&record.raw()).items);
    all.extend(event.filter_map(|item| channel.acknowledge(&item.event, &account)));
    let link = br#"{"ok":true,"result":{"file_path":"photos/f.jpg"},"url":"https://lookaside.fbsbx.com/x"}"#;
    let answer = WireResponse::Answer { status: 200, headers: &[], body: link };
    let urls = ["https://api.twilio.com/m/1", "https://lookaside.fbsbx.com/x", "https://elsewhere.example/x"];
    let sources = urls.iter().map(|url| MediaSource::Url((*url).to_owned()));
    for source in sources.chain([MediaSource::ProviderId("f1".to_owned())]) {
        for answers in [&[][..], &[answer][..]] {
            if let Some(MediaStep::Ask(request) | MediaStep::Fetch(request)) =
                channel.media(&source, &account, answers)
            {
                assert!(
                    request.url.contains("elsewhere") <= request.headers.is_empty(),
                    "a token left the house"
                );
                all.push(request);
            }
        }
    }
    all
}

fn channel_static(channel: &dyn Channel) -> &'static dyn Channel {
    crate::find(channel.spec().name).expect("listed")
}

#[test]
fn secrets_are_never_shown() {
    for channel in CHANNELS {
        let name = channel.spec().name;
        let basic = "UzNDUj"; // how a secret looks inside Basic auth
        for request in requests(*channel) {
            for text in [request.redacted(), format!("{request:?}"), harness::show(&request)] {
                assert!(!text.contains(SECRET) && !text.contains(basic), "{name}: {text}");
            }
        }
        let (settings, secrets) = harness::account(*channel);
        assert!(!format!("{:?}", harness::at(&settings, &secrets)).contains(SECRET), "{name}");
        for fixture in harness::names(*channel, "responses") {
            let text = harness::response(*channel, &fixture);
            let outcome = harness::with_response(&text, |answer| channel.classify(answer));
            assert!(!format!("{outcome:?}").contains(SECRET), "{name} {fixture}");
        }
    }
}

#[test]
fn requests_go_to_the_base_that_the_operator_names() {
    for channel in CHANNELS.iter().filter(|channel| !channel.spec().api_base.is_empty()) {
        let (mut settings, secrets) = harness::account(*channel);
        settings.0.insert("api_base".to_owned(), "http://127.0.0.1:9".to_owned());
        let account = harness::at(&settings, &secrets);
        let mut all: Vec<_> =
            channel.probe(&account).into_iter().chain(channel.connect(&account, true)).collect();
        all.extend(channel.poll(&account, None));
        assert!(!all.is_empty());
        for request in all {
            assert!(request.url.starts_with("http://127.0.0.1:9/"), "{}", request.redacted());
        }
    }
}

#[test]
fn telegram_polls_from_the_next_update() {
    use crate::Polled;
    let channel = crate::find("telegram").expect("telegram");
    let (settings, secrets) = harness::account(channel);
    let account = harness::at(&settings, &secrets);
    let polled = |status, body: &[u8]| channel.polled(&WireResponse::Answer { status, headers: &[], body });
    let record = harness::inbound(channel, "album");
    let Polled::Events { cursor } = polled(200, &record.body) else { panic!("events") };
    assert_eq!(cursor, "800000007");
    let next = channel.poll(&account, Some(&cursor)).expect("a poll");
    assert!(String::from_utf8_lossy(&next.body).contains("\"offset\":800000007"));
    assert_eq!(polled(200, b"{\"ok\":true,\"result\":[]}"), Polled::Empty);
    assert!(matches!(polled(200, b"<html>"), Polled::Failed(_)));
    assert!(matches!(
        polled(409, b"{\"ok\":false,\"error_code\":409,\"description\":\"Conflict\"}"),
        Polled::Failed(_)
    ));
}

#[test]
fn files_come_in_steps_and_say_when_they_are_gone() {
    for (name, gone) in [
        ("telegram", r#"{"ok":false,"error_code":400,"description":"Bad Request: file is too big"}"#),
        ("whatsapp", r#"{"error":{"code":100,"error_subcode":33,"message":"Unsupported get request"}}"#),
    ] {
        let channel = crate::find(name).expect("listed");
        let (settings, secrets) = harness::account(channel);
        let account = harness::at(&settings, &secrets);
        let source = MediaSource::ProviderId("f1".to_owned());
        let step = |status, body: &[u8]| {
            let answer = WireResponse::Answer { status, headers: &[], body };
            channel.media(&source, &account, &[answer]).expect("a step")
        };
        assert!(matches!(channel.media(&source, &account, &[]), Some(MediaStep::Ask(_))), "{name}");
        assert!(matches!(step(400, gone.as_bytes()), MediaStep::Gone(_)), "{name}");
        for status in [401, 429, 500, 503] {
            assert!(matches!(step(status, b"{}"), MediaStep::Later(_)), "{name} {status}");
        }
    }
}
