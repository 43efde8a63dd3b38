//! `GET /incidents/{id}/plans`: who was carried where, who is held, what is suggested, and why.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{AccountId, ConversationId, IncidentId, PlanId};
use everthread_core::routing::{Plan, Why, decision_sentence, verdict_sentence};
use everthread_core::time::Timestamp;
use everthread_store::read::continuity::{IncidentPlans, PlanRow};
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
    /// Only behind this plan, `plan_...`, for the next page.
    pub after: Option<String>,
}

/// A way that a person may choose: `POST /conversations/{id}/route`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Choice {
    /// Its place in `ways`, from 0.
    pub way: usize,
    pub channel: String,
    /// `acct_...`
    pub account_id: String,
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
    /// Which of `ways` it goes, from 0; none where it waits.
    pub chosen: Option<usize>,
    /// Those of `ways` that a person may choose all the same.
    pub choices: Vec<Choice>,
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
        chosen: plan.verdicts.iter().position(|verdict| verdict.chosen),
        choices: choices(&plan, registry),
        incident: row.incident_number,
        by: row.user_name,
        at: time(row.at),
    })
}

/// What speaks against these ways is our policy or a fault, not the customer's will or the platform's rules.
fn choices(plan: &Plan, registry: &Registry) -> Vec<Choice> {
    let open = plan.verdicts.iter().enumerate().filter(|(_, verdict)| {
        matches!(
            verdict.why,
            Some(
                Why::Second
                    | Why::Excluded
                    | Why::Unproven { .. }
                    | Why::TooDear { .. }
                    | Why::SameFault { .. }
            )
        )
    });
    open.filter_map(|(way, verdict)| {
        let account = registry.account(verdict.account)?;
        let account_id = show(AccountId::PREFIX, account.uid);
        Some(Choice { way, channel: verdict.channel.clone(), account_id })
    })
    .collect()
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
    let unit = IncidentPlans {
        workspace: caller.workspace,
        incident: row.id,
        state: which.state.unwrap_or_else(|| "suggested".to_owned()),
        after: which.after.map(|text| field_uid(PlanId::PREFIX, "after", &text)).transpose()?,
        limit: LIMIT,
    };
    let rows = state.store.read(unit).await?;
    Ok(Json(rows.into_iter().filter_map(|row| plan_view(row, &registry, state.now())).collect()))
}
