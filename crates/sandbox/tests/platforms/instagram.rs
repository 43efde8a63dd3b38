//! Instagram messaging over real HTTP.

use serde_json::{Value, json};

use crate::common::{Bench, text};
use crate::whatsapp::assert_signed;

async fn account(bench: &Bench) -> Value {
    bench.account(json!({"platform": "instagram", "app_secret": "ig-secret", "token": "IGtest"})).await
}

fn find(value: &Value, name: &str) -> Option<Value> {
    let item = &value["entry"][0]["messaging"][0];
    item.get(name).map(|_| item.clone())
}

#[tokio::test]
async fn a_conversation_with_echo_read_receipt_and_history() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let mid = bench.say(&account, "p1", json!({"text": "Größe?"})).await;
    let item = bench.sink.find(|v| find(v, "message")).await;
    assert_eq!((&item["message"]["mid"], item["message"]["text"].as_str()), (&json!(mid), Some("Größe?")));
    let customer = text(&item["sender"]["id"]);
    assert_eq!(item["recipient"]["id"], account["ig_id"]);
    let body = json!({"recipient": {"id": customer}, "message": {"text": "M"}});
    let (status, sent) = bench.post("/graph/v25.0/me/messages", "IGtest", body).await;
    assert_eq!((status, &sent["recipient_id"]), (200, &json!(customer)), "{sent}");
    let id = text(&sent["message_id"]);
    let echo = bench.sink.find(|v| find(v, "message").filter(|i| i["message"]["is_echo"] == true)).await;
    assert_eq!((&echo["message"]["mid"], &echo["sender"]["id"]), (&json!(id), &account["ig_id"]));
    let read = bench.sink.find(|v| find(v, "read")).await;
    assert_eq!(read["read"]["mid"], json!(id));
    bench.sink.all().iter().for_each(|g| assert_signed(g, "ig-secret"));
    let list = "/graph/v25.0/me/conversations?platform=instagram&fields=id,updated_time";
    let (_, list) = bench.get(list, "IGtest").await;
    let conversation = text(&list["data"][0]["id"]);
    assert!(list["data"][0]["updated_time"].is_string());
    let (_, one) = bench.get(&format!("/graph/v25.0/{conversation}?fields=messages"), "IGtest").await;
    let ids: Vec<String> =
        one["messages"]["data"].as_array().unwrap().iter().map(|m| text(&m["id"])).collect();
    assert_eq!(ids, [id.clone(), mid]);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let (_, message) =
        bench.get(&format!("/graph/v25.0/{id}?fields=id,created_time,from,to,message"), "IGtest").await;
    assert_eq!(
        (&message["from"]["id"], message["message"].as_str()),
        (&account["ig_id"], Some("M")),
        "{message}"
    );
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let customer = text(&bench.customer(&account, "p0").await["address"]);
    let silent = text(&bench.customer(&account, "p1").await["address"]);
    let send = |body: Value| bench.post("/graph/v25.0/me/messages", "IGtest", body);
    let to = |id: &str, text: &str| json!({"recipient": {"id": id}, "message": {"text": text}});
    assert_eq!(send(to(&customer, &"é".repeat(500))).await.0, 200);
    let tagged = json!({"recipient": {"id": silent}, "message": {"text": "x"}, "messaging_type": "MESSAGE_TAG", "tag": "HUMAN_AGENT"});
    let cases = [
        (to(&customer, &("é".repeat(500) + "x")), 100, None),
        (to(&silent, "x"), 10, Some(2_534_022)),
        (to("404", "x"), 100, Some(2_534_014)),
        (tagged, 100, Some(2_018_276)),
        (json!({"recipient": {"id": customer}, "message": {}}), 100, None),
        (
            json!({"recipient": {"id": customer}, "message": {"attachment": {"type": "image", "payload": {"url": "http://127.0.0.1:1/x"}}}}),
            100,
            Some(2_018_008),
        ),
    ];
    for (body, code, subcode) in cases {
        let (status, answer) = send(body.clone()).await;
        let got = (answer["error"]["code"].as_i64(), answer["error"]["error_subcode"].as_i64());
        assert_eq!(got, (Some(code), subcode), "{status} {body} {answer}");
    }
    let (status, answer) = bench.get("/graph/v25.0/me?fields=id", "IGwrong").await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (401, Some(190)));
}

