//! Taking simulated platforms down and bringing them back.

use super::*;

/// Component, kind and platform of every fault that the first shop sees.
async fn faults(world: &World) -> Vec<String> {
    let shown = world.get("/sandbox").by(0, Role::Viewer).await.ok(200);
    let faults = shown["faults"].as_array().unwrap().iter();
    let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
    faults.map(|f| format!("{} {} {}", text(f, "platform"), text(f, "component"), text(f, "kind"))).collect()
}

#[tokio::test]
async fn a_press_becomes_the_faults_that_it_needs_and_goes_again() {
    let world = world().await;
    for (press, want) in [
        (json!({"platform": "instagram", "component": "send"}), vec!["instagram send error"]),
        (json!({"platform": "telegram", "component": "receive"}), vec!["telegram receive hold"]),
        (
            json!({"platform": "twilio", "component": "history", "kind": "reset"}),
            vec!["twilio history reset"],
        ),
        (
            json!({"company": "meta", "component": "send", "share": 0.5, "start_in_s": 60, "for_s": 60}),
            vec!["instagram send error", "messenger send error", "whatsapp send error"],
        ),
        (
            json!({"platform": "instagram", "component": "all", "kind": "drop"}),
            vec!["instagram auth error", "instagram receive drop", "instagram receipts drop"],
        ),
    ] {
        let ids = world.post("/sandbox/faults", &press).by(0, Role::Admin).await.ok(201);
        let mut seen = faults(&world).await;
        seen.retain(|fault| want.contains(&fault.as_str()));
        assert_eq!((seen.len(), ids["ids"].as_array().unwrap().len()), (want.len(), want.len()), "{press}");
        let path = format!("/sandbox/faults/{}", ids["ids"][0]);
        world.call(Method::DELETE, &path).by(0, Role::Owner).await.ok(204);
        world.call(Method::DELETE, &path).by(0, Role::Owner).await.refused(404, "not_found");
        assert_eq!(faults(&world).await.len(), want.len() - 1);
        world.call(Method::DELETE, "/sandbox/faults").by(0, Role::Owner).await.ok(204);
        assert!(faults(&world).await.is_empty());
    }
    let log = world.store.read(admin::AuditLog).await.unwrap();
    assert_eq!(log[0], ("sandbox.down".to_owned(), "instagram send".to_owned()));
}

#[tokio::test]
async fn a_press_that_makes_no_sense_is_refused_and_nothing_is_down() {
    let world = world().await;
    for press in [
        json!({"component": "send"}),
        json!({"platform": "pigeon", "component": "send"}),
        json!({"company": "acme", "component": "send"}),
        json!({"platform": "instagram", "company": "meta", "component": "send"}),
        json!({"platform": "instagram", "component": "feed"}),
        json!({"platform": "instagram", "component": "receipts", "kind": "error"}),
        json!({"platform": "instagram", "component": "send", "share": 2.0}),
        json!({"platform": "instagram", "component": "send", "for_s": 40_000_000}),
    ] {
        world.post("/sandbox/faults", &press).by(0, Role::Admin).await.refused(422, "invalid");
    }
    let real = json!({"account": Uid(uuid::Uuid::nil()).show(AccountId::PREFIX), "component": "send"});
    world.post("/sandbox/faults", &real).by(0, Role::Admin).await.refused(404, "not_found");
    assert!(faults(&world).await.is_empty());
}

#[tokio::test]
async fn only_who_may_steers_and_only_their_own_sandbox() {
    let world = world().await;
    let press = json!({"platform": "instagram", "component": "send"});
    world.post("/sandbox/faults", &press).go().await.refused(401, "unauthenticated");
    world.post("/sandbox/faults", &press).by(0, Role::Agent).await.refused(403, "forbidden");
    world.post("/sandbox/faults", &press).by(1, Role::Owner).await.refused(409, "conflict");
    world.call(Method::DELETE, "/sandbox/faults").by(1, Role::Owner).await.refused(409, "conflict");
    let shown = world.get("/sandbox").by(1, Role::Owner).await.ok(200);
    let empty = json!({"running": false, "dial": 1.0, "platforms": [], "accounts": [], "faults": []});
    assert_eq!(shown, empty);
}
