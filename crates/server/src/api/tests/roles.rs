//! Who may ask for what: one line per route. A route without a line fails, and so does one that lets a lower role in.

use super::*;
use utoipa::openapi::path::Operation;

/// The least that a caller needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Nothing: the route signs people in.
    Nobody,
    /// A session, whatever its role; an API key is not one.
    Session,
    Role(Role),
}

const VIEWER: Needs = Needs::Role(Role::Viewer);
const AGENT: Needs = Needs::Role(Role::Agent);
const ADMIN: Needs = Needs::Role(Role::Admin);
const OWNER: Needs = Needs::Role(Role::Owner);

/// Method, path, need, and a body that the route understands.
const ROUTES: &[(&str, &str, Needs, &str)] = &[
    ("GET", "/accounts", VIEWER, ""),
    ("POST", "/accounts", ADMIN, r#"{"channel":"telegram","name":"x"}"#),
    ("DELETE", "/accounts/{id}", ADMIN, ""),
    ("GET", "/api-keys", ADMIN, ""),
    ("POST", "/api-keys", ADMIN, r#"{"name":"x","role":"viewer"}"#),
    ("DELETE", "/api-keys/{id}", ADMIN, ""),
    ("GET", "/audit", ADMIN, ""),
    ("GET", "/channels", VIEWER, ""),
    ("GET", "/contacts", VIEWER, ""),
    ("GET", "/contacts/{id}", VIEWER, ""),
    ("PATCH", "/contacts/{id}", AGENT, "{}"),
    ("DELETE", "/contacts/{id}", ADMIN, ""),
    ("GET", "/contacts/{id}/export", ADMIN, ""),
    ("POST", "/contacts/{id}/identities/{identity}/verify", AGENT, ""),
    ("GET", "/contacts/{id}/merge", VIEWER, ""),
    ("POST", "/contacts/{id}/merge", AGENT, r#"{"with":"x"}"#),
    ("POST", "/contacts/{id}/merge/undo", AGENT, ""),
    ("POST", "/contacts/{id}/split", AGENT, r#"{"identities":["x"]}"#),
    ("GET", "/continuity/health", VIEWER, ""),
    ("GET", "/continuity/policy", VIEWER, ""),
    ("PUT", "/continuity/policy", ADMIN, "{}"),
    ("GET", "/conversations", VIEWER, ""),
    ("GET", "/conversations/counts", VIEWER, ""),
    ("GET", "/conversations/{id}", VIEWER, ""),
    ("POST", "/conversations/{id}/assign", AGENT, r#"{"owner":"me"}"#),
    ("POST", "/conversations/{id}/labels", AGENT, "{}"),
    ("GET", "/conversations/{id}/link", VIEWER, ""),
    ("POST", "/conversations/{id}/link", AGENT, "{}"),
    ("DELETE", "/conversations/{id}/link/{link}", AGENT, ""),
    ("GET", "/conversations/{id}/messages", VIEWER, ""),
    ("POST", "/conversations/{id}/messages", AGENT, r#"{"text":"x"}"#),
    ("GET", "/conversations/{id}/plans", VIEWER, ""),
    ("POST", "/conversations/{id}/read", AGENT, ""),
    ("POST", "/conversations/{id}/route", AGENT, "{}"),
    ("POST", "/conversations/{id}/status", AGENT, r#"{"status":"open"}"#),
    ("GET", "/export/{what}", ADMIN, ""),
    ("GET", "/incidents", VIEWER, ""),
    ("POST", "/incidents", ADMIN, r#"{"channel":"telegram"}"#),
    ("GET", "/incidents/{id}", VIEWER, ""),
    ("POST", "/incidents/{id}/approve", AGENT, "{}"),
    ("POST", "/incidents/{id}/dismiss", ADMIN, ""),
    ("GET", "/incidents/{id}/plans", VIEWER, ""),
    ("GET", "/labels", VIEWER, ""),
    ("GET", "/leads", VIEWER, ""),
    ("PATCH", "/leads/{id}", AGENT, "{}"),
    ("POST", "/media", AGENT, ""),
    ("GET", "/media/{id}", VIEWER, ""),
    ("GET", "/messages/{id}/attempts", VIEWER, ""),
    ("POST", "/messages/{id}/cancel", AGENT, ""),
    ("POST", "/messages/{id}/retry", AGENT, ""),
    ("GET", "/pipelines", VIEWER, ""),
    ("GET", "/problems", VIEWER, ""),
    ("POST", "/problems/{id}/replay", ADMIN, ""),
    ("GET", "/rules", VIEWER, ""),
    ("POST", "/rules", ADMIN, r#"{"name":"x","trigger":{"type":"message"},"actions":[]}"#),
    ("PUT", "/rules/{id}", ADMIN, r#"{"name":"x","trigger":{"type":"message"},"actions":[]}"#),
    ("DELETE", "/rules/{id}", ADMIN, ""),
    ("GET", "/sandbox", VIEWER, ""),
    ("POST", "/sandbox/faults", ADMIN, r#"{"platform":"instagram","component":"send"}"#),
    ("DELETE", "/sandbox/faults", ADMIN, ""),
    ("DELETE", "/sandbox/faults/{id}", ADMIN, ""),
    ("GET", "/retention", VIEWER, ""),
    ("PUT", "/retention", OWNER, r#"{"days":null}"#),
    ("GET", "/security", VIEWER, ""),
    ("PUT", "/security", OWNER, r#"{"second_factor_required":false}"#),
    ("GET", "/session", Needs::Session, ""),
    ("POST", "/session", Needs::Nobody, r#"{"email":"x","password":"x"}"#),
    ("DELETE", "/session", Needs::Session, ""),
    ("POST", "/session/link", Needs::Nobody, r#"{"token":"x"}"#),
    ("PUT", "/session/password", Needs::Session, r#"{"new_password":"x"}"#),
    ("POST", "/session/second-factor", Needs::Session, "{}"),
    ("POST", "/session/second-factor/confirm", Needs::Session, r#"{"code":"1"}"#),
    ("POST", "/session/second-factor/off", Needs::Session, "{}"),
    ("POST", "/session/second-step", Needs::Nobody, r#"{"token":"x","code":"x"}"#),
    ("GET", "/session/sso", Needs::Nobody, ""),
    ("GET", "/session/sso/callback", Needs::Nobody, ""),
    ("GET", "/session/sso/start", Needs::Nobody, ""),
    ("GET", "/stream", VIEWER, ""),
    ("GET", "/system", VIEWER, ""),
    ("GET", "/users", VIEWER, ""),
    ("POST", "/users", ADMIN, r#"{"email":"new@acme.test","role":"viewer"}"#),
    ("PATCH", "/users/{id}", ADMIN, "{}"),
    ("DELETE", "/users/{id}", ADMIN, ""),
    ("POST", "/users/{id}/reset", ADMIN, ""),
    ("GET", "/webhooks", VIEWER, ""),
    ("POST", "/webhooks", ADMIN, r#"{"name":"x","url":"https://x.example/"}"#),
    ("DELETE", "/webhooks/{id}", ADMIN, ""),
    ("GET", "/webhooks/{id}/deliveries", VIEWER, ""),
    ("POST", "/webhooks/{id}/redeliver", ADMIN, "{}"),
    ("POST", "/webhooks/{id}/test", ADMIN, ""),
];

/// Every route of the document, which is made of what is served.
fn served() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (path, item) in &crate::api::document().paths.paths {
        let methods: [(&str, &Option<Operation>); 5] = [
            ("GET", &item.get),
            ("POST", &item.post),
            ("PUT", &item.put),
            ("PATCH", &item.patch),
            ("DELETE", &item.delete),
        ];
        for (method, _) in methods.iter().filter(|(_, operation)| operation.is_some()) {
            all.push(((*method).to_owned(), path.strip_prefix("/api/v1").unwrap().to_owned()));
        }
    }
    all.sort();
    all
}

#[test]
fn every_route_has_a_line() {
    let mut known: Vec<(String, String)> =
        ROUTES.iter().map(|(method, path, ..)| ((*method).to_owned(), (*path).to_owned())).collect();
    known.sort();
    assert_eq!(served(), known, "a route is served that nobody said who may ask for, or the other way round");
}

/// An id of the right kind that names nothing, so that whoever gets past the role finds nothing to change.
fn filled(path: &str) -> String {
    let kinds = [
        ("/accounts/", "acct"),
        ("/api-keys/", "key"),
        ("/contacts/", "cont"),
        ("/conversations/", "conv"),
        ("/incidents/", "inc"),
        ("/leads/", "lead"),
        ("/media/", "media"),
        ("/messages/", "msg"),
        ("/problems/", "prob"),
        ("/rules/", "rule"),
        ("/users/", "user"),
        ("/webhooks/", "webhook"),
    ];
    let kind = kinds.iter().find(|(start, _)| path.starts_with(start)).map_or("x", |(_, kind)| kind);
    path.replace("{id}", &format!("{kind}_{}", "0".repeat(32)))
        .replace("{what}", "messages")
        .replace("{identity}", &format!("ident_{}", "0".repeat(32)))
        .replace("{link}", &format!("link_{}", "0".repeat(32)))
}

async fn asked(
    world: &World,
    (method, path, _, body): (&str, &str, Needs, &str),
    role: Option<Role>,
) -> Answer {
    let method: Method = method.parse().unwrap();
    let mut call = world.call(method, &filled(path));
    if !body.is_empty() {
        call = call.json(&serde_json::from_str(body).unwrap());
    }
    match role {
        Some(role) => call.by(0, role).await,
        None => call.go().await,
    }
}

#[tokio::test]
async fn each_route_refuses_every_lower_role_and_lets_the_others_in() {
    let shared = world().await;
    let mut wrong = Vec::new();
    for route in ROUTES {
        let needs = match route.2 {
            Needs::Role(role) => Some(role),
            _ => None,
        };
        // The stream never ends; who may not listen is refused before it begins.
        let endless = route.1 == "/stream";
        let own = if route.1.starts_with("/session") { Some(world().await) } else { None };
        let world = own.as_ref().unwrap_or(&shared);
        for role in [Role::Viewer, Role::Agent, Role::Admin, Role::Owner] {
            if endless && Some(role) >= needs {
                continue;
            }
            let answer = asked(world, *route, Some(role)).await;
            let code = answer.json()["code"].as_str().unwrap_or_default().to_owned();
            let refused = needs.is_some_and(|needs| role < needs);
            if (code == "forbidden") != refused || code == "unauthenticated" {
                wrong.push(format!("{} {} as {role:?}: {code}", route.0, route.1));
            }
        }
        let stranger = asked(world, *route, None).await;
        let code = stranger.json()["code"].as_str().unwrap_or_default().to_owned();
        let open = route.2 == Needs::Nobody;
        if (code == "unauthenticated") == open {
            wrong.push(format!("{} {} as a stranger: {code}", route.0, route.1));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
