//! WhatsApp Cloud API over real HTTP.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::common::{Bench, Got, text};

async fn account(bench: &Bench) -> Value {
    bench.account(json!({"platform": "whatsapp", "app_secret": "shh", "verify_token": "let-me-in", "token": "EAAtest"})).await
}

fn path(account: &Value) -> String {
    format!("/graph/v25.0/{}/messages", text(&account["phone_number_id"]))
}

fn message(to: &str, kind: &str, part: Value) -> Value {
    json!({"messaging_product": "whatsapp", "to": to, "type": kind, kind: part, "biz_opaque_callback_data": "box-7"})
}

pub(crate) fn assert_signed(got: &Got, secret: &str) {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(&got.body);
    let want: String =
        mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |s, b| s + &format!("{b:02x}"));
    assert_eq!(got.header("x-hub-signature-256"), want);
}

fn status_of(value: &Value, id: &str, word: &str) -> Option<Value> {
    let status = &value["entry"][0]["changes"][0]["value"]["statuses"][0];
    (status["id"] == id && status["status"] == word).then(|| status.clone())
}

#[tokio::test]
async fn a_conversation_with_signed_webhooks_and_statuses() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let (_, verified) =
        bench.post(&format!("/_control/accounts/{}/verify", text(&account["id"])), "", json!({})).await;
    assert_eq!(verified["verified"], true, "{verified}");
    bench.say(&account, "p1", json!({"text": "¿Tenéis tallas? 😊"})).await;
    let got = bench.sink.wait(2).await;
    let got = &got[1];
    assert_signed(got, "shh");
    let raw = String::from_utf8(got.body.clone()).unwrap();
    assert!(raw.is_ascii() && raw.contains("\\u00bfTen\\u00e9is") && raw.contains("\\ud83d\\ude0a"), "{raw}");
    let value = &got.json()["entry"][0]["changes"][0]["value"];
    assert_eq!(value["messages"][0]["text"]["body"], "¿Tenéis tallas? 😊");
    assert_eq!(value["contacts"][0]["user_id"], value["messages"][0]["from_user_id"]);
    let to = format!("+{}", text(&value["messages"][0]["from"]));
    let (status, sent) =
        bench.post(&path(&account), "EAAtest", message(&to, "text", json!({"body": "Sí"}))).await;
    assert_eq!(status, 200, "{sent}");
    let id = text(&sent["messages"][0]["id"]);
    for word in ["sent", "delivered", "read"] {
        let status = bench.sink.find(|v| status_of(v, &id, word)).await;
        assert_eq!(status["biz_opaque_callback_data"], "box-7");
    }
    bench.sink.all().iter().skip(1).for_each(|g| assert_signed(g, "shh"));
    let number = text(&account["phone_number_id"]);
    let (_, history) =
        bench.get(&format!("/graph/v25.0/{number}/message_history?message_id={id}"), "EAAtest").await;
    let words: Vec<String> = history["data"][0]["events"]["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| text(&e["delivery_status"]))
        .collect();
    assert_eq!(words, ["SENT", "DELIVERED", "READ"]);
}

#[tokio::test]
async fn a_customer_with_a_username_has_no_number_and_is_reached_by_its_id() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p3", json!({"text": "hi"})).await;
    let value =
        bench.sink.find(|v| v["entry"][0]["changes"][0]["value"].get("messages").map(|_| v.clone())).await;
    let value = &value["entry"][0]["changes"][0]["value"];
    assert!(value["messages"][0].get("from").is_none() && value["contacts"][0].get("wa_id").is_none());
    let body = json!({"messaging_product": "whatsapp", "recipient": value["contacts"][0]["user_id"], "type": "text",
        "text": {"body": "hello"}});
    let (status, sent) = bench.post(&path(&account), "EAAtest", body).await;
    assert_eq!(status, 200, "{sent}");
    bench.reaches(&account, &text(&sent["messages"][0]["id"]), "read").await;
}

