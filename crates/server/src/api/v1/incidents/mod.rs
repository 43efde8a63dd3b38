//! Incidents: what is down, for whom, how sure, and what we do.

pub mod approve;
pub mod declare;
pub mod dismiss;
pub mod list;
pub mod plans;
pub mod show;

use everthread_core::health::{Attribution, Incident, Member, SHARE_TOLD, Scope, sure, what};
use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_core::routing::Names;
use everthread_store::read::continuity::{IncidentRow, Incidents};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::model::{id, time, time_opt};
use crate::api::state::ApiState;
use crate::continuity::Words;
use crate::registry::{Account, Registry};

/// Incidents looked through for one that a caller names: years of them.
const LOOK: u32 = 1_000;

/// One explanation and how likely it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShareView {
    /// E.g. "Instagram", "our account @acme".
    pub what: String,
    /// 0 to 1.
    pub share: f64,
}

/// One incident.
#[derive(Debug, Serialize, ToSchema)]
pub struct IncidentView {
    /// `inc_...`
    pub id: String,
    /// What people call it.
    pub number: i64,
    /// E.g. "Instagram: sending fails (seen on one of our accounts only)".
    pub what: String,
    /// E.g. "71 % Instagram, 27 % our account @acme". Never confirmed by the platform.
    pub sure: String,
    /// The same as figures, likeliest first; explanations under 2 % are left out.
    pub shares: Vec<ShareView>,
    /// `send`, `auth`, `delivery`, `webhook`, `inbound`
    pub direction: String,
    /// `suspect`, `confirmed`, `recovering`, `closed`
    pub phase: String,
    /// `account`, `channel`, `company`, `network`
    pub scope: String,
    /// What routing keeps out of, in words.
    pub avoided: String,
    /// A person's word, not the evidence's.
    pub declared: bool,
    /// Of the sandbox's platforms.
    pub simulated: bool,
    pub since: String,
    pub confirmed_at: Option<String>,
    pub recovering_at: Option<String>,
    pub closed_at: Option<String>,
}

/// A row as it is shown. `None` where its body can't be read.
pub(super) fn view(row: &IncidentRow, registry: &Registry, workspace: WorkspaceId) -> Option<IncidentView> {
    let incident: Incident = serde_json::from_str(&row.body).ok()?;
    // Workspaces are walls: what others' accounts are called is theirs.
    let words = |scope: &Scope| match scope {
        Scope::Account(id) if registry.account(*id).is_none_or(|a| a.workspace != workspace) => {
            "another account of this hub".to_owned()
        }
        scope => Words(registry).scope(scope),
    };
    let avoided = Scope::parse(&row.attributed_kind, &row.attributed_id)?;
    Some(IncidentView {
        id: id(IncidentId::PREFIX, row.uid),
        number: row.number,
        what: what(&incident, words),
        sure: sure(&incident.attribution, words),
        shares: shares(&incident.attribution, words),
        direction: row.direction.clone(),
        phase: row.phase.clone(),
        scope: row.scope_kind.clone(),
        avoided: words(&avoided),
        declared: row.declared,
        simulated: row.detector == "sandbox",
        since: time(row.since),
        confirmed_at: time_opt(row.confirmed_at),
        recovering_at: time_opt(row.recovering_at),
        closed_at: time_opt(row.closed_at),
    })
}

fn shares(attribution: &Attribution, words: impl Fn(&Scope) -> String) -> Vec<ShareView> {
    let told = attribution.0.iter().filter(|likely| likely.share >= SHARE_TOLD);
    told.map(|likely| ShareView { what: words(&likely.scope), share: likely.share }).collect()
}

/// An account as health sees it.
pub(in crate::api::v1) fn member(account: &Account) -> Member {
    Member {
        account: account.id,
        channel: account.channel.spec().name.to_owned(),
        fate: account.channel.spec().fate.iter().map(|group| (*group).to_owned()).collect(),
    }
}

/// Whether all accounts in a scope are of this workspace: only then may its people say what holds for all of it.
pub(super) fn owns(scope: &Scope, simulated: bool, registry: &Registry, workspace: WorkspaceId) -> bool {
    registry
        .accounts()
        .filter(|a| a.sandbox == simulated && scope.holds(&member(a)))
        .all(|a| a.workspace == workspace)
}

/// Whether an incident reaches an account of this workspace.
pub(super) fn reaches(row: &IncidentRow, registry: &Registry, workspace: WorkspaceId) -> bool {
    let Some(scope) = Scope::parse(&row.scope_kind, &row.scope_id) else { return false };
    registry
        .accounts()
        .filter(|a| a.workspace == workspace && a.sandbox == (row.detector == "sandbox"))
        .any(|a| scope.holds(&member(a)))
}

/// The incident that a caller names, where it reaches their workspace.
pub(super) async fn find(
    state: &ApiState,
    workspace: WorkspaceId,
    uid: Uid,
) -> Result<IncidentRow, ApiError> {
    let registry = state.hub.registry();
    let rows = state.store.read(Incidents { open_only: false, before: None, limit: LOOK }).await?;
    rows.into_iter()
        .find(|row| row.uid == uid && reaches(row, &registry, workspace))
        .ok_or(ApiError::NotFound { what: "incident" })
}
