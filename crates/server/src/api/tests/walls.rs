//! Workspaces are walls: equal provider ids in two of them never meet.

use super::*;

/// The same customer, by the provider's id, writes to both shops.
async fn twins() -> (World, String, String) {
    let world = world().await;
    let acme = world.customer_writes(0, "Ann", "secret of acme").await.show("conv");
    let bolt = world.customer_writes(1, "Ann", "secret of bolt").await.show("conv");
    (world, acme, bolt)
}

#[tokio::test]
async fn lists_search_and_counts_stop_at_the_wall() {
    let (world, acme, bolt) = twins().await;
    assert_ne!(acme, bolt);
    for (path, count) in [
        ("/conversations?view=all", 1),
        ("/conversations?view=all&q=secret", 1),
        ("/conversations?view=all&q=acme", 0),
        ("/conversations?view=all&q=Ann", 1),
        ("/contacts", 1),
        ("/contacts?q=ann", 1),
    ] {
        let page = world.get(path).by(1, Role::Owner).await.ok(200);
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{path}");
        assert!(!page.to_string().contains("secret of acme"), "{path}");
    }
    let counts = world.get("/conversations/counts").by(1, Role::Owner).await.ok(200);
    assert_eq!(counts["all"], 1);
}

#[tokio::test]
async fn nothing_of_another_workspace_can_be_named() {
    let (world, acme, _) = twins().await;
    let one = world.get(&format!("/conversations/{acme}")).by(0, Role::Owner).await.ok(200);
    let contact = one["contact"]["id"].as_str().unwrap().to_owned();
    let path = format!("/conversations/{acme}/messages");
    let sent = world.post(&path, &json!({"text": "x"})).by(0, Role::Owner).await.ok(201);
    let message = sent["id"].as_str().unwrap();
    let none = Value::Null;
    for (method, path, body) in [
        (Method::GET, format!("/conversations/{acme}"), &none),
        (Method::GET, format!("/conversations/{acme}/messages"), &none),
        (Method::POST, format!("/conversations/{acme}/messages"), &json!({"text": "x"})),
        (Method::POST, format!("/conversations/{acme}/read"), &none),
        (Method::POST, format!("/conversations/{acme}/assign"), &json!({"owner": "me"})),
        (Method::POST, format!("/conversations/{acme}/status"), &json!({"status": "resolved"})),
        (Method::POST, format!("/conversations/{acme}/labels"), &json!({"add": ["x"]})),
        (Method::GET, format!("/messages/{message}/attempts"), &none),
        (Method::POST, format!("/messages/{message}/cancel"), &none),
        (Method::POST, format!("/messages/{message}/retry"), &none),
        (Method::GET, format!("/contacts/{contact}"), &none),
        (Method::PATCH, format!("/contacts/{contact}"), &json!({"name": "x"})),
        (Method::DELETE, format!("/contacts/{contact}"), &none),
        (Method::GET, format!("/contacts/{contact}/export"), &none),
        (Method::GET, format!("/contacts/{contact}/merge?with={contact}"), &none),
        (Method::POST, format!("/contacts/{contact}/merge"), &json!({"with": contact})),
        (Method::POST, format!("/contacts/{contact}/merge/undo"), &none),
        (Method::POST, format!("/contacts/{contact}/split"), &json!({"identities": []})),
    ] {
        let call = world.call(method, &path);
        let call = if body.is_null() { call } else { call.json(body) };
        call.by(1, Role::Owner).await.refused(404, "not_found");
    }
    let header = world.shops[0].header();
    let call = world.get("/conversations").header("x-workspace", &header);
    call.by(1, Role::Owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn a_colleague_of_another_workspace_cannot_be_given_work() {
    let (world, acme, _) = twins().await;
    let users = world.get("/users").by(1, Role::Owner).await.ok(200);
    let stranger = users[0]["id"].as_str().unwrap();
    let call = world.post(&format!("/conversations/{acme}/assign"), &json!({"owner": stranger}));
    call.by(0, Role::Owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn exports_stop_at_the_wall() {
    let (world, _, bolt) = twins().await;
    for what in ["messages", "conversations", "contacts", "leads", "attempts", "problems"] {
        let answer = world.get(&format!("/export/{what}")).by(1, Role::Owner).await;
        let text = String::from_utf8(answer.bytes).unwrap();
        assert!(!text.contains("acme"), "{what}: {text}");
        if what == "messages" {
            assert!(text.contains("secret of bolt") && text.contains(&bolt));
        }
    }
}

#[tokio::test]
async fn accounts_rules_and_users_stop_at_the_wall() {
    let world = world().await;
    let accounts = world.get("/accounts").by(1, Role::Viewer).await.ok(200);
    assert_eq!(accounts.as_array().unwrap().len(), 1);
    assert_eq!(accounts[0]["name"], "@bolt");
    assert!(!accounts.to_string().contains("sealed"));
    let theirs = world.get("/accounts").by(0, Role::Viewer).await.ok(200);
    let path = format!("/accounts/{}", theirs[0]["id"].as_str().unwrap());
    world.call(Method::DELETE, &path).by(1, Role::Owner).await.refused(404, "not_found");
    world.call(Method::DELETE, &path).by(0, Role::Owner).await.ok(204);
    let users = world.get("/users").by(1, Role::Viewer).await.ok(200);
    assert!(users.as_array().unwrap().iter().all(|u| u["email"].as_str().unwrap().ends_with("@bolt.test")));
}
