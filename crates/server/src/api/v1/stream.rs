//! `GET /stream`: what changes, as it changes (server-sent events).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::request::Parts;
use axum::response::sse::{Event, KeepAlive, Sse};
use everthread_core::ids::{
    AccountId, ContactId, ConversationId, IncidentId, LeadId, MessageId, ProblemId, WorkspaceId,
};
use everthread_store::read::changes::ChangeRow;
use futures_util::stream::{self, Stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::auth::{Caller, still_welcome};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::id;
use crate::api::state::ApiState;
use crate::realtime::{Error, Heard, Listener};

/// A comment goes out this often, so that proxies do not take the stream for dead.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

/// How often it is checked that the listener may still listen.
const RECHECK_EVERY: Duration = Duration::from_mins(1);

/// Pause after the store did not answer.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Where to go on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Since {
    /// As the header `Last-Event-ID`, for clients that can't set it on the first connection.
    pub last_event_id: Option<i64>,
}

/// `data` of an event `change`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Change {
    /// `conversation`, `message`, `contact`, `lead`, `account`, `problem`, `incident` or `continuity` (the policy).
    pub kind: String,
    /// Public id of what changed.
    pub id: String,
    /// The conversation it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversation_id: Option<String>,
}

/// Events `change` (with an `id` to resume from by `Last-Event-ID`) and `reset` (read everything again).
#[utoipa::path(get, path = "/api/v1/stream", tag = "stream", params(Since),
    responses((status = 200, body = Change, content_type = "text/event-stream")))]
pub async fn stream_changes(
    State(state): State<ApiState>,
    caller: Caller,
    parts: Parts,
    Params(since): Params<Since>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let header = parts.headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = header.and_then(|text| text.parse().ok()).or(since.last_event_id);
    let listener = state.realtime.listen(caller.workspace, after).await.map_err(|error| match error {
        Error::Full => ApiError::Unavailable("too many listen already"),
        Error::Store(error) => error.into(),
    })?;
    let checked = tokio::time::Instant::now();
    let ear = Ear { listener, state, parts, workspace: caller.workspace, checked };
    let events = stream::unfold(Some(ear), |ear| async move {
        let mut ear = ear?;
        let event = ear.next().await?;
        Some((Ok(event), Some(ear)))
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(COMMENT_EVERY)))
}

/// One open stream.
struct Ear {
    listener: Listener,
    state: ApiState,
    parts: Parts,
    workspace: WorkspaceId,
    checked: tokio::time::Instant,
}

impl Ear {
    /// The next event; none when the session is over, the person left the workspace or the key was revoked.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.checked.elapsed() >= RECHECK_EVERY {
                self.checked = tokio::time::Instant::now();
                if !still_welcome(&self.parts, &self.state, self.workspace).await {
                    return None;
                }
            }
            let left = RECHECK_EVERY.saturating_sub(self.checked.elapsed());
            match tokio::time::timeout(left, self.listener.next()).await {
                Ok(Ok(heard)) => return Some(event(heard)),
                Ok(Err(error)) => {
                    tracing::warn!(error = %error, "a stream could not read changes");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(_) => {}
            }
        }
    }
}

fn event(heard: Heard) -> Event {
    match heard {
        Heard::Reset(number) => Event::default().id(number.to_string()).event("reset").data("{}"),
        Heard::Change(row) => {
            let data = serde_json::to_string(&change(&row)).unwrap_or_default();
            Event::default().id(row.number.to_string()).event("change").data(data)
        }
    }
}

fn change(row: &ChangeRow) -> Change {
    let prefix = match row.kind.as_str() {
        "conversation" => ConversationId::PREFIX,
        "message" => MessageId::PREFIX,
        "contact" => ContactId::PREFIX,
        "lead" => LeadId::PREFIX,
        "account" => AccountId::PREFIX,
        "problem" => ProblemId::PREFIX,
        "incident" => IncidentId::PREFIX,
        other => other,
    };
    Change {
        kind: row.kind.clone(),
        id: id(prefix, row.uid),
        conversation_id: row.conversation_uid.map(|uid| id(ConversationId::PREFIX, uid)),
    }
}
