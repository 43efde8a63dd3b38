//! Replies, notes, owners, states, contacts, leads; repeated requests.

use super::*;
use everthread_store::units::{AddPipeline, StageKind, StartIdempotent};

#[tokio::test]
async fn a_reply_goes_into_the_lane_and_makes_its_author_the_owner() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let message = world.post(&path, &json!({"text": "hello Ann"})).by(0, Role::Agent).await.ok(201);
    assert_eq!((&message["direction"], &message["state"]), (&json!("out"), &json!("queued")));
    assert_eq!(message["author"]["kind"], "person");
    assert_eq!(message["parts"][0]["text"], "hello Ann");
    let heads: usize = world.hub.committed.lock().unwrap().iter().map(|after| after.heads.len()).sum();
    assert_eq!(heads, 1, "delivery hears of the new head");
    let one = world.get(&format!("/conversations/{id}")).by(0, Role::Agent).await.ok(200);
    assert_eq!((&one["owner"]["kind"], &one["owner"]["name"]), (&json!("person"), &json!("agent")));
    assert_eq!((&one["waiting_since"], &one["unread"]), (&json!(null), &json!(0)));
}

#[tokio::test]
async fn what_could_only_fail_is_refused_at_once() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let send = |body: Value| world.post(&path, &body).by(0, Role::Agent);
    send(json!({"text": "  "})).await.refused(422, "empty");
    send(json!({"text": "x".repeat(70_000)})).await.refused(422, "invalid");
    send(json!({"text": "x", "nonsense": 1})).await.refused(400, "bad_request");
    send(json!({"text": "x", "template": {"name": "t", "language": "en"}})).await.refused(422, "invalid");
    send(json!({"text": "x", "reply_to": "msg_1"})).await.refused(422, "invalid");
    let missing = format!("media_{}", "0".repeat(32));
    send(json!({"attachments": [{"media_id": missing}]})).await.refused(404, "not_found");
    send(json!({"text": "x", "owner_version": 99})).await.refused(409, "conversation_changed");
    let plain = world.call(Method::POST, &path).header("content-type", "text/plain");
    plain.by(0, Role::Agent).await.refused(415, "unsupported_media");
    world.call(Method::PUT, &path).by(0, Role::Agent).await.refused(400, "bad_request");
}

#[tokio::test]
async fn one_client_id_is_one_message() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let body = json!({"client_id": "c1", "text": "once"});
    let first = world.post(&path, &body).by(0, Role::Agent).await.ok(201);
    let second = world.post(&path, &body).by(0, Role::Agent).await.ok(201);
    assert_eq!(first["id"], second["id"]);
    let thread = world.get(&path).by(0, Role::Agent).await.ok(200);
    assert_eq!(thread["items"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_does_nothing() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let send = |text: &str| {
        world.post(&path, &json!({"text": text})).header("idempotency-key", "k1").by(0, Role::Agent)
    };
    let first = send("once").await;
    let second = send("once").await;
    assert_eq!(second.headers["idempotent-replay"], "true");
    assert_eq!((first.status, first.bytes), (second.status, second.bytes));
    send("twice").await.refused(422, "idempotency_mismatch");
    let thread = world.get(&path).by(0, Role::Agent).await.ok(200);
    assert_eq!(thread["items"].as_array().unwrap().len(), 2);
    // A refusal is an answer too.
    let bad = || world.post(&path, &json!({"text": ""})).header("idempotency-key", "k2").by(0, Role::Agent);
    bad().await.refused(422, "empty");
    let again = bad().await;
    assert_eq!(again.headers["idempotent-replay"], "true");
    again.refused(422, "empty");
    // The same key in another workspace is another key.
    let other = world.customer_writes(1, "Ann", "hi").await.show("conv");
    let call = world.post(&format!("/conversations/{other}/messages"), &json!({"text": "once"}));
    call.header("idempotency-key", "k1").by(1, Role::Agent).await.ok(201);
}

#[tokio::test]
async fn a_note_stays_with_colleagues() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let note = world.post(&path, &json!({"kind": "note", "text": "vip!"})).by(0, Role::Agent).await.ok(201);
    assert_eq!((&note["direction"], &note["parts"]), (&json!("note"), &json!([])));
    assert_eq!(note["channel"], json!(null));
}

