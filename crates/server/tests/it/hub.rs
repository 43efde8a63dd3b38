//! A hub as users run it: a process on a data folder, commands beside it, webhooks and the API over HTTP.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long anything may take before a test gives up. Long, because machines that test are busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Polls until there is an answer.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let end = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(10);
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(Instant::now() < end, "waited {PATIENCE:?} for {what}");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(150));
    }
}

/// The text of a JSON string.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a text: {value}")).to_owned()
}

fn client() -> reqwest::Client {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everthread"));
    for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(name);
    }
    command.env("EVERTHREAD_LOG", "warn").current_dir("/");
    command
}

/// A person who signed in.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    cookie: String,
    csrf: String,
}

impl Session {
    /// A request with this session.
    pub(crate) fn sign(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        request.header("cookie", &self.cookie).header("x-csrf", &self.csrf)
    }
}

/// A connected account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) path: String,
}

/// A running (or killed) hub.
pub(crate) struct Hub {
    dir: tempfile::TempDir,
    args: Vec<String>,
    child: Option<Child>,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    owner: Option<Session>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.stop_hard();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            let tail: Vec<&str> = log.lines().rev().take(25).collect();
            for line in tail.into_iter().rev() {
                eprintln!("hub: {line}");
            }
        }
    }
}

impl Hub {
    /// A new hub with nothing in it but what the first start makes.
    pub(crate) async fn start() -> Self {
        Self::with(&[], "").await
    }

    /// A new hub with further flags of `serve` and a configuration file.
    pub(crate) async fn with(args: &[&str], toml: &str) -> Self {
        let mut hub = Self::asleep(args, toml);
        hub.wake().await;
        hub
    }

    /// A data folder without a hub on it.
    pub(crate) fn asleep(args: &[&str], toml: &str) -> Self {
        let dir = tempfile::Builder::new().prefix("everthread-it-").tempdir().expect("a folder");
        if !toml.is_empty() {
            std::fs::write(dir.path().join("everthread.toml"), toml).expect("a configuration file");
        }
        Self {
            dir,
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            child: None,
            url: String::new(),
            http: client(),
            owner: None,
            lines: Arc::default(),
        }
    }

    pub(crate) fn data(&self) -> &Path {
        self.dir.path()
    }

    fn database(&self) -> Vec<&str> {
        let at = self.args.iter().position(|arg| arg == "--database-url");
        at.map(|at| self.args[at..at + 2].iter().map(String::as_str).collect()).unwrap_or_default()
    }

    /// Starts the process and waits until it takes requests; the store may still be away.
    pub(crate) async fn listen(&mut self) {
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let addr = free.expect("a free port").to_string();
        self.spawn(&addr);
        self.url = format!("http://{addr}");
        until("a process that listens", || async {
            self.http.get(format!("{}/healthz", self.url)).send().await.ok()
        })
        .await;
    }

