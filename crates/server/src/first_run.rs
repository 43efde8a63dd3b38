//! What an empty hub gets, so that its first user has something to open: a workspace, an owner, a web chat.

use everthread_core::account::{Secrets, Settings};
use everthread_core::ids::{UserId, WorkspaceId};
use everthread_store::read::hub::FindUser;
use everthread_store::units::{AddPipeline, AddUser, Role, StageKind};

use crate::admin::accounts::Form;
use crate::admin::{Admin, Failure};

/// The address of the first owner; changed in the console.
pub const OWNER: &str = "owner@localhost";

/// Prepares an empty hub. Answers the first owner while that account exists.
pub async fn prepare(admin: &Admin) -> Result<Option<UserId>, Failure> {
    if admin.hub.workspaces().is_empty() {
        let (workspace, _) = admin.add_workspace("My business").await?;
        let owner = AddUser {
            now: crate::clock::now(),
            seed: crate::clock::seed(),
            workspace,
            email: OWNER.into(),
            name: "Owner".into(),
            role: Role::Owner,
        };
        admin.store.write(owner).await.map_err(Failure::from_display)?;
        pipeline(admin, workspace).await?;
        let settings = [("title", "Chat with us"), ("greeting", "Hello! How can we help?")];
        let form = Form {
            channel: "webchat".into(),
            name: "Web chat".into(),
            settings: Settings(settings.map(|(k, v)| (k.to_owned(), v.to_owned())).into()),
            secrets: Secrets::default(),
            sandbox: false,
        };
        admin.add_account(workspace, form).await?;
    }
    admin.store.read(FindUser { email: OWNER.into() }).await.map_err(Failure::from_display)
}

/// Where leads stand, in a business that has not said otherwise.
pub async fn pipeline(admin: &Admin, workspace: WorkspaceId) -> Result<(), Failure> {
    let stages = [
        ("New", StageKind::Open),
        ("In talks", StageKind::Open),
        ("Won", StageKind::Won),
        ("Lost", StageKind::Lost),
    ];
    let unit = AddPipeline {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        workspace,
        name: "Sales".into(),
        stages: stages.map(|(name, kind)| (name.to_owned(), kind)).into(),
    };
    admin.store.write(unit).await.map(drop).map_err(Failure::from_display)
}
