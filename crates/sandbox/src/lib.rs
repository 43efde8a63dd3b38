//! Simulated platforms over real HTTP, with simulated customers.
//!
//! One listener plays Telegram, WhatsApp Cloud, Instagram, Messenger and Twilio, each under a path of its own (see
//! [`Platform::path`]), checks what it is sent the way the platform does, delivers signed webhooks with the platform's
//! own retry policy, and can be told to fail. Everything under `/_control` steers it (see [`control`]).
//!
//! It is written from the platforms' documentation and shares no code with the channel adapters, so that one misreading
//! can't hide in both.

pub mod account;
mod book;
pub mod control;
mod customers;
mod deliver;
pub mod fault;
mod graph;
mod limit;
mod media;
mod net;
mod page;
mod people;
pub mod press;
mod rng;
mod script;
mod telegram;
mod trouble;
mod twilio;
mod wire;
mod world;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

pub use account::{NewAccount, Platform};
pub use control::Speech;
pub use fault::{Active, Component, Fault, Kind};
pub use press::{Part, Press};

use net::Gate;
use world::World;

/// Where the sandbox is steered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Control {
    /// On the platforms' listener.
    #[default]
    Beside,
    /// At an address of its own.
    At(SocketAddr),
    /// Nowhere but by the [`Handle`], in the sandbox's own process.
    Closed,
}

/// How to run the sandbox.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where the platforms listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where `/_control` listens.
    pub control: Control,
    /// The address that media links carry; `None` derives it from the listener.
    pub public_url: Option<String>,
    /// The business's own address, e.g. `https://talk.example.com`: customers open links that lead there, besides those to where
    /// webhooks go.
    pub business_url: Option<String>,
    /// Everything that the sandbox makes up follows from this number.
    pub seed: u64,
    /// Who the customers are follows from this one, if it is given: the same people come back to a business in a later run, while
    /// what they say and the platforms' ids for it are new.
    pub people_seed: Option<u64>,
    /// Simulated customers of each account that doesn't say otherwise.
    pub customers: usize,
    /// How much faster than people the customers (and receipts) are; 1 is life-like.
    pub speed: f64,
    /// How much faster than documented webhooks are retried; 1 is as documented.
    pub retry_speed: f64,
    /// Whether customers write of their own accord from the start.
    pub chatter: bool,
    /// Whether customers answer what the business sends them.
    pub replies: bool,
    /// Wall clock time at the start; the sandbox goes on from here on a monotonic clock.
    pub started_at: SystemTime,
}

impl Config {
    /// The number that decides who the customers are.
    pub(crate) fn people(&self) -> u64 {
        self.people_seed.unwrap_or(self.seed)
    }

    /// Life-like defaults: eight customers per account, no chatter until it is switched on.
    pub fn new(listen: SocketAddr, started_at: SystemTime) -> Self {
        Self {
            listen,
            control: Control::Beside,
            public_url: None,
            business_url: None,
            seed: 1,
            people_seed: None,
            customers: 8,
            speed: 1.0,
            retry_speed: 1.0,
            chatter: false,
            replies: true,
            started_at,
        }
    }
}

/// Why the sandbox did not start, or refused a control action.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can't be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The HTTP client for webhooks could not be made.
    #[error("cannot make the webhook client: {0}")]
    Client(#[from] reqwest::Error),
    /// A control action names something that isn't there or makes no sense.
    #[error("{0}")]
    Refused(String),
}

/// A running sandbox.
#[derive(Debug, Clone)]
pub struct Handle {
    addr: SocketAddr,
    control_addr: Option<SocketAddr>,
    world: Arc<World>,
    servers: Arc<Mutex<Vec<tokio::task::JoinHandle<()>>>>,
}

impl Handle {
    /// Where the platforms listen.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Where `/_control` listens; `None` where it is closed.
    pub fn control_addr(&self) -> Option<SocketAddr> {
        self.control_addr
    }

    /// The `api_base` of a platform, without a trailing slash.
    pub fn api_base(&self, platform: Platform) -> String {
        format!("{}{}", self.world.base_url, platform.path())
    }

