//! Twilio's messaging API over real HTTP.

use base64::Engine as _;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha1::Sha1;

use crate::common::{Bench, Got, text};

async fn account(bench: &Bench) -> Value {
    bench.account(json!({"platform": "twilio", "auth_token": "tok", "from": "+14155551000"})).await
}

async fn create(bench: &Bench, account: &Value, fields: &[(&str, &str)]) -> (u16, Value) {
    let sid = text(&account["account_sid"]);
    let url = bench.url(&format!("/twilio/2010-04-01/Accounts/{sid}/Messages.json"));
    let response = bench.http.post(url).basic_auth(&sid, Some("tok")).form(fields).send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

async fn read(bench: &Bench, account: &Value, path: &str) -> (u16, Value) {
    let sid = text(&account["account_sid"]);
    let response = bench
        .http
        .get(bench.url(&format!("/twilio{path}")))
        .basic_auth(&sid, Some("tok"))
        .send()
        .await
        .unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn field(got: &Got, name: &str) -> String {
    got.form().into_iter().find(|(k, _)| k == name).map(|(_, v)| v).unwrap_or_default()
}

fn assert_signed(got: &Got, url: &str) {
    let mut fields = got.form();
    fields.sort();
    let text = fields.iter().fold(url.to_owned(), |s, (k, v)| s + k + v);
    let mut mac = Hmac::<Sha1>::new_from_slice(b"tok").unwrap();
    mac.update(text.as_bytes());
    let want = base64::engine::general_purpose::STANDARD.encode(mac.finalize().into_bytes());
    assert_eq!(got.header("x-twilio-signature"), want);
}

#[tokio::test]
async fn sms_in_sms_out_with_signed_callbacks() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let sid = bench.say(&account, "p2", json!({"text": "Bonjour & à bientôt + 1"})).await;
    let got = bench.sink.wait(1).await;
    assert_signed(&got[0], &format!("{}/hook", bench.sink.url));
    assert_eq!(
        (field(&got[0], "Body").as_str(), field(&got[0], "MessageSid")),
        ("Bonjour & à bientôt + 1", sid.clone())
    );
    let from = field(&got[0], "From");
    let callback = format!("{}/status?id=7", bench.sink.url);
    let fields =
        [("To", from.as_str()), ("From", "+14155551000"), ("Body", "Hi"), ("StatusCallback", &callback)];
    let (status, sent) = create(&bench, &account, &fields).await;
    assert_eq!(
        (status, sent["status"].as_str(), sent["direction"].as_str()),
        (201, Some("queued"), Some("outbound-api"))
    );
    let got = bench.sink.wait(3).await;
    let words: Vec<String> = got[1..].iter().map(|g| field(g, "MessageStatus")).collect();
    assert_eq!(words, ["sent", "delivered"]);
    got[1..].iter().for_each(|g| assert_signed(g, &callback));
    assert_eq!(got[1].path, "/status?id=7");
    let account_sid = text(&account["account_sid"]);
    let list = format!(
        "/2010-04-01/Accounts/{account_sid}/Messages.json?PageSize=1&To=%2B14155551000&DateSent%3E=2020-01-01"
    );
    let (_, page) = read(&bench, &account, &list).await;
    assert_eq!(
        (&page["messages"][0]["sid"], page["messages"][0]["direction"].as_str()),
        (&json!(sid), Some("inbound"))
    );
    assert_eq!(page["next_page_uri"], Value::Null);
}

#[tokio::test]
async fn the_list_has_pages_newest_first() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    for n in 0..5 {
        bench.say(&account, "p0", json!({"text": n.to_string()})).await;
    }
    let sid = text(&account["account_sid"]);
    let mut next = Some(format!("/2010-04-01/Accounts/{sid}/Messages.json?PageSize=2"));
    let mut bodies = Vec::new();
    while let Some(uri) = next {
        let (_, page) = read(&bench, &account, &uri).await;
        bodies.extend(page["messages"].as_array().unwrap().iter().map(|m| text(&m["body"])));
        next = page["next_page_uri"].as_str().map(str::to_owned);
    }
    assert_eq!(bodies, ["4", "3", "2", "1", "0"]);
    let (_, none) =
        read(&bench, &account, &format!("/2010-04-01/Accounts/{sid}/Messages.json?DateSent%3C=2020-01-01"))
            .await;
    assert_eq!(none["messages"], json!([]));
}

