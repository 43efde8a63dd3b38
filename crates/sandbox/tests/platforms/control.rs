//! Faults, chatter, repeatability.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::common::{Bench, text};

/// An Instagram account with a customer who has written; gives a send body.
async fn ready(bench: &Bench) -> (Value, Value) {
    let account = bench.account(json!({"platform": "instagram", "token": "IGtest"})).await;
    bench.say(&account, "p0", json!({"text": "hi"})).await;
    let customer = bench.customer(&account, "p0").await;
    bench.sink.wait(1).await;
    (account, json!({"recipient": {"id": customer["address"]}, "message": {"text": "x"}}))
}

async fn accepted(bench: &Bench, account: &Value) -> u64 {
    bench.books(account).await["counts"]["accepted"].as_u64().unwrap()
}

#[tokio::test]
async fn each_fault_of_sending_does_what_it_says() {
    let bench = Bench::new().await;
    let (account, body) = ready(&bench).await;
    // Kind, status seen (0 = the connection broke), whether the message was taken.
    let cases = [
        ("error", 500, 0),
        ("error_html", 502, 0),
        ("rate_limited", 429, 0),
        ("ok_error", 200, 0),
        ("revoked", 401, 0),
        ("reset", 0, 0),
        ("reset_after_write", 0, 1),
        ("timeout", 0, 0),
        ("timeout_after_accept", 0, 1),
        ("error_after_accept", 500, 1),
        ("blackhole", 200, 1),
        ("latency", 200, 1),
    ];
    for (kind, want, taken) in cases {
        let before = accepted(&bench, &account).await;
        let id = bench
            .fault(json!({"platform": "instagram", "component": "send", "kind": kind, "latency_ms": 120}))
            .await;
        let sent = bench
            .http
            .post(bench.url("/graph/v25.0/me/messages"))
            .bearer_auth("IGtest")
            .json(&body)
            .send()
            .await;
        let status = sent.as_ref().map_or(0, |r| r.status().as_u16());
        assert_eq!(status, want, "{kind}");
        assert_eq!(accepted(&bench, &account).await - before, taken, "{kind}");
        if kind == "error_html" {
            assert!(sent.unwrap().json::<Value>().await.is_err());
        }
        let url = bench.url(&format!("/_control/faults/{id}"));
        assert_eq!(bench.http.delete(url).send().await.unwrap().status(), 200);
    }
    assert_eq!(bench.post("/graph/v25.0/me/messages", "IGtest", body).await.0, 200);
}

#[tokio::test]
async fn a_swallowed_message_is_never_delivered() {
    let bench = Bench::new().await;
    let (account, body) = ready(&bench).await;
    bench.fault(json!({"platform": "instagram", "component": "send", "kind": "blackhole"})).await;
    let (_, sent) = bench.post("/graph/v25.0/me/messages", "IGtest", body).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    let books = bench.books(&account).await;
    let message =
        books["messages"].as_array().unwrap().iter().find(|m| m["id"] == sent["message_id"]).unwrap().clone();
    assert_eq!((message["state"].as_str(), message["lost"].as_bool()), (Some("accepted"), Some(true)));
    assert_eq!(bench.sink.all().len(), 1, "no echo, no receipt");
}

