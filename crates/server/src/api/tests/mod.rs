//! The whole router over a real store: what callers get, and what they never get.

mod access;
mod admin;
mod contacts;
mod document;
mod exports;
mod inbox;
mod incidents;
mod media;
mod people;
mod retention;
mod roles;
mod sandbox;
mod second_factor;
mod sso;
mod stream;
mod walls;
mod writes;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode};
use everthread_core::content::Content;
use everthread_core::dedupe::KeySecret;
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::event::{Address, AddressKind, Event, EventKind, InMessage, Peer};
use everthread_core::ids::{AccountId, ContactId, ProblemId, Uid, UserId, WorkspaceId};
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::{
    AddAccount, AddApiKey, AddSession, AddUser, AddWorkspace, After, Apply, ApplyItem, EndpointChoice,
    LinkOffer, Role,
};
use everthread_store::{Options, Store, StoreUrl};
use object_store::local::LocalFileSystem;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::auth::token;
use super::error::ApiError;
use super::model::account::NewAccount;
use super::v1::contacts::erase::ContactErasure;
use super::{AccountForm, ApiState, Figures, Hub, Later, Parts, router};
use crate::ingress::table::Fingerprint;
use crate::realtime::Realtime;
use crate::registry::{Account, Registry};

/// The tests' clock, in microseconds.
static CLOCK: AtomicI64 = AtomicI64::new(1_790_000_000_000_000);
static DRAWS: AtomicU64 = AtomicU64::new(1);

fn now() -> Timestamp {
    Timestamp::from_micros(CLOCK.fetch_add(1_000, Ordering::Relaxed))
}

fn seed() -> u64 {
    DRAWS.fetch_add(0x9E37_79B9, Ordering::Relaxed)
}

fn random() -> [u8; 32] {
    let mut bytes = [7; 32];
    bytes[..8].copy_from_slice(&seed().to_be_bytes());
    bytes
}

/// A hub that notes what it is told.
#[derive(Default)]
struct TestHub {
    directory: Arc<Directory>,
    registry: Arc<Registry>,
    committed: std::sync::Mutex<Vec<After>>,
    reloads: AtomicU64,
}

impl Hub for TestHub {
    fn committed(&self, after: After) {
        self.committed.lock().unwrap().push(after);
    }

    fn configuration_changed(&self) -> Later<'_, ()> {
        self.reloads.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(()))
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.directory)
    }

    fn add_account(&self, _: WorkspaceId, form: AccountForm) -> Later<'_, Result<NewAccount, ApiError>> {
        Box::pin(async move {
            let secret = form.secrets.get("token").is_some();
            Ok(NewAccount {
                id: "acct_x".into(),
                channel: form.channel,
                webhook_path: "/hooks/x/y".into(),
                next_steps: vec![format!("secret given: {secret}")],
            })
        })
    }

    fn remove_account(&self, _: WorkspaceId, _: AccountId) -> Later<'_, Result<(), ApiError>> {
        Box::pin(async { Ok(()) })
    }

    fn erase_contact(&self, _: WorkspaceId, _: ContactId) -> Later<'_, Result<ContactErasure, ApiError>> {
        Box::pin(async { Ok(ContactErasure { contacts: 1, ..ContactErasure::default() }) })
    }

    fn replay_problem(&self, _: WorkspaceId, _: ProblemId) -> Later<'_, Result<bool, ApiError>> {
        Box::pin(async { Ok(true) })
    }

    fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.registry)
    }

    fn continuity(&self) -> crate::continuity::Continuity {
        crate::continuity::view()
    }

    fn link(&self, workspace: WorkspaceId, _: bool) -> Option<LinkOffer> {
        let account = self.directory.of_workspace(workspace).map(|info| info.id).min()?;
        let hash = random().to_vec();
        let url = format!("https://hub.example/c/{}", crate::seal::hex(&hash));
        Some(LinkOffer { account, url, token_hash: hash })
    }

    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        plain.iter().map(|byte| !byte).collect()
    }

    fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        Some(self.seal(sealed))
    }

    fn figures(&self) -> Figures {
        Figures { apply_lag: 3, journal_bytes: 4_096 }
    }
}

