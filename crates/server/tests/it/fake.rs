//! A provider on an ephemeral port that does as it is told and writes down what it was asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::hub::until;

/// What the provider does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// As a healthy platform.
    Ok,
    /// Status, headers, body.
    Answer(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// As a healthy platform, after a while.
    Late(Duration),
    /// Reads everything and breaks the connection.
    Reset,
    /// Reads everything and never answers.
    Hang,
}

impl Reply {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::Answer(status, vec![("content-type", "application/json".into())], body.to_string().into())
    }
}

/// One request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Seen {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// True for a message on its way to a customer.
    pub(crate) fn is_send(&self) -> bool {
        self.method == "POST"
            && ["/messages", "/sendMessage", "/Messages.json"].iter().any(|end| self.path.ends_with(end))
    }

    /// The text of a message to a customer, whatever the platform.
    pub(crate) fn text(&self) -> String {
        let body = self.json();
        let places = [
            &body["text"]["body"],
            &body["interactive"]["body"]["text"],
            &body["message"]["text"],
            &body["text"],
        ];
        places.iter().find_map(|value| value.as_str()).map_or_else(
            || {
                let form = reqwest::Url::parse(&format!("http://x/?{}", String::from_utf8_lossy(&self.body)));
                let form = form.expect("a form");
                let found = form.query_pairs().find(|(name, _)| name == "Body");
                found.map(|(_, value)| value.into_owned()).unwrap_or_default()
            },
            str::to_owned,
        )
    }
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

struct Inner {
    script: Mutex<Arc<Script>>,
    seen: Mutex<Vec<Seen>>,
    made: AtomicU64,
    /// Updates that wait for the next poll.
    updates: Mutex<Vec<Value>>,
}

/// The provider. It ends with the test's runtime.
#[derive(Clone)]
pub(crate) struct Fake {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

impl Fake {
    /// One that answers as a healthy platform.
    pub(crate) async fn healthy() -> Self {
        Self::start(|_, _| Reply::Ok).await
    }

    /// One that asks the script what to do: the request, and how many times a send with its text came before.
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    pub(crate) async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let script: Arc<Script> = Arc::new(script);
        let inner = Arc::new(Inner {
            script: Mutex::new(script),
            seen: Mutex::default(),
            made: AtomicU64::new(1),
            updates: Mutex::default(),
        });
        let fake = Self { url, inner };
        let serving = fake.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let fake = serving.clone();
                tokio::spawn(async move { fake.serve(stream).await });
            }
        });
        fake
    }

    /// From now on another script.
    pub(crate) fn then(&self, script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) {
        *self.inner.script.lock().expect("lock") = Arc::new(script);
    }

    /// Everything that came.
    pub(crate) fn all(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("lock").clone()
    }

    /// Messages to customers, in order of arrival.
    pub(crate) fn sends(&self) -> Vec<Seen> {
        self.all().into_iter().filter(Seen::is_send).collect()
    }

    /// Texts of messages to customers, in order of arrival.
    pub(crate) fn texts(&self) -> Vec<String> {
        self.sends().iter().map(Seen::text).collect()
    }

    /// Waits for so many messages to customers.
    pub(crate) async fn wait(&self, count: usize) -> Vec<Seen> {
        until(&format!("{count} sends"), || async { Some(self.sends()).filter(|sends| sends.len() >= count) })
            .await
    }

    /// Updates that the next poll of Telegram's gets.
    pub(crate) fn offer(&self, updates: &[Value]) {
        self.inner.updates.lock().expect("lock").extend_from_slice(updates);
    }

    /// Updates from an offset on; waits a little for them, as a long poll does.
    async fn updates(&self, offset: i64) -> Vec<Value> {
        for _ in 0..50 {
            let mut waiting = self.inner.updates.lock().expect("lock").clone();
            waiting.retain(|update| update["update_id"].as_i64().is_some_and(|id| id >= offset));
            if !waiting.is_empty() {
                return waiting;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Vec::new()
    }

    async fn serve(self, mut stream: TcpStream) {
        let mut kept = Vec::new();
        while let Some(seen) = read(&mut stream, &mut kept).await {
            let before = self.remember(&seen);
            let script = Arc::clone(&self.inner.script.lock().expect("lock"));
            let reply = if seen.path.ends_with("/getUpdates") { Reply::Ok } else { script(&seen, before) };
            let (status, headers, body) = match reply {
                Reply::Answer(status, headers, body) => (status, headers, body),
                Reply::Ok => self.healthy_answer(&seen).await,
                Reply::Late(wait) => {
                    tokio::time::sleep(wait).await;
                    self.healthy_answer(&seen).await
                }
                Reply::Reset => {
                    let _ = stream.set_zero_linger();
                    return;
                }
                Reply::Hang => return std::future::pending().await,
            };
            let mut head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n", body.len());
            for (name, value) in headers {
                head.push_str(&format!("{name}: {value}\r\n"));
            }
            head.push_str("\r\n");
            let bytes = [head.as_bytes(), &body].concat();
            if stream.write_all(&bytes).await.is_err() {
                return;
            }
        }
    }

    /// Writes it down; how many sends of equal text came before.
    fn remember(&self, seen: &Seen) -> usize {
        let mut all = self.inner.seen.lock().expect("lock");
        let before = if seen.is_send() {
            let text = seen.text();
            all.iter().filter(|old| old.is_send() && old.text() == text).count()
        } else {
            all.iter().filter(|old| old.path == seen.path).count()
        };
        all.push(seen.clone());
        before
    }

    async fn healthy_answer(&self, seen: &Seen) -> (u16, Vec<(&'static str, String)>, Vec<u8>) {
        let number = self.inner.made.fetch_add(1, Ordering::Relaxed);
        let body = seen.json();
        let answer = if seen.path.ends_with("/Messages.json") {
            json!({ "sid": format!("SM{number:032}"), "status": "queued" })
        } else if seen.path.ends_with("/sendMessage") {
            json!({ "ok": true, "result": { "message_id": 9000 + number, "date": 1, "chat": { "id": 1 } } })
        } else if seen.path.ends_with("/getUpdates") {
            json!({ "ok": true, "result": self.updates(body["offset"].as_i64().unwrap_or(0)).await })
        } else if seen.path.contains("/bot") {
            json!({ "ok": true, "result": true })
        } else if body.get("messaging_product").is_some() {
            json!({ "messaging_product": "whatsapp", "messages": [{ "id": format!("wamid.OUT{number}") }] })
        } else {
            json!({ "recipient_id": body["recipient"]["id"], "message_id": format!("mid.OUT{number}") })
        };
        (200, vec![("content-type", "application/json".into())], answer.to_string().into())
    }
}

/// One request of HTTP/1.1 with a length, as the hub sends them.
async fn read(stream: &mut TcpStream, kept: &mut Vec<u8>) -> Option<Seen> {
    let head = loop {
        if let Some(at) = kept.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        more(stream, kept).await?;
    };
    let text = String::from_utf8_lossy(&kept[..head]).into_owned();
    let mut lines = text.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers.get("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    while kept.len() < head + 4 + length {
        more(stream, kept).await?;
    }
    let body = kept[head + 4..head + 4 + length].to_vec();
    kept.drain(..head + 4 + length);
    Some(Seen { at: Instant::now(), method, path, headers, body })
}

async fn more(stream: &mut TcpStream, kept: &mut Vec<u8>) -> Option<()> {
    let mut some = [0; 8192];
    let count = stream.read(&mut some).await.ok().filter(|&count| count > 0)?;
    kept.extend_from_slice(&some[..count]);
    Some(())
}
