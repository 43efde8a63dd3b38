//! `everthread workspace remove`.

use everthread_store::units::RemoveWorkspace;
use serde_json::json;

use super::execute::{Sink, print};
use super::{Admin, Failure};

pub(super) async fn workspace(admin: &Admin, name: &str, sink: &Sink) -> Result<(), Failure> {
    let workspace = admin.workspace(Some(name))?;
    let unit = RemoveWorkspace { workspace: workspace.id };
    admin.store.write(unit).await.map_err(Failure::from_display)?;
    admin.hub.reload().await.map_err(Failure::from_display)?;
    print(sink, &json!({ "removed": workspace.name })).await
}