/// One business of the tests, with a person of each role and one account.
struct Shop {
    id: WorkspaceId,
    uid: Uid,
    account: AccountId,
    users: BTreeMap<Role, (UserId, String)>,
}

impl Shop {
    fn header(&self) -> String {
        self.uid.show("ws")
    }

    fn account(&self) -> Account {
        Account {
            id: self.account,
            uid: self.uid,
            workspace: self.id,
            name: format!("@{}", self.id.0),
            channel: everthread_channels::find("telegram").unwrap(),
            settings: everthread_core::account::Settings::default(),
            secrets: everthread_core::account::Secrets::default(),
            endpoint: everthread_core::ids::EndpointId(self.id.0),
            fingerprint: Fingerprint::default(),
            retired: Vec::new(),
            webhook_path: format!("/hooks/telegram/{}", self.id.0),
            sandbox: false,
            stopped: None,
        }
    }
}

struct World {
    _dir: tempfile::TempDir,
    store: Store,
    state: ApiState,
    hub: Arc<TestHub>,
    app: Router,
    shops: Vec<Shop>,
}

const CSRF: &str = "csrf-of-the-tests";

/// Two businesses over one store: whatever is tried in one, the other must not notice.
async fn world() -> World {
    world_with(None).await
}

/// As [`world`], with an identity provider.
async fn world_with(sso: Option<crate::sso::Sso>) -> World {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreUrl::file(dir.path().join("db")), Options::default()).await.unwrap();
    let mut directory = Directory::default();
    let mut shops = Vec::new();
    for name in ["acme", "bolt"] {
        shops.push(shop(&store, &mut directory, name).await);
    }
    let registry = Arc::new(Registry::build(shops.iter().map(Shop::account).collect()));
    let hub = Arc::new(TestHub { directory: Arc::new(directory), registry, ..TestHub::default() });
    std::fs::create_dir(dir.path().join("media")).unwrap();
    let media = LocalFileSystem::new_with_prefix(dir.path().join("media")).unwrap();
    let config = everthread_sandbox::Config::new(([127, 0, 0, 1], 0).into(), crate::clock::system_time());
    let platforms = everthread_sandbox::run(config, CancellationToken::new()).await.unwrap();
    let sandbox = crate::sandbox::Sandbox::new(platforms, shops[0].id, Vec::new());
    let state = ApiState::new(Parts {
        store: store.clone(),
        hub: Arc::clone(&hub) as Arc<dyn Hub>,
        realtime: Realtime::new(store.clone()),
        media: Arc::new(media),
        clock: now,
        seed,
        random,
        public_url: "http://127.0.0.1:8080".into(),
        sandbox: Some(sandbox),
        sso,
    });
    let app = router(state.clone()).0;
    World { _dir: dir, store, state, hub, app, shops }
}

async fn shop(store: &Store, directory: &mut Directory, name: &str) -> Shop {
    let unit = AddWorkspace { now: now(), seed: seed(), name: name.into(), slug: name.into() };
    let (id, uid) = store.write(unit).await.unwrap();
    let mut users = BTreeMap::new();
    for role in [Role::Owner, Role::Admin, Role::Agent, Role::Viewer] {
        let (email, name) = (format!("{}@{name}.test", role.as_str()), role.as_str().to_owned());
        let user = AddUser { now: now(), seed: seed(), workspace: id, email, name: name.clone(), role };
        let user = store.write(user).await.unwrap();
        let cookie = format!("session-{}-{name}", uid.0.simple());
        let expires_at = now() + Span::hours(1);
        let token_hash = token::hash(&cookie);
        let (csrf, started_by) = (CSRF.to_owned(), "password".to_owned());
        let session = AddSession { now: now(), user, token_hash, csrf, started_by, expires_at };
        store.write(session).await.unwrap();
        users.insert(role, (user, cookie));
    }
    let unit = AddAccount {
        now: now(),
        seed: seed(),
        workspace: id,
        endpoint: EndpointChoice::New { path_key: format!("key-{name}") },
        channel: "telegram".into(),
        external_id: None,
        name: format!("@{name}"),
        settings: r#"{"api_base":"http://x"}"#.into(),
        secrets: b"sealed".to_vec(),
        sandbox: false,
    };
    let account = store.write(unit).await.unwrap().id;
    let spec = everthread_channels::find("telegram").unwrap().spec();
    directory.insert(AccountInfo {
        id: account,
        workspace: id,
        channel: "telegram".into(),
        network: spec.network.into(),
        name: name.into(),
        external_id: None,
        addresses: spec.addresses.to_vec(),
        caps: spec.capabilities(),
        sandbox: false,
        stopped: None,
        fate: Vec::new(),
        fault: None,
    });
    Shop { id, uid, account, users }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: axum::http::HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    /// The body of a success of this status.
    #[track_caller]
    fn ok(self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.bytes).into_owned();
        assert_eq!(self.status.as_u16(), status, "{text}");
        self.json()
    }

    /// Checks status and code of a refusal.
    #[track_caller]
    fn refused(self, status: u16, code: &str) {
        let body = self.json();
        assert_eq!((self.status.as_u16(), body["code"].as_str()), (status, Some(code)), "{body}");
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status);
        assert!(body["next_step"].as_str().is_some_and(|text| !text.is_empty()));
    }
}

