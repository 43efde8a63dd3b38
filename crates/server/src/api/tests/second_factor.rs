//! The second step of a sign-in.

use super::*;
use crate::api::auth::{password, second_factor};
use everthread_store::units::SetPassword;

const PASSWORD: &str = "correct horse";

/// Gives a person a password.
async fn with_password(world: &World, role: Role) {
    let unit = SetPassword {
        user: world.shops[0].users[&role].0,
        hash: password::hash(PASSWORD).unwrap(),
        keep: Some(token::hash(&world.shops[0].users[&role].1)),
    };
    world.store.write(unit).await.unwrap();
}

/// What the person's app shows `steps` half minutes from now.
fn code(secret: &str, steps: i64) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = second_factor::generator(secret.as_bytes(), "x").unwrap();
    let seconds = CLOCK.load(Ordering::Relaxed) / 1_000_000 + steps * 30;
    totp.generate(u64::try_from(seconds).unwrap()).to_string()
}

/// Switches a second factor on: its secret and recovery codes.
async fn enrol(world: &World, role: Role) -> (String, Vec<String>) {
    let begin = |body: Value| world.post("/session/second-factor", &body);
    begin(json!({})).by(0, role).await.refused(422, "invalid");
    let setup = begin(json!({"password": PASSWORD})).by(0, role).await.ok(200);
    assert!(setup["qr_svg"].as_str().unwrap().starts_with("<svg"));
    let secret = setup["secret"].as_str().unwrap().to_owned();
    assert!(setup["uri"].as_str().unwrap().contains(&secret));
    let confirm = |code: String| world.post("/session/second-factor/confirm", &json!({ "code": code }));
    let answer = confirm(code(&secret, -1)).by(0, role).await.ok(200);
    let codes = answer["recovery_codes"].as_array().unwrap().iter();
    (secret, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn first_step(world: &World, role: &str) -> String {
    let login = json!({"email": format!("{role}@acme.test"), "password": PASSWORD});
    let answer = world.post("/session", &login).go().await;
    assert!(!answer.headers.contains_key("set-cookie"), "nobody is signed in yet");
    answer.ok(202)["token"].as_str().unwrap().to_owned()
}

fn second<'a>(world: &'a World, token: &str, code: &str) -> Call<'a> {
    world.post("/session/second-step", &json!({"token": token, "code": code}))
}

#[tokio::test]
async fn a_code_signs_in_once() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let (secret, _) = enrol(&world, Role::Agent).await;
    let token = first_step(&world, "agent").await;
    second(&world, &token, &code(&secret, -1)).go().await.refused(401, "bad_code");
    let now = code(&secret, 0);
    let session = second(&world, &token, &now).go().await.ok(200);
    assert_eq!(session["security"]["second_factor"], true);
    second(&world, &token, &now).go().await.refused(401, "sign_in_expired");
    let token = first_step(&world, "agent").await;
    second(&world, &token, &now).go().await.refused(401, "bad_code");
    // An older code of the window is used up with the newer one.
    second(&world, &token, &code(&secret, 1)).go().await.ok(200);
}

#[tokio::test]
async fn two_requests_with_one_code_open_one_session() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let (secret, _) = enrol(&world, Role::Agent).await;
    let (one, two) = (first_step(&world, "agent").await, first_step(&world, "agent").await);
    let now = code(&secret, 0);
    let (a, b) = tokio::join!(second(&world, &one, &now).go(), second(&world, &two, &now).go());
    let mut got = [a.status.as_u16(), b.status.as_u16()];
    got.sort_unstable();
    assert_eq!(got, [200, 401]);
}

#[tokio::test]
async fn the_sixth_code_is_not_heard() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let (secret, _) = enrol(&world, Role::Agent).await;
    let token = first_step(&world, "agent").await;
    // Enrolment used one of the five.
    for _ in 0..4 {
        second(&world, &token, "000000").go().await.refused(401, "bad_code");
    }
    second(&world, &token, &code(&secret, 0)).go().await.refused(429, "rate_limited");
}

