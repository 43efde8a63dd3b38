//! `everthread workspace retention`.

use everthread_store::units::Audit;
use serde_json::json;

use super::execute::{Sink, print};
use super::{Admin, Failure, Keep};
use crate::clock;
use crate::retention::{COUNTED_MAX, check, count, set};

/// Shows how long closed conversations are kept (`wanted` `None`), or sets it. An age
/// removes what can't be had back, so without `yes` it is only said what would go.
pub(super) async fn run(
    admin: &Admin,
    name: &str,
    wanted: Option<Keep>,
    yes: bool,
    sink: &Sink,
) -> Result<(), Failure> {
    let workspace = admin.workspace(Some(name))?;
    let Some(wanted) = wanted else {
        return print(
            sink,
            &json!({ "workspace": workspace.name, "retention_days": workspace.retention_days }),
        )
        .await;
    };
    let days = match wanted {
        Keep::Forever => None,
        Keep::Days(days) => Some(days),
    };
    if let Some(days) = days {
        check(days).map_err(Failure::from_display)?;
        let old = count(&admin.store, workspace.id, clock::now(), days).await;
        let old = old.map_err(Failure::from_display)?;
        if !yes {
            let more = if old >= u64::from(COUNTED_MAX) { " or more" } else { "" };
            return Err(Failure(format!(
                "this removes every conversation of {:?} that is resolved and in which nothing happened for {days} days, \
                 with its messages and files, for good: {old}{more} now, others as they come of age. Say so with --yes",
                workspace.name
            )));
        }
    }
    set(&admin.hub, &admin.store, workspace.id, days).await.map_err(Failure::from_display)?;
    let line = Audit {
        now: clock::now(),
        seed: clock::seed(),
        workspace: Some(workspace.id),
        user: None,
        action: "retention.update".to_owned(),
        object: "workspace".to_owned(),
        detail: json!({ "days": days }).to_string(),
    };
    admin.store.write(line).await.map_err(Failure::from_display)?;
    print(sink, &json!({ "workspace": workspace.name, "retention_days": days })).await
}
