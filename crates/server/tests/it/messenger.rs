//! Messenger over the whole binary: in and out, receipts by watermark, one app with Instagram.

use serde_json::{Value, json};

use super::fake::{Fake, Reply};
use super::hub::{Hub, text};
use super::shapes::{ig, ig_echo, ig_text, now, page, page_watermark};

const PAGE: &str = "1777001";
const IG: &str = "17840001";

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_read_up_to_the_watermark() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.messenger(&fake, PAGE);
    hub.meta(&account, &page(PAGE, &[ig_text(PAGE, "5001", "m_In1", "hi")])).await;
    let conv = text(&hub.message("hi", "received").await["conversation_id"]);
    hub.reply(&conv, "first").await;
    let first = hub.message("first", "accepted").await;
    let send = fake.wait(1).await.remove(0);
    assert_eq!(send.path, format!("/{PAGE}/messages"));
    assert_eq!(send.headers["authorization"], "Bearer page-token");
    let body = send.json();
    assert_eq!((&body["recipient"]["id"], &body["messaging_type"]), (&json!("5001"), &json!("RESPONSE")));
    assert!(text(&body["message"]["metadata"]).starts_with("part_"), "{body}");

    // Told by id, then all up to a time; what is sent after that time stays as it is.
    let mut told = page_watermark(PAGE, "5001", "delivery", (now() - 3_600) * 1_000);
    told["delivery"]["mids"] = json!([first["provider_id"]]);
    hub.meta(&account, &page(PAGE, &[told])).await;
    hub.message("first", "delivered").await;
    let between = jiff::Timestamp::now().as_millisecond();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    hub.reply(&conv, "second").await;
    hub.message("second", "accepted").await;
    hub.meta(&account, &page(PAGE, &[page_watermark(PAGE, "5001", "read", between)])).await;
    hub.message("first", "read").await;
    hub.message("second", "accepted").await;
    // The customer's answer and what they have read arrive in one call.
    let read = page_watermark(PAGE, "5001", "read", (now() + 1) * 1_000);
    hub.meta(&account, &page(PAGE, &[read, ig_text(PAGE, "5001", "m_In2", "thanks")])).await;
    hub.message("second", "read").await;
    assert_eq!(text(&hub.message("thanks", "received").await["conversation_id"]), conv);
    assert_eq!(hub.rows("problems").await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_receipt_and_an_echo_before_the_answer_are_kept() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.messenger(&fake, PAGE);
    fake.then(|seen, _| {
        let slow = std::time::Duration::from_millis(1_500);
        if seen.is_send() { Reply::Late(slow) } else { Reply::Ok }
    });
    hub.meta(&account, &page(PAGE, &[ig_text(PAGE, "5001", "m_In1", "hi")])).await;
    let conv = text(&hub.message("hi", "received").await["conversation_id"]);
    hub.reply(&conv, "slow").await;
    let send = fake.wait(1).await.remove(0);
    let sent_ms = jiff::Timestamp::now().as_millisecond();
    // The read receipt overtakes the echo, and both the answer to the call.
    let read = page_watermark(PAGE, "5001", "read", sent_ms + 100);
    let mut echo = ig_echo(PAGE, "5001", "mid.OUT1", "slow");
    echo["timestamp"] = json!(sent_ms);
    echo["message"]["metadata"] = send.json()["message"]["metadata"].clone();
    hub.meta(&account, &page(PAGE, &[read])).await;
    hub.meta(&account, &page(PAGE, &[echo])).await;
    hub.message("slow", "read").await;
    let rows = hub.rows("messages").await;
    assert_eq!(rows.iter().filter(|row| row["direction"] == "out").count(), 1, "{rows:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_app_serves_a_page_and_an_instagram_account() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let (instagram, messenger) = (hub.instagram(&fake, IG), hub.messenger(&fake, PAGE));
    let mut both = page(PAGE, &[ig_text(PAGE, "5001", "m_In1", "to the page")]);
    let stranger = json!({ "id": "1", "messaging": [ig_text("1", "5", "m_X", "to nobody")] });
    both["entry"].as_array_mut().expect("entries").push(stranger);
    // Whichever address the app was given, each entry goes to its own account.
    hub.meta(&instagram, &both).await;
    hub.meta(&messenger, &ig(IG, &[ig_text(IG, "7001", "mid.IN1", "to instagram")])).await;
    let to_page = hub.message("to the page", "received").await;
    hub.message("to instagram", "received").await;
    let problem = hub.row("problems", |row| row.to_string().contains("no account has this")).await;
    assert!(problem.to_string().contains("id 1"), "{problem}");
    hub.reply(&text(&to_page["conversation_id"]), "from the page").await;
    let send = fake.wait(1).await.remove(0);
    assert_eq!(send.path, format!("/{PAGE}/messages"), "a Page's customer is answered by the Page");
}
