//! Accounts, channels, rules, problems, and the record of who changed them.

use super::*;
use everthread_store::units::{AddProblem, NewProblem};

/// Actions and objects of the audit log.
pub(super) struct AuditLog;

impl everthread_store::Unit for AuditLog {
    type Out = Vec<(String, String)>;
    async fn run<D: everthread_store::Db>(&self, db: &mut D) -> everthread_store::Result<Self::Out> {
        db.rows(everthread_store::sql!("SELECT action, object FROM audit_log ORDER BY id"), &[]).await
    }
}

#[tokio::test]
async fn channels_say_what_an_account_needs() {
    let world = world().await;
    let channels = world.get("/channels").by(0, Role::Viewer).await.ok(200);
    let telegram = channels.as_array().unwrap().iter().find(|c| c["name"] == "telegram").unwrap();
    assert!(telegram["secrets"].as_array().unwrap().iter().any(|s| s["name"] == "token"));
}

#[tokio::test]
async fn connecting_an_account_reaches_the_hub_and_the_record() {
    let world = world().await;
    let form = json!({"channel": "telegram", "name": "Shop", "secrets": {"token": "1:a"}});
    let made = world.post("/accounts", &form).by(0, Role::Admin).await.ok(201);
    assert_eq!(made["next_steps"], json!(["secret given: true"]));
    assert_eq!(world.hub.reloads.load(Ordering::Relaxed), 1);
    let form = json!({"channel": "fax", "name": "Shop"});
    world.post("/accounts", &form).by(0, Role::Admin).await.refused(422, "invalid");
    let log = world.store.read(AuditLog).await.unwrap();
    assert_eq!(log, [("account.add".to_owned(), "acct_x".to_owned())]);
}

#[tokio::test]
async fn a_rule_is_checked_stored_replaced_and_removed() {
    let world = world().await;
    let rule = json!({"name": "Price", "trigger": {"type": "keyword", "words": ["price"]},
        "actions": [{"type": "reply", "text": "10"}]});
    let made = world.post("/rules", &rule).by(0, Role::Admin).await.ok(201);
    assert_eq!((&made["position"], &made["enabled"]), (&json!(1), &json!(true)));
    assert_eq!(made["trigger"]["words"], json!(["price"]));
    let path = format!("/rules/{}", made["id"].as_str().unwrap());
    let mut changed = made.clone();
    changed["enabled"] = json!(false);
    changed["stop"] = json!(true);
    let put = world.call(Method::PUT, &path).json(&changed).by(0, Role::Admin).await.ok(200);
    assert_eq!((&put["enabled"], &put["stop"], &put["id"]), (&json!(false), &json!(true), &made["id"]));
    world.call(Method::PUT, &path).json(&changed).by(1, Role::Admin).await.refused(404, "not_found");
    world.call(Method::DELETE, &path).by(1, Role::Admin).await.refused(404, "not_found");
    world.call(Method::DELETE, &path).by(0, Role::Admin).await.ok(204);
    assert_eq!(world.get("/rules").by(0, Role::Viewer).await.ok(200), json!([]));
    for bad in [
        json!({"name": "x", "trigger": {"type": "message"}, "actions": [{"type": "reply", "text": "{{ broken"}]}),
        json!({"name": "x", "trigger": {"type": "message"}, "actions": [], "typo": 1}),
        json!({"name": "", "trigger": {"type": "message"}, "actions": [{"type": "hand_over"}]}),
    ] {
        world.post("/rules", &bad).by(0, Role::Admin).await.refused(422, "invalid");
    }
    let log = world.store.read(AuditLog).await.unwrap();
    let actions: Vec<&str> = log.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["rule.add", "rule.update", "rule.remove"]);
}

#[tokio::test]
async fn problems_are_listed_and_replayed() {
    let world = world().await;
    for shop in 0..2 {
        let problem = NewProblem {
            workspace: Some(world.shops[shop].id),
            account: Some(world.shops[shop].account),
            endpoint: None,
            channel: None,
            reason: "not understood".into(),
            raw: format!("{{\"shop\":{shop}}}"),
            record: None,
            index: None,
        };
        let unit = AddProblem { now: now(), seed: seed(), problems: vec![problem] };
        world.store.write(unit).await.unwrap();
    }
    let page = world.get("/problems").by(0, Role::Viewer).await.ok(200);
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
    let problem = &page["items"][0];
    assert_eq!((&problem["raw"], &problem["channel"]), (&json!("{\"shop\":0}"), &json!("telegram")));
    let path = format!("/problems/{}/replay", problem["id"].as_str().unwrap());
    world.call(Method::POST, &path).by(0, Role::Agent).await.refused(403, "forbidden");
    world.call(Method::POST, &path).by(1, Role::Admin).await.refused(404, "not_found");
    assert_eq!(world.call(Method::POST, &path).by(0, Role::Admin).await.ok(200)["solved"], true);
    let text = world.get("/system").by(0, Role::Viewer).await.ok(200);
    assert_eq!(text["problems"], 1);
}
