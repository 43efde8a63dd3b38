//! `everthread contact export|erase`.

use everthread_core::ids::{ContactId, Uid, WorkspaceId};
use everthread_store::read::lookup::Find;
use everthread_store::units::Audit;
use serde_json::json;

use super::execute::{Sink, print};
use super::{Admin, Failure};

async fn find(admin: &Admin, workspace: Option<&str>, id: &str) -> Result<(WorkspaceId, ContactId), Failure> {
    let workspace = admin.workspace(workspace)?.id;
    let unknown =
        || Failure(format!("there is no contact {id:?} here; `everthread export contacts` shows them"));
    let uid = Uid::read(ContactId::PREFIX, id).ok_or_else(unknown)?;
    match admin.store.read(Find::new(workspace, uid)).await {
        Ok(contact) => Ok((workspace, contact)),
        Err(everthread_store::Error::NotFound(_)) => Err(unknown()),
        Err(error) => Err(Failure::from_display(error)),
    }
}

/// Everything about one contact.
pub(super) async fn export(
    admin: &Admin,
    workspace: Option<&str>,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let (workspace, contact) = find(admin, workspace, id).await?;
    let all =
        crate::export::contact(&admin.store, workspace, contact).await.map_err(Failure::from_display)?;
    print(sink, &all).await
}

/// Erases one contact for good.
pub(super) async fn erase(
    admin: &Admin,
    workspace: Option<&str>,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let (workspace, contact) = find(admin, workspace, id).await?;
    let eraser = admin.eraser()?;
    let report = eraser.erase(workspace, contact).await?;
    let mut shown = report.json();
    admin.committed(report.after);
    let line = Audit {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        workspace: Some(workspace),
        user: None,
        action: "contact.erase".to_owned(),
        object: id.to_owned(),
        detail: "{}".to_owned(),
    };
    admin.store.write(line).await.map_err(Failure::from_display)?;
    let files = crate::media::folder(&admin.config.data).map_err(Failure::from_display)?;
    let forgotten = crate::media::forget(&admin.store, &*files).await.map_err(Failure)?;
    shown["files"] = json!(forgotten);
    shown["next_steps"] = json!([
        "Backups made before hold the person still. A restore erases it again when it finds this erasures.log: keep a \
         copy of the file beside the backups."
    ]);
    if admin.journal.is_none() {
        eraser.journal.close();
    }
    print(sink, &shown).await
}
