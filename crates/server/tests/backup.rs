//! Backup and restore through the program itself: a hub that talks, a file, another folder.

#![expect(clippy::disallowed_methods, clippy::large_stack_arrays, reason = "a test process, not the shell")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use everthread_store::testing;
use serde_json::{Value, json};

const PASSPHRASE: &str = "open sesame, please";

/// Where a hub keeps what it has.
struct Place {
    data: PathBuf,
    /// `None`: SQLite in `data`.
    database: Option<String>,
}

fn program(place: &Place, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_everthread"));
    command.arg("--data").arg(&place.data).args(args).env("EVERTHREAD_LOG", "error");
    if let Some(url) = &place.database {
        command.args(["--database-url", url]);
    }
    command
}

fn run(place: &Place, args: &[&str]) -> Output {
    program(place, args).output().expect("runs")
}

fn json_of(place: &Place, args: &[&str]) -> Value {
    let out = run(place, args);
    assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

fn messages(place: &Place) -> Vec<Value> {
    let out = run(place, &["export", "messages"]);
    assert!(out.status.success());
    String::from_utf8_lossy(&out.stdout).lines().map(|l| serde_json::from_str(l).expect("JSON")).collect()
}

/// A hub that serves; killed at the end.
struct Hub {
    child: Child,
    url: String,
    sign_in: Option<String>,
}

impl Hub {
    fn start(place: &Place) -> Self {
        let mut child = program(place, &["serve", "--listen", "127.0.0.1:0"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("starts");
        let (mut url, mut sign_in) = (None, None);
        for line in BufReader::new(child.stdout.take().expect("output")).lines() {
            let line = line.expect("text");
            if let Some(found) = line.strip_prefix("Everthread listens on ") {
                url = Some(found.to_owned());
            }
            if let Some((_, token)) = line.split_once("signin?token=") {
                sign_in = Some(token.to_owned());
                break;
            }
        }
        Self { child, url: url.expect("an address"), sign_in }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A bot platform: one customer writes once; sending is refused for an hour until `open` is set.
#[derive(Clone, Default)]
struct Platform {
    sends: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    polls: Arc<AtomicUsize>,
}

async fn platform(State(me): State<Platform>, uri: Uri) -> Response {
    let path = uri.path();
    if path.ends_with("/getUpdates") {
        if me.polls.fetch_add(1, Ordering::SeqCst) == 0 {
            let from = json!({ "id": 77, "is_bot": false, "first_name": "Ana" });
            return axum::Json(json!({ "ok": true, "result": [{ "update_id": 1, "message": {
                "message_id": 5, "date": unix(), "text": "is it open?", "from": from,
                "chat": { "id": 77, "type": "private", "first_name": "Ana" } } }] }))
            .into_response();
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        return axum::Json(json!({ "ok": true, "result": [] })).into_response();
    }
    if path.ends_with("/sendMessage") {
        let sent = me.sends.fetch_add(1, Ordering::SeqCst);
        if me.open.load(Ordering::SeqCst) == 0 {
            let body = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests",
                               "parameters": { "retry_after": 3600 } });
            return (StatusCode::TOO_MANY_REQUESTS, axum::Json(body)).into_response();
        }
        return axum::Json(json!({ "ok": true, "result": { "message_id": 100 + sent, "date": unix(),
            "chat": { "id": 77, "type": "private" } } }))
        .into_response();
    }
    axum::Json(json!({ "ok": true, "result": true })).into_response()
}

fn unix() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs()
}

struct Console {
    http: reqwest::Client,
    base: String,
    cookie: String,
    csrf: String,
}

impl Console {
    async fn sign_in(http: &reqwest::Client, hub: &Hub) -> Self {
        let token = hub.sign_in.as_deref().expect("a link");
        let answer = http
            .post(hub.at("/api/v1/session/link"))
            .json(&json!({ "token": token }))
            .send()
            .await
            .expect("up");
        let cookie = answer.headers()["set-cookie"]
            .to_str()
            .expect("text")
            .split(';')
            .next()
            .expect("pair")
            .to_owned();
        let csrf = answer.json::<Value>().await.expect("JSON")["csrf"].as_str().expect("csrf").to_owned();
        Self { http: http.clone(), base: hub.at("/api/v1"), cookie, csrf }
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.http.get(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        request.send().await.expect("up").json().await.expect("JSON")
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.http.post(format!("{}{path}", self.base)).header("cookie", &self.cookie);
        let answer = request.header("x-csrf", &self.csrf).json(&body).send().await.expect("up");
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }
}

async fn until<T, F: Future<Output = Option<T>>>(what: &str, mut look: impl FnMut() -> F) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < end, "not within a minute: {what}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

struct World {
    _dir: tempfile::TempDir,
    root: PathBuf,
    http: reqwest::Client,
    platform: Platform,
}

impl World {
    async fn new() -> (Self, String) {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let dir = tempfile::tempdir().expect("dir");
        let root = dir.path().to_owned();
        std::fs::write(root.join("pass"), PASSPHRASE).expect("written");
        std::fs::write(root.join("wrong"), "another passphrase").expect("written");
        let platform_state = Platform::default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let base = format!("http://{}", listener.local_addr().expect("address"));
        let app = Router::new().fallback(platform).with_state(platform_state.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("client");
        (Self { _dir: dir, root, http, platform: platform_state }, base)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// A folder of this name, and a database where there is a server for it.
    async fn place(&self, name: &str, server: Option<&testing::PgServer>) -> Place {
        let database = match server {
            Some(server) => Some(server.database().await),
            None => None,
        };
        Place { data: self.path(name), database }
    }

    fn archive(&self, command: &str, place: &Place, file: &Path, pass: &str) -> Output {
        let pass = self.path(pass);
        let (file, pass) = (file.to_str().expect("UTF-8"), pass.to_str().expect("UTF-8"));
        run(place, &[command, file, "--passphrase-file", pass])
    }

    /// Visitors of the web chat write until `stop`; answers the texts that were acknowledged.
    fn chatter(&self, hub: &Hub, key: &str, stop: &Arc<AtomicUsize>) -> tokio::task::JoinHandle<()> {
        let (http, url, stop) = (self.http.clone(), hub.at(&format!("/chat/{key}")), Arc::clone(stop));
        tokio::spawn(async move {
            let session = http.post(format!("{url}/session")).json(&json!({})).send().await.expect("up");
            let token =
                session.json::<Value>().await.expect("JSON")["token"].as_str().expect("token").to_owned();
            let mut n = 0;
            while stop.load(Ordering::SeqCst) == 0 {
                let id = uuid::Uuid::new_v4();
                let say = json!({ "id": id, "text": format!("line {n}") });
                let sent = http.post(format!("{url}/messages")).bearer_auth(&token).json(&say).send().await;
                assert!(matches!(sent.expect("up").status().as_u16(), 202 | 429));
                n += 1;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
    }
}

/// A hub with a telegram account whose answer to a customer waits for an hour.
async fn with_waiting_reply(world: &World, base: &str, place: &Place) -> (Hub, String) {
    let hub = Hub::start(place);
    let added = json_of(
        place,
        &[
            "account",
            "add",
            "telegram",
            "--name",
            "bot",
            "--set",
            &format!("api_base={base}"),
            "--secret",
            "token=1:abc",
        ],
    );
    assert!(added["id"].is_string(), "{added}");
    let console = Console::sign_in(&world.http, &hub).await;
    let conversation = until("the customer's message", || async {
        let list = console.get("/conversations?view=all").await;
        list["items"]
            .as_array()?
            .iter()
            .find(|c| c["channel"] == "telegram")
            .map(|c| c["id"].as_str().map(str::to_owned))?
    })
    .await;
    let (status, sent) = console
        .post(
            &format!("/conversations/{conversation}/messages"),
            json!({ "kind": "reply", "text": "yes, until six" }),
        )
        .await;
    assert_eq!(status, 201, "{sent}");
    until("the refused call", || async { (world.platform.sends.load(Ordering::SeqCst) > 0).then_some(()) })
        .await;
    (hub, sent["id"].as_str().expect("id").to_owned())
}

fn by_id(rows: &[Value]) -> std::collections::BTreeMap<String, Value> {
    rows.iter().map(|row| (row["id"].as_str().expect("id").to_owned(), row.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_talking_hub_comes_back_and_sends_nothing_by_itself() {
    comes_back(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_does_one_of_a_hub_on_postgres() {
    if let Some(server) = testing::postgres() {
        comes_back(Some(server)).await;
    }
}

async fn comes_back(server: Option<&testing::PgServer>) {
    let (world, base) = World::new().await;
    let (data, copy) = (world.place("data", server).await, world.place("copy", server).await);
    let file = world.path("hub.backup");
    let (hub, reply) = with_waiting_reply(&world, &base, &data).await;
    let accounts = json_of(&data, &["account", "list"]);
    let chat =
        accounts.as_array().expect("list").iter().find(|a| a["channel"] == "webchat").expect("a web chat");
    let key = chat["webhook_path"].as_str().and_then(|p| p.rsplit('/').next()).expect("key").to_owned();
    std::fs::create_dir_all(data.data.join("media/1")).expect("made");
    std::fs::write(data.data.join("media/1/picture"), [7_u8; 300_000]).expect("written");

    let stop = Arc::new(AtomicUsize::new(0));
    let chatter = world.chatter(&hub, &key, &stop);
    until("some chat", || async { (messages(&data).len() > 10).then_some(()) }).await;
    let before = messages(&data);
    let made = world.archive("backup", &data, &file, "pass");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    stop.store(1, Ordering::SeqCst);
    chatter.await.expect("chat went on");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let after = messages(&data);
    drop(hub);

    let restored = world.archive("restore", &copy, &file, "pass");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let said: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(said["parts_held"], 1, "{said}");
    assert_eq!(said["engine"], if server.is_some() { "postgres" } else { "sqlite" });
    assert_eq!(std::fs::read(copy.data.join("media/1/picture")).expect("there"), [7_u8; 300_000]);
    let (there, known) = (by_id(&messages(&copy)), by_id(&after));
    for row in &before {
        let id = row["id"].as_str().expect("id");
        assert_eq!(there[id]["text"], row["text"]);
    }
    // Ids of what was applied from the journal are made anew; texts and provider ids are the same.
    for row in there.values() {
        let same = |k: &&Value| k["text"] == row["text"] && k["provider_id"] == row["provider_id"];
        assert!(known.values().any(|k| same(&k)), "{row}");
    }
    assert_eq!(there[&reply]["state"], "held");
    let shown = json_of(&copy, &["account", "list"]);
    assert_eq!(shown, accounts, "accounts with the names of their opened secrets");

    let calls = world.platform.sends.load(Ordering::SeqCst);
    world.platform.open.store(1, Ordering::SeqCst);
    let hub = Hub::start(&copy);
    let polls = world.platform.polls.load(Ordering::SeqCst);
    until("the restored bot polls", || async {
        (world.platform.polls.load(Ordering::SeqCst) > polls + 4).then_some(())
    })
    .await;
    assert_eq!(world.platform.sends.load(Ordering::SeqCst), calls, "nothing goes out by itself");
    let console = Console::sign_in(&world.http, &hub).await;
    let (status, answer) = console.post(&format!("/messages/{reply}/retry"), json!({})).await;
    assert!(status < 300, "{status} {answer}");
    until("the person's choice goes out", || async {
        (world.platform.sends.load(Ordering::SeqCst) == calls + 1).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_nothing_is_written() {
    let (world, _) = World::new().await;
    let (data, copy) = (world.place("data", None).await, world.place("copy", None).await);
    let file = world.path("hub.backup");
    json_of(&data, &["workspace", "add", "Shop"]);
    assert!(world.archive("backup", &data, &file, "pass").status.success());
    let again = world.archive("backup", &data, &file, "pass");
    assert!(!again.status.success(), "an existing file is kept");
    let good = std::fs::read(&file).expect("read");
    assert!(!world.path("hub.backup.partial").exists() && !world.path("hub.backup.database").exists());

    let refused = |bytes: &[u8], pass: &str, target: &Place, words: &str| {
        let bad = world.path("bad.backup");
        std::fs::write(&bad, bytes).expect("written");
        let out = world.archive("restore", target, &bad, pass);
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && said.contains(words), "{words}: {said}");
    };
    refused(&good, "wrong", &copy, "the passphrase is not the one");
    for at in [9, 30, 5_000, good.len() / 2, good.len() - 400, good.len() - 3] {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        refused(&bad, "pass", &copy, "backup");
        assert!(!copy.data.exists(), "byte {at}");
    }
    for length in [3, 100, good.len() / 2, good.len() - 1] {
        refused(&good[..length], "pass", &copy, "backup");
    }
    refused(b"everthread.db", "pass", &copy, "not a backup");
    refused(&[good.as_slice(), b"x"].concat(), "pass", &copy, "follows its end");
    assert!(!copy.data.exists(), "nothing was written");

    let full = world.place("full", None).await;
    std::fs::create_dir(&full.data).expect("made");
    std::fs::write(full.data.join("notes"), "mine").expect("written");
    refused(&good, "pass", &full, "is not empty");
    assert_eq!(std::fs::read_dir(&full.data).expect("read").count(), 1);

    assert!(world.archive("restore", &copy, &file, "pass").status.success());
    assert_eq!(json_of(&copy, &["workspace", "list"])[0]["name"], "Shop");
    // A restore that was killed is never served.
    std::fs::write(copy.data.join("restoring"), "").expect("written");
    let out = run(&copy, &["workspace", "list"]);
    assert!(String::from_utf8_lossy(&out.stderr).contains("did not finish"));
}

/// True where the raw journal of a folder holds these words.
fn journal_holds(data: &Path, words: &str) -> bool {
    std::fs::read_dir(data.join("journal")).expect("journal").any(|entry| {
        let bytes = std::fs::read(entry.expect("entry").path()).expect("read");
        bytes.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

fn said_by_telegram(place: &Place) -> usize {
    messages(place).iter().filter(|row| row["channel"] == "telegram").count()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_comes_back_neither_by_replay_nor_by_restore() {
    erased_stays_erased(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_stays_away_on_postgresql_too() {
    let Some(server) = testing::postgres() else { return };
    erased_stays_erased(Some(server)).await;
}

async fn erased_stays_erased(server: Option<&testing::PgServer>) {
    let (world, base) = World::new().await;
    let (data, file) = (world.place("data", server).await, world.path("hub.backup"));
    let (hub, _) = with_waiting_reply(&world, &base, &data).await;
    let telegram = messages(&data).into_iter().find(|row| row["text"] == "is it open?").expect("a message");
    let contact = telegram["contact_id"].as_str().expect("id");
    assert!(world.archive("backup", &data, &file, "pass").status.success());
    let all = json_of(&data, &["contact", "export", contact]);
    assert_eq!(all["conversations"][0]["said"][0]["text"], "is it open?");
    assert!(journal_holds(&data.data, "is it open?"));

    let unsure = run(&data, &["contact", "erase", contact]);
    assert!(!unsure.status.success() && String::from_utf8_lossy(&unsure.stderr).contains("--yes"));
    let erased = json_of(&data, &["contact", "erase", contact, "--yes"]);
    assert_eq!((&erased["contacts"], &erased["messages"]), (&json!(1), &json!(2)), "{erased}");
    assert_eq!(erased["journal_records"], 1, "{erased}");
    assert!(!journal_holds(&data.data, "is it open?"));
    json_of(&data, &["replay"]);
    assert_eq!(said_by_telegram(&data), 0);
    let log = std::fs::read_to_string(data.data.join("erasures.log")).expect("a log");
    assert!(!log.contains("Ana") && !log.contains("\"77\""), "{log}");
    let gone = run(&data, &["contact", "export", contact]);
    assert!(String::from_utf8_lossy(&gone.stderr).contains("there is no contact"));
    drop(hub);

    // Without the log the backup says what is missing; with it the person is erased again.
    let (old, copy) = (world.place("old", server).await, world.place("copy", server).await);
    let restored = world.archive("restore", &old, &file, "pass");
    let said: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(said_by_telegram(&old), 2);
    assert!(said["next_steps"].to_string().contains("--erasures"), "{said}");
    std::fs::create_dir(&copy.data).expect("made");
    std::fs::copy(data.data.join("erasures.log"), copy.data.join("erasures.log")).expect("copied");
    let restored = world.archive("restore", &copy, &file, "pass");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let said: Value = serde_json::from_slice(&restored.stdout).expect("JSON");
    assert_eq!(said["erased_again"], 1, "{said}");
    assert_eq!(said_by_telegram(&copy), 0);
    assert!(!journal_holds(&copy.data, "is it open?"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_goes_into_an_empty_database_of_its_engine_only() {
    let Some(server) = testing::postgres() else { return };
    let (world, _) = World::new().await;
    let (data, lite) = (world.place("data", Some(server)).await, world.place("lite", None).await);
    let (file, lite_file) = (world.path("hub.backup"), world.path("lite.backup"));
    for (place, file) in [(&data, &file), (&lite, &lite_file)] {
        json_of(place, &["workspace", "add", "Shop"]);
        assert!(world.archive("backup", place, file, "pass").status.success());
    }
    let refused = |file: &Path, target: &Place, words: &str| {
        let out = world.archive("restore", target, file, "pass");
        let said = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(!out.status.success() && said.contains(words), "{words}: {said}");
        assert!(!target.data.exists(), "nothing was written");
    };
    let empty = world.place("copy", Some(server)).await;
    refused(&lite_file, &empty, "made on SQLite");
    refused(&file, &world.place("copy", None).await, "with --database-url postgres://");
    let full = Place { data: world.path("copy"), database: data.database.clone() };
    refused(&file, &full, "the database is not empty");
    assert_eq!(json_of(&data, &["workspace", "list"])[0]["name"], "Shop", "it is as it was");

    // The refused attempts have left the database empty.
    let toml = data.data.join("everthread.toml");
    std::fs::write(&toml, format!("database_url = {:?}\n", data.database.as_deref().expect("an address")))
        .expect("written");
    let named = world.path("named.backup");
    assert!(world.archive("backup", &data, &named, "pass").status.success());
    let restored = world.archive("restore", &empty, &named, "pass");
    assert!(restored.status.success(), "{}", String::from_utf8_lossy(&restored.stderr));
    let said = String::from_utf8_lossy(&restored.stdout).into_owned();
    assert!(said.contains("everthread.toml"), "the file names the old database: {said}");
    assert_eq!(json_of(&empty, &["workspace", "list"])[0]["name"], "Shop");
    json_of(&empty, &["workspace", "add", "Second"]);
    assert_eq!(json_of(&empty, &["workspace", "list"]).as_array().expect("list").len(), 2, "ids go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_served_by_one_hub() {
    let Some(server) = testing::postgres() else { return };
    let (world, _) = World::new().await;
    let first = world.place("first", Some(server)).await;
    let other = Place { data: world.path("other"), database: first.database.clone() };
    let hub = Hub::start(&first);
    let mut second = program(&other, &["serve", "--listen", "127.0.0.1:0"]);
    let mut second = second.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("starts");
    let end = Instant::now() + Duration::from_secs(50);
    let mut over = None;
    while over.is_none() && Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(100)).await;
        over = second.try_wait().expect("a process");
    }
    // A second hub that serves would never end by itself.
    let _ = second.kill();
    let _ = second.wait();
    assert!(over.is_some_and(|status| !status.success()), "a second hub serves the database");
    let mut said = String::new();
    second.stderr.take().expect("output").read_to_string(&mut said).expect("text");
    assert!(said.contains("another everthread serves this database"), "{said}");
    // Who was killed holds nothing: the next start is not refused.
    drop(hub);
    drop(Hub::start(&first));
}
