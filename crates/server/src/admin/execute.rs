//! What each command does to the data.

use everthread_core::ids::{AccountId, Uid, UserId, WorkspaceId};
use everthread_core::time::Span;
use everthread_store::read::hub::{FindUser, HubWorkspace};
use everthread_store::units::{
    AddSignInLink, AddUser, AddWorkspace, After, EraseSandbox, RemoveAccount, Role,
};
use everthread_store::{Options, Store, StoreUrl};
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::Sender;

use super::accounts::Form;
use super::{
    Failure, Request, backup, contact, doctor, erase, export, incidents, replay, retention, webhooks,
};
use crate::config::Config;
use crate::continuity::Continuity;
use crate::effects::Effects;
use crate::erasure::Eraser;
use crate::hub::Hub;
use crate::registry::Account;
use crate::seal::{Seal, hex, random_32};

/// A sign-in link is good for this long.
const LINK: Span = Span::mins(30);

/// Where output goes, piece by piece.
pub(super) type Sink = Sender<Vec<u8>>;

/// What commands work on.
pub struct Admin {
    pub config: Config,
    pub store: Store,
    pub seal: Seal,
    pub hub: Hub,
    /// Without a trailing slash.
    pub public_url: String,
    /// The running hub's journal; commands on a stopped hub open it themselves.
    pub journal: Option<everthread_store::journal::Journal>,
    /// The running hub's way to pass consequences on.
    pub effects: Option<Effects>,
    /// The running hub's watch over the channels.
    pub continuity: Option<Continuity>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin")
    }
}

/// The store that the settings name. `exclusive`: to serve it, so that no other process may (on PostgreSQL; a data folder has
/// a lock of its own).
pub async fn open_store(config: &Config, exclusive: bool) -> Result<Store, everthread_store::Error> {
    let url = match &config.database_url {
        Some(url) => StoreUrl::Postgres(url.clone()),
        None => StoreUrl::file(config.data.join("everthread.db")),
    };
    let mut options = Options::default();
    options.postgres.exclusive = exclusive;
    Store::open(url, options).await
}

impl Admin {
    /// Opens the data of a stopped hub. The caller holds the folder's lock.
    pub async fn open(config: &Config) -> Result<Self, Failure> {
        let seal = Seal::open_or_create(&config.data.join("key")).map_err(Failure::from_display)?;
        let store = open_store(config, false)
            .await
            .map_err(|e| Failure(format!("the database can't be opened: {e}")))?;
        let table = tokio::sync::watch::Sender::new(None);
        let hub = Hub::new(store.clone(), seal.clone(), &config.data, table);
        hub.reload().await.map_err(Failure::from_display)?;
        let public_url = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
        Ok(Self {
            config: config.clone(),
            store,
            seal,
            hub,
            public_url,
            journal: None,
            effects: None,
            continuity: None,
        })
    }

    /// What erases people here.
    pub fn eraser(&self) -> Result<Eraser, Failure> {
        let journal = match &self.journal {
            Some(journal) => journal.clone(),
            None => crate::commands::open_journal(&self.config)?.0,
        };
        Ok(Eraser {
            store: self.store.clone(),
            journal,
            hub: self.hub.clone(),
            seal: self.seal.clone(),
            data: self.config.data.clone(),
            running: self.journal.is_some(),
        })
    }

    /// Passes on what followed from a commit.
    pub(crate) fn committed(&self, after: After) {
        if let Some(effects) = &self.effects {
            effects.committed(after);
        }
    }

    /// The workspace of this name or slug, or the first.
    pub fn workspace(&self, name: Option<&str>) -> Result<HubWorkspace, Failure> {
        let all = self.hub.workspaces();
        match name {
            Some(name) => all.iter().find(|w| w.name == name || w.slug == name).cloned().ok_or_else(|| {
                Failure(format!("there is no workspace {name:?}; `everthread workspace list` shows them"))
            }),
            None => all.first().cloned().ok_or_else(|| {
                Failure("there is no workspace yet; make one with `everthread workspace add NAME`".into())
            }),
        }
    }

    /// Makes a workspace.
    pub async fn add_workspace(&self, name: &str) -> Result<(WorkspaceId, Uid), Failure> {
        let slug = slug(name);
        if slug.is_empty() {
            return Err(Failure("a workspace's name needs a letter or digit".into()));
        }
        let unit = AddWorkspace {
            now: crate::clock::now(),
            seed: crate::clock::seed(),
            name: name.to_owned(),
            slug,
        };
        let made = self.store.write(unit).await.map_err(Failure::from_display)?;
        self.hub.reload().await.map_err(Failure::from_display)?;
        Ok(made)
    }

