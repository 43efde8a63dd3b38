//! What scripts rely on: commands, exports, errors.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fake::Fake;
use super::hub::{Hub, text, until};
use super::shapes::{APP_SECRET, wa, wa_text};

/// Names of a row's fields, in order.
fn keys(row: &Value) -> Vec<&str> {
    row.as_object().expect("an object").keys().map(String::as_str).collect()
}

fn sorted(names: &str) -> Vec<&str> {
    let mut names: Vec<&str> = names.split_whitespace().collect();
    names.sort_unstable();
    names
}

/// The fields of design section 9.
const MESSAGES: &str = "id conversation_id contact_id account_id channel direction sender provider_id parts text \
    attachments reply_to postback at edited_at deleted_at reactions state state_at class plan_id problem";
const PROBLEMS: &str = "id account_id channel reason at raw rule_id count last_at";

#[tokio::test(flavor = "multi_thread")]
async fn exports_have_every_field_in_every_row() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("answer").await;
    let strange = json!({ "messages": [{ "from": "15550001", "id": "wamid.X", "timestamp": "1764000000", "type": "hologram" }] });
    hub.meta(&account, &wa(&[("101", "messages", strange)])).await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi, \"there\"")).await;
    let out = hub.message("answer", "accepted").await;
    let conv = text(&out["conversation_id"]);
    let note = json!({ "kind": "note", "text": "between us" });
    hub.good("POST", &format!("/conversations/{conv}/messages"), note).await;
    let rows = hub.export("messages");
    assert_eq!(rows.len(), 3, "{rows:#?}");
    for row in &rows {
        let mut names = keys(row);
        names.sort_unstable();
        assert_eq!(names, sorted(MESSAGES));
        assert!(
            text(&row["at"]).ends_with('Z') && text(&row["at"]).parse::<jiff::Timestamp>().is_ok(),
            "{row}"
        );
        for list in ["parts", "attachments", "reactions"] {
            assert!(row[list].is_array(), "{list}: {row}");
        }
        assert!(row["state_at"].is_object() && row["plan_id"].is_null(), "{row}");
    }
    let find = |direction: &str| rows.iter().find(|row| row["direction"] == direction).expect("a row");
    let incoming = find("in");
    assert_eq!(incoming["sender"], "+15550001");
    assert_eq!(incoming["provider_id"], "wamid.A");
    assert_eq!(
        (incoming["state"].as_str(), incoming["channel"].as_str()),
        (Some("received"), Some("whatsapp"))
    );
    let outgoing = find("out");
    assert_eq!(outgoing["provider_id"], "wamid.OUT1");
    assert_eq!(outgoing["parts"][0]["provider_id"], "wamid.OUT1");
    assert!(outgoing["state_at"]["accepted"].is_string());
    assert_eq!(find("note")["text"], "between us");
    let problems = hub.export("problems");
    assert_eq!(problems.len(), 1);
    let mut names = keys(&problems[0]);
    names.sort_unstable();
    assert_eq!(names, sorted(PROBLEMS));
    let csv = hub.cli(&["export", "messages", "--format", "csv"]).expect("CSV");
    let head: Vec<&str> = csv.lines().next().expect("a head").split(',').collect();
    assert_eq!(head, MESSAGES.split_whitespace().collect::<Vec<_>>());
    assert_eq!(csv.lines().count(), 4);
    let sheet = hub.path("out.xlsx");
    let out = std::process::Command::new(env!("CARGO_BIN_EXE_everthread"))
        .args(["export", "messages", "--format", "xlsx", "--data"])
        .arg(hub.data())
        .output()
        .expect("it runs");
    std::fs::write(&sheet, &out.stdout).expect("written");
    assert!(out.status.success() && out.stdout.starts_with(b"PK"), "a workbook");
    // The same by the API.
    assert_eq!(hub.rows("messages").await, rows);
}