#[tokio::test]
async fn an_owner_changes_only_at_the_version_that_was_seen() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/assign");
    let one = world.get(&format!("/conversations/{id}")).by(0, Role::Agent).await.ok(200);
    let version = one["owner"]["version"].as_i64().unwrap();
    let assign = |owner: &str, version: i64| {
        world.post(&path, &json!({"owner": owner, "version": version})).by(0, Role::Agent)
    };
    let taken = assign("me", version).await.ok(200);
    assert_eq!(taken["owner"]["version"], version + 1);
    assign("nobody", version).await.refused(409, "conversation_changed");
    let bot = assign("bot", version + 1).await.ok(200);
    assert_eq!((&bot["owner"]["kind"], &bot["status"]), (&json!("bot"), &json!("pending")));
    let users = world.get("/users").by(0, Role::Viewer).await.ok(200);
    let viewer = users.as_array().unwrap().iter().find(|u| u["role"] == "viewer").unwrap();
    let given = assign(viewer["id"].as_str().unwrap(), version + 2).await.ok(200);
    assert_eq!(given["owner"]["name"], "viewer");
    assign("user_1", version + 3).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_snooze_needs_a_time_to_come() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/status");
    let set = |body: Value| world.post(&path, &body).by(0, Role::Agent);
    set(json!({"status": "snoozed"})).await.refused(422, "invalid");
    set(json!({"status": "snoozed", "snoozed_until": "1999-01-01T00:00:00Z"})).await.refused(422, "invalid");
    set(json!({"status": "pending"})).await.refused(422, "invalid");
    let until = "2099-01-01T00:00:00Z";
    let one = set(json!({"status": "snoozed", "snoozed_until": until})).await.ok(200);
    assert_eq!((&one["status"], &one["snoozed_until"]), (&json!("snoozed"), &json!(until)));
    assert_eq!(set(json!({"status": "open"})).await.ok(200)["snoozed_until"], json!(null));
}

#[tokio::test]
async fn an_unsent_message_is_cancelled_and_sent_again() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let path = format!("/conversations/{id}/messages");
    let message = world.post(&path, &json!({"text": "x"})).by(0, Role::Agent).await.ok(201);
    let message = message["id"].as_str().unwrap();
    let act =
        |what: &str| world.call(Method::POST, &format!("/messages/{message}/{what}")).by(0, Role::Agent);
    assert_eq!(act("cancel").await.ok(200)["state"], "cancelled");
    act("cancel").await.refused(409, "conflict");
    assert_eq!(act("retry").await.ok(200)["state"], "queued");
    act("retry").await.refused(409, "conflict");
    let attempts = world.get(&format!("/messages/{message}/attempts")).by(0, Role::Viewer).await.ok(200);
    assert_eq!(attempts, json!([]));
}

#[tokio::test]
async fn a_contact_takes_a_name_and_fields() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let one = world.get(&format!("/conversations/{id}")).by(0, Role::Agent).await.ok(200);
    let path = format!("/contacts/{}", one["contact"]["id"].as_str().unwrap());
    let patch = |body: Value| world.call(Method::PATCH, &path).json(&body).by(0, Role::Agent);
    let changed = patch(json!({"name": " Anna ", "fields": {"size": "42", "city": "Sofia"}})).await.ok(200);
    assert_eq!(
        (&changed["name"], &changed["fields"]),
        (&json!("Anna"), &json!({"size": "42", "city": "Sofia"}))
    );
    let changed = patch(json!({"fields": {"size": null}})).await.ok(200);
    assert_eq!((&changed["name"], &changed["fields"]), (&json!("Anna"), &json!({"city": "Sofia"})));
    patch(json!({"name": ""})).await.refused(422, "invalid");
    patch(json!({"fields": {"": "x"}})).await.refused(422, "invalid");
}

