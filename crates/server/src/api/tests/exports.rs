//! Exports: shapes that scripts rely on, more rows than a page.

use super::*;
use crate::export::{Format, Source, What, write};

#[tokio::test]
async fn rows_of_messages_have_the_contract_shape() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "=hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    world.post(&path, &json!({"text": "yes"})).by(0, Role::Agent).await.ok(201);
    let answer = world.get("/export/messages").by(0, Role::Admin).await;
    assert_eq!(answer.headers["content-type"], "application/jsonl");
    let text = String::from_utf8(answer.bytes).unwrap();
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 2);
    assert!(text.starts_with("{\"id\":\"msg_"), "columns keep their order");
    let keys: Vec<&str> = vec![
        "account_id",
        "at",
        "attachments",
        "channel",
        "class",
        "contact_id",
        "conversation_id",
        "deleted_at",
        "direction",
        "edited_at",
        "id",
        "parts",
        "plan_id",
        "postback",
        "problem",
        "provider_id",
        "reactions",
        "reply_to",
        "sender",
        "state",
        "state_at",
        "text",
    ];
    let mut found: Vec<&String> = rows[0].as_object().unwrap().keys().collect();
    found.sort();
    assert_eq!(found, keys);
    assert_eq!((&rows[0]["direction"], &rows[0]["sender"]), (&json!("in"), &json!("id-Ann")));
    assert_eq!((&rows[0]["state"], &rows[0]["parts"]), (&json!("received"), &json!([])));
    assert!(rows[0]["provider_id"].as_str().unwrap().starts_with("p-"));
    assert_eq!((&rows[1]["direction"], &rows[1]["sender"]), (&json!("out"), &json!("agent")));
    assert_eq!((&rows[1]["state"], &rows[1]["problem"]), (&json!("queued"), &json!(null)));
    assert_eq!(rows[1]["parts"][0]["state"], "queued");
}

#[tokio::test]
async fn csv_and_workbook_hold_the_same_rows() {
    let world = world().await;
    world.customer_writes(0, "Ann", "=1+1").await;
    let answer = world.get("/export/messages?format=csv").by(0, Role::Admin).await;
    let text = String::from_utf8(answer.bytes).unwrap();
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("id,conversation_id,contact_id"));
    assert!(lines.next().unwrap().contains(",'=1+1,"), "{text}");
    let answer = world.get("/export/contacts?format=xlsx").by(0, Role::Admin).await;
    assert_eq!(&answer.bytes[..4], b"PK\x03\x04");
    world.get("/export/messages?format=pdf").by(0, Role::Admin).await.refused(422, "invalid");
    world.get("/export/secrets").by(0, Role::Admin).await.refused(404, "not_found");
}

#[tokio::test]
async fn every_row_of_many_pages_is_written_once() {
    let world = world().await;
    let (workspace, account) = (world.shops[0].id, world.shops[0].account);
    let items: Vec<ApplyItem> = (0..1_203_u64)
        .map(|n| ApplyItem {
            record: n,
            index: 0,
            workspace,
            account,
            received_at: now(),
            event: Event {
                key: format!("k{n}"),
                at: Some(now()),
                peer: Some(Peer {
                    addresses: vec![Address { kind: AddressKind::Telegram, value: format!("c{}", n % 7) }],
                    ..Peer::default()
                }),
                kind: EventKind::Message(InMessage {
                    provider_id: format!("p{n}"),
                    content: Content::text(format!("n{n}")),
                    ..InMessage::default()
                }),
            },
            automation: true,
        })
        .collect();
    let directory = world.hub.directory();
    let unit = Apply {
        now: now(),
        seed: seed(),
        items,
        keys: KeySecret::new(&[1; 32]),
        directory,
        rules: Arc::default(),
    };
    world.store.write(unit).await.unwrap();
    let mut out = Vec::new();
    let from = Source { store: world.store.clone(), registry: Arc::default() };
    write(from, workspace, What::Messages, Format::Jsonl, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let mut texts: Vec<String> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    texts.sort();
    texts.dedup();
    assert_eq!((texts.len(), text.lines().count()), (1_203, 1_203));
}

#[tokio::test]
async fn an_export_is_written_down() {
    let world = world().await;
    world.get("/export/leads").by(0, Role::Admin).await;
    let actions = world.store.read(admin::AuditLog).await.unwrap();
    assert!(actions.contains(&("export".to_owned(), "leads".to_owned())), "{actions:?}");
}
