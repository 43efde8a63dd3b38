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

/// A bot with a webhook and a customer who has written; gives the chat's id.
async fn hooked(bench: &Bench) -> (Value, i64) {
    let account = polled(bench).await;
    let body = json!({"url": format!("{}/tg", bench.sink.url), "secret_token": "s3cret_-", "allowed_updates":
        ["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"]});
    let (status, set) = bench.post(&bot(&account, "setWebhook"), "", body).await;
    assert_eq!(status, 200, "{set}");
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let got = bench.sink.wait(1).await;
    assert_eq!(got[0].header("x-telegram-bot-api-secret-token"), "s3cret_-");
    let chat = got[0].json()["message"]["chat"]["id"].as_i64().unwrap();
    (account, chat)
}

#[tokio::test]
async fn a_failing_webhook_is_tried_again_in_order() {
    let bench = Bench::new().await;
    let (account, _) = hooked(&bench).await;
    bench.sink.answer(&[500, 503]);
    for n in 1..=5 {
        bench.say(&account, "p0", json!({"text": n.to_string()})).await;
    }
    let got = bench.sink.wait(8).await;
    let texts: Vec<String> = got[1..].iter().map(|g| text(&g.json()["message"]["text"])).collect();
    assert_eq!(texts, ["1", "1", "1", "2", "3", "4", "5"]);
    let (_, info) = bench.get(&bot(&account, "getWebhookInfo"), "").await;
    assert_eq!(
        info["result"]["last_error_message"],
        "Wrong response from the webhook: 503 Service Unavailable"
    );
    let (status, conflict) = bench.get(&bot(&account, "getUpdates"), "").await;
    assert_eq!((status, conflict["error_code"].as_i64()), (409, Some(409)));
}

#[tokio::test]
async fn retry_after_is_honoured_and_blocks_one_chat_only() {
    let bench = Bench::with(|c| (c.replies, c.retry_speed) = (false, 10.0)).await;
    let (account, _) = hooked(&bench).await;
    // The first retry would be immediate; 10 s at ten times the speed is one second.
    bench.sink.answer_retry_after(503, 10);
    let start = std::time::Instant::now();
    bench.say(&account, "p0", json!({"text": "late"})).await;
    bench.sink.wait(2).await;
    bench.say(&account, "p1", json!({"text": "other"})).await;
    let got = bench.sink.wait(3).await;
    assert_eq!(got[2].json()["message"]["text"], "other");
    let got = bench.sink.wait(4).await;
    assert_eq!(got[3].json()["message"]["text"], "late");
    assert!(start.elapsed().as_millis() >= 1_000, "{:?}", start.elapsed());
}

#[tokio::test]
async fn buttons_reactions_edits_and_blocks_are_updates() {
    let bench = Bench::new().await;
    let (account, chat) = hooked(&bench).await;
    let markup = json!({"inline_keyboard": [[{"text": "M", "callback_data": "size:m"}]]});
    let body = json!({"chat_id": chat, "text": "Which size?", "reply_markup": markup});
    let (_, sent) = bench.post(&bot(&account, "sendMessage"), "", body).await;
    let number = sent["result"]["message_id"].as_i64().unwrap();
    bench.say(&account, "p0", json!({"press": "M"})).await;
    let press = bench.sink.find(|v| v.get("callback_query").cloned()).await;
    assert_eq!(
        (press["data"].as_str(), press["message"]["message_id"].as_i64()),
        (Some("size:m"), Some(number))
    );
    let answer = json!({"callback_query_id": press["id"]});
    assert_eq!(bench.post(&bot(&account, "answerCallbackQuery"), "", answer.clone()).await.0, 200);
    let (status, late) = bench.post(&bot(&account, "answerCallbackQuery"), "", answer).await;
    assert_eq!(status, 400);
    assert!(text(&late["description"]).contains("query is too old"));
    bench.say(&account, "p0", json!({"react": "👍"})).await;
    let reaction = bench.sink.find(|v| v.get("message_reaction").cloned()).await;
    assert_eq!(reaction["new_reaction"][0]["emoji"], "👍");
    let id = bench.say(&account, "p0", json!({"text": "helo"})).await;
    bench.say(&account, "p0", json!({"edit": id, "text": "hello"})).await;
    let edited = bench.sink.find(|v| v.get("edited_message").cloned()).await;
    assert_eq!(edited["text"], "hello");
    bench.say(&account, "p0", json!({"block": true})).await;
    let member = bench.sink.find(|v| v.get("my_chat_member").cloned()).await;
    assert_eq!(member["new_chat_member"]["status"], "kicked");
    let (status, refused) =
        bench.post(&bot(&account, "sendMessage"), "", json!({"chat_id": chat, "text": "?"})).await;
    assert_eq!(
        (status, text(&refused["description"])),
        (403, "Forbidden: bot was blocked by the user".to_owned())
    );
}

