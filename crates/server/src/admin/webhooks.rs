//! `everthread webhook`: where the workspace wants to be called.

use everthread_core::ids::{Uid, WorkspaceId};
use everthread_store::read::webhooks::{WebhookRow, Webhooks};
use everthread_store::units::{AddWebhook, RemoveWebhook};
use serde_json::json;

use super::execute::{Sink, print};
use super::{Admin, Failure};
use crate::api::v1::webhooks::PREFIX;
use crate::seal::random_32;
use crate::webhooks_out::{check_url, secret_text};

pub(super) async fn add(
    admin: &Admin,
    workspace: WorkspaceId,
    (name, url): (&str, &str),
    sink: &Sink,
) -> Result<(), Failure> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Failure("a webhook needs a name: rules call it by that".into()));
    }
    let url = check_url(url).map_err(Failure)?;
    let secret = random_32();
    let unit = AddWebhook {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        workspace,
        name: name.to_owned(),
        url,
        secret: admin.seal.seal(&secret),
    };
    let (_, uid) = admin.store.write(unit).await.map_err(Failure::from_display)?;
    let next = format!(
        "Give the secret to the receiver now: it is not shown again. A rule calls it with {{\"type\": \"webhook\", \"webhook\": \"{name}\"}}."
    );
    print(sink, &json!({ "id": uid.show(PREFIX), "name": name, "secret": secret_text(&secret), "next_steps": [next] }))
        .await
}

pub(super) async fn list(admin: &Admin, workspace: WorkspaceId, sink: &Sink) -> Result<(), Failure> {
    let rows = rows(admin, workspace).await?;
    let shown: Vec<_> = rows
        .into_iter()
        .map(|row| {
            json!({ "id": row.uid.show(PREFIX), "name": row.name, "url": row.url, "queued": row.queued,
                    "failed": row.failed, "last_done_at": row.last_done_at.map(everthread_core::time::Timestamp::rfc3339) })
        })
        .collect();
    print(sink, &shown.into()).await
}

pub(super) async fn remove(
    admin: &Admin,
    workspace: WorkspaceId,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let uid = Uid::read(PREFIX, id);
    let found = rows(admin, workspace).await?.into_iter().find(|row| Some(row.uid) == uid || row.name == id);
    let found = found.ok_or_else(|| {
        Failure(format!("there is no webhook {id:?} here; `everthread webhook list` shows them"))
    })?;
    let unit = RemoveWebhook { now: crate::clock::now(), workspace, uid: found.uid };
    admin.store.write(unit).await.map_err(Failure::from_display)?;
    print(sink, &json!({ "removed": found.uid.show(PREFIX), "name": found.name })).await
}

async fn rows(admin: &Admin, workspace: WorkspaceId) -> Result<Vec<WebhookRow>, Failure> {
    admin.store.read(Webhooks { workspace }).await.map_err(Failure::from_display)
}
