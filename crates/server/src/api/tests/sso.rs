//! Sign-in through a provider that speaks real HTTP and signs real tokens.

use std::sync::Mutex;

use axum::extract::{Form, State};
use axum::routing::{get, post};
use axum::{Json, Router as AxumRouter};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use sha2::Digest;

use super::*;
use crate::config::SsoConfig;
use crate::sso::Sso;
use everthread_store::units::{BeginSso, SsoRequest};

const CLIENT: &str = "everthread-tests";

/// How the provider answers the next time.
#[derive(Clone)]
struct Script {
    alg: &'static str,
    audience: &'static str,
    /// Instead of the nonce that was asked with.
    nonce: Option<&'static str>,
    /// Seconds until the token ends.
    lasts: i64,
    issuer: Option<&'static str>,
    /// Signs with a key that the key set does not hold.
    foreign_key: bool,
    subject: &'static str,
    email: Option<&'static str>,
    verified: bool,
    /// The address comes from the user info endpoint.
    apart: bool,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            alg: "RS256",
            audience: CLIENT,
            nonce: None,
            lasts: 300,
            issuer: None,
            foreign_key: false,
            subject: "subject-1",
            email: Some("Agent@acme.test"),
            verified: true,
            apart: false,
        }
    }
}

struct Provider {
    address: String,
    script: Mutex<Script>,
    /// Nonce and PKCE challenge of the last sign-in.
    asked: Mutex<(String, String)>,
    rsa: RsaKeyPair,
    ec: Mutex<EcdsaKeyPair>,
    foreign: EcdsaKeyPair,
}

fn ec_key() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap()
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Provider {
    async fn start() -> Arc<Self> {
        // As `main` does; a second time is refused and does no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Arc::new(Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            script: Mutex::default(),
            asked: Mutex::default(),
            rsa: RsaKeyPair::from_pkcs8(include_bytes!("sso_rsa.pk8")).unwrap(),
            ec: Mutex::new(ec_key()),
            foreign: ec_key(),
        });
        let app = AxumRouter::new()
            .route("/.well-known/openid-configuration", get(discovery))
            .route("/keys", get(keys))
            .route("/token", post(exchange))
            .route("/userinfo", get(user_info))
            .with_state(Arc::clone(&provider));
        #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
        tokio::spawn(async move { axum::serve(listener, app).await });
        provider
    }

    fn script(&self) -> Script {
        self.script.lock().unwrap().clone()
    }

    fn set(&self, script: Script) {
        *self.script.lock().unwrap() = script;
    }

    fn sso(&self, provision_role: Option<Role>) -> Sso {
        Sso::new(SsoConfig {
            issuer: self.address.clone(),
            client_id: CLIENT.into(),
            client_secret: Some("s3cret".into()),
            name: "Test ID".into(),
            provision_role,
            provision_workspace: None,
        })
        .unwrap()
    }

    fn id_token(&self) -> String {
        let script = self.script();
        let now = CLOCK.load(Ordering::Relaxed) / 1_000_000;
        let mut claims = json!({
            "iss": script.issuer.map_or_else(|| self.address.clone(), str::to_owned),
            "aud": script.audience,
            "sub": script.subject,
            "iat": now - 5,
            "exp": now + script.lasts,
            "nonce": script.nonce.map_or_else(|| self.asked.lock().unwrap().0.clone(), str::to_owned),
            "name": "Ann Example",
        });
        if let Some(email) = script.email.filter(|_| !script.apart) {
            claims["email"] = email.into();
            claims["email_verified"] = script.verified.into();
        }
        let header = json!({"alg": script.alg, "kid": script.alg, "typ": "JWT"});
        let text = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
        let random = SystemRandom::new();
        let signature = match script.alg {
            "none" => Vec::new(),
            "RS256" if !script.foreign_key => {
                let mut signature = vec![0; self.rsa.public().modulus_len()];
                self.rsa.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature).unwrap();
                signature
            }
            "HS256" => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"s3cret");
                ring::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
            }
            _ if script.foreign_key => self.foreign.sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
            _ => self.ec.lock().unwrap().sign(&random, text.as_bytes()).unwrap().as_ref().to_vec(),
        };
        format!("{text}.{}", b64(signature))
    }
}

