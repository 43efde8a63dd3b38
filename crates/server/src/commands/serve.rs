//! `everthread serve`: starts everything, says where it is, ends in order.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use everthread_core::ids::UserId;
use everthread_store::Error as StoreError;
use everthread_store::journal::{FsDisk, Journal, Options as JournalOptions};
use object_store::ObjectStore;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::admin::{self, Admin, Failure};
use crate::app::{self, Door};
use crate::apply::{Acknowledge, Stage};
use crate::config::Config;
use crate::continuation::Doorway;
use crate::continuity::{self, Continuity, Observer};
use crate::delivery::Delivery;
use crate::effects::Effects;
use crate::history::Historian;
use crate::http::{Client, guard::Guarded};
use crate::hub::{self, Hub};
use crate::ingress::Ingress;
use crate::media::link::{self, Links};
use crate::media::{Fetcher, Files};
use crate::realtime::Realtime;
use crate::sandbox::Sandbox;
use crate::seal::Seal;
use crate::sso::Sso;
use crate::supervisor::{Supervisor, TaskKind};
use crate::webchat::{Chat, Proving};
use crate::webhooks_out::{Caller, StoreHandle};
use crate::{clock, keeper};

/// Runs until a signal; a second signal ends it at once.
pub(super) async fn run(config: Config) -> Result<(), Failure> {
    let _lock = admin::lock(&config.data)
        .map_err(|e| Failure(format!("the data folder {} can't be used: {e}", config.data.display())))?
        .ok_or_else(|| {
            Failure(format!(
                "another process already serves {}; stop it, or choose another folder with --data",
                config.data.display()
            ))
        })?;
    let mut signals = Signals::new()?;
    let seal = Seal::open_or_create(&config.data.join("key")).map_err(Failure::from_display)?;
    let (journal, _) = open_journal(&config)?;
    let listener = bind(&config.listen).await?;
    let addr = listener.local_addr().map_err(Failure::from_display)?;
    let public_url: Arc<str> = config.public_url.clone().unwrap_or_else(|| format!("http://{addr}")).into();

    let supervisor = Supervisor::new();
    let table = watch::Sender::new(hub::cached_table(&config.data, &seal).map(Arc::new));
    let door = Door::new(Ingress {
        journal: journal.clone(),
        table: table.subscribe(),
        public_url: Arc::clone(&public_url),
        loopback: addr.ip().is_loopback(),
    });
    door.serve(listener, &supervisor);
    tracing::info!(%addr, "taking webhooks in");

    let store = tokio::select! {
        opened = wait_for_store(&config) => opened?,
        () = signals.next() => return Ok(()),
    };
    let hub = Hub::new(store.clone(), seal.clone(), &config.data, table);
    hub.reload().await.map_err(Failure::from_display)?;
    let client = Client::new().map_err(Failure::from_display)?;
    let parts = Parts { config, seal, journal, store, hub, supervisor, public_url, addr, client };
    let running = parts.start(&door).await?;
    signals.next().await;
    tracing::info!("stopping: what is under way is finished first; a second signal ends at once");
    tokio::select! {
        clean = running.shut_down() => {
            if clean { Ok(()) } else { Err(Failure("stopped after a failure; the log says which".into())) }
        }
        () = signals.next() => Err(Failure("stopped at once on a second signal; what was in flight is settled at the next start".into())),
    }
}

/// The journal of this data folder.
pub fn open_journal(config: &Config) -> Result<(Journal, everthread_store::journal::OpenReport), Failure> {
    let say = |e: &dyn std::fmt::Display| {
        Failure(format!("the journal in {} can't be opened: {e}", config.data.join("journal").display()))
    };
    let disk = FsDisk::new(config.data.join("journal")).map_err(|e| say(&e))?;
    let mut options = JournalOptions::new(clock::now(), clock::seed());
    options.bytes_max = config.journal_bytes_max;
    options.retention = everthread_core::time::Span::hours(24 * i64::from(config.journal_days));
    let (journal, report) = Journal::open(Arc::new(disk), options).map_err(|e| say(&e))?;
    for gap in &report.gaps {
        tracing::error!(gap.from, gap.to, gap.cause = ?gap.cause, "records of the journal are lost");
    }
    Ok((journal, report))
}

async fn bind(listen: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::AddrInUse => {
                "another program uses it; choose another with --listen ADDR:PORT"
            }
            std::io::ErrorKind::PermissionDenied => {
                "ports below 1024 need more rights; choose another with --listen ADDR:PORT"
            }
            _ => "choose another with --listen ADDR:PORT",
        };
        Failure(format!("can't listen on {listen}: {e}; {hint}"))
    })
}

