//! Incidents and what is done about them: who sees them, who may say what.

use everthread_core::health::{Config, Detector, Direction, Scope};
use everthread_store::units::{FindingRow, SaveHealth};

use super::*;

/// Stores an incident that a person declared, and answers its public id.
async fn incident(world: &World, scope: Scope) -> String {
    let mut detector = Detector::new(Config::default());
    detector.members(world.hub.registry.accounts().map(|account| account.member()));
    let found = detector.declare(scope, Direction::Send, now());
    let attributed = found.incident.attribution.attributed(&detector.all_members()).unwrap();
    let row = FindingRow {
        readings: Vec::new(),
        gaps: Vec::new(),
        incident: found.incident,
        attributed,
        lines: vec![("confirmed".into(), "Declared.".into())],
        workspaces: vec![world.shops[0].id],
    };
    let body = serde_json::to_string(&detector).unwrap();
    let unit = SaveHealth { now: now(), seed: seed(), detector: "real".into(), body, findings: vec![row] };
    world.store.write(unit).await.unwrap();
    let list = world.get("/incidents?open=true").by(0, Role::Viewer).await.ok(200);
    list[0]["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn an_incident_of_one_account_is_that_workspaces_alone() {
    let world = world().await;
    let id = incident(&world, Scope::Account(world.shops[0].account)).await;
    let shown = world.get(&format!("/incidents/{id}")).by(0, Role::Viewer).await.ok(200);
    assert_eq!((&shown["phase"], &shown["scope"]), (&json!("confirmed"), &json!("account")));
    assert_eq!(shown["timeline"][0]["text"], "Declared.");
    assert_eq!(world.get("/incidents").by(1, Role::Owner).await.ok(200), json!([]));
    for path in ["", "/plans"] {
        world.get(&format!("/incidents/{id}{path}")).by(1, Role::Owner).await.refused(404, "not_found");
    }
    for path in ["/dismiss", "/approve"] {
        let call = world.post(&format!("/incidents/{id}{path}"), &json!({}));
        call.by(1, Role::Owner).await.refused(404, "not_found");
    }
    let exported = world.get("/export/incidents").by(0, Role::Admin).await;
    let line: Value = serde_json::from_slice(&exported.bytes).unwrap();
    assert_eq!((&line["id"], &line["declared"], &line["number"]), (&json!(id), &json!(true), &json!(1)));
    assert!(world.get("/export/incidents").by(1, Role::Admin).await.bytes.is_empty());
}

#[tokio::test]
async fn what_others_share_is_not_one_workspaces_to_declare_or_end() {
    let world = world().await;
    let id = incident(&world, Scope::Channel("telegram".into())).await;
    assert_eq!(world.get("/incidents").by(1, Role::Viewer).await.ok(200)[0]["id"], json!(id));
    let dismiss = world.post(&format!("/incidents/{id}/dismiss"), &json!({}));
    dismiss.by(0, Role::Owner).await.refused(409, "conflict");
    let declare = world.post("/incidents", &json!({"channel": "telegram"}));
    declare.by(0, Role::Owner).await.refused(422, "invalid");
}

#[tokio::test]
async fn refusals_name_what_is_missing() {
    let world = world().await;
    let id = incident(&world, Scope::Account(world.shops[0].account)).await;
    let at = |what: &str| format!("/incidents/{id}{what}");
    for (path, body, role, status, code) in [
        (at("/approve"), json!({}), Role::Viewer, 403, "forbidden"),
        (at("/approve"), json!({"conversations": ["conv_x"]}), Role::Agent, 422, "invalid"),
        (at("/approve"), json!({"all": true}), Role::Agent, 400, "bad_request"),
        (at("/dismiss"), json!({}), Role::Agent, 403, "forbidden"),
        ("/incidents".into(), json!({"channel": "telegram"}), Role::Agent, 403, "forbidden"),
        ("/incidents".into(), json!({}), Role::Admin, 422, "invalid"),
        ("/incidents".into(), json!({"channel": "a", "company": "b"}), Role::Admin, 422, "invalid"),
        ("/incidents".into(), json!({"channel": "whatsapp"}), Role::Admin, 422, "invalid"),
        ("/incidents".into(), json!({"account": "acct_x"}), Role::Admin, 422, "invalid"),
        ("/incidents/inc_x/dismiss".into(), json!({}), Role::Admin, 404, "not_found"),
    ] {
        let answer = world.post(&path, &body).by(0, role).await;
        assert_eq!(
            (answer.status.as_u16(), answer.json()["code"].as_str()),
            (status, Some(code)),
            "{path} {body}"
        );
    }
    let after = world.get(&format!("/incidents/{id}/plans?after=plan_x")).by(0, Role::Viewer).await;
    after.refused(422, "invalid");
    let key = api_key(&world, 0, Role::Owner).await;
    let call = world.post(&at("/approve"), &json!({})).header("authorization", &format!("Bearer {key}"));
    call.go().await.refused(403, "needs_person");
}

#[tokio::test]
async fn a_policy_is_checked_before_it_holds() {
    let world = world().await;
    let shown = world.get("/continuity/policy").by(0, Role::Viewer).await.ok(200);
    assert_eq!(shown["mode"], "suggest");
    let put = |body: Value| world.call(Method::PUT, "/continuity/policy").json(&body);
    put(json!({"mode": "automatic"})).by(0, Role::Agent).await.refused(403, "forbidden");
    put(json!({"mode": "perhaps"})).by(0, Role::Admin).await.refused(422, "invalid");
    put(json!({"order": ["pigeon"]})).by(0, Role::Admin).await.refused(422, "invalid");
    put(json!({"mode": "automatic", "order": ["telegram"]})).by(0, Role::Admin).await.ok(200);
    let mine = world.get("/continuity/policy").by(0, Role::Viewer).await.ok(200);
    let theirs = world.get("/continuity/policy").by(1, Role::Viewer).await.ok(200);
    assert_eq!((&mine["mode"], &theirs["mode"]), (&json!("automatic"), &json!("suggest")));
    let health = world.get("/continuity/health").by(0, Role::Viewer).await.ok(200);
    assert_eq!((health.as_array().unwrap().len(), &health[0]["gate"]), (1, &json!("open")));
}
