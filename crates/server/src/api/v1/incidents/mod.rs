//! Incidents: what is down, for whom, how sure, and what we do.

pub mod approve;
pub mod declare;
pub mod dismiss;
mod history;
pub mod list;
pub mod plans;
pub mod show;

use everthread_core::health::{Attribution, Incident, SHARE_TOLD, Scope, sure, what};
use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_core::routing::Names;
use everthread_store::read::continuity::{IncidentByUid, IncidentRow, Incidents};
use everthread_store::{Error as StoreError, Store};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::error::ApiError;
use crate::api::model::{id, time, time_opt};
use crate::continuity::Words;
use crate::registry::Registry;

/// What accounts of other workspaces are called: workspaces are walls.
const OTHERS: &str = "another account of this hub";

/// Rows read at a time.
const PAGE: u32 = 500;

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
pub(crate) fn view(row: &IncidentRow, registry: &Registry, workspace: WorkspaceId) -> Option<IncidentView> {
    let incident: Incident = serde_json::from_str(&row.body).ok()?;
    let words = |scope: &Scope| match scope {
        Scope::Account(id) if registry.account(*id).is_none_or(|a| a.workspace != workspace) => {
            OTHERS.to_owned()
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
        simulated: row.is_simulated(),
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

/// Whether all accounts in a scope are of this workspace: only then may its people say what holds for all of it.
pub(crate) fn owns(scope: &Scope, simulated: bool, registry: &Registry, workspace: WorkspaceId) -> bool {
    registry
        .accounts()
        .filter(|a| a.sandbox == simulated && scope.holds(&a.member()))
        .all(|a| a.workspace == workspace)
}

/// Whether an incident reaches an account of this workspace.
pub(crate) fn reaches(row: &IncidentRow, registry: &Registry, workspace: WorkspaceId) -> bool {
    let Some(scope) = Scope::parse(&row.scope_kind, &row.scope_id) else { return false };
    registry
        .accounts()
        .filter(|a| a.workspace == workspace && a.sandbox == row.is_simulated())
        .any(|a| scope.holds(&a.member()))
}

/// The incident that a caller names, where it reaches their workspace.
pub(crate) async fn find(
    (store, registry): (&Store, &Registry),
    workspace: WorkspaceId,
    uid: Uid,
) -> Result<IncidentRow, ApiError> {
    let row = store.read(IncidentByUid { uid }).await?;
    row.filter(|row| reaches(row, registry, workspace)).ok_or(ApiError::NotFound { what: "incident" })
}

/// Incidents that reach a workspace, newest first: below `before`, at most `limit`.
pub(crate) async fn reaching(
    (store, registry): (&Store, &Registry),
    workspace: WorkspaceId,
    (open_only, mut before, limit): (bool, Option<i64>, usize),
) -> Result<Vec<IncidentRow>, StoreError> {
    let mut out = Vec::new();
    loop {
        let rows = store.read(Incidents { open_only, before, limit: PAGE }).await?;
        let more = rows.len() == PAGE as usize;
        before = rows.last().map(|row| row.number);
        out.extend(rows.into_iter().filter(|row| reaches(row, registry, workspace)));
        if !more || out.len() >= limit {
            out.truncate(limit);
            return Ok(out);
        }
    }
}
