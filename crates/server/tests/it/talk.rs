//! Who may speak: the bot, a person, the platform's own app, and the customer who says STOP.

use std::time::Duration;

use serde_json::{Value, json};

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text};
use super::shapes::{ig, ig_echo, ig_text, now, wa, wa_text};

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_never_talks_over_a_person() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("I am a bot").await;
    // The first answer is throttled and waits; meanwhile a person answers.
    fake.then(|seen: &Seen, _| {
        if seen.text() == "I am a bot" {
            let body = json!({ "error": { "message": "slow", "code": 131_056 } });
            return Reply::Answer(429, vec![("retry-after", "5".into())], body.to_string().into());
        }
        Reply::Ok
    });
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    let row = hub.message("hi", "received").await;
    let conv = text(&row["conversation_id"]);
    fake.wait(1).await;
    hub.reply(&conv, "I am a person").await;
    let cancelled = hub.message("I am a bot", "cancelled").await;
    assert!(cancelled["problem"].is_string(), "{cancelled}");
    hub.message("I am a person", "accepted").await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.B", "thanks")).await;
    hub.message("thanks", "received").await;
    let shown = hub.good("GET", &format!("/conversations/{conv}"), Value::Null).await;
    assert_eq!(shown["owner"]["kind"], "person", "{shown}");
    let rows = hub.rows("messages").await;
    let bots = rows.iter().filter(|row| row["text"] == "I am a bot").count();
    assert_eq!(bots, 1, "the rule is silent while a person owns the conversation");
    assert_eq!(fake.texts(), ["I am a bot", "I am a person"]);
    // Given back, the bot speaks again.
    fake.then(|_, _| Reply::Ok);
    hub.good("POST", &format!("/conversations/{conv}/assign"), json!({ "owner": "bot" })).await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.C", "again")).await;
    hub.row("messages", |row| row["text"] == "I am a bot" && row["state"] == "accepted").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_typed_in_the_app_takes_over_and_cancels_the_bots() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.instagram(&fake, "17840001");
    hub.answer_all("I am a bot").await;
    fake.then(|_, _| {
        let body = json!({ "error": { "message": "slow", "code": 613, "error_subcode": 2_534_040 } });
        Reply::Answer(429, vec![("retry-after", "30".into())], body.to_string().into())
    });
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN1", "hi")])).await;
    fake.wait(1).await;
    hub.row("messages", |row| row["text"] == "I am a bot" && row["state"] == "queued").await;
    hub.meta(&account, &ig("17840001", &[ig_echo("17840001", "7001", "mid.APP1", "typed on my phone")]))
        .await;
    let typed = hub.row("messages", |row| row["text"] == "typed on my phone").await;
    assert_eq!((typed["direction"].as_str(), typed["provider_id"].as_str()), (Some("out"), Some("mid.APP1")));
    hub.message("I am a bot", "cancelled").await;
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN2", "thanks")])).await;
    hub.message("thanks", "received").await;
    let rows = hub.rows("messages").await;
    assert_eq!(rows.iter().filter(|row| row["direction"] == "out").count(), 2, "{rows:#?}");
    assert_eq!(hub.rows("conversations").await[0]["owner"], "person");
    // The echo again, after a while, is no second message.
    hub.meta(&account, &ig("17840001", &[ig_echo("17840001", "7001", "mid.APP1", "typed on my phone")]))
        .await;
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN3", "bye")])).await;
    hub.message("bye", "received").await;
    let again = hub.rows("messages").await;
    assert_eq!(again.iter().filter(|row| row["text"] == "typed on my phone").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_takes_effect_before_the_next_attempt() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("buy more").await;
    fake.then(|_, _| {
        let body = json!({ "error": { "message": "slow", "code": 131_056 } });
        Reply::Answer(429, vec![("retry-after", "2".into())], body.to_string().into())
    });
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    fake.wait(1).await;
    fake.then(|_, _| Reply::Ok);
    hub.meta(&account, &wa_text("101", "15550001", "wamid.S", " Stop! ")).await;
    hub.message("buy more", "cancelled").await;
    hub.meta(&account, &wa_text("101", "15550002", "wamid.B", "another customer")).await;
    hub.message("buy more", "accepted").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let to: Vec<String> = fake.sends().iter().map(|seen| text(&seen.json()["to"])).collect();
    assert_eq!(to, ["+15550001", "+15550002"], "nothing more to the one who said stop");
    let contacts = hub.rows("contacts").await;
    assert!(contacts.iter().any(|row| row["stopped_at"].is_string()), "{contacts:#?}");
    hub.meta(&account, &wa_text("101", "15550001", "wamid.T", "START")).await;
    hub.message("START", "received").await;
    hub.row("contacts", |row| row["name"] == "Customer 15550001" && row["stopped_at"].is_null()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_becomes_a_lead_with_consent_in_its_words() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let pipelines = hub.good("GET", "/pipelines", Value::Null).await;
    let pipeline = pipelines.as_array().or(pipelines["items"].as_array()).expect("pipelines")[0].clone();
    let (pipe, stage) = (text(&pipeline["name"]), text(&pipeline["stages"][0]["name"]));
    let rule = json!({
        "trigger": { "type": "keyword", "words": ["quote"] },
        "actions": [
            { "type": "ask", "text": "Your e-mail?", "field": "email", "kind": "email",
              "wording": "We write to you about your quote." },
            { "type": "lead", "pipeline": pipe, "stage": stage },
            { "type": "label", "add": ["hot"] },
            { "type": "reply", "text": "Thanks, {{ contact.first_name }}: {{ contact.fields.email }}" },
        ],
    });
    hub.rule("quote", rule).await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "a quote, please")).await;
    hub.message("Your e-mail?", "accepted").await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.B", "not now")).await;
    fake.wait(2).await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.C", "Pat@Example.com")).await;
    hub.message("Thanks, Customer: pat@example.com", "accepted").await;
    let lead = hub.row("leads", |row| row["stage"] == stage.as_str()).await;
    assert_eq!(lead["source_channel"], "whatsapp", "{lead}");
    let contact = hub.rows("contacts").await.remove(0);
    assert_eq!(contact["fields"]["email"], "pat@example.com", "{contact}");
    let email = contact["identities"].as_array().expect("identities").iter().find(|i| i["kind"] == "email");
    assert_eq!(email.expect("an e-mail identity")["proof"], "claimed");
    let consent = contact["consents"].as_array().expect("consents").iter().find(|c| c["kind"] == "email");
    assert_eq!(consent.expect("a consent")["wording"], "We write to you about your quote.");
}

#[tokio::test(flavor = "multi_thread")]
async fn late_input_is_stored_and_starts_no_automation() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("answer").await;
    let mut old = super::shapes::wa_message("15550001", "wamid.OLD", "an hour ago");
    old["timestamp"] = (now() - 3_600).to_string().into();
    hub.meta(&account, &wa(&[("101", "messages", json!({ "messages": [old] }))])).await;
    hub.message("an hour ago", "received").await;
    hub.meta(&account, &wa_text("101", "15550002", "wamid.NEW", "now")).await;
    hub.message("answer", "accepted").await;
    let to: Vec<String> = fake.sends().iter().map(|seen| text(&seen.json()["to"])).collect();
    assert_eq!(to, ["+15550002"]);
}
