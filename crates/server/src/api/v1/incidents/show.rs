//! `GET /incidents/{id}`: one incident with its evidence, timeline and counts.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::health::Incident;
use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_core::routing::{HoldWhy, hold_sentence};
use everthread_store::Store;
use everthread_store::read::continuity::{IncidentGroups, IncidentStory, PlanGroup};
use serde::Serialize;
use utoipa::ToSchema;

use super::history::{self, Gap, ReadBack};
use super::{IncidentView, OTHERS, find, view};
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::time;
use crate::api::state::ApiState;
use crate::continuity::Snapshot;
use crate::registry::Registry;

/// One kind of sign on one of our accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Evidence {
    /// The account's name; other workspaces' accounts are "another account of this hub".
    pub account: String,
    /// `send`, `canary`, `token`, `messaging`, `edge`, `receipt`, `history`, `network`
    pub signal: String,
    pub bad: u64,
    pub good: u64,
    /// The provider's last words.
    pub detail: String,
}

/// One line of the timeline.
#[derive(Debug, Serialize, ToSchema)]
pub struct TimelineLine {
    pub at: String,
    pub kind: String,
    pub text: String,
}

/// What it meant for this workspace.
#[derive(Debug, Serialize, ToSchema)]
pub struct Counts {
    /// Conversations that were carried.
    pub carried: i64,
    /// Of those, not back yet.
    pub away: i64,
    /// Moves that wait for a person's word.
    pub suggested: i64,
    /// Conversations whose plan is to wait.
    pub held: i64,
    /// Messages that wait.
    pub messages: i64,
}

/// Conversations for which the same was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    /// `held`, `suggested`, `done`, `returned`
    pub state: String,
    /// Where they go; none where they wait.
    pub channel: Option<String>,
    /// Why they wait, as a sentence.
    pub why: Option<String>,
    pub count: i64,
}

/// All of one incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentDetail {
    #[serde(flatten)]
    pub incident: IncidentView,
    pub evidence: Vec<Evidence>,
    pub timeline: Vec<TimelineLine>,
    pub counts: Counts,
    /// What was decided, the most frequent first.
    pub groups: Vec<Group>,
    /// What was read back from the platforms afterwards, by account.
    pub history: Vec<ReadBack>,
    /// Where messages of customers may be missing for good, by account.
    pub gaps: Vec<Gap>,
}

/// One incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "continuity",
    params(("id" = String, Path, description = "`inc_...`")), responses((status = 200, body = IncidentDetail)))]
pub async fn show_incident(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<IncidentDetail>, ApiError> {
    let (registry, known) = (state.hub.registry(), state.hub.continuity().snapshot());
    let incident = uid(IncidentId::PREFIX, "incident", &id)?;
    detail((&state.store, &registry, &known), caller.workspace, incident).await.map(Json)
}

/// All of one incident, as one workspace may see it.
pub(crate) async fn detail(
    (store, registry, known): (&Store, &Registry, &Snapshot),
    workspace: WorkspaceId,
    uid: Uid,
) -> Result<IncidentDetail, ApiError> {
    let row = find((store, registry), workspace, uid).await?;
    let shown = view(&row, registry, workspace).ok_or(ApiError::NotFound { what: "incident" })?;
    let groups = store.read(IncidentGroups { workspace, incident: row.id }).await?;
    let (history, gaps) = history::of((store, registry), workspace, row.id).await?;
    let (events, counts) = store.read(IncidentStory { workspace, incident: row.id }).await?;
    // While it is open, the evidence grows from minute to minute.
    let live = known.incidents.iter().find(|known| known.id == row.id).map(|known| known.incident.clone());
    let incident: Incident = match live {
        Some(live) => live,
        None => serde_json::from_str(&row.body).map_err(ApiError::internal)?,
    };
    let evidence = incident.evidence.iter().map(|line| {
        let own = registry.account(line.account).filter(|a| a.workspace == workspace);
        Evidence {
            account: own.map_or(OTHERS, |a| a.name.as_str()).to_owned(),
            signal: line.signal.as_str().to_owned(),
            bad: line.bad,
            good: line.good,
            // What a provider said about others' accounts is theirs.
            detail: own.map(|_| line.detail.clone()).unwrap_or_default(),
        }
    });
    Ok(IncidentDetail {
        incident: shown,
        evidence: evidence.collect(),
        timeline: events
            .into_iter()
            .map(|line| TimelineLine { at: time(line.at), kind: line.kind, text: line.text })
            .collect(),
        counts: Counts {
            carried: counts.carried,
            away: counts.away,
            suggested: counts.suggested,
            held: counts.held,
            messages: counts.messages,
        },
        groups: groups.into_iter().map(group).collect(),
        history,
        gaps,
    })
}

fn group(row: PlanGroup) -> Group {
    let why = row.why.and_then(|word| serde_json::from_value::<HoldWhy>(word.into()).ok());
    Group {
        state: row.state,
        channel: row.channel,
        why: why.map(|why| hold_sentence(why).to_owned()),
        count: row.count,
    }
}