#[tokio::test]
async fn a_lead_moves_through_its_stages() {
    let world = world().await;
    let conversation = world.customer_writes(0, "Ann", "hi").await;
    let workspace = world.shops[0].id;
    let stages = vec![("New".to_owned(), StageKind::Open), ("Won".to_owned(), StageKind::Won)];
    let unit = AddPipeline { now: now(), seed: seed(), workspace, name: "Sales".into(), stages };
    world.store.write(unit).await.unwrap();
    world.store.write(MakeLead { workspace, conversation }).await.unwrap();
    let pipelines = world.get("/pipelines").by(0, Role::Viewer).await.ok(200);
    let stage = |n: usize| pipelines[0]["stages"][n]["id"].as_str().unwrap().to_owned();
    assert_eq!(pipelines[0]["stages"][1]["kind"], "won");
    let leads = world.get("/leads").by(0, Role::Viewer).await.ok(200);
    let lead = &leads["items"][0];
    assert_eq!((&lead["contact"]["name"], &lead["stage_id"]), (&json!("Ann"), &json!(stage(0))));
    let path = format!("/leads/{}", lead["id"].as_str().unwrap());
    let patch = json!({"stage_id": stage(1), "fields": {"value": "100"}});
    let moved = world.call(Method::PATCH, &path).json(&patch).by(0, Role::Agent).await.ok(200);
    assert_eq!((&moved["stage_id"], &moved["fields"]), (&json!(stage(1)), &json!({"value": "100"})));
    for (query, count) in [
        (format!("stage={}", stage(0)), 0),
        (format!("stage={}", stage(1)), 1),
        ("q=an".to_owned(), 1),
        ("q=bo".to_owned(), 0),
    ] {
        let page = world.get(&format!("/leads?{query}")).by(0, Role::Viewer).await.ok(200);
        assert_eq!(page["items"].as_array().unwrap().len(), count, "{query}");
    }
}

/// What a rule does when it makes a lead.
struct MakeLead {
    workspace: WorkspaceId,
    conversation: Uid,
}

impl everthread_store::Unit for MakeLead {
    type Out = ();
    async fn run<D: everthread_store::Db>(&self, db: &mut D) -> everthread_store::Result<()> {
        let id = db.ids(1).await?;
        let uid = everthread_core::ids::UidSource::new(seed()).next(now());
        let sql = everthread_store::sql!(
            "INSERT INTO leads (id, uid, workspace_id, contact_id, conversation_id, pipeline_id, stage_id, channel, created_at, updated_at)
             SELECT ?1, ?2, ?3, c.contact_id, c.id, s.pipeline_id, s.id, 'telegram', 1, 1
             FROM conversations c, stages s WHERE c.uid = ?4 AND s.workspace_id = ?3 AND s.position = 0"
        );
        db.exec(sql, &everthread_store::vals![id, uid, self.workspace, self.conversation]).await?;
        Ok(())
    }
}

#[tokio::test]
async fn a_write_that_died_with_its_process_is_done_when_it_comes_again() {
    let world = world().await;
    let form = json!({"email": "new@acme.test", "role": "viewer"});
    let begin = |key: &str, at: Timestamp| {
        let call = world.post("/users", &form).header("idempotency-key", key);
        let unit = StartIdempotent {
            now: at,
            workspace: world.shops[0].id,
            key: key.to_owned(),
            request_hash: crate::api::idempotency::request_hash(
                &Method::POST,
                "/api/v1/users",
                Some(world.shops[0].users[&Role::Owner].0),
                form.to_string().as_bytes(),
            ),
            alive_since: at,
        };
        (unit, call)
    };
    let (unit, call) = begin("of now", now());
    world.store.write(unit).await.unwrap();
    call.by(0, Role::Owner).await.refused(409, "idempotency_in_flight");
    let (unit, call) = begin("of before", world.state.alive_since + Span::micros(-1));
    world.store.write(unit).await.unwrap();
    call.by(0, Role::Owner).await.ok(201);
}
