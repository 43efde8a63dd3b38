//! The widget listens here (SSE). Lines come by the time they became visible; a reader that comes back says the
//! last it saw and gets what followed. Each connection remembers what it has given, so nothing comes twice.

use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use everthread_core::state::State as MessageState;
use everthread_store::read::chat::Standing;
use futures_util::stream;
use serde::Deserialize;

use super::{Chat, Line, Refused, allow_origin, proof};

/// Looked back behind the cursor: a commit may become visible a little after a later one.
const OVERLAP_MICROS: i64 = 10_000_000;

/// Lines read at a time.
const LINES_MAX: u32 = 200;

/// Looks again without having been told, for changes by another process.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// Comments that keep proxies from closing the connection.
const COMMENT: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub(super) struct From {
    token: String,
    #[serde(default)]
    after: i64,
}

pub(super) async fn events(
    State(chat): State<Chat>,
    Path(key): Path<String>,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let account = chat.account(&key)?;
    let visitor = Chat::visitor(&account, &from.token)?;
    let resumed = headers.get("last-event-id").and_then(|v| v.to_str().ok()?.parse::<i64>().ok());
    let listener = Listener {
        cursor: resumed.unwrap_or(from.after),
        standing: None,
        given: HashMap::new(),
        waiting: Vec::new(),
        changed: chat.changed.clone(),
        chat,
        account: std::sync::Arc::clone(&account),
        visitor,
    };
    let events = stream::unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(event), listener))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT)).into_response();
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    if allow_origin(&account, headers.get(header::ORIGIN), &mut response) {
        Ok(response)
    } else {
        Err(super::FOREIGN)
    }
}

struct Listener {
    chat: Chat,
    account: std::sync::Arc<crate::registry::Account>,
    visitor: String,
    /// Lines up to here were given to the reader, now or before.
    cursor: i64,
    /// Who the reader was when it was last told, or began.
    standing: Option<Standing>,
    /// What this connection gave, by message, with the state it then had.
    given: HashMap<String, MessageState>,
    waiting: Vec<Event>,
    changed: tokio::sync::watch::Receiver<u64>,
}

impl Listener {
    /// The next event; `None` when the hub stops.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop() {
                return Some(event);
            }
            self.changed.mark_unchanged();
            self.look().await;
            if self.waiting.is_empty() {
                let told = tokio::time::timeout(LOOK_AGAIN, self.changed.changed()).await;
                if matches!(told, Ok(Err(_))) {
                    return None;
                }
            }
        }
    }

    /// Reads the thread and queues what the reader has not seen, oldest first.
    async fn look(&mut self) {
        let first = self.given.is_empty();
        let after = if first { self.cursor } else { self.cursor - OVERLAP_MICROS };
        let Ok(view) = self.chat.view(&self.account, &self.visitor, after.max(0), LINES_MAX).await else {
            return;
        };
        let mut fresh = Vec::new();
        if let Some(before) = self.standing.replace(view.standing)
            && before != view.standing
        {
            // The reader sees more now, or less: it opens its session anew.
            let data = serde_json::json!({ "state": proof::word(view.standing) });
            fresh.extend(Event::default().event("proof").json_data(data).ok());
        }
        for line in &view.lines {
            match self.given.insert(line.id.clone(), line.state) {
                None => {
                    let event = Event::default().event("message").id(line.visible_at.micros().to_string());
                    fresh.extend(event.json_data(Line::from(line)).ok());
                }
                Some(old) if old != line.state => {
                    let data = serde_json::json!({ "id": line.id, "state": line.state.as_str() });
                    fresh.extend(Event::default().event("receipt").json_data(data).ok());
                }
                Some(_) => {}
            }
            self.cursor = self.cursor.max(line.visible_at.micros());
        }
        fresh.reverse();
        self.waiting = fresh;
    }
}
