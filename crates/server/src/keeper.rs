//! Housekeeping: memory kept true, polls started and stopped, old rows and segments dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use everthread_channels::spec::Transport;
use everthread_core::ids::AccountId;
use everthread_core::time::{Span, Timestamp};
use everthread_store::Store;
use everthread_store::journal::Journal;
use everthread_store::units::{PruneChanges, PruneIdempotency, StopAccount};
use tokio_util::sync::CancellationToken;

use crate::clock::{self, JumpWatch};
use crate::http::Client;
use crate::hub::Hub;
use crate::ingress::{mailbox::Watch, poll};
use crate::registry::Account;
use crate::retention::{self, Trust};
use crate::supervisor::{Supervisor, TaskKind};
use crate::webchat::Chat;

/// Memory is read again this often even when nobody said that it is stale.
const RELOAD: Duration = Duration::from_secs(30);

/// Old rows are dropped this often.
const PRUNE: Duration = Duration::from_mins(1);

/// Lines of the change feed are kept this long; a client further behind starts afresh.
const CHANGES_KEPT: Span = Span::hours(24);

/// Answers to repeated requests are kept this long.
const ANSWERS_KEPT: Span = Span::hours(24);

/// Lines of the feed dropped at a time.
const PRUNE_ROWS: u32 = 2_000;

/// What housekeeping works with.
#[derive(Clone)]
pub struct Keeper {
    pub store: Store,
    pub journal: Journal,
    pub hub: Hub,
    pub chat: Chat,
    pub public_url: Arc<str>,
    pub supervisor: Supervisor,
    pub client: Client,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}

/// Starts all of it.
pub fn start(keeper: &Keeper) {
    let (reload, prune, polls) = (keeper.clone(), keeper.clone(), keeper.clone());
    keeper.supervisor.spawn(TaskKind::Housekeeping, async move { reload.reload().await });
    keeper.supervisor.spawn(TaskKind::Housekeeping, async move { prune.prune().await });
    keeper.supervisor.spawn(TaskKind::Housekeeping, async move { polls.polls().await });
}

type Never = std::convert::Infallible;

impl Keeper {
    async fn reload(self) -> Result<(), Never> {
        let stop = self.supervisor.stopping();
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.hub.wait_stale() => {}
                () = tokio::time::sleep(RELOAD) => {}
            }
            if let Err(error) = self.hub.reload().await {
                tracing::warn!(%error, "accounts and rules can't be read again; the known ones stay in force");
            }
        }
    }

    async fn prune(self) -> Result<(), Never> {
        let stop = self.supervisor.stopping();
        let (mut watch, mut trust) = (JumpWatch::new(), Trust::default());
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(PRUNE) => {}
            }
            let now = clock::now();
            let jumped = watch.jumped();
            if jumped {
                tracing::warn!("the clock jumped; nothing is removed for its age within the next day");
            }
            let trusted = trust.look(jumped, clock::uptime());
            self.chat.prune();
            for workspace in self.hub.workspaces().iter() {
                let unit =
                    PruneChanges { workspace: workspace.id, before: now - CHANGES_KEPT, limit: PRUNE_ROWS };
                let _ = self.store.write(unit).await;
            }
            let _ = self.store.write(PruneIdempotency { before: now - ANSWERS_KEPT }).await;
            if trusted {
                self.drop_old(now).await;
            }
        }
    }

    /// Conversations past their age, and old segments of the journal.
    async fn drop_old(&self, now: Timestamp) {
        let workspaces = self.hub.workspaces();
        retention::pass(&self.store, &workspaces, now).await;
        let (journal, within) = (self.journal.clone(), retention::shortest(&workspaces));
        let swept = tokio::task::spawn_blocking(move || journal.sweep(now, within)).await;
        if let Ok(Err(error)) = swept {
            tracing::warn!(%error, "old segments of the journal can't be dropped");
        }
    }

    /// One poll per account that needs one. A platform that can post to us is asked to.
    async fn polls(self) -> Result<(), Never> {
        let stop = self.supervisor.stopping();
        let mut registry = self.hub.registry();
        let mut running: HashMap<AccountId, (Arc<Account>, CancellationToken)> = HashMap::new();
        loop {
            let wanted = registry.borrow_and_update().clone();
            running.retain(|id, (known, token)| {
                let same = wanted.account(*id).is_some_and(|now| {
                    now.secrets == known.secrets && now.settings == known.settings && is_watched(now)
                });
                if !same {
                    token.cancel();
                }
                same
            });
            for account in wanted.accounts().filter(|a| is_watched(a)) {
                if running.contains_key(&account.id) {
                    continue;
                }
                let token = stop.child_token();
                running.insert(account.id, (Arc::clone(account), token.clone()));
                if account.channel.spec().transport == Transport::Mailbox {
                    self.watch(account, &token);
                } else {
                    self.connect(Arc::clone(account), token);
                }
            }
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = registry.changed() => if changed.is_err() { return Ok(()) },
            }
        }
    }

    /// One connection per folder.
    fn watch(&self, account: &Arc<Account>, stop: &CancellationToken) {
        for folder in everthread_channels::email::folders(&account.settings) {
            let watch = Watch {
                account: Arc::clone(account),
                folder,
                store: self.store.clone(),
                journal: self.journal.clone(),
                public_url: Arc::clone(&self.public_url),
                stop: stop.clone(),
            };
            self.supervisor.spawn(TaskKind::PollSource, watch.run());
        }
    }

    fn connect(&self, account: Arc<Account>, stop: CancellationToken) {
        let client = self.client.clone();
        let this = self.clone();
        self.supervisor.spawn(TaskKind::PollSource, async move {
            if this.public_url.starts_with("https://") {
                for request in account.channel.connect(&account.view(&this.public_url), true) {
                    let answer = client.call(&request).await;
                    tracing::info!(
                        account.id = account.id.0,
                        answer = answer.redacted(&request),
                        "asked the platform to post to us"
                    );
                }
                return Ok::<_, Never>(());
            }
            let polled = poll::run(
                Arc::clone(&account),
                this.journal.clone(),
                client,
                Arc::clone(&this.public_url),
                stop,
            )
            .await;
            if let Err(stopped) = polled {
                let unit = StopAccount {
                    now: clock::now(),
                    workspace: account.workspace,
                    account: account.id,
                    reason: stopped.to_string(),
                };
                if this.store.write(unit).await.is_ok() {
                    this.hub.mark_stale();
                }
            }
            Ok(())
        });
    }
}

/// True where we go and get what comes in. A mailbox is read also while its account does not send (I9).
fn is_watched(account: &Account) -> bool {
    match account.channel.spec().transport {
        Transport::WebhookOrPoll => account.stopped.is_none(),
        Transport::Mailbox => true,
        Transport::Webhook | Transport::Local => false,
    }
}
