//! A Page on Messenger over real HTTP.

use serde_json::{Value, json};

use crate::common::{Bench, text};
use crate::whatsapp::assert_signed;

const PAGE: &str = "104104104104104";
const SEND: &str = "/graph/v25.0/104104104104104/messages";

async fn page(bench: &Bench) -> Value {
    let account =
        json!({"platform": "messenger", "app_secret": "page-secret", "token": "EAApage", "page_id": PAGE});
    bench.account(account).await
}

fn find(value: &Value, name: &str) -> Option<Value> {
    let item = &value["entry"][0]["messaging"][0];
    item.get(name).map(|_| item.clone())
}

/// `p0` writes; what the business needs to answer.
async fn met(bench: &Bench, account: &Value) -> String {
    bench.say(account, "p0", json!({"text": "hi"})).await;
    text(&bench.customer(account, "p0").await["address"])
}

fn answer(customer: &str, words: &str) -> Value {
    json!({"recipient": {"id": customer}, "messaging_type": "RESPONSE", "message": {"text": words, "metadata": "part-7"}})
}

#[tokio::test]
async fn a_conversation_with_echo_watermarks_and_history() {
    let bench = Bench::new().await;
    let account = page(&bench).await;
    let mid = bench.say(&account, "p1", json!({"text": "Größe?"})).await;
    let got = bench.sink.wait(1).await;
    assert_eq!(got[0].json()["object"], "page");
    let item = bench.sink.find(|v| find(v, "message")).await;
    assert_eq!((&item["message"]["mid"], item["message"]["text"].as_str()), (&json!(mid), Some("Größe?")));
    assert_eq!(item["recipient"]["id"], PAGE);
    let customer = text(&item["sender"]["id"]);
    let (status, sent) = bench.post(SEND, "EAApage", answer(&customer, "M")).await;
    assert_eq!((status, &sent["recipient_id"]), (200, &json!(customer)), "{sent}");
    let id = text(&sent["message_id"]);
    let echo = bench.sink.find(|v| find(v, "message").filter(|i| i["message"]["is_echo"] == true)).await;
    assert_eq!((&echo["message"]["mid"], &echo["sender"]["id"]), (&json!(id), &json!(PAGE)));
    assert_eq!(echo["message"]["metadata"], "part-7");
    assert!(echo["message"]["app_id"].is_i64(), "{echo}");
    let delivery = bench.sink.find(|v| find(v, "delivery")).await;
    assert_eq!(delivery["delivery"], json!({"mids": [id], "watermark": echo["timestamp"]}));
    let read = bench.sink.find(|v| find(v, "read")).await;
    assert_eq!(read["read"], json!({"watermark": echo["timestamp"]}));
    assert!(read["timestamp"].as_i64() > echo["timestamp"].as_i64());
    bench.sink.all().iter().for_each(|g| assert_signed(g, "page-secret"));
    let list = format!("/graph/v25.0/{PAGE}/conversations?platform=messenger&fields=id,updated_time");
    let (_, list) = bench.get(&list, "EAApage").await;
    let conversation = text(&list["data"][0]["id"]);
    assert!(conversation.starts_with("t_"), "{list}");
    let (_, one) = bench.get(&format!("/graph/v25.0/{conversation}?fields=messages"), "EAApage").await;
    assert_eq!(one["messages"]["data"].as_array().unwrap().len(), 2);
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    let (_, message) = bench.get(&format!("/graph/v25.0/{id}?fields=id,from,to,message"), "EAApage").await;
    assert_eq!((message["from"]["id"].as_str(), message["message"].as_str()), (Some(PAGE), Some("M")));
    let (_, me) = bench.get("/graph/v25.0/me?fields=id,name", "EAApage").await;
    assert_eq!(me["id"], PAGE);
}

