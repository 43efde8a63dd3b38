//! Workspaces are walls: equal provider ids in two of them never meet.

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text, until};
use super::shapes::{now, wa, wa_text};

#[tokio::test(flavor = "multi_thread")]
async fn equal_ids_in_two_workspaces_never_meet() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let link = format!("{}/file/9", fake.url);
    fake.then(move |seen: &Seen, _| match seen.path.as_str() {
        path if path.starts_with("/77001") => Reply::json(200, &json!({ "url": link })),
        "/file/9" => Reply::Answer(200, vec![], b"\x89PNG\r\n\x1a\nxxxx".to_vec()),
        _ => Reply::Ok,
    });
    hub.cli_json(&["workspace", "add", "Other"]);
    let other_link =
        hub.cli_json(&["user", "add", "bob@example.com", "--workspace", "Other", "--role", "owner"]);
    let (ann, bob) = (hub.first(), hub.sign_in(&text(&other_link["link"])).await);
    // The same number id, the same customer, the same message ids; another app secret.
    let here = hub.whatsapp_under(&fake, "101", "secret-a", &[]);
    let there = hub.whatsapp_under(&fake, "101", "secret-b", &["--workspace", "Other"]);
    assert_ne!(here.path, there.path);
    let stream = hub.http.get(format!("{}/api/v1/stream", hub.url));
    let heard = listen(&bob, stream).await;
    let picture = |words: &str| {
        let message = json!({ "from": "15550001", "id": "wamid.P", "timestamp": now().to_string(), "type": "image",
            "image": { "id": "77001", "caption": words } });
        wa(&[("101", "messages", json!({ "messages": [message] }))])
    };
    assert_eq!(
        hub.meta_under(&here, "secret-a", &wa_text("101", "15550001", "wamid.1", "kangaroo")).await,
        200
    );
    assert_eq!(hub.meta_under(&here, "secret-a", &picture("mine")).await, 200);
    let mine = until("Ann's picture", || async {
        hub.rows_as(&ann, "messages").await.into_iter().find(|row| row["attachments"][0]["status"] == "ready")
    })
    .await;
    assert!(hub.rows_as(&bob, "messages").await.is_empty(), "nothing crossed");
    assert!(heard.lock().expect("lock").is_empty(), "nothing was heard: {heard:?}");
    assert_eq!(
        hub.meta_under(&there, "secret-b", &wa_text("101", "15550001", "wamid.1", "wombat")).await,
        200
    );
    until("Bob's message", || async {
        hub.rows_as(&bob, "messages").await.into_iter().find(|row| row["text"] == "wombat")
    })
    .await;
    until("Bob's stream", || async { (!heard.lock().expect("lock").is_empty()).then_some(()) }).await;

    // Nothing of Ann's can be named by Bob.
    let conv = text(&mine["conversation_id"]);
    let file = text(&mine["attachments"][0]["url"]);
    let paths = [
        format!("/conversations/{conv}"),
        format!("/conversations/{conv}/messages"),
        format!("/messages/{}/attempts", text(&mine["id"])),
        format!("/contacts/{}", text(&mine["contact_id"])),
        file.strip_prefix("/api/v1").expect("ours").to_owned(),
    ];
    for path in &paths {
        assert_eq!(hub.api_as(&ann, "GET", path, Value::Null).await.status(), 200, "{path} for Ann");
        assert_eq!(hub.api_as(&bob, "GET", path, Value::Null).await.status(), 404, "{path} for Bob");
    }
    let write = json!({ "kind": "note", "text": "from outside" });
    let path = format!("/conversations/{conv}/messages");
    assert_eq!(hub.api_as(&bob, "POST", &path, write).await.status(), 404);
    for (who, word, found) in
        [(&ann, "kangaroo", 1), (&ann, "wombat", 0), (&bob, "wombat", 1), (&bob, "kangaroo", 0)]
    {
        let path = format!("/conversations?view=all&q={word}");
        let page: Value = hub.api_as(who, "GET", &path, Value::Null).await.json().await.expect("JSON");
        assert_eq!(page["items"].as_array().expect("items").len(), found, "{word}: {page}");
    }
    no_row_in_both(&hub, &ann, &bob).await;
    let from_cli = hub.cli(&["export", "messages", "--workspace", "Other"]).expect("an export");
    assert!(from_cli.contains("wombat") && !from_cli.contains("kangaroo"), "{from_cli}");
}

/// Not one row of any export is seen by both.
async fn no_row_in_both(hub: &Hub, ann: &super::hub::Session, bob: &super::hub::Session) {
    for what in ["messages", "conversations", "contacts", "attempts", "problems", "leads"] {
        let (a, b) = (hub.rows_as(ann, what).await, hub.rows_as(bob, what).await);
        let ids = |rows: &[Value]| rows.iter().map(|row| text(&row["id"])).collect::<Vec<_>>();
        assert!(ids(&a).iter().all(|id| !ids(&b).contains(id)), "{what}");
    }
}

type Heard = std::sync::Arc<std::sync::Mutex<Vec<String>>>;

/// Collects changes of a stream until the test ends.
#[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
async fn listen(who: &super::hub::Session, request: reqwest::RequestBuilder) -> Heard {
    let answer = who.sign(request).send().await.expect("a stream");
    assert_eq!(answer.status(), 200);
    let heard = Heard::default();
    let lines = heard.clone();
    tokio::spawn(async move {
        let mut bytes = answer.bytes_stream();
        while let Some(Ok(chunk)) = bytes.next().await {
            let text = String::from_utf8_lossy(&chunk).into_owned();
            if text.contains("event: change") || text.contains("event:change") {
                lines.lock().expect("lock").push(text);
            }
        }
    });
    heard
}

#[tokio::test(flavor = "multi_thread")]
async fn the_stream_resumes_where_it_ended() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let heard = listen(&hub.first(), hub.http.get(format!("{}/api/v1/stream", hub.url))).await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.1", "first")).await;
    let first = until("a change", || async { heard.lock().expect("lock").first().cloned() }).await;
    let id = first.lines().find_map(|line| line.strip_prefix("id:")).expect("an id").trim().to_owned();
    hub.meta(&account, &wa_text("101", "15550001", "wamid.2", "second")).await;
    let second = hub.message("second", "received").await;
    let request = hub.http.get(format!("{}/api/v1/stream", hub.url)).header("last-event-id", id);
    let resumed = listen(&hub.first(), request).await;
    let wanted = text(&second["id"]);
    until("the change that was missed", || async {
        resumed.lock().expect("lock").iter().any(|text| text.contains(&wanted)).then_some(())
    })
    .await;
}
