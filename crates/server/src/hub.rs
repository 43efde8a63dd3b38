//! What the running hub holds in memory and how it is kept true: accounts, webhook addresses, rules.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use everthread_core::account::{Secrets, Settings};
use everthread_core::directory::AccountFault;
use everthread_core::ids::{AccountId, Uid, WorkspaceId};
use everthread_core::rules::{RuleSet, Source, compile};
use everthread_store::Store;
use everthread_store::read::hub::{Hub as Rows, HubAccount, HubWorkspace, LoadHub};
use tokio::sync::watch;

use crate::ingress::table::{self, Table};
use crate::registry::{Account, Registry, fingerprint_of};
use crate::seal::Seal;

/// Rules of every workspace.
pub type Rules = HashMap<WorkspaceId, Arc<RuleSet>>;

/// The memory of the hub. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    store: Store,
    seal: Seal,
    cache: PathBuf,
    registry: watch::Sender<Arc<Registry>>,
    table: watch::Sender<Option<Arc<Table>>>,
    rules: watch::Sender<Arc<Rules>>,
    workspaces: watch::Sender<Arc<Vec<HubWorkspace>>>,
    faults: Arc<std::sync::Mutex<HashMap<AccountId, AccountFault>>>,
    stale: Arc<tokio::sync::Notify>,
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hub")
    }
}

impl Hub {
    /// An empty memory until [`Hub::reload`] has succeeded; `table` is what the webhook routes look at.
    pub fn new(
        store: Store,
        seal: Seal,
        data: &std::path::Path,
        table: watch::Sender<Option<Arc<Table>>>,
    ) -> Self {
        Self {
            store,
            seal,
            cache: cache_path(data),
            registry: watch::Sender::new(Arc::default()),
            table,
            rules: watch::Sender::new(Arc::default()),
            workspaces: watch::Sender::new(Arc::default()),
            faults: Arc::default(),
            stale: Arc::default(),
        }
    }

    /// Accounts.
    pub fn registry(&self) -> watch::Receiver<Arc<Registry>> {
        self.registry.subscribe()
    }

    /// Compiled rules.
    pub fn rules(&self) -> watch::Receiver<Arc<Rules>> {
        self.rules.subscribe()
    }

    /// Workspaces, first made first.
    pub fn workspaces(&self) -> Arc<Vec<HubWorkspace>> {
        self.workspaces.borrow().clone()
    }

    /// Says which accounts lie in a fault; all others do not.
    pub fn set_faults(&self, faults: HashMap<AccountId, AccountFault>) {
        let mut known = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *known != faults {
            self.registry.send_modify(|registry| *registry = Arc::new(registry.with_faults(&faults)));
            *known = faults;
        }
    }

    /// Says that the store holds something newer; the next [`Hub::wait_stale`] returns.
    pub fn mark_stale(&self) {
        self.stale.notify_one();
    }

    /// Ends when somebody said that the store holds something newer.
    pub async fn wait_stale(&self) {
        self.stale.notified().await;
    }

    /// Reads everything from the store again. Secrets that do not open and rules that do not compile are logged
    /// and left out; the rest is served.
    pub async fn reload(&self) -> Result<(), everthread_store::Error> {
        let rows: Rows = self.store.read(LoadHub).await?;
        let mut endpoints: HashMap<i64, table::Row> = HashMap::new();
        let mut accounts = Vec::new();
        for row in &rows.accounts {
            let Some(account) = self.account(row, &rows.retired) else { continue };
            let entry = endpoints.entry(row.endpoint.0).or_insert_with(|| table::Row {
                id: row.endpoint,
                key: row.path_key.clone(),
                channel: row.endpoint_channel.clone(),
                secrets: Vec::new(),
            });
            entry.secrets.push(account.secrets.clone());
            accounts.push(account);
        }
        let mut endpoints: Vec<table::Row> = endpoints.into_values().collect();
        endpoints.sort_by_key(|e| e.id);
        self.table.send_replace(Some(Arc::new(Table::build(&endpoints))));
        let faults = self.faults.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.registry.send_replace(Arc::new(Registry::build(accounts).with_faults(&faults)));
        drop(faults);
        self.rules.send_replace(Arc::new(compile_all(&rows)));
        self.workspaces.send_replace(Arc::new(rows.workspaces));
        if let Err(error) = table::write_cache(&self.cache, &self.seal, &endpoints) {
            tracing::warn!(%error, "the mirror of the webhook keys can't be written");
        }
        Ok(())
    }

    fn account(&self, row: &HubAccount, retired: &[(AccountId, u64)]) -> Option<Account> {
        let channel = everthread_channels::find(&row.channel)?;
        let secrets = match row.secrets.as_deref().map(|s| self.seal.open_secrets(s)) {
            Some(Ok(secrets)) => secrets,
            Some(Err(error)) => {
                tracing::error!(account.id = row.id.0, %error, "account left out");
                return None;
            }
            None => Secrets::default(),
        };
        let settings: Settings = serde_json::from_str(&row.settings).unwrap_or_default();
        Some(Account {
            id: row.id,
            uid: row.uid,
            workspace: row.workspace,
            name: row.name.clone(),
            channel,
            settings,
            fingerprint: fingerprint_of(&secrets),
            retired: retired.iter().filter(|(id, _)| *id == row.id).map(|(_, print)| *print).collect(),
            secrets,
            endpoint: row.endpoint,
            webhook_path: format!("/hooks/{}/{}", row.channel, row.path_key),
            sandbox: row.sandbox,
            stopped: row.stopped_reason.clone(),
        })
    }
}

/// Where the sealed mirror of the webhook addresses is.
fn cache_path(data: &std::path::Path) -> PathBuf {
    data.join("ingress.cache")
}

/// Webhook addresses from the sealed mirror, so that hooks are checked and kept while the database is away.
pub fn cached_table(data: &std::path::Path, seal: &Seal) -> Option<Table> {
    table::read_cache(&cache_path(data), seal).map(|rows| Table::build(&rows))
}

fn compile_all(rows: &Rows) -> Rules {
    let mut sources: HashMap<WorkspaceId, Vec<Source>> = HashMap::new();
    for row in &rows.rules {
        match serde_json::from_str(&row.body) {
            Ok(rule) => {
                let source = Source { id: row.id, name: row.name.clone(), rule };
                sources.entry(row.workspace).or_default().push(source);
            }
            Err(error) => tracing::error!(rule.id = row.id.0, %error, "rule left out: it can't be read"),
        }
    }
    let compiled = sources.into_iter().map(|(workspace, sources)| {
        let rules = compile(sources).unwrap_or_else(|errors| {
            for error in errors {
                tracing::error!(workspace.id = workspace.0, %error, "rules left out: one does not compile");
            }
            RuleSet::empty()
        });
        (workspace, Arc::new(rules))
    });
    compiled.collect()
}

/// Public ids of accounts for people.
pub fn shown(uid: Uid) -> String {
    uid.show(AccountId::PREFIX)
}