    /// A link that signs a person in once.
    pub async fn sign_in_link(&self, user: UserId, end_sessions: bool) -> Result<String, Failure> {
        let token = hex(&random_32());
        let now = crate::clock::now();
        let unit = AddSignInLink {
            now,
            user,
            token_hash: Sha256::digest(token.as_bytes()).to_vec(),
            expires_at: now + LINK,
            end_sessions,
        };
        self.store.write(unit).await.map_err(Failure::from_display)?;
        Ok(format!("{}/signin?token={token}", self.public_url))
    }

    pub(super) fn find_account(
        &self,
        workspace: WorkspaceId,
        id: &str,
    ) -> Result<std::sync::Arc<Account>, Failure> {
        let uid = Uid::read(AccountId::PREFIX, id);
        let registry = self.hub.registry().borrow().clone();
        let found =
            registry.accounts().find(|a| a.workspace == workspace && (Some(a.uid) == uid || a.name == id));
        found.cloned().ok_or_else(|| {
            Failure(format!("there is no account {id:?} here; `everthread account list` shows them"))
        })
    }
}

/// Does a command. Output goes to `sink` as it comes.
pub async fn execute(admin: &Admin, request: Request, sink: Sink) -> Result<(), Failure> {
    let of = |workspace: Option<String>| admin.workspace(workspace.as_deref()).map(|found| found.id);
    match request {
        Request::WorkspaceAdd { name } => workspace_add(admin, &name, &sink).await,
        Request::WorkspaceList => workspace_list(admin, &sink).await,
        Request::WorkspaceRetention { name, wanted, yes } => {
            retention::run(admin, &name, wanted, yes, &sink).await
        }
        Request::WorkspaceRemove { name } => erase::workspace(admin, &name, &sink).await,
        Request::AccountAdd { workspace, channel, name, settings, secrets } => {
            let workspace = of(workspace)?;
            let form = Form { channel, name, settings, secrets, sandbox: false };
            let added = admin.add_account(workspace, form).await?;
            print(&sink, &serde_json::to_value(added).map_err(Failure::from_display)?).await
        }
        Request::AccountSet { workspace, id, name, settings, secrets } => {
            let changed = admin.set_account(of(workspace)?, &id, (name, settings, secrets)).await?;
            print(&sink, &account(&changed)).await
        }
        Request::AccountList { workspace } => account_list(admin, of(workspace)?, &sink).await,
        Request::AccountShow { workspace, id } => {
            let found = admin.find_account(of(workspace)?, &id)?;
            print(&sink, &account(&found)).await
        }
        Request::AccountRemove { workspace, id } => {
            remove_account(admin, workspace.as_deref(), &id, &sink).await
        }
        Request::AccountDoctor { workspace, id } => {
            doctor::run(admin, workspace.as_deref(), id.as_deref(), &sink).await
        }
        Request::UserAdd { workspace, email, name, role } => {
            user_add(admin, workspace.as_deref(), &email, name, &role, &sink).await
        }
        Request::UserReset { workspace: _, email } => user_reset(admin, &email, &sink).await,
        Request::WebhookAdd { workspace, name, url } => {
            webhooks::add(admin, of(workspace)?, (&name, &url), &sink).await
        }
        Request::WebhookList { workspace } => webhooks::list(admin, of(workspace)?, &sink).await,
        Request::WebhookRemove { workspace, id } => webhooks::remove(admin, of(workspace)?, &id, &sink).await,
        Request::Health { workspace, json } => incidents::health(admin, of(workspace)?, json, &sink).await,
        Request::IncidentList { workspace, open } => {
            incidents::list(admin, of(workspace)?, open, &sink).await
        }
        Request::IncidentShow { workspace, id } => incidents::show(admin, of(workspace)?, &id, &sink).await,
        Request::IncidentDeclare { workspace, declaration } => {
            incidents::declare(admin, of(workspace)?, declaration, &sink).await
        }
        Request::IncidentDismiss { workspace, id } => {
            incidents::dismiss(admin, of(workspace)?, &id, &sink).await
        }
        Request::ContactExport { workspace, id } => {
            contact::export(admin, workspace.as_deref(), &id, &sink).await
        }
        Request::ContactErase { workspace, id } => {
            contact::erase(admin, workspace.as_deref(), &id, &sink).await
        }
        Request::SandboxClear => clear_sandbox(admin, &sink).await,
        Request::Export { workspace, what, format } => {
            export::run(admin, of(workspace)?, &what, &format, sink).await
        }
        Request::Backup { file, passphrase } => backup::run(admin, &file, &passphrase, &sink).await,
        Request::Replay { from_micros } => replay::run(admin, from_micros, &sink).await,
    }
}

async fn workspace_add(admin: &Admin, name: &str, sink: &Sink) -> Result<(), Failure> {
    let (workspace, uid) = admin.add_workspace(name).await?;
    crate::first_run::pipeline(admin, workspace).await?;
    print(sink, &json!({ "id": uid.show(WorkspaceId::PREFIX), "name": name, "slug": slug(name) })).await
}

