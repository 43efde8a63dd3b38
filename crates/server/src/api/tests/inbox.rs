//! The inbox, threads, contacts, search, cursors.

use super::*;

fn names(page: &Value) -> Vec<String> {
    let items = page["items"].as_array().unwrap();
    items.iter().map(|row| row["contact"]["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_customer_shows_up_with_what_they_wrote() {
    let world = world().await;
    world.customer_writes(0, "Ann", "hello there").await;
    let page = world.get("/conversations").by(0, Role::Viewer).await.ok(200);
    let row = &page["items"][0];
    assert_eq!(row["contact"]["name"], "Ann");
    assert_eq!(row["channel"], "telegram");
    assert_eq!(row["account"]["name"], "@acme");
    assert_eq!((&row["unread"], &row["seq"], &row["held_count"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(row["owner"]["kind"], "nobody");
    assert_eq!(row["last_message"]["text"], "hello there");
    assert_eq!(row["last_message"]["author"], "Ann");
    assert!(row["waiting_since"].as_str().unwrap().ends_with('Z'));
    let counts = world.get("/conversations/counts").by(0, Role::Viewer).await.ok(200);
    assert_eq!((&counts["open"], &counts["unassigned"], &counts["mine"]), (&json!(1), &json!(1), &json!(0)));
}

/// Every name of a view, three rows at a time.
async fn walk(world: &World, view: &str) -> Vec<String> {
    let mut seen = Vec::new();
    let mut path = format!("/conversations?view={view}&limit=3");
    loop {
        let page = world.get(&path).by(0, Role::Agent).await.ok(200);
        seen.extend(names(&page));
        match page["next_cursor"].as_str() {
            Some(cursor) if seen.len() < 20 => {
                path = format!("/conversations?view={view}&limit=3&cursor={cursor}");
            }
            _ => return seen,
        }
    }
}

#[tokio::test]
async fn a_cursor_walks_every_row_once() {
    let world = world().await;
    for n in 0..7 {
        world.customer_writes(0, &format!("C{n}"), "hi").await;
    }
    for view in ["open", "all", "unassigned", "all&channel=telegram", "all&q=hi"] {
        assert_eq!(walk(&world, view).await, ["C6", "C5", "C4", "C3", "C2", "C1", "C0"], "{view}");
    }
    let page = world.get("/conversations").by(0, Role::Agent).await.ok(200);
    for row in page["items"].as_array().unwrap() {
        let path = format!("/conversations/{}/assign", row["id"].as_str().unwrap());
        world.post(&path, &json!({"owner": "me"})).by(0, Role::Agent).await.ok(200);
    }
    assert_eq!(walk(&world, "mine").await.len(), 7);
    world.get("/conversations?cursor=nonsense").by(0, Role::Viewer).await.refused(400, "bad_cursor");
    world.get("/conversations?view=nonsense").by(0, Role::Viewer).await.refused(422, "invalid");
}

#[tokio::test]
async fn views_and_filters_agree_with_the_counts() {
    let world = world().await;
    let ann = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let bob = world.customer_writes(0, "Bob", "hi").await.show("conv");
    world.customer_writes(0, "Cyd", "hi").await;
    let assign = json!({"owner": "me"});
    world.post(&format!("/conversations/{ann}/assign"), &assign).by(0, Role::Agent).await.ok(200);
    let resolve = json!({"status": "resolved"});
    world.post(&format!("/conversations/{bob}/status"), &resolve).by(0, Role::Agent).await.ok(200);
    let label = json!({"add": ["vip"]});
    world.post(&format!("/conversations/{ann}/labels"), &label).by(0, Role::Agent).await.ok(200);
    for (query, expected) in [
        ("view=mine", vec!["Ann"]),
        ("view=unassigned", vec!["Cyd"]),
        ("view=open", vec!["Cyd", "Ann"]),
        ("view=resolved", vec!["Bob"]),
        ("view=all", vec!["Cyd", "Bob", "Ann"]),
        ("view=snoozed", vec![]),
        ("view=all&channel=telegram", vec!["Cyd", "Bob", "Ann"]),
        ("view=all&channel=sms", vec![]),
        ("view=all&label=vip", vec!["Ann"]),
        ("view=all&label=none", vec![]),
        ("view=mine&q=hi", vec!["Ann"]),
        ("view=all&label=vip&q=hi", vec!["Ann"]),
    ] {
        let page = world.get(&format!("/conversations?{query}")).by(0, Role::Agent).await.ok(200);
        assert_eq!(names(&page), expected, "{query}");
    }
    let counts = world.get("/conversations/counts").by(0, Role::Agent).await.ok(200);
    assert_eq!(
        counts,
        json!({"open": 2, "mine": 1, "unassigned": 1, "pending": 0, "snoozed": 0, "resolved": 1, "all": 3})
    );
    let labels = world.get("/labels").by(0, Role::Viewer).await.ok(200);
    assert_eq!(labels[0]["name"], "vip");
}

#[tokio::test]
async fn search_finds_names_and_words() {
    let world = world().await;
    world.customer_writes(0, "Zoë Müller", "where is my parcel").await;
    world.customer_writes(0, "Bob", "I want a refund").await;
    for (q, expected) in [
        ("zoe", vec!["Zoë Müller"]),
        ("PARC", vec!["Zoë Müller"]),
        ("parcel%20my", vec!["Zoë Müller"]),
        ("refund", vec!["Bob"]),
        ("refund%20parcel", vec![]),
        ("%22*", vec![]),
    ] {
        let page = world.get(&format!("/conversations?view=all&q={q}")).by(0, Role::Viewer).await.ok(200);
        assert_eq!(names(&page), expected, "{q}");
    }
    let contacts = world.get("/contacts?q=zoe").by(0, Role::Viewer).await.ok(200);
    assert_eq!(contacts["items"].as_array().unwrap().len(), 1);
    assert_eq!(contacts["items"][0]["channels"], json!(["telegram"]));
}

#[tokio::test]
async fn a_thread_is_ascending_and_pages_backwards() {
    let world = world().await;
    let mut id = String::new();
    for n in 1..=5 {
        id = world.customer_writes(0, "Ann", &format!("m{n}")).await.show("conv");
    }
    let seqs = |page: &Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|m| m["seq"].as_i64().unwrap()).collect()
    };
    let path = format!("/conversations/{id}/messages?limit=2");
    let newest = world.get(&path).by(0, Role::Viewer).await.ok(200);
    assert_eq!((seqs(&newest), &newest["has_more"]), (vec![4, 5], &json!(true)));
    let older = world.get(&format!("{path}&before_seq=3")).by(0, Role::Viewer).await.ok(200);
    assert_eq!((seqs(&older), &older["has_more"]), (vec![1, 2], &json!(false)));
    let message = &newest["items"][1];
    assert_eq!((&message["direction"], &message["state"]), (&json!("in"), &json!("received")));
    assert_eq!(message["author"], json!({"kind": "customer", "id": null, "name": "Ann"}));
}

#[tokio::test]
async fn one_conversation_shows_route_composer_and_contact() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let one = world.get(&format!("/conversations/{id}")).by(0, Role::Viewer).await.ok(200);
    assert_eq!(one["route"]["channel"], "telegram");
    assert_eq!((&one["route"]["can_send"], &one["route"]["reason"]), (&json!(true), &json!(null)));
    assert_eq!(one["composer"]["text_unit"], "utf16");
    assert_eq!(one["contact"]["identities"][0]["kind"], "telegram");
    assert_eq!(one["contact"]["conversations"][0]["id"], json!(id));
    let contact = one["contact"]["id"].as_str().unwrap();
    let shown = world.get(&format!("/contacts/{contact}")).by(0, Role::Viewer).await.ok(200);
    assert_eq!(shown["name"], "Ann");
    for bad in ["conv_1", "msg_00000000000000000000000000000000", "conv_00000000000000000000000000000000"] {
        world.get(&format!("/conversations/{bad}")).by(0, Role::Viewer).await.refused(404, "not_found");
    }
}