#[tokio::test]
async fn wrong_messages_are_refused_with_their_codes() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let to = format!("+{}", text(&bench.customer(&account, "p0").await["address"]));
    let buttons = |n: usize, title: &str| {
        let list: Vec<Value> = (0..n)
            .map(|i| json!({"type": "reply", "reply": {"id": i.to_string(), "title": title}}))
            .collect();
        json!({"type": "button", "body": {"text": "?"}, "action": {"buttons": list}})
    };
    let cases = [
        (message(&to, "text", json!({"body": "x".repeat(4097)})), 400, 100),
        (message(&to, "text", json!({})), 400, 131_008),
        (message(&to, "interactive", buttons(4, "Yes")), 400, 131_009),
        (message(&to, "interactive", buttons(1, "a title of more than 20")), 400, 131_009),
        (message(&to, "image", json!({"id": "404"})), 400, 100),
        (message(&to, "template", json!({"name": "nope", "language": {"code": "en_US"}})), 404, 132_001),
        (
            message(&to, "template", json!({"name": "order_update", "language": {"code": "en_US"}})),
            400,
            132_000,
        ),
        (message(&to, "poll", json!({})), 400, 100),
        (message(&text(&account["from"]), "text", json!({"body": "me"})), 400, 131_021),
        (json!({"to": to, "type": "text", "text": {"body": "x"}}), 400, 100),
    ];
    for (body, want, code) in cases {
        let (status, answer) = bench.post(&path(&account), "EAAtest", body.clone()).await;
        assert_eq!((status, answer["error"]["code"].as_i64()), (want, Some(code)), "{body} {answer}");
        assert!(answer["error"]["fbtrace_id"].is_string());
    }
    let (status, answer) =
        bench.post(&path(&account), "EAAwrong", message(&to, "text", json!({"body": "x"}))).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (401, Some(190)));
    let (status, answer) = bench.post("/graph/v25.0/123/messages", "EAAtest", json!({})).await;
    assert_eq!((status, answer["error"]["error_subcode"].as_i64()), (400, Some(33)));
}

#[tokio::test]
async fn a_closed_window_and_a_stranger_fail_later_or_at_once() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let people = format!("/_control/accounts/{}/customers/p0", text(&account["id"]));
    bench.patch(&people, json!({"last_wrote_ms": 1})).await;
    let to = format!("+{}", text(&bench.customer(&account, "p0").await["address"]));
    let (status, sent) =
        bench.post(&path(&account), "EAAtest", message(&to, "text", json!({"body": "x"}))).await;
    assert_eq!(status, 200);
    let id = text(&sent["messages"][0]["id"]);
    let failed = bench.sink.find(|v| status_of(v, &id, "failed")).await;
    assert_eq!(failed["errors"][0]["code"], 131_047);
    let template = json!({"name": "continue_here", "language": {"code": "en_US"}, "components":
        [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]});
    let (_, sent) = bench.post(&path(&account), "EAAtest", message(&to, "template", template)).await;
    bench.reaches(&account, &text(&sent["messages"][0]["id"]), "read").await;
    let (_, sent) =
        bench.post(&path(&account), "EAAtest", message("+15005550006", "text", json!({"body": "x"}))).await;
    let id = text(&sent["messages"][0]["id"]);
    let failed = bench.sink.find(|v| status_of(v, &id, "failed")).await;
    assert_eq!(failed["errors"][0]["code"], 131_026);
    let strict = bench.account(json!({"platform": "whatsapp", "token": "EAA2", "refusals": "http"})).await;
    let (status, answer) =
        bench.post(&path(&strict), "EAA2", message(&to, "text", json!({"body": "x"}))).await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (400, Some(131_047)));
}