async fn workspace_list(admin: &Admin, sink: &Sink) -> Result<(), Failure> {
    let all = admin.hub.workspaces();
    let shown =
        all.iter().map(|w| json!({ "id": w.uid.show(WorkspaceId::PREFIX), "name": w.name, "slug": w.slug, "retention_days": w.retention_days }));
    print(sink, &shown.collect::<Vec<_>>().into()).await
}

async fn account_list(admin: &Admin, workspace: WorkspaceId, sink: &Sink) -> Result<(), Failure> {
    let registry = admin.hub.registry().borrow().clone();
    let mut accounts: Vec<_> = registry.accounts().filter(|a| a.workspace == workspace).collect();
    accounts.sort_by_key(|a| a.id);
    print(sink, &accounts.into_iter().map(|a| account(a)).collect::<Vec<_>>().into()).await
}

async fn user_reset(admin: &Admin, email: &str, sink: &Sink) -> Result<(), Failure> {
    let found = admin.store.read(FindUser { email: email.to_owned() }).await;
    let user = found.map_err(Failure::from_display)?.ok_or_else(|| {
        Failure(format!("nobody here has the address {email:?}; add them with `everthread user add`"))
    })?;
    let link = admin.sign_in_link(user, true).await?;
    print(sink, &json!({ "email": email, "link": link })).await
}

/// Removes what simulated customers left, in every workspace.
async fn clear_sandbox(admin: &Admin, sink: &Sink) -> Result<(), Failure> {
    let mut shown = Vec::new();
    for workspace in admin.hub.workspaces().iter() {
        let unit = EraseSandbox { now: crate::clock::now(), workspace: workspace.id };
        let erased = admin.store.write(unit).await.map_err(Failure::from_display)?;
        shown.push(json!({ "workspace": workspace.name, "contacts": erased.contacts,
                           "messages": erased.messages, "accounts": erased.accounts }));
        admin.committed(erased.after);
    }
    admin.hub.reload().await.map_err(Failure::from_display)?;
    print(sink, &shown.into()).await
}

/// Disconnects an account.
async fn remove_account(
    admin: &Admin,
    workspace: Option<&str>,
    id: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let workspace = admin.workspace(workspace)?.id;
    let found = admin.find_account(workspace, id)?;
    let unit = RemoveAccount { now: crate::clock::now(), workspace, account: found.id };
    let after = admin.store.write(unit).await.map_err(Failure::from_display)?;
    admin.committed(after);
    admin.hub.reload().await.map_err(Failure::from_display)?;
    print(sink, &json!({ "removed": crate::hub::shown(found.uid), "name": found.name })).await
}

async fn user_add(
    admin: &Admin,
    workspace: Option<&str>,
    email: &str,
    name: Option<String>,
    role: &str,
    sink: &Sink,
) -> Result<(), Failure> {
    let workspace = admin.workspace(workspace)?;
    let role = Role::parse(role).ok_or_else(|| {
        Failure(format!("there is no role {role:?}; roles are owner, admin, agent, viewer"))
    })?;
    if !email.contains('@') {
        return Err(Failure(format!("{email:?} is no e-mail address")));
    }
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or(email).to_owned());
    let unit = AddUser {
        now: crate::clock::now(),
        seed: crate::clock::seed(),
        workspace: workspace.id,
        email: email.to_owned(),
        name,
        role,
    };
    let user = admin.store.write(unit).await.map_err(Failure::from_display)?;
    let link = admin.sign_in_link(user, false).await?;
    print(sink, &json!({ "email": email, "role": role.as_str(), "workspace": workspace.name, "link": link }))
        .await
}

fn account(account: &Account) -> serde_json::Value {
    json!({
        "id": crate::hub::shown(account.uid),
        "channel": account.channel.spec().name,
        "name": account.name,
        "webhook_path": account.webhook_path,
        "settings": account.settings,
        "secrets_set": account.secrets.0.keys().collect::<Vec<_>>(),
        "status": if account.stopped.is_some() { "stopped" } else { "active" },
        "problem": account.stopped,
        "sandbox": account.sandbox,
    })
}

/// A name as it can stand in an address.
fn slug(name: &str) -> String {
    let plain: String =
        name.to_lowercase().chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    plain.split('-').filter(|piece| !piece.is_empty()).collect::<Vec<_>>().join("-")
}

/// Writes a value as indented JSON and a line break.
pub(super) async fn print(sink: &Sink, value: &serde_json::Value) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value).map_err(Failure::from_display)?;
    write(sink, text + "\n").await
}

/// Text as it is.
pub(super) async fn write(sink: &Sink, text: String) -> Result<(), Failure> {
    sink.send(text.into_bytes()).await.map_err(|_| Failure("the output was closed".into()))
}
