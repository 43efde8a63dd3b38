//! What every endpoint of the API can reach.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use everthread_core::account::{Secrets, Settings};
use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, ContactId, ProblemId, WorkspaceId};
use everthread_core::time::Timestamp;
use everthread_store::Store;
use everthread_store::units::{After, LinkOffer};
use object_store::ObjectStore;

use super::auth::cookie::CookieStyle;
use super::auth::limits::Limits;
use super::auth::password::Hasher;
use super::error::ApiError;
use super::model::account::NewAccount;
use super::v1::contacts::erase::ContactErasure;
use crate::continuity::Continuity;
use crate::realtime::Realtime;
use crate::registry::Registry;
use crate::sandbox::Sandbox;
use crate::sso::Sso;

/// Shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct ApiState(Arc<Inner>);

/// The parts of [`ApiState`].
pub struct Inner {
    pub store: Store,
    /// The running hub around the store.
    pub hub: Arc<dyn Hub>,
    /// Feeds `/api/v1/stream`.
    pub realtime: Realtime,
    /// Bytes of files, under `media/`.
    pub media: Arc<dyn ObjectStore>,
    /// Where the clock is read.
    pub clock: fn() -> Timestamp,
    /// Unpredictable seed for the ids that a unit of work makes.
    pub seed: fn() -> u64,
    /// 256 unpredictable bits for a token.
    pub random: fn() -> [u8; 32],
    /// Without a trailing slash.
    pub public_url: String,
    /// Simulated platforms, where they run beside us.
    pub sandbox: Option<Sandbox>,
    pub hasher: Hasher,
    pub limits: Limits,
    pub cookie: CookieStyle,
    /// The identity provider, where one is configured.
    pub sso: Option<Sso>,
    /// When this process began to answer. The clock never falls below what an earlier process handed out.
    pub alive_since: Timestamp,
}

/// What the caller of [`ApiState::new`] decides.
pub struct Parts {
    pub store: Store,
    pub hub: Arc<dyn Hub>,
    pub realtime: Realtime,
    pub media: Arc<dyn ObjectStore>,
    pub clock: fn() -> Timestamp,
    pub seed: fn() -> u64,
    pub random: fn() -> [u8; 32],
    pub public_url: String,
    pub sandbox: Option<Sandbox>,
    pub sso: Option<Sso>,
}

impl ApiState {
    /// State of an API over these parts.
    pub fn new(parts: Parts) -> Self {
        let Parts { store, hub, realtime, media, clock, seed, random, public_url, sandbox, sso } = parts;
        let cookie = CookieStyle::of(&public_url);
        let (hasher, limits) = (Hasher::default(), Limits::default());
        Self(Arc::new(Inner {
            store,
            hub,
            realtime,
            media,
            clock,
            seed,
            random,
            public_url,
            sandbox,
            hasher,
            limits,
            cookie,
            sso,
            alive_since: clock(),
        }))
    }

    /// Hands on what follows from a unit that was stored.
    pub fn committed(&self, after: After) {
        self.hub.committed(after);
        self.realtime.wake();
    }

    /// The time of this request.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }
}

impl std::ops::Deref for ApiState {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// A future behind a trait object.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the API asks of the hub that runs around the store. Nothing here waits for a provider.
pub trait Hub: Send + Sync + 'static {
    /// A unit was stored: the dispatcher, the media fetcher and the stream take what follows from it. Never blocks.
    fn committed(&self, after: After);

    /// Accounts or rules changed: ends when what is in memory holds them too, or will be read again soon.
    fn configuration_changed(&self) -> Later<'_, ()>;

    /// What every account can carry, now.
    fn directory(&self) -> Arc<Directory>;

    /// Makes an account, as `everthread account add` does: checks what was given, seals the secrets.
    fn add_account(
        &self,
        workspace: WorkspaceId,
        account: AccountForm,
    ) -> Later<'_, Result<NewAccount, ApiError>>;

    /// Stops an account for good, as `everthread account remove` does. Its messages stay.
    fn remove_account(&self, workspace: WorkspaceId, account: AccountId) -> Later<'_, Result<(), ApiError>>;

    /// Erases a contact for good, as `everthread contact erase` does.
    fn erase_contact(
        &self,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Later<'_, Result<ContactErasure, ApiError>>;

    /// Parses and applies the raw piece of a problem again, as `everthread replay` does for records. True when it is
    /// solved now.
    fn replay_problem(&self, workspace: WorkspaceId, problem: ProblemId)
    -> Later<'_, Result<bool, ApiError>>;

    /// Every account, for names.
    fn registry(&self) -> Arc<Registry>;

    /// The task that watches channels.
    fn continuity(&self) -> Continuity;

    /// A new link into the workspace's web chat; `None` where it has none.
    fn link(&self, workspace: WorkspaceId, sandbox: bool) -> Option<LinkOffer>;

    /// Seals a secret under the key file.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;

    /// Opens what [`Hub::seal`] made; none under another key file.
    fn unseal(&self, sealed: &[u8]) -> Option<Vec<u8>>;

    /// How the journal stands.
    fn figures(&self) -> Figures;
}

/// What `account add` is given.
#[derive(Clone, Debug)]
pub struct AccountForm {
    pub channel: String,
    pub name: String,
    pub settings: Settings,
    pub secrets: Secrets,
}

/// How the journal stands.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Records taken in and not applied yet.
    pub apply_lag: u64,
    /// Bytes of the journal on disk.
    pub journal_bytes: u64,
}