#[tokio::test]
async fn wrong_calls_are_refused_as_documented() {
    let bench = Bench::new().await;
    let (account, chat) = hooked(&bench).await;
    let send = bot(&account, "sendMessage");
    let cases = [
        (json!({"chat_id": 42, "text": "x"}), 400, "Bad Request: chat not found"),
        (json!({"chat_id": chat, "text": ""}), 400, "Bad Request: message text is empty"),
        (json!({"chat_id": chat, "text": "ж".repeat(4097)}), 400, "Bad Request: message is too long"),
        (
            json!({"chat_id": chat, "text": "a.b", "parse_mode": "MarkdownV2"}),
            400,
            "Bad Request: can't parse entities",
        ),
        (
            json!({"chat_id": chat, "text": "x", "reply_parameters": {"message_id": 9999}}),
            400,
            "Bad Request: message to be replied not found",
        ),
    ];
    for (body, want, description) in cases {
        let (status, answer) = bench.post(&send, "", body).await;
        assert_eq!((status, answer["error_code"].as_i64()), (want, Some(i64::from(want))), "{answer}");
        assert!(text(&answer["description"]).starts_with(description), "{answer}");
    }
    let silent = bench.customer(&account, "p5").await;
    let body = json!({"chat_id": silent["address"], "text": "x"});
    assert_eq!(bench.post(&send, "", body).await.0, 403);
    assert_eq!(bench.get("/telegram/bot123456:AAabcdefghijk/getMe", "").await.0, 401);
    assert_eq!(bench.get("/telegram/botnonsense/getMe", "").await.0, 404);
    assert_eq!(bench.get(&bot(&account, "nonsense"), "").await.0, 404);
    let (_, sent) = bench.post(&send, "", json!({"chat_id": chat, "text": "same"})).await;
    let edit = json!({"chat_id": chat, "message_id": sent["result"]["message_id"], "text": "same"});
    let (_, answer) = bench.post(&bot(&account, "editMessageText"), "", edit).await;
    assert!(text(&answer["description"]).starts_with("Bad Request: message is not modified"));
    let path = format!("/_control/accounts/{}", text(&account["id"]));
    bench.patch(&path, json!({"revoked": true})).await;
    assert_eq!(bench.get(&bot(&account, "getMe"), "").await.0, 401);
}

#[tokio::test]
async fn too_fast_is_429_with_the_wait_in_body_and_header() {
    let bench = Bench::new().await;
    let account = bench
        .account(json!({"platform": "telegram", "webhook_url": null,
        "limits": {"customer_per_s": 0.5, "customer_burst": 2.0}}))
        .await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let chat = text(&bench.customer(&account, "p0").await["address"]);
    let url = bench.url(&bot(&account, "sendMessage"));
    let mut last = None;
    for _ in 0..3 {
        last = Some(
            bench.http.post(&url).form(&[("chat_id", chat.as_str()), ("text", "x")]).send().await.unwrap(),
        );
    }
    let last = last.unwrap();
    assert_eq!((last.status().as_u16(), last.headers()["retry-after"].to_str().unwrap()), (429, "2"));
    let body: Value = last.json().await.unwrap();
    assert_eq!(body["parameters"]["retry_after"], 2);
}

#[tokio::test]
async fn files_come_and_go() {
    let bench = Bench::new().await;
    let (account, chat) = hooked(&bench).await;
    bench.say(&account, "p0", json!({"kind": "image", "text": "this one"})).await;
    let photo = bench.sink.find(|v| v["message"].get("photo").cloned()).await;
    let (_, file) = bench.post(&bot(&account, "getFile"), "", json!({"file_id": photo[0]["file_id"]})).await;
    let path = text(&file["result"]["file_path"]);
    let url = bench.url(&format!("/telegram/file/bot{}/{path}", text(&account["token"])));
    let bytes = bench.http.get(&url).send().await.unwrap().bytes().await.unwrap();
    assert!(bytes.starts_with(b"\x89PNG"));
    assert_eq!(bytes.len() as u64, file["result"]["file_size"].as_u64().unwrap());
    let part = reqwest::multipart::Part::bytes(b"%PDF-1.4".to_vec()).file_name("size chart.pdf");
    let form = reqwest::multipart::Form::new()
        .text("chat_id", chat.to_string())
        .text("caption", "sizes")
        .part("document", part);
    let sent =
        bench.http.post(bench.url(&bot(&account, "sendDocument"))).multipart(form).send().await.unwrap();
    let sent: Value = sent.json().await.unwrap();
    assert_eq!(
        (sent["result"]["document"]["file_name"].as_str(), sent["result"]["caption"].as_str()),
        (Some("size chart.pdf"), Some("sizes"))
    );
    let dead = json!({"chat_id": chat, "photo": "http://127.0.0.1:1/x.png"});
    let (_, refused) = bench.post(&bot(&account, "sendPhoto"), "", dead).await;
    assert_eq!(refused["description"], "Bad Request: failed to get HTTP URL content");
}

#[tokio::test]
async fn a_second_poller_ends_the_first_and_a_repeated_offset_gives_one() {
    let bench = Bench::new().await;
    let account = polled(&bench).await;
    let path = bot(&account, "getUpdates?timeout=20");
    let (first, second) = tokio::join!(bench.get(&path, ""), async {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        bench.get(&bot(&account, "getUpdates"), "").await
    });
    assert_eq!((first.0, second.0), (409, 200));
    for n in 0..3 {
        bench.say(&account, "p0", json!({"text": n.to_string()})).await;
    }
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    let count = async || {
        bench.get(&bot(&account, "getUpdates?offset=1"), "").await.1["result"].as_array().unwrap().len()
    };
    assert_eq!((count().await, count().await), (3, 1));
}