#[tokio::test]
async fn what_was_sent_before_is_delivered_and_read_with_it() {
    let bench = Bench::new().await;
    let account = page(&bench).await;
    let customer = met(&bench, &account).await;
    let people = format!("/_control/accounts/{}/customers/p0", text(&account["id"]));
    bench.patch(&people, json!({"offline": true})).await;
    let mut ids = Vec::new();
    for n in 0..3 {
        let (_, sent) = bench.post(SEND, "EAApage", answer(&customer, &n.to_string())).await;
        ids.push(text(&sent["message_id"]));
    }
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    bench.patch(&people, json!({"offline": false})).await;
    for id in &ids {
        bench.reaches(&account, id, "read").await;
    }
    let counts = bench.books(&account).await["counts"].clone();
    assert_eq!((counts["delivered"].as_u64(), counts["read"].as_u64()), (Some(3), Some(3)), "{counts}");
    let all: Vec<Value> = bench.sink.all().iter().filter_map(|got| find(&got.json(), "delivery")).collect();
    let named: usize = all.iter().map(|item| item["delivery"]["mids"].as_array().unwrap().len()).sum();
    assert_eq!(named, 3, "each is told of once: {all:?}");
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let bench = Bench::new().await;
    let account = page(&bench).await;
    let customer = met(&bench, &account).await;
    let silent = text(&bench.customer(&account, "p1").await["address"]);
    bench.say(&account, "p2", json!({"text": "bye"})).await;
    let blocked = text(&bench.customer(&account, "p2").await["address"]);
    bench.say(&account, "p2", json!({"block": true})).await;
    let send = |body: Value| bench.post(SEND, "EAApage", body);
    assert_eq!(send(answer(&customer, &"é".repeat(2_000))).await.0, 200);
    let of_type = |kind: &str, tag: Option<&str>| {
        let mut body = answer(&customer, "x");
        body["messaging_type"] = json!(kind);
        if let Some(tag) = tag {
            body["tag"] = json!(tag);
        }
        body
    };
    assert_eq!(send(of_type("UPDATE", None)).await.0, 200);
    let attached = |kind: &str| {
        json!({"recipient": {"id": customer}, "messaging_type": "RESPONSE",
            "message": {"attachment": {"type": kind, "payload": {"url": "http://127.0.0.1:1/x"}}}})
    };
    let cases = [
        (answer(&customer, &"é".repeat(2_001)), 100, None),
        (answer(&silent, "x"), 10, Some(2_018_278)),
        (answer("404", "x"), 100, Some(2_018_001)),
        (answer(&blocked, "x"), 551, Some(1_545_041)),
        (of_type("PROMOTION", None), 100, None),
        (of_type("MESSAGE_TAG", Some("POST_PURCHASE_UPDATE")), 100, None),
        (of_type("MESSAGE_TAG", Some("HUMAN_AGENT")), 100, Some(2_018_276)),
        (attached("image"), 100, Some(2_018_008)),
        (attached("like_heart"), 100, None),
        (json!({"recipient": {"id": customer}, "sender_action": "react", "payload": {}}), 100, None),
    ];
    for (body, code, subcode) in cases {
        let (status, answer) = send(body.clone()).await;
        let got = (answer["error"]["code"].as_i64(), answer["error"]["error_subcode"].as_i64());
        assert_eq!(got, (Some(code), subcode), "{status} {body} {answer}");
    }
    let (status, answer) = bench.get("/graph/v25.0/me?fields=id", "EAAwrong").await;
    assert_eq!((status, answer["error"]["code"].as_i64()), (401, Some(190)));
}

#[tokio::test]
async fn the_window_is_a_day_and_a_week_for_people() {
    let bench = Bench::new().await;
    let account = json!({"platform": "messenger", "token": "EAApage", "page_id": PAGE, "human_agent": true});
    let account = bench.account(account).await;
    let customer = met(&bench, &account).await;
    let now = bench.get("/_control", "").await.1["now_ms"].as_i64().unwrap();
    let day = 24 * 3_600_000;
    let people = format!("/_control/accounts/{}/customers/p0", text(&account["id"]));
    let mut tagged = answer(&customer, "x");
    tagged["messaging_type"] = json!("MESSAGE_TAG");
    tagged["tag"] = json!("HUMAN_AGENT");
    for (days, without, with) in [(0, 200, 200), (6, 403, 200), (8, 403, 403)] {
        bench.patch(&people, json!({"last_wrote_ms": now - days * day})).await;
        assert_eq!(bench.post(SEND, "EAApage", answer(&customer, "x")).await.0, without, "{days}");
        assert_eq!(bench.post(SEND, "EAApage", tagged.clone()).await.0, with, "{days}");
    }
}

