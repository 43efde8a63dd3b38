//! Instagram stops, and no conversation ends: found by calls and probes alone, held, carried, brought back.

use serde_json::{Value, json};

use super::fake::{Fake, Reply};
use super::hub::{Hub, text, until};
use super::shapes::{ig, ig_text};

const ASK: &str = "Which number, in case this channel fails?";

/// A customer who wrote; the conversation's id.
async fn customer(hub: &Hub, account: &super::hub::Account, who: &str, said: &str) -> String {
    hub.meta(account, &ig("17840001", &[ig_text("17840001", who, &format!("mid.{who}"), said)])).await;
    text(&hub.message(said, "received").await["conversation_id"])
}

/// A rule that asks for a number, and for leave to write there.
async fn asks_for_a_number(hub: &Hub) {
    hub.rule(
        "ask",
        json!({ "trigger": { "type": "keyword", "words": ["sizes"] }, "actions": [
            { "type": "ask", "text": ASK, "field": "phone", "kind": "phone", "wording": "We may go on by SMS." },
            { "type": "hand_over" }] }),
    )
    .await;
}

async fn phase(hub: &Hub, wanted: &str) -> Value {
    // Two spans of patience: evidence needs its time even on the fast dial.
    let find = async || {
        let all = hub.good("GET", "/incidents", Value::Null).await;
        all.as_array()?.iter().find(|row| row["phase"] == wanted).cloned()
    };
    if let Ok(found) = tokio::time::timeout(std::time::Duration::from_secs(25), until(wanted, find)).await {
        return found;
    }
    until(wanted, find).await
}