/// How long a database that another process serves is asked for: one that was killed is noticed by the server in a moment.
const TAKEN: std::time::Duration = std::time::Duration::from_secs(10);

/// Opens the store; while a database server is away, webhooks are kept and this waits.
async fn wait_for_store(config: &Config) -> Result<everthread_store::Store, Failure> {
    let mut wait = std::time::Duration::from_millis(500);
    let mut taken = None;
    loop {
        match admin::open_store(config, true).await {
            Err(error @ StoreError::Unavailable(_)) if config.database_url.is_some() => {
                tracing::warn!(
                    %error,
                    "the database is away; webhooks of known accounts are kept, trying again"
                );
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(std::time::Duration::from_secs(10));
            }
            Err(StoreError::Conflict(_))
                if taken.get_or_insert_with(tokio::time::Instant::now).elapsed() < TAKEN =>
            {
                tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            }
            Err(error) => {
                return Err(Failure(format!(
                    "the database can't be opened: {error}{}",
                    if taken.is_some() {
                        ". Stop the other one, or give this one a database of its own"
                    } else {
                        ""
                    }
                )));
            }
            Ok(store) => return Ok(store),
        }
    }
}

/// Interrupts and requests to terminate. One that comes while nobody waits is kept.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(Failure::from_display);
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    /// Ends with the next one.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

struct Parts {
    config: Config,
    seal: Seal,
    journal: Journal,
    store: everthread_store::Store,
    hub: Hub,
    supervisor: Supervisor,
    public_url: Arc<str>,
    addr: SocketAddr,
    client: Client,
}

impl Parts {
    /// Starts the workers, opens the rest of the door, prints how to sign in.
    async fn start(self, door: &Door) -> Result<Supervisor, Failure> {
        let realtime = Realtime::new(self.store.clone());
        let (notes, inbox) = mpsc::unbounded_channel();
        let (observer, observations) = Observer::new();
        let doorway = self.doorway();
        let parts = continuity::Parts {
            store: self.store.clone(),
            hub: self.hub.clone(),
            supervisor: self.supervisor.clone(),
            doorway: doorway.clone(),
            client: self.client.clone(),
            pace: self.config.pace,
            dial: if self.config.sandbox { self.config.dial } else { 1.0 },
        };
        let (continuity, watch_channels) = continuity::spawn(&parts, (observer.clone(), observations));
        let effects = Effects::new(notes.clone(), realtime.clone(), self.hub.clone(), continuity.clone());
        watch_channels(effects.clone());
        let admin = Arc::new(self.admin(&effects, &continuity));
        let owner = crate::first_run::prepare(&admin).await?;
        let files = self.files()?;
        let proving = Proving {
            seal: self.seal.clone(),
            hub: self.hub.clone(),
            effects: effects.clone(),
            continuity: continuity.clone(),
            doorway: doorway.clone(),
        };
        let chat = Chat::new(self.store.clone(), self.journal.clone(), self.hub.registry(), proving);
        self.workers(&effects, &realtime, (notes, inbox, observer), &files)?;
        let sandbox = if self.config.sandbox {
            Some(crate::demo::start(&admin, self.addr, &self.supervisor).await?)
        } else {
            None
        };
        // After the sandbox: a poll of an account it does not know yet would be refused for good.
        keeper::start(&keeper::Keeper {
            store: self.store.clone(),
            journal: self.journal.clone(),
            hub: self.hub.clone(),
            chat: chat.clone(),
            public_url: Arc::clone(&self.public_url),
            supervisor: self.supervisor.clone(),
            client: self.client.clone(),
        });
        self.erase_again(&admin);
        let linked = link::routes(self.links(), self.store.clone(), Arc::clone(&files));
        let api = app::api(&app::Wiring {
            admin: Arc::clone(&admin),
            effects,
            realtime,
            continuity,
            files,
            doorway,
            sandbox: sandbox.clone(),
            sso: self.config.sso.clone().map(Sso::new).transpose().map_err(Failure::from_display)?,
        });
        door.open(Router::new().merge(api).merge(crate::webchat::routes(chat)).merge(linked));
        let socket = admin::bind(&self.config.data)?;
        let (socket_admin, supervisor) = (Arc::clone(&admin), self.supervisor.clone());
        self.supervisor.spawn(TaskKind::AdminSocket, async move {
            admin::serve(socket_admin, socket, supervisor).await
        });
        self.greet(&admin, sandbox.as_ref(), owner).await?;
        Ok(self.supervisor)
    }