    fn spawn(&mut self, listen: &str) {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log"));
        let mut child = command()
            .args(["serve", "--listen", listen, "--data"])
            .arg(self.dir.path())
            .args(&self.args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log.expect("a log file"))
            .spawn()
            .expect("the binary starts");
        let out = child.stdout.take().expect("its output");
        let lines = Arc::<Mutex<Vec<String>>>::default();
        self.lines = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                lines.lock().expect("lock").push(line);
            }
        });
        self.child = Some(child);
    }

    /// Starts the process and waits until everything works.
    pub(crate) async fn wake(&mut self) {
        self.spawn("127.0.0.1:0");
        self.url = self.printed("Everthread listens on ").await;
        self.opened().await;
    }

    /// Waits until the store is open and somebody can sign in.
    pub(crate) async fn opened(&mut self) {
        let link = self.printed("Sign in: ").await;
        until("a hub that is ready", || async {
            let answer = self.http.get(format!("{}/readyz", self.url)).send().await.ok()?;
            (answer.status() == 200).then_some(())
        })
        .await;
        if self.owner.is_none() {
            self.owner = Some(self.sign_in(&link).await);
        }
    }

    async fn printed(&self, start: &str) -> String {
        until(start, || async {
            let lines = self.lines.lock().expect("lock").clone();
            lines.iter().find_map(|line| line.strip_prefix(start)).map(str::to_owned)
        })
        .await
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.stop_hard();
    }

    fn stop_hard(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the process to stop and waits for its end.
    pub(crate) async fn stop(&mut self) {
        let mut child = self.child.take().expect("a running hub");
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(asked.expect("kill runs").success());
        let status = until("an ordered end", || {
            let ended = child.try_wait().expect("its status");
            async move { ended }
        })
        .await;
        assert!(status.success(), "ended with {status}");
    }

    /// Another process on the same folder after `kill -9`.
    pub(crate) async fn restart(&mut self) {
        self.kill();
        self.wake().await;
    }

    /// Runs a command on the folder. `Err` holds what it said on standard error.
    pub(crate) fn cli(&self, args: &[&str]) -> Result<String, String> {
        let out = command()
            .args(args)
            .arg("--data")
            .arg(self.dir.path())
            .args(self.database())
            .stdin(Stdio::null())
            .output()
            .expect("the command runs");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if out.status.success() { Ok(said(&out.stdout)) } else { Err(said(&out.stderr)) }
    }

    /// Runs a command that answers in JSON.
    pub(crate) fn cli_json(&self, args: &[&str]) -> Value {
        let out = self.cli(args).unwrap_or_else(|error| panic!("{args:?}: {error}"));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?} answered {out:?}: {error}"))
    }

    /// Rows of an export by the command.
    pub(crate) fn export(&self, what: &str) -> Vec<Value> {
        rows(&self.cli(&["export", what]).expect("an export"))
    }

    /// Connects an account; `more` are further flags.
    pub(crate) fn add(&self, channel: &str, name: &str, pairs: &[(&str, String)], more: &[&str]) -> Account {
        let mut args = vec!["account", "add", channel, "--name", name];
        for (flag, pair) in pairs {
            args.extend([*flag, pair.as_str()]);
        }
        args.extend(more);
        let added = self.cli_json(&args);
        Account { id: text(&added["id"]), path: text(&added["webhook_path"]) }
    }

    /// Signs in by a printed link.
    pub(crate) async fn sign_in(&self, link: &str) -> Session {
        let (_, token) = link.split_once("token=").expect("a token in the link");
        let url = format!("{}/api/v1/session/link", self.url);
        let answer = self.http.post(url).json(&json!({ "token": token })).send().await.expect("an answer");
        assert_eq!(answer.status(), 200, "the link signs in");
        let cookie = answer.headers()["set-cookie"].to_str().expect("text");
        let cookie = cookie.split(';').next().expect("a pair").to_owned();
        let session: Value = answer.json().await.expect("JSON");
        Session { cookie, csrf: text(&session["csrf"]) }
    }

    fn owner(&self) -> &Session {
        self.owner.as_ref().expect("an owner")
    }

    /// The owner of the first workspace.
    pub(crate) fn first(&self) -> Session {
        self.owner().clone()
    }

    /// A request of the API by somebody who signed in; the body is sent where it is not null.
    pub(crate) async fn api_as(
        &self,
        who: &Session,
        method: &str,
        path: &str,
        body: Value,
    ) -> reqwest::Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}/api/v1{path}", self.url));
        let mut request = who.sign(request);
        if !body.is_null() {
            request = request.json(&body);
        }
        request.send().await.expect("an answer of the API")
    }

    /// A request of the API by the owner.
    pub(crate) async fn api(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let answer = self.api_as(self.owner(), method, path, body).await;
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    /// A request of the API that must work.
    pub(crate) async fn good(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.api(method, path, body).await;
        assert!((200..300).contains(&status), "{method} {path}: {status} {answer}");
        answer
    }

    /// Makes a rule.
    pub(crate) async fn rule(&self, name: &str, mut rule: Value) {
        rule["name"] = name.into();
        self.good("POST", "/rules", rule).await;
    }

    /// A rule that answers every message with a text.
    pub(crate) async fn answer_all(&self, text: &str) {
        let rule = json!({
            "trigger": { "type": "message" }, "actions": [{ "type": "reply", "text": text }],
        });
        self.rule("answer", rule).await;
    }

    /// Rows of an export by the API, as somebody sees them.
    pub(crate) async fn rows_as(&self, who: &Session, what: &str) -> Vec<Value> {
        let answer = self.api_as(who, "GET", &format!("/export/{what}"), Value::Null).await;
        assert_eq!(answer.status(), 200, "export {what}");
        rows(&answer.text().await.expect("rows"))
    }

    /// Rows of an export by the API.
    pub(crate) async fn rows(&self, what: &str) -> Vec<Value> {
        self.rows_as(self.owner(), what).await
    }

    /// Waits until some row of an export is as wanted.
    pub(crate) async fn row(&self, what: &str, want: impl Fn(&Value) -> bool) -> Value {
        let last = Mutex::new(Vec::new());
        let look = || async {
            let rows = self.rows(what).await;
            let found = rows.iter().find(|row| want(row)).cloned();
            *last.lock().expect("lock") = rows;
            found
        };
        tokio::time::timeout(PATIENCE, until(what, look)).await.unwrap_or_else(|_| {
            panic!("no such row among {what}: {:#?}", last.lock().expect("lock"));
        })
    }

    /// Waits until a message with this text is in this state.
    pub(crate) async fn message(&self, said: &str, state: &str) -> Value {
        self.row("messages", |row| row["text"] == said && row["state"] == state).await
    }

    /// Posts to a webhook path.
    pub(crate) async fn post(&self, path: &str, headers: &[(&str, String)], body: Vec<u8>) -> (u16, String) {
        let mut request = self.http.post(format!("{}{path}", self.url)).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.expect("an answer to the webhook");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    /// GETs anything.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.http.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.unwrap_or_default())
    }

    /// Writes to the customer of a conversation, as the owner.
    pub(crate) async fn reply(&self, conversation: &str, said: &str) -> Value {
        let path = format!("/conversations/{conversation}/messages");
        self.good("POST", &path, json!({ "kind": "reply", "text": said })).await
    }

    /// Uploads a file for a message; its `media_...` id.
    pub(crate) async fn upload(&self, name: &str, bytes: &[u8]) -> String {
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let form = reqwest::multipart::Form::new().part("file", part);
        let request = self.owner().sign(self.http.post(format!("{}/api/v1/media", self.url)));
        let answer = request.multipart(form).send().await.expect("an answer of the API");
        assert!(answer.status().is_success(), "upload: {}", answer.status());
        text(&answer.json::<Value>().await.expect("JSON")["media_id"])
    }

    /// A path inside the data folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

fn rows(lines: &str) -> Vec<Value> {
    lines.lines().map(|line| serde_json::from_str(line).expect("a JSON row")).collect()
}
