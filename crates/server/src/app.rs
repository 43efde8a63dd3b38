//! The HTTP door: webhooks and health are answered from the first moment, the rest once the store is open.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, ContactId, ProblemId, WorkspaceId};
use everthread_store::units::{After, LinkOffer};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use object_store::ObjectStore;
use tokio::net::TcpListener;
use tower::ServiceExt;

use crate::admin::Admin;
use crate::admin::accounts::Form;
use crate::api::error::ApiError;
use crate::api::model::account::NewAccount;
use crate::api::v1::contacts::erase::ContactErasure;
use crate::api::{self, AccountForm, ApiState, Figures, Later};
use crate::continuation::Doorway;
use crate::continuity::Continuity;
use crate::effects::Effects;
use crate::ingress::{self, Ingress};
use crate::realtime::Realtime;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::sso::Sso;
use crate::supervisor::{Supervisor, TaskKind};

/// Everything that is served on the one port.
#[derive(Clone)]
pub struct Door {
    ingress: Ingress,
    rest: Arc<OnceLock<Router>>,
    metrics: PrometheusHandle,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

impl Door {
    /// Webhooks and health only, until [`Door::open`].
    pub fn new(ingress: Ingress) -> Self {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let _ = metrics::set_global_recorder(recorder);
        Self { ingress, rest: Arc::default(), metrics }
    }

    /// The metrics, for upkeep.
    pub fn metrics(&self) -> PrometheusHandle {
        self.metrics.clone()
    }

    /// Lets everything else in.
    pub fn open(&self, rest: Router) {
        let console = Router::new()
            .fallback(crate::web::console)
            .layer(axum::middleware::from_fn(api::security::console_headers));
        let _ = self.rest.set(rest.fallback_service(console));
    }

    /// Serves until the supervisor stops it; requests under way are finished.
    pub fn serve(&self, listener: TcpListener, supervisor: &Supervisor) {
        let router = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics_text))
            .fallback(rest)
            .with_state(self.clone())
            .merge(ingress::routes(self.ingress.clone()))
            .into_make_service_with_connect_info::<SocketAddr>();
        let stop = supervisor.stopping();
        supervisor.spawn(TaskKind::HttpServer, async move {
            axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await
        });
        let (metrics, stop) = (self.metrics(), supervisor.stopping());
        supervisor.spawn(TaskKind::Housekeeping, async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return Ok::<_, std::convert::Infallible>(()),
                    () = tokio::time::sleep(std::time::Duration::from_secs(5)) => metrics.run_upkeep(),
                }
            }
        });
    }
}

async fn rest(State(door): State<Door>, request: Request) -> Response {
    match door.rest.get() {
        Some(router) => match router.clone().oneshot(request).await {
            Ok(response) => response,
            Err(never) => match never {},
        },
        None => (StatusCode::SERVICE_UNAVAILABLE, "starting: the database is not open yet\n").into_response(),
    }
}

/// Can messages be taken and kept?
async fn ready(State(door): State<Door>) -> Response {
    let status = door.ingress.journal.status();
    let loaded = door.ingress.table.borrow().is_some();
    let journal =
        if status.healthy { "ok".to_owned() } else { status.reason.unwrap_or_else(|| "away".to_owned()) };
    let ready = status.healthy && loaded;
    let body = serde_json::json!({
        "ready": ready,
        "journal": journal,
        "keys": if loaded { "ok" } else { "not loaded yet" },
        "store": if door.rest.get().is_some() { "open" } else { "not open yet: what comes in is kept in the journal" },
    });
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, [(header::CONTENT_TYPE, "application/json")], format!("{body}\n")).into_response()
}

async fn metrics_text(State(door): State<Door>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], door.metrics.render())
}

/// What the API is wired to.
pub struct Wiring {
    pub admin: Arc<Admin>,
    pub effects: Effects,
    pub realtime: Realtime,
    pub continuity: Continuity,
    pub files: Arc<dyn ObjectStore>,
    pub doorway: Doorway,
    pub sandbox: Option<Sandbox>,
    /// The identity provider, where one is configured.
    pub sso: Option<Sso>,
}

