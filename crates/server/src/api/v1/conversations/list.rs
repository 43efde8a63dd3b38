//! `GET /conversations`: a page of the inbox.

use axum::Json;
use axum::extract::State;
use everthread_core::state::Status;
use everthread_store::read::inbox::{InboxPage, View};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::auth::Caller;
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::conversation::ConversationRow;
use crate::api::state::ApiState;

/// Which conversations.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// `open` (default), `mine`, `unassigned`, `pending`, `snoozed`, `resolved` or `all`.
    pub view: Option<String>,
    /// Only this channel.
    pub channel: Option<String>,
    /// Only with this label.
    pub label: Option<String>,
    /// Only whose contact's name begins with this, or that hold messages with all of its words (the newest hits). Words of
    /// one or two letters are looked for in the newest 1,000 messages only.
    pub q: Option<String>,
}

/// A page of the inbox, newest first.
#[utoipa::path(get, path = "/api/v1/conversations", tag = "conversations", params(Filter, PageQuery),
    responses((status = 200, body = Page<ConversationRow>)))]
pub async fn list_conversations(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<ConversationRow>>, ApiError> {
    let given = |text: Option<String>| text.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty());
    let Some(view) = view(filter.view.as_deref(), &caller)? else {
        return Ok(Json(Page { items: Vec::new(), next_cursor: None }));
    };
    let limit = page.limit();
    let unit = InboxPage {
        workspace: caller.workspace,
        view,
        channel: given(filter.channel),
        label: given(filter.label),
        q: given(filter.q),
        after: page.after()?,
        limit: limit + 1,
    };
    let rows = state.store.read(unit).await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.last_at.micros(), row.id.0), Into::into)))
}

/// The view of this name; none where nothing can be in it (an API key owns no conversation).
fn view(name: Option<&str>, caller: &Caller) -> Result<Option<View>, ApiError> {
    Ok(Some(match name.unwrap_or("open") {
        "" | "open" => View::Status(Status::Open),
        "pending" => View::Status(Status::Pending),
        "snoozed" => View::Status(Status::Snoozed),
        "resolved" => View::Status(Status::Resolved),
        "unassigned" => View::Unassigned,
        "all" => View::All,
        "mine" => match caller.user() {
            Some(user) => View::Mine(user),
            None => return Ok(None),
        },
        other => {
            let detail = format!("`{other}` is no view");
            return Err(ApiError::Invalid { field: "view", detail });
        }
    }))
}