#[tokio::test]
async fn refusals_have_their_codes() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let to = text(&bench.customer(&account, "p0").await["address"]);
    let long = "x".repeat(1601);
    let cases = [
        (vec![("From", "+14155551000"), ("Body", "x")], 21604),
        (vec![("To", to.as_str()), ("Body", "x")], 21603),
        (vec![("To", &to), ("From", "+19995551000"), ("Body", "x")], 21606),
        (vec![("To", &to), ("From", "+14155551000")], 21602),
        (vec![("To", "12"), ("From", "+14155551000"), ("Body", "x")], 21211),
        (vec![("To", &to), ("From", "+14155551000"), ("Body", &long)], 21617),
    ];
    for (fields, code) in cases {
        let (status, answer) = create(&bench, &account, &fields).await;
        assert_eq!(
            (status, answer["code"].as_i64(), answer["status"].as_i64()),
            (400, Some(code), Some(400)),
            "{answer}"
        );
    }
    let sid = text(&account["account_sid"]);
    let url = bench.url(&format!("/twilio/2010-04-01/Accounts/{sid}.json"));
    let right = bench.http.get(&url).basic_auth(&sid, Some("tok")).send().await.unwrap();
    assert_eq!(right.status(), 200);
    let wrong = bench.http.get(&url).basic_auth(&sid, Some("no")).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert_eq!(wrong.json::<Value>().await.unwrap()["code"], 20003);
}

#[tokio::test]
async fn stop_closes_the_pair_and_start_opens_it() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let to = text(&bench.customer(&account, "p0").await["address"]);
    bench.say(&account, "p0", json!({"text": " stop "})).await;
    let got = bench.sink.wait(1).await;
    assert_eq!(field(&got[0], "OptOutType"), "STOP");
    let fields = [("To", to.as_str()), ("From", "+14155551000"), ("Body", "x")];
    assert_eq!(create(&bench, &account, &fields).await.1["code"], 21610);
    bench.say(&account, "p0", json!({"text": "START"})).await;
    assert_eq!(create(&bench, &account, &fields).await.0, 201);
}

#[tokio::test]
async fn carriers_fail_late_and_webhooks_are_tried_once_more_only_when_nobody_listens() {
    let bench = Bench::new().await;
    let account = account(&bench).await;
    let id = text(&account["id"]);
    bench.patch(&format!("/_control/accounts/{id}/customers/p0"), json!({"carrier_error": 30003})).await;
    let to = text(&bench.customer(&account, "p0").await["address"]);
    let callback = format!("{}/status", bench.sink.url);
    let fields =
        [("To", to.as_str()), ("From", "+14155551000"), ("Body", "x"), ("StatusCallback", &callback)];
    assert_eq!(create(&bench, &account, &fields).await.0, 201);
    let got = bench.sink.wait(1).await;
    assert_eq!(
        (field(&got[0], "MessageStatus"), field(&got[0], "ErrorCode")),
        ("undelivered".into(), "30003".into())
    );
    bench.sink.answer(&[500]);
    bench.say(&account, "p1", json!({"text": "gone"})).await;
    bench.sink.wait(2).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    let counts = bench.books(&account).await["counts"].clone();
    assert_eq!(
        (bench.sink.all().len(), counts["hooks_failed"].as_u64(), counts["hooks_given_up"].as_u64()),
        (2, Some(1), Some(1))
    );
    bench.patch(&format!("/_control/accounts/{id}"), json!({"webhook_url": "http://127.0.0.1:1/x"})).await;
    bench.say(&account, "p1", json!({"text": "nobody"})).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(bench.books(&account).await["counts"]["hooks_failed"], 3);
    bench
        .patch(
            &format!("/_control/accounts/{id}"),
            json!({"webhook_url": format!("{}/x#rc=2&rp=all", bench.sink.url)}),
        )
        .await;
    bench.sink.answer(&[500, 500]);
    bench.say(&account, "p1", json!({"text": "stubborn"})).await;
    let got = bench.sink.wait(5).await;
    assert_signed(&got[4], &format!("{}/x", bench.sink.url));
}