/// The API's routes.
pub fn api(wiring: &Wiring) -> Router {
    let state = ApiState::new(api::Parts {
        store: wiring.admin.store.clone(),
        hub: Arc::new(ApiHub {
            admin: Arc::clone(&wiring.admin),
            effects: wiring.effects.clone(),
            continuity: wiring.continuity.clone(),
            doorway: wiring.doorway.clone(),
        }),
        realtime: wiring.realtime.clone(),
        media: Arc::clone(&wiring.files),
        clock: crate::clock::now,
        seed: crate::clock::seed,
        random: crate::seal::random_32,
        public_url: wiring.admin.public_url.clone(),
        sandbox: wiring.sandbox.clone(),
        sso: wiring.sso.clone(),
    });
    api::router(state).0
}

/// The running hub, as the API sees it.
struct ApiHub {
    admin: Arc<Admin>,
    effects: Effects,
    continuity: Continuity,
    doorway: Doorway,
}

impl api::Hub for ApiHub {
    fn committed(&self, after: After) {
        self.effects.committed(after);
    }

    fn configuration_changed(&self) -> Later<'_, ()> {
        Box::pin(async move {
            if self.admin.hub.reload().await.is_err() {
                self.admin.hub.mark_stale();
            }
        })
    }

    fn directory(&self) -> Arc<Directory> {
        self.admin.hub.registry().borrow().directory.clone()
    }

    fn add_account(
        &self,
        workspace: WorkspaceId,
        account: AccountForm,
    ) -> Later<'_, Result<NewAccount, ApiError>> {
        Box::pin(async move {
            let AccountForm { channel, name, settings, secrets } = account;
            let form = Form { channel, name, settings, secrets, sandbox: false };
            let added = self
                .admin
                .add_account(workspace, form)
                .await
                .map_err(|e| ApiError::Invalid { field: "account", detail: e.0 })?;
            Ok(NewAccount {
                id: added.id,
                channel: added.channel,
                webhook_path: added.webhook_path,
                next_steps: added.next_steps,
            })
        })
    }

    fn remove_account(&self, workspace: WorkspaceId, account: AccountId) -> Later<'_, Result<(), ApiError>> {
        Box::pin(async move {
            let unit =
                everthread_store::units::RemoveAccount { now: crate::clock::now(), workspace, account };
            let after = self.admin.store.write(unit).await?;
            self.effects.committed(after);
            Ok(self.admin.hub.reload().await?)
        })
    }

    fn erase_contact(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Later<'_, Result<ContactErasure, ApiError>> {
        Box::pin(async move {
            let eraser = self.admin.eraser().map_err(|e| ApiError::internal(e.0))?;
            let report = eraser.erase(workspace, contact).await.map_err(|e| ApiError::internal(e.0))?;
            let erased = ContactErasure {
                contacts: report.contacts,
                messages: report.messages,
                journal_records: report.records,
                other_rows: report.others,
            };
            self.effects.committed(report.after);
            self.effects.media().notify_one();
            Ok(erased)
        })
    }

    fn replay_problem(
        &self,
        workspace: WorkspaceId,
        problem: ProblemId,
    ) -> Later<'_, Result<bool, ApiError>> {
        Box::pin(async move { Ok(self.admin.replay_problem(workspace, problem).await?) })
    }

    fn registry(&self) -> Arc<Registry> {
        self.admin.hub.registry().borrow().clone()
    }

    fn continuity(&self) -> Continuity {
        self.continuity.clone()
    }

    fn link(&self, workspace: WorkspaceId, sandbox: bool) -> Option<LinkOffer> {
        self.doorway.offer(&self.registry(), workspace, sandbox)
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        self.admin.seal.seal(plain)
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.admin.seal.open(sealed).ok()
    }

    fn figures(&self) -> Figures {
        let status = self.admin.journal.as_ref().map(everthread_store::journal::Journal::status);
        status.map_or_else(Figures::default, |s| Figures {
            apply_lag: s.last.saturating_sub(s.applied),
            journal_bytes: s.bytes,
        })
    }
}