#[tokio::test]
async fn a_human_agent_has_seven_days() {
    let bench = Bench::new().await;
    let account =
        bench.account(json!({"platform": "instagram", "token": "IGtest", "human_agent": true})).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let (_, about) = bench.get("/_control", "").await;
    let now = about["now_ms"].as_i64().unwrap();
    let day = 24 * 3_600_000;
    let customer = text(&bench.customer(&account, "p0").await["address"]);
    let people = format!("/_control/accounts/{}/customers/p0", text(&account["id"]));
    let plain = json!({"recipient": {"id": customer}, "message": {"text": "x"}});
    let mut tagged = plain.clone();
    tagged["messaging_type"] = json!("MESSAGE_TAG");
    tagged["tag"] = json!("HUMAN_AGENT");
    for (days, without, with) in [(0, 200, 200), (6, 403, 200), (8, 403, 403)] {
        bench.patch(&people, json!({"last_wrote_ms": now - days * day})).await;
        assert_eq!(
            bench.post("/graph/v25.0/me/messages", "IGtest", plain.clone()).await.0,
            without,
            "{days}"
        );
        assert_eq!(bench.post("/graph/v25.0/me/messages", "IGtest", tagged.clone()).await.0, with, "{days}");
    }
}

#[tokio::test]
async fn quick_replies_postbacks_unsends_edits_and_typed_replies() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    bench.say(&account, "p0", json!({"text": "hi", "referral": "bio-link"})).await;
    let hello = bench.sink.find(|v| find(v, "message")).await;
    assert_eq!(hello["message"]["referral"]["ref"], "bio-link");
    let customer = text(&hello["sender"]["id"]);
    let body = json!({"recipient": {"id": customer}, "message": {"text": "Size?", "quick_replies": [{"content_type": "text", "title": "M", "payload": "size-m"}]}});
    assert_eq!(bench.post("/graph/v25.0/me/messages", "IGtest", body).await.0, 200);
    bench.say(&account, "p0", json!({"press": "M"})).await;
    let press =
        bench.sink.find(|v| find(v, "message").filter(|i| i["message"].get("quick_reply").is_some())).await;
    assert_eq!(
        (press["message"]["text"].as_str(), press["message"]["quick_reply"]["payload"].as_str()),
        (Some("M"), Some("size-m"))
    );
    let template = json!({"template_type": "button", "text": "Sure?", "buttons": [{"type": "postback", "title": "Yes", "payload": "yes"}]});
    let body = json!({"recipient": {"id": customer}, "message": {"attachment": {"type": "template", "payload": template}}});
    assert_eq!(bench.post("/graph/v25.0/me/messages", "IGtest", body).await.0, 200);
    bench.say(&account, "p0", json!({"press": "yes"})).await;
    let postback = bench.sink.find(|v| find(v, "postback")).await;
    assert_eq!(postback["postback"]["payload"], "yes");
    let id = bench.say(&account, "p0", json!({"text": "oops"})).await;
    bench.say(&account, "p0", json!({"edit": id, "text": "fixed"})).await;
    let edit = bench.sink.find(|v| find(v, "message_edit")).await;
    assert_eq!(edit["message_edit"], json!({"mid": id, "text": "fixed", "num_edit": 1}));
    bench.say(&account, "p0", json!({"unsend": id})).await;
    let unsent = bench.sink.find(|v| find(v, "message").filter(|i| i["message"]["is_deleted"] == true)).await;
    assert_eq!(unsent["message"]["mid"], json!(id));
    bench.say(&account, "p0", json!({"typed": "from my phone"})).await;
    let echo =
        bench.sink.find(|v| find(v, "message").filter(|i| i["message"]["text"] == "from my phone")).await;
    assert_eq!(
        (echo["message"]["is_echo"].as_bool(), &echo["sender"]["id"]),
        (Some(true), &account["ig_id"])
    );
}

