//! Outgoing webhooks: configured by command and API, called by a rule, signed, retried, logged, called again.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text, until};
use super::shapes::wa_text;

/// Checks the Standard Webhooks signature as a receiver does.
fn signed(secret: &str, seen: &Seen) -> bool {
    let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("any length");
    let header = |name: &str| seen.headers.get(name).cloned().unwrap_or_default();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&seen.body);
    header("webhook-signature") == format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

async fn delivery(hub: &Hub, id: &str, state: &str) -> Value {
    let path = format!("/webhooks/{id}/deliveries");
    until(state, async || {
        let page = hub.good("GET", &path, Value::Null).await;
        page["items"].as_array()?.iter().find(|row| row["state"] == state).cloned()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_calls_an_address_until_it_answers() {
    let provider = Fake::healthy().await;
    let receiver =
        Fake::start(|_, n| if n == 0 { Reply::json(500, &json!({})) } else { Reply::json(200, &json!({})) })
            .await;
    let hub = Hub::with(&[], "[network]\nallow_private = [\"127.0.0.1\"]\n").await;
    let account = hub.whatsapp(&provider, "101", &[]);
    let url = format!("{}/hook", receiver.url);
    let added = hub.cli_json(&["webhook", "add", &url, "--name", "crm"]);
    let (id, secret) = (text(&added["id"]), text(&added["secret"]));
    hub.rule(
        "tell",
        json!({ "trigger": { "type": "message" }, "actions": [{ "type": "webhook", "webhook": "crm" }] }),
    )
    .await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    let done = delivery(&hub, &id, "done").await;
    assert_eq!((done["tries"].as_i64(), done["last_status"].as_i64()), (Some(2), Some(200)), "{done}");
    let calls = receiver.all();
    assert!(calls.iter().all(|seen| signed(&secret, seen)), "every try is signed");
    assert_eq!(calls[0].headers["webhook-id"], calls[1].headers["webhook-id"], "a repeat is recognisable");
    assert!(!signed("whsec_AAAA", &calls[0]));
    // Again by hand, and a test call.
    let again = json!({ "delivery": done["id"] });
    assert_eq!(hub.good("POST", &format!("/webhooks/{id}/redeliver"), again).await["queued"], 1);
    until("the repeated call", async || Some(()).filter(|()| receiver.all().len() == 3)).await;
    hub.good("POST", &format!("/webhooks/{id}/test"), Value::Null).await;
    let calls = until("the test call", async || Some(receiver.all()).filter(|calls| calls.len() == 4)).await;
    assert_eq!(calls[3].json()["type"], "test");
    let listed = hub.cli_json(&["webhook", "list"]);
    assert_eq!((listed[0]["name"].as_str(), listed[0].get("secret")), (Some("crm"), None));
    hub.cli_json(&["webhook", "remove", "crm"]);
    assert_eq!(hub.cli_json(&["webhook", "list"]), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_called_is_said() {
    let hub = Hub::start().await;
    for (url, why) in [("ftp://example.com", "https and http"), ("not an address", "no address")] {
        let refused = hub.cli(&["webhook", "add", url, "--name", "x"]).expect_err("refused");
        assert!(refused.contains(why), "{refused}");
        let (status, body) = hub.api("POST", "/webhooks", json!({ "name": "x", "url": url })).await;
        assert_eq!((status, body["code"].as_str()), (422, Some("invalid")), "{body}");
    }
    // A private address is refused at the call, and the log says what an operator can do.
    let made = hub.good("POST", "/webhooks", json!({ "name": "inside", "url": "http://127.0.0.1:9/" })).await;
    let id = text(&made["id"]);
    let (status, _) =
        hub.api("POST", "/webhooks", json!({ "name": "inside", "url": "http://127.0.0.1:9/" })).await;
    assert_eq!(status, 409, "one name, one address");
    hub.good("POST", &format!("/webhooks/{id}/test"), Value::Null).await;
    let row = until("a first try", async || {
        let page = hub.good("GET", &format!("/webhooks/{id}/deliveries"), Value::Null).await;
        page["items"].as_array()?.iter().find(|row| row["tries"] == 1).cloned()
    })
    .await;
    assert!(text(&row["last_error"]).contains("allow_private"), "{row}");
}