#[tokio::test]
async fn a_recovery_code_works_once() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let (_, codes) = enrol(&world, Role::Agent).await;
    assert_eq!(codes.len(), 10);
    let token = first_step(&world, "agent").await;
    second(&world, &token, &codes[0].to_uppercase()).go().await.ok(200);
    let token = first_step(&world, "agent").await;
    second(&world, &token, &codes[0]).go().await.refused(401, "bad_code");
    second(&world, &token, &codes[1]).go().await.ok(200);
}

#[tokio::test]
async fn the_secret_is_sealed_and_recovery_codes_are_hashed() {
    struct Kept;
    impl everthread_store::Unit for Kept {
        type Out = Vec<(Vec<u8>,)>;
        async fn run<D: everthread_store::Db>(&self, db: &mut D) -> everthread_store::Result<Self::Out> {
            let sql = everthread_store::sql!(
                "SELECT secret FROM second_factors UNION ALL SELECT hash FROM recovery_codes"
            );
            db.rows(sql, &[]).await
        }
    }
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let (secret, codes) = enrol(&world, Role::Agent).await;
    let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
    let kept = world.store.read(Kept).await.unwrap();
    assert_eq!(kept.len(), 11);
    for (bytes,) in kept {
        assert_ne!(bytes, secret.as_bytes());
        assert!(codes.iter().all(|code| bytes != code.as_bytes()));
    }
}

#[tokio::test]
async fn it_is_switched_off_by_password_or_code_only() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    let begin = json!({"password": PASSWORD});
    world.post("/session/second-factor", &begin).by(0, Role::Agent).await.ok(200);
    let wrong = json!({"code": "000000"});
    world.post("/session/second-factor/confirm", &wrong).by(0, Role::Agent).await.refused(422, "invalid");
    let (_, codes) = enrol(&world, Role::Agent).await;
    let off = |body: Value| world.post("/session/second-factor/off", &body);
    off(json!({})).by(0, Role::Agent).await.refused(422, "invalid");
    off(json!({"password": "wrong"})).by(0, Role::Agent).await.refused(422, "invalid");
    off(json!({"code": "123"})).by(0, Role::Agent).await.refused(422, "invalid");
    let again = json!({"password": PASSWORD});
    world.post("/session/second-factor", &again).by(0, Role::Agent).await.refused(409, "conflict");
    off(json!({"code": codes[3]})).by(0, Role::Agent).await.ok(204);
    let login = json!({"email": "agent@acme.test", "password": PASSWORD});
    world.post("/session", &login).go().await.ok(200);
}

#[tokio::test]
async fn a_workspace_that_asks_for_it_shows_nothing_without() {
    let world = world().await;
    for role in [Role::Owner, Role::Agent] {
        with_password(&world, role).await;
    }
    let require = || world.call(Method::PUT, "/security").json(&json!({"second_factor_required": true}));
    require().by(0, Role::Owner).await.refused(409, "conflict");
    enrol(&world, Role::Owner).await;
    require().by(0, Role::Owner).await.ok(200);
    world.get("/conversations").by(0, Role::Owner).await.ok(200);
    world.get("/conversations").by(0, Role::Agent).await.refused(403, "second_factor_required");
    world.get("/conversations").by(1, Role::Agent).await.ok(200);
    let session = world.get("/session").by(0, Role::Agent).await.ok(200);
    assert_eq!(session["security"]["second_factor_required"], true);
    let key = format!("Bearer {}", api_key(&world, 0, Role::Viewer).await);
    world.get("/conversations").header("authorization", &key).go().await.ok(200);
    enrol(&world, Role::Agent).await;
    world.get("/conversations").by(0, Role::Agent).await.ok(200);
}

#[tokio::test]
async fn a_reset_takes_it_away() {
    let world = world().await;
    with_password(&world, Role::Agent).await;
    enrol(&world, Role::Agent).await;
    let users = world.get("/users").by(0, Role::Owner).await.ok(200);
    let agent = users.as_array().unwrap().iter().find(|user| user["role"] == "agent").unwrap();
    assert_eq!(agent["second_factor"], true);
    let path = format!("/users/{}/reset", agent["id"].as_str().unwrap());
    world.call(Method::POST, &path).by(0, Role::Owner).await.ok(200);
    let login = json!({"email": "agent@acme.test", "password": PASSWORD});
    world.post("/session", &login).go().await.ok(200);
}