#[tokio::test]
async fn only_the_twenty_newest_can_be_read_and_reads_are_paced() {
    let bench = Bench::new().await;
    let account = bench
        .account(json!({"platform": "instagram", "token": "IGtest", "limits": {"history_per_s": 500.0}}))
        .await;
    let mut ids = Vec::new();
    for n in 0..22 {
        ids.push(bench.say(&account, "p0", json!({"text": n.to_string()})).await);
    }
    let read = async |id: &str| bench.get(&format!("/graph/v25.0/{id}?fields=message"), "IGtest").await;
    let (status, old) = read(&ids[1]).await;
    assert_eq!((status, old["error"]["code"].as_i64()), (400, Some(9_000_001)));
    assert_eq!(read(&ids[2]).await.1["message"], "2");
    let slow = bench.account(json!({"platform": "instagram", "token": "IGslow"})).await;
    assert!(slow["id"].is_string());
    let path = "/graph/v25.0/me/conversations?platform=instagram&limit=1";
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(bench.get(path, "IGslow").await.0);
    }
    assert_eq!(statuses[..3], [200, 200, 429]);
}

#[tokio::test]
async fn history_fails_for_one_customer_alone() {
    let bench = Bench::new().await;
    let account = bench
        .account(json!({"platform": "instagram", "token": "IGtest", "limits": {"history_per_s": 500.0}}))
        .await;
    let ids = [
        bench.say(&account, "p0", json!({"text": "one"})).await,
        bench.say(&account, "p1", json!({"text": "two"})).await,
    ];
    let fault = json!({"platform": "instagram", "component": "history", "kind": "error", "customer": "p1"});
    bench.fault(fault).await;
    let list = "/graph/v25.0/me/conversations?platform=instagram&fields=id,participants";
    let (status, list) = bench.get(list, "IGtest").await;
    assert_eq!((status, list["data"].as_array().map(Vec::len)), (200, Some(2)), "{list}");
    let mut statuses = Vec::new();
    for id in [&ids[0], &ids[1], &text(&list["data"][1]["id"]), &text(&list["data"][0]["id"])] {
        statuses.push(bench.get(&format!("/graph/v25.0/{id}?fields=id"), "IGtest").await.0);
    }
    assert_eq!(statuses, [200, 500, 200, 500]);
}

#[tokio::test]
async fn an_account_behind_a_page_answers_under_the_page() {
    let bench = Bench::new().await;
    let account =
        bench.account(json!({"platform": "instagram", "token": "EAApage", "page_id": "1029384756"})).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let item = bench.sink.find(|v| find(v, "message")).await;
    assert_eq!(item["recipient"]["id"], account["ig_id"]);
    let body = json!({"recipient": {"id": item["sender"]["id"]}, "message": {"text": "x"}});
    assert_eq!(bench.post("/graph/v25.0/1029384756/messages", "EAApage", body).await.0, 200);
    let (_, me) = bench.get("/graph/v25.0/me?fields=id", "EAApage").await;
    assert_eq!(me, json!({"id": "1029384756"}));
    let (_, list) = bench.get("/graph/v25.0/1029384756/conversations?platform=instagram", "EAApage").await;
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_page_whose_webhook_fails_for_an_hour_is_unsubscribed() {
    // An hour is a second here.
    let bench = Bench::with(|c| (c.replies, c.retry_speed) = (false, 3_600.0)).await;
    let page = json!({"platform": "instagram", "token": "EAApage", "page_id": "1029384756", "webhook_url": "http://127.0.0.1:1/x"});
    let account = bench.account(page).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    for _ in 0..500 {
        let (_, apps) = bench.get("/graph/v25.0/1029384756/subscribed_apps", "EAApage").await;
        if apps["data"] == json!([]) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("still subscribed: {}", bench.books(&account).await["counts"]);
}

#[tokio::test]
async fn one_webhook_may_carry_two_accounts() {
    let bench = Bench::new().await;
    let one = bench.account(json!({"platform": "instagram", "token": "IG1", "app_secret": "shared"})).await;
    let two = bench.account(json!({"platform": "instagram", "token": "IG2", "app_secret": "shared"})).await;
    bench
        .fault(json!({"platform": "instagram", "component": "receive", "kind": "batch", "latency_ms": 200}))
        .await;
    bench.say(&one, "p0", json!({"text": "a"})).await;
    bench.say(&two, "p0", json!({"text": "b"})).await;
    let got = bench.sink.wait(1).await;
    assert_signed(&got[0], "shared");
    let body = got[0].json();
    let ids: Vec<&Value> = body["entry"].as_array().unwrap().iter().map(|e| &e["id"]).collect();
    assert_eq!(ids, [&one["ig_id"], &two["ig_id"]]);
}