#[tokio::test]
async fn buttons_numbers_places_and_links() {
    let bench = Bench::new().await;
    let account = page(&bench).await;
    let customer = met(&bench, &account).await;
    let mut offer = answer(&customer, "Which?");
    offer["message"]["quick_replies"] = json!([{"content_type": "text", "title": "M", "payload": "size-m"}, {"content_type": "user_phone_number"}]);
    assert_eq!(bench.post(SEND, "EAApage", offer).await.0, 200);
    let press = async |which: &str| {
        bench.say(&account, "p0", json!({"press": which})).await;
        let quick = |v: &Value| find(v, "message").filter(|i| i["message"].get("quick_reply").is_some());
        let found = async |wanted: &str| {
            bench.sink.find(|v| quick(v).filter(|i| i["message"]["quick_reply"]["payload"] == wanted)).await
        };
        let phone = text(&bench.customer(&account, "p0").await["person"]["phone"]);
        found(if which == "M" { "size-m" } else { &phone }).await
    };
    assert_eq!(press("M").await["message"]["text"], "M");
    assert!(text(&press("user_phone_number").await["message"]["text"]).starts_with('+'));
    let template = json!({"template_type": "button", "text": "Sure?", "buttons": [{"type": "postback", "title": "Yes", "payload": "yes"}]});
    let body = json!({"recipient": {"id": customer}, "message": {"attachment": {"type": "template", "payload": template}}});
    assert_eq!(bench.post(SEND, "EAApage", body).await.0, 200);
    bench.say(&account, "p0", json!({"press": "yes"})).await;
    assert_eq!(bench.sink.find(|v| find(v, "postback")).await["postback"]["payload"], "yes");
    bench.say(&account, "p0", json!({"kind": "location"})).await;
    let place = |v: &Value| {
        let item = find(v, "message")?;
        item["message"]["attachments"][0]["payload"].get("coordinates").cloned()
    };
    assert!(bench.sink.find(place).await["lat"].is_f64());
    bench.say(&account, "p0", json!({"kind": "sticker"})).await;
    let thumb = |v: &Value| {
        let item = find(v, "message")?;
        item["message"]["attachments"][0]["payload"].get("sticker_id").cloned()
    };
    assert_eq!(bench.sink.find(thumb).await, json!(369_239_263_222_822_i64));
    bench.say(&account, "p0", json!({"text": "from the flyer", "referral": "flyer"})).await;
    assert_eq!(bench.sink.find(|v| find(v, "referral")).await["referral"]["ref"], "flyer");
    let id = bench.say(&account, "p0", json!({"text": "oops"})).await;
    bench.say(&account, "p0", json!({"edit": id, "text": "fixed"})).await;
    assert_eq!(bench.sink.find(|v| find(v, "message_edit")).await["message_edit"]["text"], "fixed");
    bench.say(&account, "p0", json!({"react": "👍"})).await;
    assert_eq!(bench.sink.find(|v| find(v, "reaction")).await["reaction"]["emoji"], "👍");
}

#[tokio::test]
async fn it_fails_alone_with_its_company_and_by_account() {
    let bench = Bench::new().await;
    let account = page(&bench).await;
    let customer = met(&bench, &account).await;
    let second = json!({"platform": "messenger", "token": "EAAtwo", "page_id": "205205205205205"});
    bench.account(second).await;
    let send = async || bench.post(SEND, "EAApage", answer(&customer, "x")).await;
    let reads = async |token: &str| {
        bench.get("/graph/v25.0/me/conversations?platform=messenger&limit=1", token).await.0
    };
    let press = async |body: Value| {
        let (status, body) = bench.post("/_control/press", "", body).await;
        assert_eq!(status, 201, "{body}");
    };
    press(json!({"platform": "messenger", "component": "send"})).await;
    let (status, refused) = send().await;
    assert_eq!((status, refused["error"]["code"].as_i64()), (500, Some(2)), "{refused}");
    assert_eq!(reads("EAApage").await, 200);
    bench.sandbox.faults().iter().for_each(|fault| assert!(bench.sandbox.lift(fault.id)));
    press(json!({"company": "meta", "component": "history"})).await;
    assert_eq!((reads("EAApage").await, send().await.0), (500, 200));
    bench.sandbox.faults().iter().for_each(|fault| assert!(bench.sandbox.lift(fault.id)));
    press(json!({"account": text(&account["id"]), "component": "auth"})).await;
    assert_eq!((send().await.0, reads("EAAtwo").await), (401, 200));
    bench.sandbox.faults().iter().for_each(|fault| assert!(bench.sandbox.lift(fault.id)));
    bench.fault(json!({"platform": "messenger", "component": "send", "kind": "error_after_accept"})).await;
    let (_, late) = send().await;
    assert_eq!(late["error"]["error_subcode"], 1_357_046, "{late}");
    let books = bench.books(&account).await;
    let ours = books["messages"].as_array().unwrap().iter().filter(|m| m["author"] == "business").count();
    assert_eq!(ours, 2, "the last one went out all the same");
}

#[tokio::test]
async fn one_page_may_have_both_inboxes_behind_one_token() {
    let bench = Bench::new().await;
    let inbox = page(&bench).await;
    let instagram = json!({"platform": "instagram", "token": "EAApage", "page_id": PAGE});
    let instagram = bench.account(instagram).await;
    for account in [&inbox, &instagram] {
        let customer = met(&bench, account).await;
        assert_eq!(bench.post(SEND, "EAApage", answer(&customer, "x")).await.0, 200);
        let books = bench.books(account).await;
        assert_eq!(books["counts"]["accepted"], 1, "{books}");
    }
}
