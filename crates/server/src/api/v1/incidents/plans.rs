//! `GET /incidents/{id}/plans`: who was carried where, who is held, what is suggested, and why.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IncidentId, PlanId};
use everthread_core::routing::{Plan, decision_sentence, verdict_sentence};
use everthread_core::time::Timestamp;
use everthread_store::read::continuity::{IncidentPlans, PlanRow};
use everthread_store::read::lookup::Find;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::find;
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::{Params, field_uid, uid};
use crate::api::model::{id as show, time};
use crate::api::state::ApiState;
use crate::continuity::Words;
use crate::registry::Registry;

/// Plans in one answer.
const LIMIT: u32 = 200;

/// Which.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// `suggested` (default), `held`, `done`
    pub state: Option<String>,
    /// `plan_...`: only later ones, for the next page; a page has 200.
    pub after: Option<String>,
}

/// A recorded decision in words.
#[derive(Debug, Serialize, ToSchema)]
pub struct PlanView {
    /// `plan_...`
    pub id: String,
    /// `conv_...`
    pub conversation: String,
    pub contact: Option<String>,
    /// `held`, `suggested`, `done`, `overtaken`
    pub state: String,
    /// Where it goes; none where it waits.
    pub channel: Option<String>,
    pub decision: String,
    /// One sentence for every way, the best first.
    pub ways: Vec<String>,
    pub incident: Option<i64>,
    /// Who approved or chose it.
    pub by: Option<String>,
    pub at: String,
}

/// A row in words.
pub(in crate::api::v1) fn plan_view(row: PlanRow, registry: &Registry, now: Timestamp) -> Option<PlanView> {
    let plan: Plan = serde_json::from_str(&row.body).ok()?;
    let words = Words(registry);
    Some(PlanView {
        id: show(PlanId::PREFIX, row.uid),
        conversation: show(ConversationId::PREFIX, row.conversation_uid),
        contact: row.contact_name,
        state: row.state,
        channel: row.channel,
        decision: decision_sentence(&plan.decision),
        ways: plan.verdicts.iter().map(|verdict| verdict_sentence(verdict, &words, now)).collect(),
        incident: row.incident_number,
        by: row.user_name,
        at: time(row.at),
    })
}

/// Plans of one incident, oldest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/plans", tag = "continuity",
    params(("id" = String, Path, description = "`inc_...`"), Which), responses((status = 200, body = Vec<PlanView>)))]
pub async fn list_incident_plans(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(which): Params<Which>,
) -> Result<Json<Vec<PlanView>>, ApiError> {
    let registry = state.hub.registry();
    let incident = uid(IncidentId::PREFIX, "incident", &id)?;
    let row = find((&state.store, &registry), caller.workspace, incident).await?;
    let after = match which.after {
        Some(id) => {
            let last: PlanId = state
                .store
                .read(Find::new(caller.workspace, field_uid(PlanId::PREFIX, "after", &id)?))
                .await?;
            Some(last)
        }
        None => None,
    };
    let unit = IncidentPlans {
        workspace: caller.workspace,
        incident: row.id,
        state: which.state.unwrap_or_else(|| "suggested".to_owned()),
        after,
        limit: LIMIT,
    };
    let rows = state.store.read(unit).await?;
    Ok(Json(rows.into_iter().filter_map(|row| plan_view(row, &registry, state.now())).collect()))
}
