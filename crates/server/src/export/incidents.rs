//! Rows of incidents, as the API shows them.

use everthread_core::ids::WorkspaceId;

use super::Source;
use super::cells::Row;
use crate::api::v1::incidents::{IncidentView, reaching, view};

pub(super) const COLUMNS: &[&str] = &[
    "id",
    "number",
    "what",
    "sure",
    "direction",
    "phase",
    "scope",
    "avoided",
    "declared",
    "simulated",
    "since",
    "confirmed_at",
    "recovering_at",
    "closed_at",
];

/// Every incident that reaches the workspace, oldest first. Few: a bad year has hundreds.
pub(super) async fn all(from: &Source, workspace: WorkspaceId) -> Result<Vec<Row>, everthread_store::Error> {
    let (store, registry) = (&from.store, &*from.registry);
    let rows = reaching((store, registry), workspace, (false, None, usize::MAX)).await?;
    let row = |incident: IncidentView| {
        let mut fields = serde_json::to_value(incident)?;
        Ok(Row(COLUMNS.iter().map(|name| fields[name].take()).collect()))
    };
    rows.iter().rev().filter_map(|row| view(row, registry, workspace)).map(row).collect()
}