/// One request under construction.
struct Call<'a> {
    world: &'a World,
    request: axum::http::request::Builder,
    body: Body,
}

impl World {
    fn call(&self, method: Method, path: &str) -> Call<'_> {
        let request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        Call { world: self, request, body: Body::empty() }
    }

    fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    fn post(&self, path: &str, body: &Value) -> Call<'_> {
        self.call(Method::POST, path).json(body)
    }

    /// A customer writes `text` to a shop. Equal customers have equal provider ids in every shop.
    async fn customer_writes(&self, shop: usize, customer: &str, text: &str) -> Uid {
        let (account, workspace) = (self.shops[shop].account, self.shops[shop].id);
        let at = now();
        let event = Event {
            key: format!("{customer}-{}", at.micros()),
            at: Some(at),
            peer: Some(Peer {
                addresses: vec![Address { kind: AddressKind::Telegram, value: format!("id-{customer}") }],
                name: Some(customer.to_owned()),
                ..Peer::default()
            }),
            kind: EventKind::Message(InMessage {
                provider_id: format!("p-{}", at.micros()),
                content: Content::text(text),
                ..InMessage::default()
            }),
        };
        let items = vec![ApplyItem {
            record: at.micros() as u64,
            index: 0,
            workspace,
            account,
            received_at: at,
            event,
            automation: true,
        }];
        let directory = self.hub.directory();
        let unit = Apply {
            now: at,
            seed: seed(),
            items,
            keys: KeySecret::new(&[1; 32]),
            directory,
            rules: Arc::default(),
        };
        self.store.write(unit).await.unwrap();
        let row = self.get("/conversations?view=all").by(shop, Role::Owner).await.ok(200);
        Uid::read("conv", row["items"][0]["id"].as_str().unwrap()).unwrap()
    }
}

impl Call<'_> {
    fn header(mut self, name: &str, value: &str) -> Self {
        self.request = self.request.header(name, value);
        self
    }

    fn json(mut self, body: &Value) -> Self {
        self.body = Body::from(body.to_string());
        self.header("content-type", "application/json")
    }

    /// Asks as the person of this role in a shop, with cookie and CSRF header.
    async fn by(self, shop: usize, role: Role) -> Answer {
        let cookie = format!("everthread={}", self.world.shops[shop].users[&role].1);
        self.header("cookie", &cookie).header("x-csrf", CSRF).go().await
    }

    async fn go(self) -> Answer {
        let request = self.request.body(self.body).unwrap();
        let response = self.world.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 64 << 20).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }
}

/// An API key of a shop.
async fn api_key(world: &World, shop: usize, role: Role) -> String {
    let key = token::Token::api_key(random());
    let workspace = world.shops[shop].id;
    let token_hash = key.hash();
    let (name, created_by) = ("tests".to_owned(), None);
    let unit = AddApiKey { now: now(), seed: seed(), workspace, name, token_hash, role, created_by };
    world.store.write(unit).await.unwrap();
    key.reveal().to_owned()
}