async fn discovery(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let at = &provider.address;
    Json(json!({
        "issuer": at,
        "authorization_endpoint": format!("{at}/authorize"),
        "token_endpoint": format!("{at}/token"),
        "userinfo_endpoint": format!("{at}/userinfo"),
        "jwks_uri": format!("{at}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
    }))
}

async fn keys(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let parts = ring::rsa::PublicKeyComponents::<Vec<u8>>::from(provider.rsa.public());
    let ec = provider.ec.lock().unwrap();
    let point = ec.public_key().as_ref();
    Json(json!({"keys": [
        {"kty": "RSA", "use": "sig", "kid": "RS256", "alg": "RS256", "n": b64(&parts.n), "e": b64(&parts.e)},
        {"kty": "EC", "use": "sig", "kid": "ES256", "alg": "ES256", "crv": "P-256",
            "x": b64(&point[1..33]), "y": b64(&point[33..])},
    ]}))
}

async fn exchange(
    State(provider): State<Arc<Provider>>,
    headers: axum::http::HeaderMap,
    Form(form): Form<BTreeMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    let challenge = b64(sha2::Sha256::digest(form["code_verifier"].as_bytes()));
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("{CLIENT}:s3cret"));
    let known = headers["authorization"] == format!("Basic {basic}");
    if form["code"] != "good" || !known || challenge != provider.asked.lock().unwrap().1 {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"})));
    }
    let body = json!({"access_token": "a", "token_type": "Bearer", "id_token": provider.id_token()});
    (StatusCode::OK, Json(body))
}

async fn user_info(State(provider): State<Arc<Provider>>) -> Json<Value> {
    let script = provider.script();
    Json(json!({"sub": script.subject, "email": script.email, "email_verified": script.verified}))
}

/// A browser at the provider: the cookie we gave it, and the state it brings back.
struct AtProvider {
    cookie: String,
    state: String,
}

async fn go_there(world: &World, provider: &Provider) -> AtProvider {
    let answer = world.get("/session/sso/start?next=/leads").go().await;
    assert_eq!(answer.status, 303);
    let cookie = answer.headers["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let url = reqwest::Url::parse(answer.headers["location"].to_str().unwrap()).unwrap();
    assert!(url.as_str().starts_with(&format!("{}/authorize?", provider.address)));
    let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
    assert_eq!((query["client_id"].as_str(), query["code_challenge_method"].as_str()), (CLIENT, "S256"));
    assert_eq!(query["redirect_uri"], "http://127.0.0.1:8080/api/v1/session/sso/callback");
    assert!(query["scope"].contains("openid") && query["scope"].contains("email"));
    *provider.asked.lock().unwrap() = (query["nonce"].clone(), query["code_challenge"].clone());
    AtProvider { cookie, state: query["state"].clone() }
}

async fn come_back(world: &World, browser: &AtProvider, query: &str) -> (String, Option<String>) {
    let path = format!("/session/sso/callback?state={}&{query}", browser.state);
    let answer = world.get(&path).header("cookie", &browser.cookie).go().await;
    assert_eq!(answer.status, 303);
    let cookies = answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap());
    let session = cookies.filter_map(|text| text.split(';').next()).find(|c| c.starts_with("everthread="));
    (answer.headers["location"].to_str().unwrap().to_owned(), session.map(str::to_owned))
}

async fn round(world: &World, provider: &Provider) -> (String, Option<String>) {
    let browser = go_there(world, provider).await;
    come_back(world, &browser, "code=good").await
}

#[tokio::test]
async fn a_known_person_signs_in_under_both_kinds_of_key() {
    let provider = Provider::start().await;
    let world = world_with(Some(provider.sso(None))).await;
    assert_eq!(world.get("/session/sso").go().await.ok(200)["name"], "Test ID");
    for alg in ["RS256", "ES256"] {
        provider.set(Script { alg, ..Script::default() });
        let (to, session) = round(&world, &provider).await;
        assert_eq!(to, "/leads");
        let session = world.get("/session").header("cookie", &session.unwrap()).go().await.ok(200);
        assert_eq!(session["user"]["email"], "agent@acme.test");
    }
    // The subject stays who it is when its address at the provider changes.
    provider.set(Script { email: Some("owner@acme.test"), ..Script::default() });
    let (_, session) = round(&world, &provider).await;
    let session = world.get("/session").header("cookie", &session.unwrap()).go().await.ok(200);
    assert_eq!(session["user"]["email"], "agent@acme.test");
    // A key that was swapped at the provider is known at the next sign-in.
    *provider.ec.lock().unwrap() = ec_key();
    provider.set(Script { alg: "ES256", ..Script::default() });
    assert_eq!(round(&world, &provider).await.0, "/leads");
}

