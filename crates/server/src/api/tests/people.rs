//! People, API keys, the audit log.

use super::*;

async fn user_id(world: &World, shop: usize, role: Role) -> String {
    let users = world.get("/users").by(shop, Role::Owner).await.ok(200);
    let found = users.as_array().unwrap().iter().find(|user| user["role"] == role.as_str()).unwrap();
    found["id"].as_str().unwrap().to_owned()
}

fn token_of(link: &Value) -> String {
    let link = link.as_str().unwrap();
    link.split("token=").nth(1).unwrap().split('&').next().unwrap().to_owned()
}

/// Signs in with the token of a link: cookie and CSRF header.
async fn redeem(world: &World, token: &str) -> (String, String) {
    let answer = world.post("/session/link", &json!({ "token": token })).go().await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    (cookie, answer.ok(200)["csrf"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn an_invited_person_signs_in_once_by_link_and_then_by_password() {
    let world = world().await;
    let form = json!({"email": " New@Acme.test ", "role": "agent"});
    let made = world.post("/users", &form).by(0, Role::Admin).await.ok(201);
    let token = token_of(&made["link"]);
    let (cookie, csrf) = redeem(&world, &token).await;
    world.post("/session/link", &json!({ "token": token })).go().await.refused(401, "link_invalid");
    let put = |body: Value| {
        world
            .call(Method::PUT, "/session/password")
            .json(&body)
            .header("cookie", &cookie)
            .header("x-csrf", &csrf)
    };
    put(json!({"new_password": "short"})).go().await.refused(422, "invalid");
    put(json!({"new_password": "correct horse"})).go().await.ok(204);
    let login = |password: &str| json!({"email": "new@acme.test", "password": password});
    let session = world.post("/session", &login("correct horse")).go().await.ok(200);
    assert_eq!((&session["user"]["role"], &session["user"]["name"]), (&json!("agent"), &json!("new")));
    world.post("/users", &form).by(0, Role::Admin).await.refused(409, "conflict");
    for bad in [
        json!({"email": "nonsense", "role": "agent"}),
        json!({"email": "a@b", "role": "boss"}),
        json!({"email": "a b@c", "role": "agent"}),
    ] {
        world.post("/users", &bad).by(0, Role::Admin).await.refused(422, "invalid");
    }
}

#[tokio::test]
async fn nobody_is_handed_a_way_into_another_workspace() {
    let world = world().await;
    let stranger = format!("/users/{}", user_id(&world, 1, Role::Viewer).await);
    let form = json!({"email": "owner@bolt.test", "role": "agent"});
    let made = world.post("/users", &form).by(0, Role::Owner).await.ok(201);
    assert_eq!((&made["link"], &made["expires_at"]), (&Value::Null, &Value::Null));
    let path = format!("/users/{}/reset", made["id"].as_str().unwrap());
    world.call(Method::POST, &path).by(0, Role::Owner).await.refused(409, "conflict");
    world.call(Method::DELETE, &stranger).by(0, Role::Owner).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_last_owner_stays() {
    let world = world().await;
    let owner = format!("/users/{}", user_id(&world, 0, Role::Owner).await);
    let admin = format!("/users/{}", user_id(&world, 0, Role::Admin).await);
    let patch = |path: &str, body: Value| world.call(Method::PATCH, path).json(&body);
    patch(&owner, json!({"role": "admin"})).by(0, Role::Owner).await.refused(409, "conflict");
    patch(&owner, json!({"disabled": true})).by(0, Role::Owner).await.refused(409, "conflict");
    world.call(Method::DELETE, &owner).by(0, Role::Owner).await.refused(409, "conflict");
    patch(&admin, json!({"role": "owner"})).by(0, Role::Owner).await.ok(204);
    patch(&admin, json!({"disabled": true})).by(0, Role::Owner).await.ok(204);
    // A disabled owner does not count.
    world.call(Method::DELETE, &owner).by(0, Role::Owner).await.refused(409, "conflict");
    patch(&admin, json!({"disabled": false})).by(0, Role::Owner).await.ok(204);
    world.call(Method::DELETE, &owner).by(0, Role::Owner).await.ok(204);
    world.get("/users").by(0, Role::Owner).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn an_admin_does_not_reach_above_themselves() {
    let world = world().await;
    let owner = format!("/users/{}", user_id(&world, 0, Role::Owner).await);
    let agent = format!("/users/{}", user_id(&world, 0, Role::Agent).await);
    let patch = |path: &str, body: Value| world.call(Method::PATCH, path).json(&body);
    patch(&owner, json!({"disabled": true})).by(0, Role::Admin).await.refused(403, "forbidden");
    world.call(Method::DELETE, &owner).by(0, Role::Admin).await.refused(403, "forbidden");
    world.call(Method::POST, &format!("{owner}/reset")).by(0, Role::Admin).await.refused(403, "forbidden");
    patch(&agent, json!({"role": "owner"})).by(0, Role::Admin).await.refused(403, "forbidden");
    let form = json!({"email": "x@acme.test", "role": "owner"});
    world.post("/users", &form).by(0, Role::Admin).await.refused(403, "forbidden");
    let key = json!({"name": "x", "role": "owner"});
    world.post("/api-keys", &key).by(0, Role::Admin).await.refused(403, "forbidden");
    patch(&agent, json!({"role": "viewer"})).by(0, Role::Admin).await.ok(204);
}

#[tokio::test]
async fn a_disabled_or_removed_person_is_out_at_once() {
    let world = world().await;
    let agent = format!("/users/{}", user_id(&world, 0, Role::Agent).await);
    let patch = |body: Value| world.call(Method::PATCH, &agent).json(&body);
    patch(json!({"disabled": true})).by(0, Role::Admin).await.ok(204);
    world.get("/conversations").by(0, Role::Agent).await.refused(404, "not_found");
    assert_eq!(world.get("/users").by(0, Role::Owner).await.ok(200).as_array().unwrap().len(), 3);
    let all = world.get("/users?all=true").by(0, Role::Owner).await.ok(200);
    assert!(all.as_array().unwrap().iter().any(|user| user["disabled_at"].is_string()));
    patch(json!({"disabled": false})).by(0, Role::Admin).await.ok(204);
    world.get("/conversations").by(0, Role::Agent).await.ok(200);
    world.call(Method::DELETE, &agent).by(0, Role::Admin).await.ok(204);
    world.get("/conversations").by(0, Role::Agent).await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn a_reset_ends_sessions_and_lets_a_new_password_be_chosen() {
    let world = world().await;
    let user = world.shops[0].users[&Role::Agent].0;
    let hash = crate::api::auth::password::hash("forgotten horse").unwrap();
    world.store.write(everthread_store::units::SetPassword { user, hash, keep: None }).await.unwrap();
    let path = format!("/users/{}/reset", user_id(&world, 0, Role::Agent).await);
    let made = world.call(Method::POST, &path).by(0, Role::Admin).await.ok(200);
    world.get("/conversations").by(0, Role::Agent).await.refused(401, "unauthenticated");
    let (cookie, csrf) = redeem(&world, &token_of(&made["link"])).await;
    let form = json!({"new_password": "correct horse"});
    let put =
        || world.call(Method::PUT, "/session/password").header("cookie", &cookie).header("x-csrf", &csrf);
    put().json(&form).go().await.ok(204);
    let login = json!({"email": "agent@acme.test", "password": "correct horse"});
    let answer = world.post("/session", &login).go().await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let csrf = answer.ok(200)["csrf"].as_str().unwrap().to_owned();
    // A session by password has to show it.
    let put = |form: &Value| {
        world
            .call(Method::PUT, "/session/password")
            .header("cookie", &cookie)
            .header("x-csrf", &csrf)
            .json(form)
    };
    put(&json!({"new_password": "another horse"})).go().await.refused(422, "invalid");
    let wrong = json!({"password": "wrong", "new_password": "another horse"});
    put(&wrong).go().await.refused(422, "invalid");
    let right = json!({"password": "correct horse", "new_password": "another horse"});
    put(&right).go().await.ok(204);
}

#[tokio::test]
async fn a_key_is_shown_once_used_seen_and_revoked() {
    let world = world().await;
    let form = json!({"name": "CRM", "role": "viewer"});
    let call = world.post("/api-keys", &form).header("idempotency-key", "same");
    let made = call.by(0, Role::Admin).await.ok(201);
    let key = made["key"].as_str().unwrap().to_owned();
    // A repeated request must not find the key in what is kept for repeats.
    let call = world.post("/api-keys", &form).header("idempotency-key", "same");
    let again = call.by(0, Role::Admin).await.ok(201);
    assert_ne!(again["key"], made["key"]);
    let list = world.get("/api-keys").by(0, Role::Admin).await.ok(200);
    assert!(!list.to_string().contains(&key[3..]));
    assert_eq!((&list[0]["seen_at"], &list[0]["created_by"]), (&Value::Null, &json!("admin")));
    let bearer = format!("Bearer {key}");
    world.get("/conversations").header("authorization", &bearer).go().await.ok(200);
    let list = world.get("/api-keys").by(0, Role::Admin).await.ok(200);
    assert!(list[0]["seen_at"].is_string());
    let path = format!("/api-keys/{}", made["id"].as_str().unwrap());
    world.call(Method::DELETE, &path).by(1, Role::Owner).await.refused(404, "not_found");
    world.call(Method::DELETE, &path).by(0, Role::Admin).await.ok(204);
    world.get("/conversations").header("authorization", &bearer).go().await.refused(401, "unauthenticated");
    world.call(Method::DELETE, &path).by(0, Role::Admin).await.refused(404, "not_found");
}

#[tokio::test]
async fn the_audit_log_names_who_did_what_and_stops_at_the_wall() {
    let world = world().await;
    let form = json!({"email": "new@acme.test", "role": "agent"});
    world.post("/users", &form).by(0, Role::Admin).await.ok(201);
    let key = api_key(&world, 0, Role::Admin).await;
    let call = world.post("/api-keys", &json!({"name": "CRM", "role": "viewer"}));
    call.header("authorization", &format!("Bearer {key}")).go().await.ok(201);
    let first = world.get("/audit?limit=1").by(0, Role::Admin).await.ok(200);
    assert_eq!(first["items"][0]["action"], "api_key.add");
    assert_eq!(first["items"][0]["detail"], json!({"api_key": "tests", "name": "CRM", "role": "viewer"}));
    assert_eq!(first["items"][0]["user_name"], Value::Null);
    let next = format!("/audit?cursor={}", first["next_cursor"].as_str().unwrap());
    let page = world.get(&next).by(0, Role::Admin).await.ok(200);
    let rows = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((&rows[0]["action"], &rows[0]["user_name"]), (&json!("user.invite"), &json!("admin")));
    assert!(!page.to_string().contains("token="));
    assert_eq!(world.get("/audit").by(1, Role::Admin).await.ok(200)["items"], json!([]));
}
