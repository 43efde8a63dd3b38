//! `GET /conversations/counts`: how many conversations each view holds.

use axum::Json;
use axum::extract::State;
use everthread_store::read::inbox::{COUNT_MAX, InboxCounts};

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::conversation::Counts;
use crate::api::state::ApiState;

/// How many conversations each view holds. 10000 stands for that many or more.
#[utoipa::path(get, path = "/api/v1/conversations/counts", tag = "conversations",
    responses((status = 200, body = Counts)))]
pub async fn count_conversations(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Counts>, ApiError> {
    let counts = state.store.read(InboxCounts { workspace: caller.workspace, user: caller.user() }).await?;
    let all = counts.open + counts.pending + counts.snoozed + counts.resolved;
    Ok(Json(Counts {
        open: counts.open,
        mine: counts.mine,
        unassigned: counts.unassigned,
        pending: counts.pending,
        snoozed: counts.snoozed,
        resolved: counts.resolved,
        all: all.min(COUNT_MAX),
    }))
}
