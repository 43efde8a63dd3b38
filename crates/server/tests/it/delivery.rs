//! Lanes: order, retries, uncertain outcomes, and providers in every kind of trouble.

use std::time::{Duration, Instant};

use serde_json::json;

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text, until};
use super::shapes::{ig, ig_text, tg_text, wa_text};

/// A refusal as WhatsApp writes it.
fn wa_error(status: u16, code: u32) -> Reply {
    Reply::json(status, &json!({ "error": { "message": "trouble", "code": code } }))
}

/// Opens a conversation; its id.
async fn conversation(hub: &Hub, said: &str) -> String {
    text(&hub.message(said, "received").await["conversation_id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_second_part_is_repeated_alone_and_in_order() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.instagram(&fake, "17840001");
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN1", "hi")])).await;
    let conv = conversation(&hub, "hi").await;
    let words: Vec<String> = (0..260).map(|n| format!("word{n:04}")).collect();
    let long = words.join(" ");
    let second = std::sync::atomic::AtomicU32::new(0);
    fake.then(move |seen: &Seen, _| {
        let middle = seen.text().contains("word0150");
        if middle && second.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            let body =
                json!({ "error": { "message": "slow down", "code": 613, "error_subcode": 2_534_040 } });
            return Reply::Answer(429, vec![("retry-after", "1".into())], body.to_string().into());
        }
        Reply::Ok
    });
    let sent = hub.reply(&conv, &long).await;
    hub.reply(&conv, "and then this").await;
    let row = hub.message(&long, "accepted").await;
    hub.message("and then this", "accepted").await;
    let texts = fake.texts();
    let parts: Vec<String> =
        row["parts"].as_array().expect("parts").iter().map(|part| text(&part["text"])).collect();
    assert_eq!(parts.len(), 3, "{parts:?}");
    assert!(parts.iter().all(|part| part.len() <= 1_000));
    assert_eq!(parts.join(" "), long, "nothing is lost between parts");
    let expected = [parts[0].as_str(), &parts[1], &parts[1], &parts[2], "and then this"];
    assert_eq!(texts, expected);
    let sends = fake.sends();
    assert!(sends[2].at - sends[1].at >= Duration::from_secs(1), "Retry-After is obeyed");
    let attempts = hub.good("GET", &format!("/messages/{}/attempts", text(&sent["id"])), json!(null)).await;
    let outcomes: Vec<(u64, String)> = attempts
        .as_array()
        .expect("attempts")
        .iter()
        .map(|a| (a["part_index"].as_u64().expect("index"), text(&a["outcome"])))
        .collect();
    assert_eq!(outcomes.iter().filter(|(part, _)| *part == 1).count(), 2, "{outcomes:?}");
    assert_eq!(outcomes.len(), 4, "{outcomes:?}");
    assert!(!attempts.to_string().contains("ig-token"), "the token is not in the record");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_503_that_was_not_executed_is_retried_and_message_2_waits() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    fake.then(
        |seen: &Seen, before| {
            if seen.text() == "one" && before < 2 { wa_error(503, 131_016) } else { Reply::Ok }
        },
    );
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    let conv = conversation(&hub, "hi").await;
    hub.reply(&conv, "one").await;
    hub.reply(&conv, "two").await;
    hub.message("two", "accepted").await;
    assert_eq!(fake.texts(), ["one", "one", "one", "two"]);
    assert_eq!(hub.message("one", "accepted").await["parts"][0]["attempts"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unmarked_503_on_telegram_ends_unconfirmed_then_message_2_goes() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.telegram_bot(&fake);
    fake.then(|seen: &Seen, _| match seen.text().as_str() {
        "one" => Reply::Answer(503, vec![], b"<html>bad gateway</html>".to_vec()),
        "three" => Reply::Reset,
        _ => Reply::Ok,
    });
    hub.telegram(&account, &tg_text(1, 1, "hi")).await;
    let conv = conversation(&hub, "hi").await;
    for said in ["one", "two", "three", "four"] {
        hub.reply(&conv, said).await;
    }
    hub.message("four", "accepted").await;
    for lost in ["one", "three"] {
        let row = hub.message(lost, "unconfirmed").await;
        assert!(row["problem"].is_string(), "people see why: {row}");
    }
    hub.message("two", "accepted").await;
    assert_eq!(fake.texts(), ["one", "two", "three", "four"], "nothing went twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_uncertain_send_blocks_its_lane_until_a_receipt_settles_it() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    fake.then(|seen: &Seen, _| if seen.text() == "one" { Reply::Reset } else { Reply::Ok });
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    hub.meta(&account, &wa_text("101", "15550002", "wamid.B", "hello")).await;
    let conv = conversation(&hub, "hi").await;
    let other = conversation(&hub, "hello").await;
    hub.reply(&conv, "one").await;
    hub.reply(&conv, "two").await;
    hub.message("one", "uncertain").await;
    hub.reply(&other, "elsewhere").await;
    hub.message("elsewhere", "accepted").await;
    assert_eq!(fake.texts(), ["one", "elsewhere"], "only its own lane waits");
    let correlation = text(&fake.sends()[0].json()["biz_opaque_callback_data"]);
    let receipt = super::shapes::wa_receipt("101", "15550001", "wamid.LOST", "sent", Some(&correlation));
    hub.meta(&account, &receipt).await;
    let row = hub.message("one", "accepted").await;
    assert_eq!(row["provider_id"], "wamid.LOST");
    hub.message("two", "accepted").await;
    assert_eq!(fake.texts(), ["one", "elsewhere", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn thai_text_is_split_at_instagrams_bytes_and_never_inside_a_letter() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.instagram(&fake, "17840001");
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN1", "สวัสดี")])).await;
    let conv = conversation(&hub, "สวัสดี").await;
    // 1,500 characters without a space; each letter may carry a vowel and a tone above it.
    let long: String = "ที่นี่น้ำใจดี".chars().cycle().take(1_500).collect();
    hub.reply(&conv, &long).await;
    let row = hub.message(&long, "accepted").await;
    let texts = fake.texts();
    assert_eq!(texts.concat(), long);
    assert!(texts.len() >= 5 && texts.iter().all(|part| part.len() <= 1_000), "{}", texts.len());
    assert_eq!(row["parts"].as_array().expect("parts").len(), texts.len());
    let marks = "\u{e31}\u{e33}\u{e34}\u{e35}\u{e36}\u{e37}\u{e48}\u{e49}\u{e4a}\u{e4b}";
    assert!(texts.iter().all(|part| !part.starts_with(|c| marks.contains(c))), "a part begins with a mark");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_stops_sending_and_never_what_comes_in() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("answer").await;
    fake.then(|_, _| wa_error(401, 190));
    hub.meta(&account, &wa_text("101", "15550001", "wamid.1", "message 1")).await;
    until("the account to stop", || async {
        let shown = hub.good("GET", "/accounts", json!(null)).await;
        let all = shown.as_array().or(shown["items"].as_array())?.clone();
        let ours = all.into_iter().find(|a| a["id"] == account.id.as_str())?;
        (ours["status"] == "stopped" && ours["problem"].is_string()).then_some(())
    })
    .await;
    let shown = hub.cli_json(&["account", "show", &account.id]);
    assert_eq!(shown["status"], "stopped", "{shown}");
    for n in 2..6 {
        let from = format!("1555000{n}");
        hub.meta(&account, &wa_text("101", &from, &format!("wamid.{n}"), &format!("message {n}"))).await;
    }
    for n in 2..6 {
        hub.message(&format!("message {n}"), "received").await;
    }
    let held = hub.message("answer", "held").await;
    assert!(held["problem"].is_string(), "{held}");
    assert_eq!(fake.sends().len(), 1, "the platform is not bothered again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_hangs_delays_nobody_else() {
    let (hub, fake, slow) = (Hub::start().await, Fake::healthy().await, Fake::healthy().await);
    slow.then(|seen, _| if seen.is_send() { Reply::Hang } else { Reply::Ok });
    let hung = hub.whatsapp(&slow, "101", &["--set", "rate_per_s=4"]);
    let fine = hub.whatsapp(&fake, "102", &[]);
    hub.answer_all("answer").await;
    for n in 0..12 {
        hub.meta(&hung, &wa_text("101", &format!("1555010{n:02}"), &format!("wamid.H{n}"), "hi")).await;
    }
    slow.wait(8).await;
    let began = Instant::now();
    for n in 0..5 {
        hub.meta(&fine, &wa_text("102", &format!("1555020{n:02}"), &format!("wamid.F{n}"), "hello")).await;
    }
    fake.wait(5).await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(slow.sends().len(), 8, "a hung account holds its own slots and no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn sms_goes_out_and_its_callbacks_come_back() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.twilio_number(&fake);
    hub.answer_all("by text").await;
    let form = [
        ("MessageSid", "SMIN1"),
        ("AccountSid", "AC1"),
        ("From", "+14155550100"),
        ("To", "+15550001111"),
        ("SmsStatus", "received"),
        ("NumMedia", "0"),
        ("Body", "Is it open? 👍 a+b=c&d"),
    ];
    hub.twilio(&account, "", &form).await;
    let row = hub.message("Is it open? 👍 a+b=c&d", "received").await;
    assert_eq!(row["sender"], "+14155550100");
    let send = fake.wait(1).await.remove(0);
    assert_eq!(send.text(), "by text");
    assert!(send.headers["authorization"].starts_with("Basic "));
    let out = hub.message("by text", "accepted").await;
    let body = String::from_utf8_lossy(&send.body).into_owned();
    let url = reqwest::Url::parse(&format!("http://x/?{body}")).expect("a form");
    let callback =
        url.query_pairs().find(|(name, _)| name == "StatusCallback").expect("a callback").1.into_owned();
    let (_, query) = callback.split_once('?').expect("our key in the address");
    let sid = text(&out["provider_id"]);
    let form = [
        ("MessageSid", sid.as_str()),
        ("AccountSid", "AC1"),
        ("From", "+15550001111"),
        ("To", "+14155550100"),
        ("MessageStatus", "delivered"),
        ("SmsStatus", "delivered"),
    ];
    hub.twilio(&account, &format!("?{query}"), &form).await;
    hub.message("by text", "delivered").await;
    assert!(hub.rows("problems").await.is_empty(), "{:#?}", hub.rows("problems").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_fails_visibly_and_a_retry_by_hand_sends_again() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    fake.then(
        |seen: &Seen, before| {
            if seen.text() == "one" && before == 0 { wa_error(400, 131_047) } else { Reply::Ok }
        },
    );
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    let conv = conversation(&hub, "hi").await;
    hub.reply(&conv, "one").await;
    hub.reply(&conv, "two").await;
    let failed = hub.message("one", "failed").await;
    assert!(text(&failed["problem"]).contains("window_closed"), "{failed}");
    hub.message("two", "accepted").await;
    hub.good("POST", &format!("/messages/{}/retry", text(&failed["id"])), json!({})).await;
    hub.message("one", "accepted").await;
    assert_eq!(fake.texts(), ["one", "two", "one"]);
}