#[tokio::test(flavor = "multi_thread")]
async fn instagram_stops_and_the_conversation_goes_on_by_sms_and_comes_back() {
    let (instagram, sms) = (Fake::healthy().await, Fake::healthy().await);
    let hub = Hub::with(&[], "[continuity]\npace = 30\n").await;
    let account = hub.instagram(&instagram, "17840001");
    hub.twilio_number(&sms);
    asks_for_a_number(&hub).await;
    hub.good("PUT", "/continuity/policy", json!({ "mode": "automatic", "hold_first_s": 0 })).await;
    let (status, refused) = hub.api("PUT", "/continuity/policy", json!({ "order": ["pigeon"] })).await;
    assert_eq!(
        (status, text(&refused["detail"])),
        (422, "policy: order: there is no channel called `pigeon`".into())
    );
    let carried = customer(&hub, &account, "7001", "sizes please").await;
    hub.message(ASK, "accepted").await;
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.A2", "+14155550100")])).await;
    hub.message("+14155550100", "received").await;
    let held = customer(&hub, &account, "7002", "hello there").await;

    instagram.then(|_, _| {
        Reply::json(503, &json!({ "error": { "message": "Service temporarily unavailable", "code": 2 } }))
    });
    let incident = phase(&hub, "confirmed").await;
    assert!(text(&incident["what"]).starts_with("Instagram: sending fails"), "{incident}");
    assert_eq!(incident["avoided"], "Meta", "nothing speaks against the company: it counts as the company");
    hub.reply(&carried, "The blue one is here").await;
    hub.reply(&held, "Good morning").await;
    let said = sms.wait(1).await.remove(0).text();
    assert!(said.starts_with("Instagram is having trouble, so "), "{said}");
    hub.message("The blue one is here", "accepted").await;
    assert!(sms.texts().iter().any(|text| text.contains("The blue one is here")), "{:?}", sms.texts());
    hub.message("Good morning", "held").await;
    let plans = hub.good("GET", &format!("/conversations/{held}/plans"), Value::Null).await;
    assert_eq!(plans[0]["decision"], "Held: no other way to this customer is allowed.", "{plans}");
    let id = text(&incident["id"]);
    let shown = hub.good("GET", &format!("/incidents/{id}"), Value::Null).await;
    assert!(shown["timeline"].as_array().is_some_and(|lines| lines.len() >= 2), "{shown}");
    assert!(
        shown["evidence"].as_array().is_some_and(|lines| lines.iter().any(|line| line["bad"] != 0)),
        "{shown}"
    );

    instagram.then(|_, _| Reply::Ok);
    phase(&hub, "closed").await;
    hub.message("Good morning", "accepted").await;
    let mornings = instagram.texts().iter().filter(|text| *text == "Good morning").count();
    assert_eq!(mornings, 1, "once, by whatever way: {:?}", instagram.texts());
    let blue = sms.texts().iter().filter(|text| text.contains("The blue one is here")).count();
    assert_eq!(blue, 1);
    // The customer writes on Instagram again: that is where the answer goes.
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.A3", "back here")])).await;
    hub.message("back here", "received").await;
    hub.reply(&carried, "Welcome back").await;
    hub.message("Welcome back", "accepted").await;
    assert!(instagram.texts().iter().any(|text| text == "Welcome back"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_declares_and_dismisses_and_what_waited_goes_out() {
    let instagram = Fake::healthy().await;
    let hub = Hub::start().await;
    let account = hub.instagram(&instagram, "17840001");
    let conversation = customer(&hub, &account, "7001", "hi").await;
    let (status, _) = hub.api("POST", "/incidents", json!({ "channel": "whatsapp" })).await;
    assert_eq!(status, 422, "no account of ours lies in it");
    hub.good("POST", "/incidents", json!({ "channel": "instagram" })).await;
    hub.reply(&conversation, "wait for it").await;
    hub.message("wait for it", "held").await;
    let open = hub.good("GET", "/incidents?open=true", Value::Null).await;
    assert_eq!((open[0]["declared"].as_bool(), open[0]["phase"].as_str()), (Some(true), Some("confirmed")));
    let health = hub.good("GET", "/continuity/health", Value::Null).await;
    let gates: Vec<&str> =
        health.as_array().into_iter().flatten().filter_map(|row| row["gate"].as_str()).collect();
    assert!(gates.contains(&"carry"), "{health}");
    let directions: Vec<&Value> =
        health.as_array().into_iter().flatten().map(|row| &row["directions"]["send"]).collect();
    assert!(directions.contains(&&json!("confirmed")), "{health}");
    // A message that waits names its decision, once one was made.
    until("a plan", async || {
        let thread = hub.good("GET", &format!("/conversations/{conversation}/messages"), Value::Null).await;
        thread["items"][1]["plan_id"].as_str().map(str::to_owned)
    })
    .await;
    let incident = format!("/incidents/{}", text(&open[0]["id"]));
    let shown = hub.good("GET", &incident, Value::Null).await;
    assert_eq!(
        (&shown["groups"][0]["state"], &shown["groups"][0]["count"]),
        (&json!("held"), &json!(1)),
        "{shown}"
    );
    assert_eq!(shown["groups"][0]["why"], "Held for now: many disturbances are over within minutes.");
    let dismiss = format!("{incident}/dismiss");
    let (status, _) = hub.api("POST", &dismiss, json!({ "reason": "x".repeat(501) })).await;
    assert_eq!(status, 422);
    hub.good("POST", &dismiss, json!({ "reason": "a false alarm" })).await;
    hub.message("wait for it", "accepted").await;
    assert_eq!(instagram.texts(), ["wait for it"]);
    let shown = hub.good("GET", &incident, Value::Null).await;
    let said = shown["timeline"]
        .as_array()
        .into_iter()
        .flatten()
        .any(|line| line["text"] == "Dismissed by a person: a false alarm");
    assert!(said, "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_declares_and_a_person_chooses_the_way() {
    let (instagram, sms) = (Fake::healthy().await, Fake::healthy().await);
    let hub = Hub::start().await;
    let account = hub.instagram(&instagram, "17840001");
    hub.twilio_number(&sms);
    asks_for_a_number(&hub).await;
    let conversation = customer(&hub, &account, "7001", "sizes please").await;
    hub.message(ASK, "accepted").await;
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.A2", "+14155550100")])).await;
    hub.message("+14155550100", "received").await;

    assert!(hub.cli(&["health"]).expect("health").contains(": sends;"));
    let error = hub.cli(&["incident", "declare", "--channel", "whatsapp"]).expect_err("no account in it");
    assert!(error.contains("no account of this workspace lies in it"), "{error}");
    hub.cli_json(&["incident", "declare", "--channel", "instagram"]);
    let listed = hub.cli_json(&["incident", "list", "--open"]);
    assert_eq!((&listed[0]["number"], &listed[0]["declared"]), (&json!(1), &json!(true)));
    let health = hub.cli(&["health"]).expect("health");
    assert!(health.contains("down: messages are carried or held (incident 1)"), "{health}");

    hub.reply(&conversation, "The blue one is here").await;
    hub.message("The blue one is here", "held").await;
    let shown = hub.good("GET", &format!("/conversations/{conversation}"), Value::Null).await;
    let contact = hub.good("GET", &format!("/contacts/{}", text(&shown["contact"]["id"])), Value::Null).await;
    let address = |kind: &str| {
        let all = contact["identities"].as_array().expect("identities");
        let found = all.iter().find(|identity| identity["kind"] == kind);
        text(&found.unwrap_or_else(|| panic!("{kind} in {contact}"))["id"])
    };
    let route = format!("/conversations/{conversation}/route");
    let (status, _) = hub.api("POST", &route, json!({ "identity_id": "ident_x" })).await;
    assert_eq!(status, 422);
    hub.good("POST", &route, json!({ "identity_id": address("phone") })).await;
    let moved = hub.good("GET", &format!("/conversations/{conversation}"), Value::Null).await;
    assert_eq!(moved["route"]["channel"], "twilio", "{moved}");
    hub.message("The blue one is here", "accepted").await;
    assert!(sms.texts().iter().any(|text| text.contains("The blue one is here")), "{:?}", sms.texts());
    let plans = hub.good("GET", &format!("/conversations/{conversation}/plans"), Value::Null).await;
    assert!(plans[0]["by"].is_string(), "a person's word, recorded as such: {plans}");

    hub.cli_json(&["incident", "dismiss", "1"]);
    let story = hub.cli_json(&["incident", "show", "1"]);
    assert_eq!(story["phase"], "closed");
    assert_eq!(hub.export("incidents").len(), 1);
    assert!(hub.cli(&["incident", "show", "7"]).expect_err("none").contains("there is no incident"));
}