#[tokio::test]
async fn limits_of_the_pair_and_of_the_number() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let to = format!("+{}", text(&bench.customer(&account, "p0").await["address"]));
    for n in 0..46 {
        let (status, answer) =
            bench.post(&path(&account), "EAAtest", message(&to, "text", json!({"body": "x"}))).await;
        let want = if n < 45 { (200, None) } else { (400, Some(131_056)) };
        assert_eq!((status, answer["error"]["code"].as_i64()), want, "{n}");
    }
    let slow = bench
        .account(json!({"platform": "whatsapp", "token": "EAA2", "limits": {"account_per_s": 1.0}}))
        .await;
    let send = async || bench.post(&path(&slow), "EAA2", message(&to, "text", json!({"body": "x"}))).await;
    assert_eq!(send().await.0, 200);
    let (status, answer) = send().await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (429, Some(130_429)));
}

#[tokio::test]
async fn media_buttons_reads_and_the_number_itself() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"kind": "image", "text": "like this"})).await;
    let inbound =
        |v: &Value, kind: &str| v["entry"][0]["changes"][0]["value"]["messages"][0].get(kind).cloned();
    let image = bench.sink.find(|v| inbound(v, "image")).await;
    let media = text(&image["id"]);
    let (_, meta) = bench.get(&format!("/graph/v25.0/{media}"), "EAAtest").await;
    assert_eq!(meta["sha256"], image["sha256"]);
    let url = text(&meta["url"]);
    assert_eq!(bench.http.get(&url).send().await.unwrap().status(), 401);
    let bytes = bench.http.get(&url).bearer_auth("EAAtest").send().await.unwrap().bytes().await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    let to = format!("+{}", text(&bench.customer(&account, "p0").await["address"]));
    let offer = json!({"type": "button", "body": {"text": "Size?"}, "action": {"buttons": [{"type": "reply", "reply": {"id": "m", "title": "M"}}]}});
    let (_, sent) = bench.post(&path(&account), "EAAtest", message(&to, "interactive", offer)).await;
    let said = bench.say(&account, "p0", json!({"press": "m"})).await;
    let press = bench
        .sink
        .find(|v| {
            inbound(v, "interactive").map(|_| v["entry"][0]["changes"][0]["value"]["messages"][0].clone())
        })
        .await;
    assert_eq!(
        press["interactive"],
        json!({"type": "button_reply", "button_reply": {"id": "m", "title": "M"}})
    );
    assert_eq!(press["context"]["id"], sent["messages"][0]["id"]);
    let read = json!({"messaging_product": "whatsapp", "status": "read", "message_id": said, "typing_indicator": {"type": "text"}});
    assert_eq!(bench.post(&path(&account), "EAAtest", read).await, (200, json!({"success": true})));
    let number = text(&account["phone_number_id"]);
    let (_, health) =
        bench.get(&format!("/graph/v25.0/{number}?fields=health_status,quality_rating"), "EAAtest").await;
    assert_eq!(health["health_status"]["can_send_message"], "AVAILABLE");
    assert!(health.get("verified_name").is_none());
}

#[tokio::test]
async fn a_failing_webhook_comes_again_and_an_unsubscribed_one_never() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.sink.answer(&[500, 503]);
    bench.say(&account, "p0", json!({"text": "again"})).await;
    let got = bench.sink.wait(3).await;
    assert!(got.iter().all(|g| g.body == got[0].body), "retries repeat the same bytes");
    let waba = text(&account["waba_id"]);
    let apps = format!("/graph/v25.0/{waba}/subscribed_apps");
    let url = bench.url(&apps);
    bench.http.delete(&url).bearer_auth("EAAtest").send().await.unwrap();
    assert_eq!(bench.get(&apps, "EAAtest").await.1["data"], json!([]));
    bench.say(&account, "p0", json!({"text": "lost"})).await;
    bench.post(&apps, "EAAtest", json!({})).await;
    bench.say(&account, "p0", json!({"text": "back"})).await;
    let got = bench.sink.wait(4).await;
    assert_eq!(got[3].json()["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"], "back");
}
