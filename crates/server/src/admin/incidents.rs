//! `everthread health` and `everthread incident`: what is down, for whom, how sure, and what we do.

use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_store::read::continuity::IncidentRow;
use serde_json::json;

use super::execute::{Sink, print, write};
use super::{Admin, Failure};
use crate::api::v1::continuity::health::{HealthView, views};
use crate::api::v1::incidents::declare::Declaration;
use crate::api::v1::incidents::{declare, dismiss, find, reaching, show, view};
use crate::continuity::{Command, Snapshot};

/// Incidents listed, and looked through for a number: years of them.
const LIMIT: usize = 1_000;

/// How every account's channel does: a table, or with `json` one object per line.
pub(super) async fn health(
    admin: &Admin,
    workspace: WorkspaceId,
    as_json: bool,
    sink: &Sink,
) -> Result<(), Failure> {
    let registry = admin.hub.registry().borrow().clone();
    let views = views(&registry, &known(admin), workspace);
    if as_json {
        for view in &views {
            let line = serde_json::to_string(view).map_err(Failure::from_display)?;
            write(sink, format!("{line}\n")).await?;
        }
        return Ok(());
    }
    if admin.continuity.is_none() {
        write(sink, "The hub does not run: nothing is watched now.\n".to_owned()).await?;
    }
    for view in &views {
        write(sink, row(view)).await?;
    }
    Ok(())
}

/// One account in a line of the table.
fn row(view: &HealthView) -> String {
    let state = match (view.gate.as_str(), &view.stopped) {
        (_, Some(why)) => format!("stopped: {why}"),
        ("hold", _) => "in question: messages are held".to_owned(),
        ("carry", _) => "down: messages are carried or held".to_owned(),
        ("ramp", _) => "recovering: what waits goes out slowly".to_owned(),
        _ => "sends".to_owned(),
    };
    let incident = view.incident.map_or_else(String::new, |number| format!(" (incident {number})"));
    let bad: Vec<&str> =
        view.probes.iter().filter(|(_, probe)| !probe.ok).map(|(level, _)| level.as_str()).collect();
    let probes = match (view.probes.is_empty(), bad.is_empty()) {
        (true, _) => "not probed yet".to_owned(),
        (false, true) => "probes succeed".to_owned(),
        (false, false) => format!("probes fail: {}", bad.join(", ")),
    };
    let simulated = if view.simulated { " (simulated)" } else { "" };
    format!("{:<10} {}{simulated}: {state}{incident}; {probes}\n", view.channel, view.name)
}

/// What is or was down, newest first.
pub(super) async fn list(
    admin: &Admin,
    workspace: WorkspaceId,
    open_only: bool,
    sink: &Sink,
) -> Result<(), Failure> {
    let registry = admin.hub.registry().borrow().clone();
    let shown: Vec<_> = rows(admin, workspace, open_only)
        .await?
        .iter()
        .filter_map(|row| view(row, &registry, workspace))
        .collect();
    print(sink, &json!(shown)).await
}

/// One with its evidence and timeline.
pub(super) async fn show(
    admin: &Admin,
    workspace: WorkspaceId,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let uid = named(admin, workspace, id).await?;
    let registry = admin.hub.registry().borrow().clone();
    let detail = show::detail((&admin.store, &registry, &known(admin)), workspace, uid).await;
    print(sink, &json!(detail.map_err(Failure::from_display)?)).await
}

/// A person says that something is down.
pub(super) async fn declare(
    admin: &Admin,
    workspace: WorkspaceId,
    mut declaration: Declaration,
    sink: &Sink,
) -> Result<(), Failure> {
    let registry = admin.hub.registry().borrow().clone();
    if let Some(named) = &declaration.account {
        let account = admin.find_account(workspace, named)?;
        declaration.account = Some(account.uid.show(everthread_core::ids::AccountId::PREFIX));
    }
    let command = declare::command(&registry, workspace, &declaration).map_err(Failure::from_display)?;
    ask(admin, command).await?;
    print(sink, &json!({ "declared": true, "next_steps": ["`everthread incident list --open` shows it; it holds until `everthread incident dismiss`."] })).await
}

/// A person says that it is over, or never was.
pub(super) async fn dismiss(
    admin: &Admin,
    workspace: WorkspaceId,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let uid = named(admin, workspace, id).await?;
    let registry = admin.hub.registry().borrow().clone();
    let row = find((&admin.store, &registry), workspace, uid).await.map_err(Failure::from_display)?;
    let command = dismiss::command(&row, &registry, workspace).map_err(Failure::from_display)?;
    ask(admin, command).await?;
    print(sink, &json!({ "dismissed": uid.show(IncidentId::PREFIX) })).await
}

async fn ask(admin: &Admin, command: Command) -> Result<(), Failure> {
    let running = admin.continuity.as_ref().ok_or_else(|| {
        Failure("the hub does not run, so nothing is watched; start it with `everthread serve` first".into())
    })?;
    running.ask(command).await.map(|_| ()).map_err(Failure)
}

fn known(admin: &Admin) -> std::sync::Arc<Snapshot> {
    admin.continuity.as_ref().map(crate::continuity::Continuity::snapshot).unwrap_or_default()
}

async fn rows(admin: &Admin, workspace: WorkspaceId, open_only: bool) -> Result<Vec<IncidentRow>, Failure> {
    let registry = admin.hub.registry().borrow().clone();
    let all = reaching((&admin.store, &registry), workspace, (open_only, None, LIMIT)).await;
    all.map_err(Failure::from_display)
}

/// The incident of this id or number.
async fn named(admin: &Admin, workspace: WorkspaceId, id: &str) -> Result<Uid, Failure> {
    if let Some(uid) = Uid::read(IncidentId::PREFIX, id) {
        return Ok(uid);
    }
    let found = rows(admin, workspace, false).await?.into_iter().find(|row| row.number.to_string() == id);
    found.map(|row| row.uid).ok_or_else(|| {
        Failure(format!("there is no incident {id:?} here; `everthread incident list` shows them"))
    })
}
