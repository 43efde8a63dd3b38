//! `GET /conversations/{id}/plans`: where this conversation was sent, and why.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ConversationId;
use everthread_store::read::continuity::ConversationPlans;
use everthread_store::read::lookup::Find;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;
use crate::api::v1::incidents::plans::{PlanView, plan_view};

/// Decisions shown.
const LIMIT: u32 = 20;

/// The last plans of a conversation, newest first.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/plans", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Vec<PlanView>)))]
pub async fn list_plans(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<PlanView>>, ApiError> {
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let unit = ConversationPlans { workspace: caller.workspace, conversation, limit: LIMIT };
    let registry = state.hub.registry();
    let rows = state.store.read(unit).await?;
    Ok(Json(rows.into_iter().filter_map(|row| plan_view(row, &registry, state.now())).collect()))
}
