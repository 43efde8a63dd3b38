//! Signing in, CSRF, roles, keys.

use super::*;
use crate::api::auth::password;
use everthread_store::units::{AddSignInLink, SetPassword};

#[tokio::test]
async fn strangers_get_nothing() {
    let world = world().await;
    for path in
        ["/session", "/conversations", "/contacts", "/accounts", "/stream", "/system", "/export/messages"]
    {
        world.get(path).go().await.refused(401, "unauthenticated");
    }
    world
        .get("/system")
        .header("authorization", "Bearer ek_wrong")
        .go()
        .await
        .refused(401, "unauthenticated");
    world.get("/nothing").go().await.refused(404, "not_found");
}

#[tokio::test]
async fn a_password_opens_a_session_and_signing_out_ends_it() {
    let world = world().await;
    let user = world.shops[0].users[&Role::Agent].0;
    let hash = password::hash("correct horse").unwrap();
    world.store.write(SetPassword { user, hash, keep: None }).await.unwrap();
    let login = |password: &str| json!({"email": "Agent@ACME.test", "password": password});
    world.post("/session", &login("wrong horse")).go().await.refused(401, "bad_credentials");
    let unknown = json!({"email": "nobody@x", "password": "correct horse"});
    world.post("/session", &unknown).go().await.refused(401, "bad_credentials");

    let answer = world.post("/session", &login("correct horse")).go().await;
    let cookie = answer.headers["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"), "{cookie}");
    let session = answer.ok(200);
    assert_eq!(session["user"]["role"], "agent");
    assert_eq!(session["workspace_id"], world.shops[0].header());
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let seen = world.get("/session").header("cookie", &cookie).go().await.ok(200);
    assert_eq!(seen["csrf"], session["csrf"]);

    let out = || world.call(Method::DELETE, "/session").header("cookie", &cookie);
    out().go().await.refused(403, "csrf");
    out().header("x-csrf", session["csrf"].as_str().unwrap()).go().await.ok(204);
    world.get("/session").header("cookie", &cookie).go().await.refused(401, "unauthenticated");
}

#[tokio::test]
async fn the_sixth_guess_of_a_password_is_not_heard() {
    let world = world().await;
    let login = json!({"email": "owner@acme.test", "password": "guess"});
    for _ in 0..5 {
        world.post("/session", &login).go().await.refused(401, "bad_credentials");
    }
    let answer = world.post("/session", &login).go().await;
    assert!(answer.headers.contains_key("retry-after"));
    answer.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_link_signs_in_once_and_only_in_time() {
    let world = world().await;
    let user = world.shops[0].users[&Role::Owner].0;
    let add = |token: &str, expires_at| AddSignInLink {
        now: now(),
        user,
        token_hash: token::hash(token),
        expires_at,
        end_sessions: false,
    };
    world.store.write(add("fresh", now() + Span::mins(30))).await.unwrap();
    world.store.write(add("stale", now())).await.unwrap();
    world.post("/session/link", &json!({"token": "stale"})).go().await.refused(401, "link_invalid");
    let session = world.post("/session/link", &json!({"token": "fresh"})).go().await.ok(200);
    assert_eq!(session["user"]["email"], "owner@acme.test");
    world.post("/session/link", &json!({"token": "fresh"})).go().await.refused(401, "link_invalid");
}

#[tokio::test]
async fn a_write_of_a_session_needs_its_csrf_header() {
    let world = world().await;
    let conversation = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let cookie = format!("everthread={}", world.shops[0].users[&Role::Owner].1);
    let path = format!("/conversations/{conversation}/read");
    let call = || world.call(Method::POST, &path).header("cookie", &cookie);
    call().go().await.refused(403, "csrf");
    call().header("x-csrf", "other").go().await.refused(403, "csrf");
    call().header("x-csrf", CSRF).go().await.ok(204);
}

#[tokio::test]
async fn each_role_does_its_own_and_no_more() {
    let world = world().await;
    let conversation = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let read = format!("/conversations/{conversation}/read");
    world.call(Method::POST, &read).by(0, Role::Viewer).await.refused(403, "forbidden");
    world.call(Method::POST, &read).by(0, Role::Agent).await.ok(204);
    let account = json!({"channel": "telegram", "name": "x", "secrets": {"token": "t"}});
    world.post("/accounts", &account).by(0, Role::Agent).await.refused(403, "forbidden");
    world.post("/accounts", &account).by(0, Role::Admin).await.ok(201);
    world.get("/export/messages").by(0, Role::Agent).await.refused(403, "forbidden");
    world.get("/conversations").by(0, Role::Viewer).await.ok(200);
}

#[tokio::test]
async fn an_api_key_needs_no_csrf_and_stays_in_its_workspace() {
    let world = world().await;
    let key = format!("Bearer {}", api_key(&world, 0, Role::Agent).await);
    let conversation = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let read = format!("/conversations/{conversation}/read");
    world.call(Method::POST, &read).header("authorization", &key).go().await.ok(204);
    let other = world.shops[1].header();
    let call = world.get("/conversations").header("authorization", &key).header("x-workspace", &other);
    call.go().await.refused(404, "not_found");
    let send = format!("/conversations/{conversation}/messages");
    let call = world.post(&send, &json!({"text": "hi"})).header("authorization", &key);
    call.go().await.refused(403, "needs_person");
}

#[tokio::test]
async fn every_answer_carries_the_strict_headers() {
    let world = world().await;
    let answer = world.get("/system").by(0, Role::Viewer).await;
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["x-frame-options"], "DENY");
    assert_eq!(answer.headers["cache-control"], "private, no-store");
    assert!(answer.headers["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    let system = answer.ok(200);
    assert_eq!((&system["apply_lag"], &system["sandbox"]), (&json!(3), &json!(true)));
}
