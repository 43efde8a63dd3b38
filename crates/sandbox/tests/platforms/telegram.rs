//! Telegram's Bot API over real HTTP.

use crate::common::{Bench, text};
use serde_json::{Value, json};

fn bot(account: &Value, method: &str) -> String {
    format!("/telegram/bot{}/{method}", text(&account["token"]))
}

async fn polled(bench: &Bench) -> Value {
    bench.account(json!({"platform": "telegram", "webhook_url": null})).await
}

#[tokio::test]
async fn a_customer_writes_the_bot_polls_and_answers() {
    let bench = Bench::new().await;
    let account = polled(&bench).await;
    let (status, me) = bench.get(&bot(&account, "getMe"), "").await;
    assert_eq!((status, me["result"]["is_bot"].as_bool()), (200, Some(true)));
    bench.say(&account, "p1", json!({"text": "¿Hola?"})).await;
    let (_, got) = bench.get(&bot(&account, "getUpdates?timeout=5"), "").await;
    let update = &got["result"][0];
    assert_eq!(update["message"]["text"], "¿Hola?");
    let chat = update["message"]["chat"]["id"].as_i64().unwrap();
    let (status, sent) =
        bench.post(&bot(&account, "sendMessage"), "", json!({"chat_id": chat, "text": "Yes"})).await;
    assert_eq!(status, 200, "{sent}");
    let id = format!("{chat}:{}", sent["result"]["message_id"]);
    let message = bench.reaches(&account, &id, "read").await;
    assert_eq!((message["customer"].as_str(), message["text"].as_str()), (Some("p1"), Some("Yes")));
    let next = update["update_id"].as_i64().unwrap() + 1;
    let (_, empty) = bench.get(&bot(&account, &format!("getUpdates?offset={next}")), "").await;
    assert_eq!(empty["result"], json!([]));
}