#[tokio::test]
async fn a_token_that_is_not_meant_for_us_now_opens_nothing() {
    let provider = Provider::start().await;
    let world = world_with(Some(provider.sso(Some(Role::Agent)))).await;
    let good = Script::default();
    for (what, script) in [
        ("another nonce", Script { nonce: Some("other"), ..good.clone() }),
        ("another audience", Script { audience: "other", ..good.clone() }),
        ("an end in the past", Script { lasts: -60, ..good.clone() }),
        ("another issuer", Script { issuer: Some("https://evil.example"), ..good.clone() }),
        ("a key that is not in the set", Script { alg: "ES256", foreign_key: true, ..good.clone() }),
        ("our own secret as the key", Script { alg: "HS256", ..good.clone() }),
        ("no signature", Script { alg: "none", ..good.clone() }),
    ] {
        provider.set(script);
        let (to, session) = round(&world, &provider).await;
        assert_eq!((to.as_str(), session), ("/signin?problem=sso_failed", None), "{what}");
    }
    provider.set(good);
    assert_eq!(round(&world, &provider).await.0, "/leads");
}

#[tokio::test]
async fn an_answer_works_once_and_only_in_the_browser_that_asked() {
    let provider = Provider::start().await;
    let world = world_with(Some(provider.sso(None))).await;
    let browser = go_there(&world, &provider).await;
    let other = AtProvider { cookie: "everthread-sso=other".into(), state: browser.state.clone() };
    let expired = "/signin?problem=sso_expired";
    assert_eq!(come_back(&world, &other, "code=good").await.0, expired);
    let forged = AtProvider { cookie: "everthread-sso=made-up".into(), state: "made-up".into() };
    assert_eq!(come_back(&world, &forged, "code=good").await.0, expired);
    assert_eq!(come_back(&world, &browser, "code=good").await.0, "/leads");
    assert_eq!(come_back(&world, &browser, "code=good").await, (expired.into(), None), "replayed");
    let browser = go_there(&world, &provider).await;
    assert_eq!(come_back(&world, &browser, "error=access_denied").await.0, "/signin?problem=sso_refused");
    let browser = go_there(&world, &provider).await;
    assert_eq!(come_back(&world, &browser, "code=stolen").await.0, "/signin?problem=sso_failed");
    let request = SsoRequest { nonce: "n".into(), verifier: Vec::new(), next: "/inbox".into() };
    let unit = BeginSso { now: now(), state_hash: token::hash("old"), request, expires_at: now() };
    world.store.write(unit).await.unwrap();
    let late = AtProvider { cookie: "everthread-sso=old".into(), state: "old".into() };
    assert_eq!(come_back(&world, &late, "code=good").await.0, expired, "too late");
}

#[tokio::test]
async fn only_a_verified_address_names_a_person() {
    let provider = Provider::start().await;
    let world = world_with(Some(provider.sso(None))).await;
    let unknown = "/signin?problem=sso_unknown";
    for (what, script) in [
        ("not verified", Script { verified: false, ..Script::default() }),
        ("none", Script { email: None, ..Script::default() }),
        ("a stranger", Script { email: Some("new@acme.test"), ..Script::default() }),
        ("not verified, apart", Script { verified: false, apart: true, ..Script::default() }),
    ] {
        provider.set(script);
        assert_eq!(round(&world, &provider).await, (unknown.into(), None), "{what}");
    }
    provider.set(Script { apart: true, ..Script::default() });
    assert_eq!(round(&world, &provider).await.0, "/leads");
}

#[tokio::test]
async fn strangers_are_added_where_that_is_switched_on() {
    let provider = Provider::start().await;
    let world = world_with(Some(provider.sso(Some(Role::Viewer)))).await;
    provider.set(Script { email: Some("new@acme.test"), subject: "subject-2", ..Script::default() });
    let (_, session) = round(&world, &provider).await;
    let session = world.get("/session").header("cookie", &session.unwrap()).go().await.ok(200);
    assert_eq!(
        (&session["user"]["role"], &session["user"]["name"]),
        (&json!("viewer"), &json!("Ann Example"))
    );
    assert_eq!(session["workspaces"].as_array().unwrap().len(), 1);
    let log = world.get("/audit").by(0, Role::Owner).await.ok(200);
    assert_eq!(log["items"][0]["action"], "user.provision");
}

#[tokio::test]
async fn without_a_provider_there_is_no_way() {
    let world = world().await;
    assert_eq!(world.get("/session/sso").go().await.ok(200)["name"], Value::Null);
    world.get("/session/sso/start").go().await.refused(404, "not_found");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gone = SsoConfig {
        issuer: "http://127.0.0.1:1".into(),
        client_id: "x".into(),
        client_secret: None,
        name: "x".into(),
        provision_role: None,
        provision_workspace: None,
    };
    let world = world_with(Some(Sso::new(gone).unwrap())).await;
    let answer = world.get("/session/sso/start").go().await;
    assert_eq!(answer.headers["location"], "/signin?problem=sso_unreachable");
}