    /// Says where it is and how to sign in.
    async fn greet(
        &self,
        admin: &Admin,
        sandbox: Option<&Sandbox>,
        owner: Option<UserId>,
    ) -> Result<(), Failure> {
        println!("Everthread listens on http://{}", self.addr);
        if let Some(sandbox) = sandbox {
            println!(
                "Simulated platforms run on http://{}; `everthread sandbox clear` removes what they leave",
                sandbox.addr()
            );
        }
        if let Some(user) = owner {
            println!("Sign in: {}", admin.sign_in_link(user, false).await?);
        }
        Ok(())
    }

    fn admin(&self, effects: &Effects, continuity: &Continuity) -> Admin {
        Admin {
            config: self.config.clone(),
            store: self.store.clone(),
            seal: self.seal.clone(),
            hub: self.hub.clone(),
            public_url: self.public_url.to_string(),
            journal: Some(self.journal.clone()),
            effects: Some(effects.clone()),
            continuity: Some(continuity.clone()),
        }
    }

    /// Carries out what an earlier run began to erase.
    fn erase_again(&self, admin: &Arc<Admin>) {
        let admin = Arc::clone(admin);
        self.supervisor.spawn(TaskKind::Housekeeping, async move {
            let done = match admin.eraser() {
                Ok(eraser) => eraser.again(None).await,
                Err(failure) => Err(failure),
            };
            match done {
                Ok((0, _)) => {}
                Ok((count, report)) => {
                    tracing::info!(count, "erasures that were begun before are carried out");
                    admin.committed(report.after);
                }
                Err(error) => tracing::error!(%error, "erasures that were begun are not carried out yet"),
            }
            Ok::<_, std::convert::Infallible>(())
        });
    }

    fn doorway(&self) -> Doorway {
        Doorway { url: Arc::clone(&self.public_url), public: self.config.public_url.is_some() }
    }

    fn links(&self) -> Links {
        Links { seal: self.seal.clone(), public_url: Arc::clone(&self.public_url) }
    }

    fn files(&self) -> Result<Arc<dyn ObjectStore>, Failure> {
        let data = &self.config.data;
        crate::media::folder(data)
            .map_err(|e| Failure(format!("{}/media can't be used: {e}", data.display())))
    }

    fn workers(
        &self,
        effects: &Effects,
        realtime: &Realtime,
        (notes, inbox, observer): (
            mpsc::UnboundedSender<crate::delivery::Note>,
            mpsc::UnboundedReceiver<crate::delivery::Note>,
            Observer,
        ),
        files: &Arc<dyn ObjectStore>,
    ) -> Result<(), Failure> {
        let stop = self.supervisor.stopping();
        let stage = Stage {
            store: self.store.clone(),
            journal: self.journal.clone(),
            keys: self.seal.event_keys(),
            registry: self.hub.registry(),
            rules: self.hub.rules(),
            effects: effects.clone(),
            data: self.config.data.clone(),
            stop: stop.clone(),
            acknowledge: Some(Acknowledge {
                client: self.client.clone(),
                supervisor: self.supervisor.clone(),
                public_url: Arc::clone(&self.public_url),
            }),
        };
        self.supervisor.spawn(TaskKind::Apply, stage.run());
        let delivery = Delivery {
            store: self.store.clone(),
            client: self.client.clone(),
            registry: self.hub.registry(),
            effects: effects.clone(),
            supervisor: self.supervisor.clone(),
            links: self.links(),
            files: Files { store: self.store.clone(), bytes: Arc::clone(files) },
            observer,
            notes,
        };
        self.supervisor.spawn(TaskKind::Delivery, delivery.run(inbox));
        let fetcher = Fetcher {
            store: self.store.clone(),
            registry: self.hub.registry(),
            files: Arc::clone(files),
            client: self.client.clone(),
            allowed: self.config.allow_private.clone(),
            effects: effects.clone(),
            public_url: Arc::clone(&self.public_url),
            wake: effects.media(),
            stop: stop.clone(),
        };
        self.supervisor.spawn(TaskKind::Media, fetcher.run());
        let historian = Historian {
            store: self.store.clone(),
            journal: self.journal.clone(),
            keys: self.seal.event_keys(),
            registry: self.hub.registry(),
            client: self.client.clone(),
            effects: effects.clone(),
            public_url: Arc::clone(&self.public_url),
            stop: stop.clone(),
        };
        self.supervisor.spawn(TaskKind::History, historian.run());
        let caller = Caller {
            store: StoreHandle(self.store.clone()),
            seal: self.seal.clone(),
            client: Guarded::new(&self.config.allow_private).map_err(Failure::from_display)?,
            wake: effects.webhooks(),
            stop: stop.clone(),
        };
        self.supervisor.spawn(TaskKind::OutgoingWebhook, caller.run());
        self.supervisor.spawn(TaskKind::Realtime, realtime.clone().run(stop));
        Ok(())
    }
}
