//! What the hub is compared with: an axum endpoint that checks the signature and stores nothing (*bare*), and one
//! that also makes everything durable that a loop must make durable and decides nothing (*floor*).

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use everthread_channels::{Channel, HookRequest, WireRequest};
use everthread_core::account::Secrets;
use everthread_core::limits::WEBHOOK_BODY_BYTES_MAX;
use everthread_store::journal::{FsDisk, Journal, RawRecord, Source};
use everthread_store::units::SetCursor;
use everthread_store::{Store, StoreUrl};
use serde_json::json;

use super::bodies::{APP_SECRET, Mark, TOKEN, account_of, customer, phone_number_id};
use crate::admin::Failure;
use crate::http::Client;

/// How to run it.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    #[arg(long)]
    listen: String,
    /// Answer every message with a call to this provider.
    #[arg(long)]
    provider: Option<String>,
    /// Keep webhooks and four small commits per loop in this folder.
    #[arg(long)]
    dir: Option<PathBuf>,
}

#[derive(Clone)]
struct Endpoint {
    channel: &'static dyn Channel,
    secrets: Arc<[Secrets]>,
    durable: Option<Durable>,
    provider: Option<(Client, Arc<str>)>,
}

/// One append per webhook and four commits per loop, each as small as a commit can be.
#[derive(Clone)]
struct Durable {
    journal: Journal,
    store: Store,
}

/// Serves until it is killed.
pub(super) async fn run(options: &Options) -> Result<(), Failure> {
    let channel = everthread_channels::find("whatsapp").ok_or_else(|| Failure("no such channel".into()))?;
    let durable = match &options.dir {
        Some(dir) => Some(Durable::open(dir).await?),
        None => None,
    };
    let provider = match &options.provider {
        Some(base) => Some((Client::new().map_err(Failure::from_display)?, base.as_str().into())),
        None => None,
    };
    let secrets = Secrets([("app_secret".to_owned(), APP_SECRET.to_owned())].into());
    let endpoint = Endpoint { channel, secrets: [secrets].into(), durable, provider };
    let app = Router::new()
        .route("/hooks/{channel}/{key}", post(receive))
        .layer(DefaultBodyLimit::max(WEBHOOK_BODY_BYTES_MAX))
        .with_state(endpoint)
        .route("/readyz", get(|| async { "ready" }));
    let listener = tokio::net::TcpListener::bind(&options.listen).await.map_err(Failure::from_display)?;
    axum::serve(listener, app).await.map_err(Failure::from_display)
}

impl Durable {
    async fn open(dir: &std::path::Path) -> Result<Self, Failure> {
        let disk = FsDisk::new(dir.join("journal")).map_err(Failure::from_display)?;
        let options = everthread_store::journal::Options::new(crate::clock::now(), crate::clock::seed());
        let (journal, _) = Journal::open(Arc::new(disk), options).map_err(Failure::from_display)?;
        let url = StoreUrl::file(dir.join("floor.db"));
        let store =
            Store::open(url, everthread_store::Options::default()).await.map_err(Failure::from_display)?;
        Ok(Self { journal, store })
    }

    async fn commit(&self, mark: Mark, step: &str) {
        let unit = SetCursor { name: format!("{}.{step}", mark.text()), value: String::new() };
        if let Err(error) = self.store.write(unit).await {
            tracing::error!(%error, "the floor could not commit");
        }
    }
}

async fn receive(
    State(endpoint): State<Endpoint>,
    Path((_channel, _key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signature = headers.get("x-hub-signature-256").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let picked = [("x-hub-signature-256".to_owned(), signature.to_owned())];
    let request = HookRequest { headers: &picked, query: "", body: &body, urls: &[] };
    if endpoint.channel.verify(&request, &endpoint.secrets).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    if let Some(durable) = &endpoint.durable {
        let record = RawRecord {
            received_at: crate::clock::now(),
            endpoint: 1,
            secret: 0,
            source: Source::Webhook,
            content_type: "application/json",
            query: "",
            body: &body,
        };
        if durable.journal.append(&record).await.is_err() {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
    }
    if endpoint.provider.is_some() {
        go_on(endpoint, &body);
    }
    StatusCode::OK
}

/// What follows the 200: a message is answered, a receipt noted.
#[expect(
    clippy::disallowed_methods,
    reason = "the floor has no supervisor: nothing in it may cost what it need not"
)]
fn go_on(endpoint: Endpoint, body: &[u8]) {
    match Mark::find(body) {
        Some(mark) => drop(tokio::spawn(async move { answer(&endpoint, mark).await })),
        None => drop(tokio::spawn(async move {
            if let Some(durable) = &endpoint.durable {
                durable.commit(Mark { contact: 0, nth: 0 }, "delivered").await;
            }
        })),
    }
}

async fn answer(endpoint: &Endpoint, mark: Mark) {
    let Some((client, base)) = &endpoint.provider else { return };
    if let Some(durable) = &endpoint.durable {
        durable.commit(mark, "received").await;
        durable.commit(mark, "sending").await;
    }
    let body = json!({
        "messaging_product": "whatsapp", "recipient_type": "individual", "to": format!("+{}", customer(mark.contact)),
        "type": "text", "text": { "body": mark.text(), "preview_url": false },
    });
    let request = WireRequest {
        method: "POST",
        url: format!("{base}/{}/messages", phone_number_id(account_of(mark.contact))),
        headers: vec![
            ("authorization", format!("Bearer {TOKEN}")),
            ("content-type", "application/json".into()),
        ],
        body: body.to_string().into_bytes(),
        timeout: None,
        secrets: Vec::new(),
    };
    let _ = client.call(&request).await;
    if let Some(durable) = &endpoint.durable {
        durable.commit(mark, "accepted").await;
    }
}
