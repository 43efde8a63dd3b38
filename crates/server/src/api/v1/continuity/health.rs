//! `GET /continuity/health`: how each account's channel does.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use everthread_core::health::{Direction, Gate, Phase};
use everthread_core::ids::{AccountId, WorkspaceId};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::{id, time};
use crate::api::state::ApiState;
use crate::continuity::{Known, Snapshot};
use crate::registry::{Account, Registry};

/// The last probe of one level.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeView {
    pub at: String,
    pub ok: bool,
    /// The provider's words where it was not.
    pub detail: String,
}

/// One account.
#[derive(Debug, Serialize, ToSchema)]
pub struct HealthView {
    /// `acct_...`
    pub account: String,
    pub name: String,
    pub channel: String,
    pub simulated: bool,
    /// `open`, `hold`, `carry`, `ramp`
    pub gate: String,
    /// Number of the incident behind the gate.
    pub incident: Option<i64>,
    /// By direction (`send`, `auth`, `delivery`): `healthy`, `suspect`, `confirmed`, `recovering`, or `unknown` before anything was seen.
    pub directions: BTreeMap<String, String>,
    /// Numbers of the open incidents that reach it.
    pub incidents: Vec<i64>,
    /// Why it sends nothing until somebody acts.
    pub stopped: Option<String>,
    /// By level: `edge`, `token`, `messaging`. Empty until the first probe.
    pub probes: BTreeMap<String, ProbeView>,
}

/// Every account of the workspace.
#[utoipa::path(get, path = "/api/v1/continuity/health", tag = "continuity",
    responses((status = 200, body = Vec<HealthView>)))]
pub async fn show_health(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<Vec<HealthView>>, ApiError> {
    let (registry, known) = (state.hub.registry(), state.hub.continuity().snapshot());
    Ok(Json(views(&registry, &known, caller.workspace)))
}

/// Every account of a workspace, first made first.
pub(crate) fn views(registry: &Registry, known: &Snapshot, workspace: WorkspaceId) -> Vec<HealthView> {
    let mut accounts: Vec<_> = registry.accounts().filter(|a| a.workspace == workspace).collect();
    accounts.sort_by_key(|a| a.id);
    let view = |account: &Arc<Account>| {
        let gate = known.gates.get(&account.id).copied().unwrap_or(Gate::Open);
        let incident = gate.incident().and_then(|key| {
            known.incidents.iter().find(|i| i.sandbox == account.sandbox && i.incident.key == key)
        });
        let member = account.member();
        let mine: Vec<&Known> = known
            .incidents
            .iter()
            .filter(|i| i.sandbox == account.sandbox)
            .filter(|i| i.incident.scope().is_some_and(|scope| scope.holds(&member)))
            .collect();
        let probes = known.probes.get(&account.id).into_iter().flatten().map(|(level, probe)| {
            let shown = ProbeView { at: time(probe.at), ok: probe.ok, detail: probe.detail.clone() };
            ((*level).to_owned(), shown)
        });
        HealthView {
            account: id(AccountId::PREFIX, account.uid),
            name: account.name.clone(),
            channel: account.channel.spec().name.to_owned(),
            simulated: account.sandbox,
            gate: match gate {
                Gate::Open => "open",
                Gate::Hold(_) => "hold",
                Gate::Carry(_) => "carry",
                Gate::Ramp(..) => "ramp",
            }
            .to_owned(),
            incident: incident.map(|i| i.number),
            directions: directions(&mine, known.probes.contains_key(&account.id)),
            incidents: mine.iter().map(|known| known.number).collect(),
            stopped: account.stopped.clone(),
            probes: probes.collect(),
        }
    };
    accounts.into_iter().map(view).collect()
}

/// How each direction that is judged does: as its most advanced incident says, healthy where it was looked at and has none.
fn directions(incidents: &[&Known], seen: bool) -> BTreeMap<String, String> {
    let judged = Direction::ALL.into_iter().filter(|direction| direction.stops_sending());
    judged
        .map(|direction| {
            let of = incidents.iter().filter(|known| known.incident.direction == direction);
            let worst = of.map(|known| known.incident.phase).max();
            let word = worst.map_or(if seen { "healthy" } else { "unknown" }, Phase::as_str);
            (direction.as_str().to_owned(), word.to_owned())
        })
        .collect()
}
