//! `GET /conversations/{id}/messages`: one thread, page by page.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ConversationId;
use everthread_store::read::thread::ThreadPage;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::{Params, uid};
use crate::api::model::message;
use crate::api::model::message::Message;
use crate::api::state::ApiState;

/// Messages of a page when nobody says how many, and at most.
const LIMIT: (u32, u32) = (50, 200);

/// Which messages.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Range {
    /// Only messages with a smaller number; leave out for the newest.
    pub before_seq: Option<i64>,
    /// 1 to 200 (50).
    pub limit: Option<u32>,
}

/// Part of a thread.
#[derive(Debug, Serialize, ToSchema)]
pub struct Thread {
    /// Ascending by `seq`.
    pub items: Vec<Message>,
    /// There are older ones: ask with `before_seq` of the first.
    pub has_more: bool,
}

/// Messages of one conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/messages", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`"), Range), responses((status = 200, body = Thread)))]
pub async fn list_messages(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(range): Params<Range>,
) -> Result<Json<Thread>, ApiError> {
    let unit = ThreadPage {
        workspace: caller.workspace,
        conversation: uid(ConversationId::PREFIX, "conversation", &id)?,
        before_seq: range.before_seq,
        limit: range.limit.unwrap_or(LIMIT.0).clamp(1, LIMIT.1),
    };
    let found = state.store.read(unit).await?;
    let (items, has_more) = found.ok_or(ApiError::NotFound { what: "conversation" })?;
    Ok(Json(Thread { items: items.into_iter().map(message).collect(), has_more }))
}