#[tokio::test]
async fn webhooks_are_dropped_doubled_delayed_and_held() {
    let bench = Bench::new().await;
    let (account, _) = ready(&bench).await;
    let fault = |kind: &str, more: Value| {
        let mut body =
            json!({"platform": "instagram", "account": account["id"], "component": "receive", "kind": kind});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let clear = || async { bench.http.delete(bench.url("/_control/faults")).send().await.unwrap().status() };
    bench.fault(fault("drop", json!({}))).await;
    bench.say(&account, "p0", json!({"text": "dropped"})).await;
    clear().await;
    bench.fault(fault("duplicate", json!({}))).await;
    bench.say(&account, "p0", json!({"text": "twice"})).await;
    clear().await;
    let got = bench.sink.wait(3).await;
    assert_eq!(
        (got[1].json()["entry"][0]["messaging"][0]["message"]["text"].as_str(), &got[1].body),
        (Some("twice"), &got[2].body)
    );
    bench.fault(fault("delay", json!({"latency_ms": 300}))).await;
    let start = Instant::now();
    bench.say(&account, "p0", json!({"text": "late"})).await;
    bench.sink.wait(4).await;
    assert!(start.elapsed() >= Duration::from_millis(300));
    clear().await;
    bench.fault(fault("hold", json!({"for_ms": 400}))).await;
    for n in 0..3 {
        bench.say(&account, "p0", json!({"text": n.to_string()})).await;
    }
    assert_eq!(bench.sink.all().len(), 4);
    bench.sink.wait(7).await;
    let (_, list) =
        bench.get("/graph/v25.0/me/conversations?platform=instagram&fields=messages", "IGtest").await;
    assert_eq!(
        list["data"][0]["messages"]["data"].as_array().unwrap().len(),
        7,
        "what was dropped can be read back"
    );
}

#[tokio::test]
async fn a_fault_has_its_rate_its_start_and_its_end() {
    let bench = Bench::new().await;
    let (account, body) = ready(&bench).await;
    let send = || async { bench.post("/graph/v25.0/me/messages", "IGtest", body.clone()).await.0 };
    bench.fault(json!({"platform": "instagram", "component": "send", "kind": "error", "start_in_ms": 200, "for_ms": 300})).await;
    assert_eq!(send().await, 200);
    tokio::time::sleep(Duration::from_millis(250)).await;
    assert_eq!(send().await, 500);
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(send().await, 200);
    bench.fault(json!({"platform": "instagram", "component": "send", "kind": "error", "rate": 0.5})).await;
    let mut failed = 0;
    for _ in 0..60 {
        failed += u32::from(send().await == 500);
    }
    assert!((12..48).contains(&failed), "{failed}");
    let (_, list) = bench.get("/_control/faults", "").await;
    assert_eq!(list["faults"].as_array().unwrap().last().unwrap()["hits"], failed);
    assert!(account["id"].is_string());
}

#[tokio::test]
async fn customers_write_answer_and_give_what_they_are_asked_for() {
    let bench = Bench::with(|c| (c.speed, c.chatter, c.replies, c.customers) = (200.0, true, true, 4)).await;
    let account = bench.account(json!({"platform": "telegram", "webhook_url": null})).await;
    let bot = |method: &str| format!("/telegram/bot{}/{method}", text(&account["token"]));
    let (_, got) = bench.get(&bot("getUpdates?timeout=10"), "").await;
    let chat = got["result"][0]["message"]["chat"]["id"].as_i64().expect("somebody writes first");
    // Chatter stops, so that what comes now is an answer.
    bench.post("/_control/chatter", "", json!({"on": false, "replies": true})).await;
    bench.post(&bot("sendMessage"), "", json!({"chat_id": chat, "text": "May I have your e-mail?"})).await;
    let mut offset = got["result"].as_array().unwrap().last().unwrap()["update_id"].as_i64().unwrap() + 1;
    let mut said = Vec::new();
    for _ in 0..20 {
        let (_, got) = bench.get(&bot(&format!("getUpdates?timeout=1&offset={offset}")), "").await;
        for update in got["result"].as_array().unwrap() {
            offset = update["update_id"].as_i64().unwrap() + 1;
            said.push(update["message"]["text"].as_str().unwrap_or_default().to_owned());
        }
        if said.iter().any(|t| t.contains("@example.")) {
            return;
        }
    }
    panic!("nobody gave an address: {said:?}");
}

#[tokio::test]
async fn the_same_seed_makes_the_same_world() {
    let look = async |seed| {
        let bench = Bench::with(|c| (c.seed, c.replies) = (seed, false)).await;
        let mut account =
            bench.account(json!({"platform": "whatsapp", "webhook_url": "http://127.0.0.1:1/x"})).await;
        account.as_object_mut().unwrap().remove("api_base");
        let id = bench.say(&account, "p2", json!({"text": "x"})).await;
        let (_, people) = bench.get("/_control/accounts/whatsapp-1/customers", "").await;
        let names: Vec<Value> = people["customers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| json!([c["address"], c["person"], c["pace"]]))
            .collect();
        (account, id, names)
    };
    let (a, b, c) = (look(5).await, look(5).await, look(6).await);
    assert_eq!(a, b);
    assert_ne!(a.0["token"], c.0["token"]);
}

#[tokio::test]
async fn control_refuses_what_makes_no_sense() {
    let bench = Bench::new().await;
    let account = bench.account(json!({"platform": "twilio"})).await;
    let say = format!("/_control/accounts/{}/customers/p0/say", text(&account["id"]));
    assert_eq!(bench.post(&say, "", json!({"react": "👍"})).await.0, 409);
    assert_eq!(bench.post(&say, "", json!({"sing": "la"})).await.0, 422);
    assert_eq!(bench.post(&say.replace("p0", "p99"), "", json!({"text": "x"})).await.0, 404);
    let (status, _) = bench
        .post(
            "/_control/faults",
            "",
            json!({"platform": "twilio", "component": "send", "kind": "error", "rate": 2}),
        )
        .await;
    assert_eq!(status, 409);
    // Without the JSON type, as a page in a browser would send it, nothing is done.
    let plain = bench.http.post(bench.url("/_control/chatter")).body("{\"on\":true}").send().await.unwrap();
    assert_eq!(plain.status(), 415);
}

#[tokio::test]
async fn an_offline_customer_gets_it_later() {
    let bench = Bench::new().await;
    let (account, body) = ready(&bench).await;
    let people = format!("/_control/accounts/{}/customers/p0", text(&account["id"]));
    bench.patch(&people, json!({"offline": true})).await;
    let (_, sent) = bench.post("/graph/v25.0/me/messages", "IGtest", body).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let id = text(&sent["message_id"]);
    bench.reaches(&account, &id, "accepted").await;
    bench.patch(&people, json!({"offline": false})).await;
    bench.reaches(&account, &id, "read").await;
}

#[tokio::test]
async fn a_stopped_sandbox_answers_nobody_and_ends_long_polls() {
    let bench = Bench::new().await;
    let account = bench.account(json!({"platform": "telegram", "webhook_url": null})).await;
    let poll = bench.url(&format!("/telegram/bot{}/getUpdates?timeout=50", text(&account["token"])));
    let http = bench.http.clone();
    let (polled, ()) =
        tokio::join!(async { http.get(&poll).send().await.map(|r| r.status().as_u16()) }, async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            bench.stop.cancel();
        });
    assert_eq!(polled.unwrap(), 502);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(bench.http.get(bench.url("/_control")).send().await.is_err(), "old connections are closed too");
}