    /// Registers an account; what isn't given is made up from the seed. Fails if its name is taken.
    pub fn register(&self, account: NewAccount) -> Result<account::AccountView, Error> {
        account::register(&self.world, account)
    }

    /// Injects a fault; returns its id. Fails if it names an account that isn't registered.
    pub fn inject(&self, fault: Fault) -> Result<u64, Error> {
        fault::inject(&self.world, fault)
    }

    /// Takes a component, or all, of a platform or company down; returns the ids of the faults that do it. Fails if it names what
    /// isn't here, or a kind that can't happen to the component.
    pub fn press(&self, press: &Press) -> Result<Vec<u64>, Error> {
        press::press(&self.world, press)
    }

    /// Faults in force, and those that wait for their time, oldest first.
    pub fn faults(&self) -> Vec<Active> {
        self.world.state().faults.clone()
    }

    /// Ends a fault now; false if there is none of this id.
    pub fn lift(&self, id: u64) -> bool {
        fault::remove(&self.world, id)
    }

    /// Makes a customer (by key, e.g. `p0`, or address) do something; returns the platform's id of what was written. Fails if there is no
    /// such account or customer, or the platform has no such thing.
    pub fn say(&self, account: &str, customer: &str, speech: Speech) -> Result<String, Error> {
        control::people::speak(&self.world, account, customer, speech).map(|(id, _)| id)
    }

    /// The customers of an account, as `/_control` shows them; empty if there is no such account.
    pub fn customers(&self, account: &str) -> Vec<serde_json::Value> {
        let state = self.world.state();
        let customers = state.accounts.get(account).into_iter().flat_map(|a| a.customers.values());
        customers.map(|customer| serde_json::json!(customer)).collect()
    }

    /// How often things happened on an account, as `/_control` shows it; null if there is no such account. Costs nothing, unlike the book.
    pub fn counts(&self, account: &str) -> serde_json::Value {
        let state = self.world.state();
        state.accounts.get(account).map_or(serde_json::Value::Null, |a| serde_json::json!(a.book.counts))
    }

    /// What passed on an account, oldest first, as `/_control` shows it; empty if there is no such account.
    pub fn book(&self, account: &str) -> Vec<serde_json::Value> {
        let state = self.world.state();
        let messages = state.accounts.get(account).into_iter().flat_map(|a| a.book.iter());
        messages.map(|(_, message)| serde_json::json!(message)).collect()
    }

    /// Switches the customers' own writing (`on`) and their answering (`replies`).
    pub fn chatter(&self, on: bool, replies: bool) {
        customers::switch(&self.world, on, replies);
    }

    /// Waits until every listener has stopped after the shutdown token was cancelled.
    pub async fn stopped(self) {
        let servers = std::mem::take(&mut *self.servers.lock().unwrap_or_else(PoisonError::into_inner));
        for server in servers {
            let _ = server.await;
        }
    }
}

/// Starts the sandbox; it runs until `shutdown` is cancelled. Fails if an address is taken.
pub async fn run(config: Config, shutdown: CancellationToken) -> Result<Handle, Error> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let gate = Gate::bind(config.listen).await?;
    let addr = gate.addr();
    let beside = config.control == Control::Beside;
    let control = match config.control {
        Control::At(at) => Some(Gate::bind(at).await?),
        Control::Beside | Control::Closed => None,
    };
    let control_addr = control.as_ref().map(Gate::addr).or(beside.then_some(addr));
    let world = World::new(config, addr, shutdown.clone())?;
    let mut platforms = axum::Router::new()
        .nest("/telegram", telegram::router())
        .nest("/graph", graph::router())
        .nest("/instagram", graph::router())
        .nest("/twilio", twilio::router())
        .nest("/cdn", media::router());
    let mut servers = Vec::new();
    match control {
        Some(gate) => servers.push(net::serve(gate, control::router(), &world)),
        None if beside => platforms = platforms.merge(control::router()),
        None => {}
    }
    servers.push(net::serve(gate, platforms, &world));
    world.start();
    Ok(Handle { addr, control_addr, world, servers: Arc::new(Mutex::new(servers)) })
}
