//! Customers notice that a platform fails, write elsewhere, open links, and come back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};

use crate::common::{Bench, text};

/// What a platform's books hold from customers.
async fn said(bench: &Bench, account: &Value) -> Vec<String> {
    let id = text(&account["id"]);
    let (_, books) = bench.get(&format!("/_control/books?account={id}&limit=100000"), "").await;
    let all = books[&id]["messages"].as_array().cloned().unwrap_or_default();
    let said = all.iter().filter(|m| m["author"] == "customer");
    said.map(|m| text(&m["text"])).collect()
}

async fn until(what: &str, mut good: impl AsyncFnMut() -> bool) {
    for _ in 0..1_500 {
        if good().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited for {what}");
}

#[tokio::test]
async fn without_an_answer_on_a_failing_platform_some_write_elsewhere_and_come_back() {
    let bench = Bench::with(|config| (config.speed, config.customers) = (120.0, 6)).await;
    let shop = |platform: &str, name: &str| json!({"platform": platform, "name": name});
    let instagram = bench.account(shop("instagram", "Ann's")).await;
    let sms = bench.account(shop("twilio", "Ann's")).await;
    let other = bench.account(shop("whatsapp", "Bob's")).await;
    let (status, pressed) =
        bench.post("/_control/press", "", json!({"platform": "instagram", "component": "receive"})).await;
    assert_eq!((status, pressed["ids"].as_array().map(Vec::len)), (201, Some(1)), "{pressed}");
    bench.post("/_control/chatter", "", json!({"on": true})).await;
    let complaints =
        async || said(&bench, &sms).await.iter().filter(|text| text.contains("Instagram")).count();
    until("complaints by SMS", async || complaints().await >= 5).await;
    assert!(!said(&bench, &instagram).await.iter().any(|t| t.contains("Instagram")));
    let url = bench.url(&format!("/_control/faults/{}", pressed["ids"][0]));
    assert_eq!(bench.http.delete(url).send().await.unwrap().status(), 200);
    until("somebody back", async || said(&bench, &instagram).await.iter().any(|t| t.contains("Instagram")))
        .await;
    let strangers = said(&bench, &other).await;
    assert!(!strangers.iter().any(|t| t.contains("Instagram")), "another business: {strangers:?}");
}

/// Methods, cookies and bodies that a page saw.
type Seen = Arc<Mutex<Vec<String>>>;

async fn page(State(seen): State<Seen>) -> (HeaderMap, Html<&'static str>) {
    seen.lock().expect("lock").push("GET".to_owned());
    let mut headers = HeaderMap::new();
    headers.insert(header::SET_COOKIE, "visit=1; Path=/c".parse().expect("a header"));
    let form = "<form method='post' action='/c/tok'><input type='hidden' name='n' value='a b'><button>Go on</button></form>";
    (headers, Html(form))
}

async fn pressed(State(seen): State<Seen>, headers: HeaderMap, body: String) -> StatusCode {
    let cookie = headers.get("cookie").and_then(|c| c.to_str().ok()).unwrap_or_default();
    seen.lock().expect("lock").push(format!("POST {cookie} {body}"));
    StatusCode::SEE_OTHER
}

#[tokio::test]
async fn a_link_to_the_business_is_opened_and_its_button_pressed_and_no_other_link() {
    let seen = Seen::default();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let home = format!("http://{}", listener.local_addr().expect("an address"));
    let router = Router::new().route("/c/tok", get(page).post(pressed)).with_state(seen.clone());
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    tokio::spawn(async move { axum::serve(listener, router).await });
    let bench = Bench::with(|config| {
        config.speed = 400.0;
        config.business_url = Some(home.clone());
    })
    .await;
    let account = bench.account(json!({"platform": "telegram", "token": "100:abcdefghijkl"})).await;
    let counts = async |name: &str| bench.books(&account).await["counts"][name].as_u64().unwrap_or(0);
    for (round, link) in [(0, "http://127.0.0.1:9/c/tok"), (1, &*format!("{home}/c/tok"))] {
        for key in 0..8 {
            let key = format!("p{key}");
            bench.say(&account, &key, json!({"text": "hi"})).await;
            let to = bench.customer(&account, &key).await["address"].clone();
            let body = json!({"chat_id": to, "text": format!("We go on here: {link} .")});
            assert_eq!(bench.post("/telegram/bot100:abcdefghijkl/sendMessage", "", body).await.0, 200);
        }
        if round == 1 {
            until("a button pressed", async || counts("links_redeemed").await > 0).await;
        } else {
            tokio::time::sleep(Duration::from_millis(300)).await;
            assert_eq!(counts("links_opened").await, 0, "not the business's address");
        }
    }
    let seen = seen.lock().expect("lock").clone();
    assert_eq!(
        (seen[0].as_str(), seen.contains(&"POST visit=1 n=a%20b".to_owned())),
        ("GET", true),
        "{seen:?}"
    );
}
