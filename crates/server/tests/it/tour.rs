//! The demonstration of `make run`: what a newcomer sees who takes Instagram down.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::hub::{Hub, text, until};

/// Fast enough for a test; the tour's own dial is 30.
const DIAL: &str = "[continuity]\ndial = 60\n";

/// Everything out of one list of the API.
async fn list(hub: &Hub, path: &str) -> Vec<Value> {
    hub.good("GET", path, Value::Null).await.as_array().cloned().unwrap_or_default()
}

fn has_consent(contact: &Value) -> bool {
    let consents = contact["consents"].as_array();
    consents.into_iter().flatten().any(|consent| consent["withdrawn_at"].is_null())
}

fn talks_on_instagram(contact: &Value) -> bool {
    contact["identities"].as_array().into_iter().flatten().any(|identity| identity["kind"] == "instagram")
}

/// Contacts of the simulated Instagram, once five of its eight customers have given their number.
async fn met(hub: &Hub) -> Vec<Value> {
    let look = async || {
        let mut contacts = hub.rows("contacts").await;
        contacts.retain(talks_on_instagram);
        (contacts.iter().filter(|contact| has_consent(contact)).count() >= 5).then_some(contacts)
    };
    for _ in 0..10 {
        if let Ok(found) =
            tokio::time::timeout(std::time::Duration::from_secs(28), until("numbers", look)).await
        {
            return found;
        }
    }
    panic!("too few gave their number: {:#?}", hub.rows("contacts").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_press_carries_most_and_says_of_the_others_why_they_wait() {
    let hub = Hub::with(&["--sandbox"], DIAL).await;
    let accounts = list(&hub, "/accounts").await;
    let played: BTreeSet<String> =
        accounts.iter().filter(|a| a["sandbox"] == true).map(|a| text(&a["channel"])).collect();
    let all = ["instagram", "messenger", "telegram", "twilio", "whatsapp"].map(str::to_owned);
    assert_eq!(played, all.into(), "{accounts:#?}");
    let contacts = met(&hub).await;
    hub.good("POST", "/sandbox/faults", json!({ "platform": "instagram", "component": "all" })).await;
    let incident = until("a confirmed incident", async || {
        let all = list(&hub, "/incidents").await;
        all.into_iter().find(|row| row["phase"] == "confirmed")
    })
    .await;
    let incident = text(&incident["id"]);
    // A person answers everybody, as the tour asks for one.
    let talks: Vec<Value> = hub.rows("conversations").await;
    let contact_ids: BTreeSet<String> = contacts.iter().map(|contact| text(&contact["id"])).collect();
    let talks: Vec<&Value> =
        talks.iter().filter(|talk| contact_ids.contains(&text(&talk["contact_id"]))).collect();
    for talk in &talks {
        hub.reply(&text(&talk["id"]), "We are here.").await;
    }
    let decided = async || {
        let done = list(&hub, &format!("/incidents/{incident}/plans?state=done")).await;
        let held = list(&hub, &format!("/incidents/{incident}/plans?state=held")).await;
        let known: BTreeSet<String> = done.iter().chain(&held).map(|p| text(&p["conversation"])).collect();
        let soon = ["for now", "being checked"];
        let waits = |plan: &Value| soon.iter().any(|words| text(&plan["decision"]).contains(words));
        let settled = talks.iter().all(|talk| known.contains(&text(&talk["id"]))) && !held.iter().any(waits);
        settled.then_some((done, held))
    };
    let (done, held) = until("a decision for everybody", decided).await;
    let carried: BTreeSet<String> = done.iter().map(|plan| text(&plan["conversation"])).collect();
    assert!(carried.len() * 2 >= talks.len(), "{} of {}: {held:#?}", carried.len(), talks.len());
    assert!(
        done.iter().all(|plan| ["twilio", "whatsapp"].map(Value::from).contains(&plan["channel"])),
        "{done:#?}"
    );
    let held: Vec<&Value> = held.iter().filter(|p| !carried.contains(&text(&p["conversation"]))).collect();
    assert!(!held.is_empty(), "somebody keeps their number to themselves: {done:#?}");
    for plan in &held {
        let ways = plan["ways"].to_string();
        assert!(ways.contains("inside incident"), "{plan:#}");
        // Nobody waits because of somebody else's number: each gave none.
        assert!(!ways.contains("chosen"), "{plan:#}");
        let talk = talks.iter().find(|talk| talk["id"] == plan["conversation"]).expect("its conversation");
        let contact = hub.rows("contacts").await.into_iter().find(|c| c["id"] == talk["contact_id"]);
        assert!(!has_consent(&contact.expect("its contact")), "held though there is consent: {plan:#}");
    }
    let counts = hub.good("GET", &format!("/incidents/{incident}"), Value::Null).await["counts"].clone();
    assert_eq!(counts["carried"].as_u64(), Some(carried.len() as u64), "{counts}");

    // The one command removes all of it.
    let cleared = hub.cli(&["sandbox", "clear"]);
    assert!(cleared.is_ok(), "{cleared:?}");
    assert!(hub.rows("contacts").await.iter().all(|contact| !talks_on_instagram(contact)));
    let left = list(&hub, "/accounts").await;
    assert!(left.iter().all(|account| account["sandbox"] != true), "{left:#?}");
}
