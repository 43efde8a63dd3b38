//! A sandbox on an ephemeral port, a client, and a server that takes its webhooks.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::any;
use everthread_sandbox::{Config, Handle, run};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

/// Statuses to answer with, the last first, each with its Retry-After.
type Answers = Vec<(u16, Option<u64>)>;

/// One request that the sink got.
#[derive(Debug, Clone)]
pub(crate) struct Got {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Got {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().expect("a text header"))
    }

    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let url = reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(&self.body)))
            .expect("a form");
        url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect()
    }
}

/// A business's server: keeps what it gets and answers as told.
#[derive(Clone)]
pub(crate) struct Sink {
    pub(crate) url: String,
    got: Arc<Mutex<Vec<Got>>>,
    /// Statuses of the next answers; 200 when there are none left. 0 hangs.
    answers: Arc<Mutex<Answers>>,
}

impl Sink {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let sink = Self { url, got: Arc::default(), answers: Arc::default() };
        let router = Router::new().fallback(any(take)).with_state(sink.clone());
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move { axum::serve(listener, router).await });
        sink
    }

    /// The next answers, in order.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        *self.answers.lock().expect("lock") = statuses.iter().rev().map(|s| (*s, None)).collect();
    }

    pub(crate) fn answer_retry_after(&self, status: u16, seconds: u64) {
        *self.answers.lock().expect("lock") = vec![(status, Some(seconds))];
    }

    pub(crate) fn all(&self) -> Vec<Got> {
        self.got.lock().expect("lock").clone()
    }

    /// Waits for `n` requests in all; fails after ten seconds.
    pub(crate) async fn wait(&self, n: usize) -> Vec<Got> {
        for _ in 0..1_000 {
            let all = self.all();
            if all.len() >= n {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{} of {n} webhooks came: {:#?}", self.all().len(), self.bodies());
    }

    /// Waits for a JSON body in which `want` finds something.
    pub(crate) async fn find<T>(&self, want: impl Fn(&Value) -> Option<T>) -> T {
        for _ in 0..1_000 {
            let found =
                self.all().iter().filter_map(|g| serde_json::from_slice(&g.body).ok()).find_map(|v| want(&v));
            if let Some(found) = found {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no such webhook among {:#?}", self.bodies());
    }

    fn bodies(&self) -> Vec<String> {
        self.all().iter().map(|g| String::from_utf8_lossy(&g.body).into_owned()).collect()
    }
}

async fn take(State(sink): State<Sink>, request: Request) -> (StatusCode, HeaderMap, String) {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 10_000_000).await.expect("a body").to_vec();
    let url = reqwest::Url::parse(&format!("http://x{}", parts.uri)).expect("an address");
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    sink.got.lock().expect("lock").push(Got { path: parts.uri.to_string(), headers: parts.headers, body });
    let (status, after) = sink.answers.lock().expect("lock").pop().unwrap_or((200, None));
    if status == 0 {
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    let mut headers = HeaderMap::new();
    if let Some(after) = after {
        headers.insert("retry-after", after.into());
    }
    let echo = query
        .get("hub.challenge")
        .filter(|_| query.get("hub.verify_token").is_some_and(|t| t == "let-me-in"));
    (StatusCode::from_u16(status).expect("a status"), headers, echo.cloned().unwrap_or_default())
}

/// A sandbox and all that a test needs.
pub(crate) struct Bench {
    pub(crate) sandbox: Handle,
    pub(crate) sink: Sink,
    pub(crate) http: reqwest::Client,
    pub(crate) stop: CancellationToken,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Bench {
    /// A quiet sandbox (nobody answers), fifty times as fast as life.
    pub(crate) async fn new() -> Self {
        Self::with(|config| config.replies = false).await
    }

    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        #[expect(clippy::disallowed_methods, reason = "tests start the sandbox at the real time")]
        let now = SystemTime::now();
        let mut config = Config::new(SocketAddr::from(([127, 0, 0, 1], 0)), now);
        config.speed = 50.0;
        config.retry_speed = 50.0;
        change(&mut config);
        let stop = CancellationToken::new();
        let sandbox = run(config, stop.clone()).await.expect("a sandbox");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { sandbox, sink: Sink::start().await, http, stop }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.sandbox.addr())
    }

    /// POSTs JSON; gives status and JSON (Null if it isn't).
    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> (u16, Value) {
        let mut request = self.http.post(self.url(path)).json(&body);
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> (u16, Value) {
        let mut request = self.http.get(self.url(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.unwrap_or(Value::Null))
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Value {
        let response = self.http.patch(self.url(path)).json(&body).send().await.expect("an answer");
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.expect("JSON")
    }

    /// Registers an account whose webhooks go to the sink's `/hook`.
    pub(crate) async fn account(&self, mut body: Value) -> Value {
        if body.get("webhook_url").is_none() {
            body["webhook_url"] = json!(format!("{}/hook", self.sink.url));
        }
        let (status, account) = self.post("/_control/accounts", "", body).await;
        assert_eq!(status, 201, "{account}");
        account
    }

    pub(crate) async fn customer(&self, account: &Value, key: &str) -> Value {
        let path = format!("/_control/accounts/{}/customers", text(&account["id"]));
        let (_, body) = self.get(&path, "").await;
        let all = body["customers"].as_array().expect("customers").clone();
        all.into_iter().find(|c| c["key"] == key).expect("that customer")
    }

    /// Makes a customer do something; gives the message's id.
    pub(crate) async fn say(&self, account: &Value, key: &str, speech: Value) -> String {
        let path = format!("/_control/accounts/{}/customers/{key}/say", text(&account["id"]));
        let (status, body) = self.post(&path, "", speech).await;
        assert_eq!(status, 200, "{body}");
        text(&body["id"])
    }

    pub(crate) async fn fault(&self, body: Value) -> u64 {
        let (status, body) = self.post("/_control/faults", "", body).await;
        assert_eq!(status, 201, "{body}");
        body["id"].as_u64().expect("an id")
    }

    pub(crate) async fn books(&self, account: &Value) -> Value {
        let id = text(&account["id"]);
        let (_, body) = self.get(&format!("/_control/books?account={id}"), "").await;
        body[&id].clone()
    }

    /// Waits until a message of the books is in a state.
    pub(crate) async fn reaches(&self, account: &Value, id: &str, state: &str) -> Value {
        for _ in 0..500 {
            let books = self.books(account).await;
            let found =
                books["messages"].as_array().expect("messages").iter().find(|m| m["id"] == id).cloned();
            if let Some(found) = found
                && found["state"] == state
            {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{id} never became {state}: {:#}", self.books(account).await);
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}