/// Runs an export into a file, and gives up on one that does not end.
async fn exported(hub: &Hub) -> Vec<Value> {
    let path = hub.path("export.jsonl");
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_everthread"))
        .args(["export", "messages", "--data"])
        .arg(hub.data())
        .stdout(std::fs::File::create(&path).expect("a file"))
        .spawn()
        .expect("it runs");
    let ended = tokio::time::timeout(
        Duration::from_mins(1),
        until("the end of an export", || {
            let status = child.try_wait().expect("its status");
            async move { status }
        }),
    );
    let Ok(status) = ended.await else {
        let _ = child.kill();
        panic!("the export did not end; it wrote {:?} bytes", std::fs::metadata(&path).map(|m| m.len()));
    };
    assert!(status.success(), "{status}");
    let text = std::fs::read_to_string(&path).expect("rows");
    text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_larger_than_what_is_kept_in_memory_ends() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let said = |n: usize| format!("{n:04} {}", "long ".repeat(800));
    let messages: Vec<Value> = (0..400)
        .map(|n| {
            json!({ "from": "15550001", "id": format!("wamid.{n}"), "timestamp": super::shapes::now().to_string(),
                    "type": "text", "text": { "body": said(n) } })
        })
        .collect();
    hub.meta(&account, &wa(&[("101", "messages", json!({ "messages": messages }))])).await;
    hub.row("messages", |row| row["provider_id"] == "wamid.399").await;
    let running = exported(&hub).await;
    assert_eq!(running.len(), 400);
    assert!(running.iter().all(|row| row["text"].as_str().is_some_and(|text| text.len() > 4_000)));
    hub.stop().await;
    assert_eq!(exported(&hub).await, running);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_added_to_a_running_hub_works_within_two_seconds() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let began = Instant::now();
    until("the new address", || async {
        let status = hub.meta_under(&account, APP_SECRET, &wa_text("101", "15550001", "wamid.A", "hi")).await;
        (status == 200).then_some(())
    })
    .await;
    hub.message("hi", "received").await;
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    hub.cli_json(&["account", "remove", &account.id]);
    until("the address to be gone", || async {
        let status = hub.meta_under(&account, APP_SECRET, &wa_text("101", "15550001", "wamid.B", "hi")).await;
        (status == 404).then_some(())
    })
    .await;
    assert_eq!(hub.rows("messages").await.len(), 1, "its conversations stay");
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_work_with_the_hub_stopped_and_running() {
    let mut hub = Hub::asleep(&[], "");
    let fake = Fake::healthy().await;
    hub.wake().await;
    hub.stop().await;
    let account = hub.whatsapp(&fake, "101", &[]);
    let listed = hub.cli_json(&["account", "list"]);
    assert!(listed.as_array().expect("a list").iter().any(|a| a["id"] == account.id.as_str()), "{listed}");
    assert!(!listed.to_string().contains("wa-token"), "secrets are not shown");
    assert!(hub.export("messages").is_empty());
    hub.cli_json(&["workspace", "add", "Second"]);
    assert_eq!(hub.cli_json(&["workspace", "list"]).as_array().expect("a list").len(), 2);
    hub.wake().await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    hub.message("hi", "received").await;
    let shown = hub.cli_json(&["account", "show", &account.id]);
    assert_eq!(shown["webhook_path"], account.path.as_str());
    let link = hub.cli_json(&["user", "reset", "owner@localhost"]);
    hub.sign_in(&text(&link["link"])).await;
    let second = hub.http.post(format!("{}/api/v1/session/link", hub.url));
    let token = text(&link["link"]).split_once("token=").expect("a token").1.to_owned();
    let again = second.json(&json!({ "token": token })).send().await.expect("an answer");
    assert!(again.status().is_client_error(), "a link works once");
    hub.stop().await;
    assert_eq!(hub.export("messages").len(), 1);
    let error = hub.cli(&["account", "show", "nobody"]).expect_err("no such account");
    assert!(error.contains("nobody") && error.contains("account list"), "{error}");
    std::fs::write(hub.path("everthread.toml"), "listen = \"127.0.0.1:1\"\nlissten = 1\n").expect("written");
    let error = hub.cli(&["account", "list"]).expect_err("an unknown key");
    assert!(error.contains("line 2, column 1"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_what_is_wrong_in_problem_documents() {
    let hub = Hub::start().await;
    let (status, _) = hub.get("/api/v1/conversations").await;
    assert_eq!(status, 401);
    let answer = hub.api_as(&hub.first(), "GET", "/conversations/conv_nothing", Value::Null).await;
    assert_eq!(answer.status(), 404);
    let kind = answer.headers()["content-type"].to_str().expect("text").to_owned();
    assert!(kind.starts_with("application/problem+json"), "{kind}");
    let problem: Value = answer.json().await.expect("JSON");
    for name in ["type", "title", "status", "code", "detail", "next_step"] {
        assert!(problem.get(name).is_some(), "{name}: {problem}");
    }
    let (status, document) = hub.get("/api/openapi.json").await;
    let document: Value = serde_json::from_str(&document).expect("JSON");
    assert!(status == 200 && text(&document["openapi"]).starts_with("3.1"), "{status}");
    let (status, answer) = hub
        .api("POST", "/rules", json!({ "name": "bad", "trigger": { "type": "nope" }, "actions": [] }))
        .await;
    assert!(status == 422 || status == 400, "{status} {answer}");
}

#[test]
fn every_test_that_the_page_on_failures_names_exists() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let page = std::fs::read_to_string(format!("{root}/docs/failures.md")).expect("the page");
    let mut sources = String::new();
    let mut folders =
        vec![format!("{root}/crates/server/tests").into(), format!("{root}/crates/server/src").into()];
    while let Some(folder) = folders.pop() {
        let folder: std::path::PathBuf = folder;
        for entry in std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                sources.push_str(&std::fs::read_to_string(path).expect("a file"));
            }
        }
    }
    let named: Vec<&str> =
        page.split('`').skip(1).step_by(2).filter(|name| name.contains('_') && !name.contains('/')).collect();
    assert!(named.len() > 15, "{named:?}");
    for name in named {
        assert!(
            sources.contains(&format!("fn {name}(")),
            "docs/failures.md names {name}, and there is no such test"
        );
    }
}
