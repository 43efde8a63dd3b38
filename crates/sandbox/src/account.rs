//! Accounts: a business's logins on the simulated platforms, with the platforms' own names for things.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;

use crate::book::Book;
use crate::deliver::Hook;
use crate::limit::{Bucket, Limits};
use crate::people::{Customer, Person};
use crate::rng::{ALNUM, Rng};
use crate::telegram::Bot;
use crate::world::{State, World};
use crate::{Error, customers};

/// A simulated platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Platform {
    /// Telegram Bot API.
    Telegram,
    /// WhatsApp Cloud API.
    Whatsapp,
    /// Instagram messaging, with Instagram Login or through a Page.
    Instagram,
    /// Messenger: a Page's own inbox.
    Messenger,
    /// Twilio's messaging API.
    Twilio,
}

impl Platform {
    /// Every platform.
    pub const ALL: [Self; 5] =
        [Self::Telegram, Self::Whatsapp, Self::Instagram, Self::Messenger, Self::Twilio];

    /// Who runs it: what belongs to one company can fail together.
    pub fn company(self) -> &'static str {
        match self {
            Self::Whatsapp | Self::Instagram | Self::Messenger => "meta",
            Self::Telegram => "telegram",
            Self::Twilio => "twilio",
        }
    }

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Telegram => "Telegram",
            Self::Whatsapp => "WhatsApp",
            Self::Instagram => "Instagram",
            Self::Messenger => "Messenger",
            Self::Twilio => "SMS",
        }
    }

    /// The path below which the platform answers; with the sandbox's address in front, an account's `api_base`.
    pub fn path(self) -> &'static str {
        match self {
            Self::Telegram => "/telegram",
            Self::Whatsapp | Self::Instagram | Self::Messenger => "/graph",
            Self::Twilio => "/twilio",
        }
    }

    /// The name used in ids and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Telegram => "telegram",
            Self::Whatsapp => "whatsapp",
            Self::Instagram => "instagram",
            Self::Messenger => "messenger",
            Self::Twilio => "twilio",
        }
    }
}

/// How refusals that WhatsApp may give late are given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refusals {
    /// 200 first, then a `failed` status (what is mostly seen).
    #[default]
    Status,
    /// At once, as an HTTP error.
    Http,
}

/// What to register. Everything but the platform may be left out and is then made up from the seed.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// Where the account lives.
    pub platform: Platform,
    /// The business's name there.
    #[serde(default)]
    pub name: Option<String>,
    /// Bot token, or Graph access token.
    #[serde(default)]
    pub token: Option<String>,
    /// Signs Meta's webhooks.
    #[serde(default)]
    pub app_secret: Option<String>,
    /// Answered in Meta's handshake.
    #[serde(default)]
    pub verify_token: Option<String>,
    /// Where webhooks go (Telegram: as if `setWebhook` had been called).
    #[serde(default)]
    pub webhook_url: Option<String>,
    /// Twilio's second address, used when the first fails.
    #[serde(default)]
    pub fallback_url: Option<String>,
    /// Telegram's webhook secret.
    #[serde(default)]
    pub secret_token: Option<String>,
    /// The WhatsApp number's id.
    #[serde(default)]
    pub phone_number_id: Option<String>,
    /// The WhatsApp business account.
    #[serde(default)]
    pub waba_id: Option<String>,
    /// The Instagram professional account.
    #[serde(default)]
    pub ig_id: Option<String>,
    /// The Page: Messenger's own, or the one that an Instagram account is linked to and answers under.
    #[serde(default)]
    pub page_id: Option<String>,
    /// The business's handle.
    #[serde(default)]
    pub username: Option<String>,
    /// Twilio account.
    #[serde(default)]
    pub account_sid: Option<String>,
    /// Twilio's password, which also signs its webhooks.
    #[serde(default)]
    pub auth_token: Option<String>,
    /// The number that sends (Twilio, WhatsApp), E.164.
    #[serde(default)]
    pub from: Option<String>,
    /// How many simulated customers; the sandbox's own number if absent.
    #[serde(default)]
    pub customers: Option<usize>,
    /// Rate limits other than the documented ones.
    #[serde(default)]
    pub limits: Limits,
    /// How many of the customers (the first is number `opens_from`) write of their own accord; all if absent. The others are there,
    /// answer, and come here when another platform fails them.
    #[serde(default)]
    pub openers: Option<usize>,
    /// The first of them.
    #[serde(default)]
    pub opens_from: usize,
    /// Instagram, Messenger: the human agent tag is approved.
    #[serde(default)]
    pub human_agent: bool,
    /// WhatsApp: how late refusals come.
    #[serde(default)]
    pub refusals: Refusals,
    /// Meta: the app is subscribed to the account from the start (default true).
    #[serde(default)]
    pub subscribed: Option<bool>,
    /// WhatsApp: approved templates besides `hello_world`, `order_update` and `continue_here`.
    #[serde(default)]
    pub templates: Vec<String>,
}

impl NewAccount {
    /// An account of which everything is made up.
    pub fn of(platform: Platform) -> Self {
        Self {
            platform,
            name: None,
            token: None,
            app_secret: None,
            verify_token: None,
            webhook_url: None,
            fallback_url: None,
            secret_token: None,
            phone_number_id: None,
            waba_id: None,
            ig_id: None,
            page_id: None,
            username: None,
            account_sid: None,
            auth_token: None,
            from: None,
            customers: None,
            openers: None,
            opens_from: 0,
            limits: Limits::default(),
            human_agent: false,
            refusals: Refusals::default(),
            subscribed: None,
            templates: Vec::new(),
        }
    }
}

/// An account as registered, credentials included (they open nothing but the sandbox).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountView {
    /// The sandbox's own name for it.
    pub id: String,
    /// Where it lives.
    pub platform: Platform,
    /// The business's name there.
    pub name: String,
    /// The `api_base` to give to a client.
    pub api_base: String,
    /// Bot token, or Graph access token.
    pub token: String,
    /// Signs Meta's webhooks.
    pub app_secret: String,
    /// Answered in Meta's handshake.
    pub verify_token: String,
    /// Where webhooks go.
    pub webhook_url: Option<String>,
    /// Twilio's second address.
    pub fallback_url: Option<String>,
    /// Telegram's webhook secret.
    pub secret_token: Option<String>,
    /// The WhatsApp number's id.
    pub phone_number_id: String,
    /// The WhatsApp business account.
    pub waba_id: String,
    /// The Instagram professional account.
    pub ig_id: String,
    /// The Page.
    pub page_id: Option<String>,
    /// The business's handle.
    pub username: String,
    /// Twilio account.
    pub account_sid: String,
    /// Twilio's password.
    pub auth_token: String,
    /// The number that sends.
    pub from: String,
    /// The credential has been revoked.
    pub revoked: bool,
    /// Meta: webhooks are delivered.
    pub subscribed: bool,
}

/// An account and all that happens on it.
pub(crate) struct Account {
    pub(crate) view: AccountView,
    pub(crate) limits: Limits,
    pub(crate) human_agent: bool,
    pub(crate) refusals: Refusals,
    pub(crate) templates: Vec<String>,
    pub(crate) customers: BTreeMap<String, Customer>,
    /// Customer key by address on the platform.
    pub(crate) by_address: HashMap<String, String>,
    pub(crate) book: Book,
    pub(crate) rng: Rng,
    pub(crate) bucket: Bucket,
    pub(crate) history_bucket: Bucket,
    /// Customers' buckets by key.
    pub(crate) customer_buckets: HashMap<String, Bucket>,
    pub(crate) bot: Bot,
    pub(crate) media: crate::media::Shelf,
    /// Webhooks made while the state was locked, to be sent when it is free.
    pub(crate) hooks: Vec<Hook>,
    /// How many webhooks may be under way at once.
    pub(crate) doors: Arc<Semaphore>,
    /// Since when webhooks have failed without a success between.
    pub(crate) failing_since_ms: Option<i64>,
}

impl Account {
    /// The customer with this address (or key).
    pub(crate) fn find(&self, address: &str) -> Option<&Customer> {
        let key = self.by_address.get(address).map_or(address, String::as_str);
        self.customers.get(key)
    }

    /// Counts a refused call and hands the answer on.
    pub(crate) fn refuse(&mut self, code: impl ToString, reply: crate::wire::Reply) -> crate::wire::Reply {
        *self.book.counts.refused.entry(code.to_string()).or_default() += 1;
        reply
    }

    /// Adds a customer.
    pub(crate) fn admit(&mut self, customer: Customer) {
        self.by_address.insert(customer.address.clone(), customer.key.clone());
        if let Some(bsuid) = &customer.bsuid {
            self.by_address.insert(bsuid.clone(), customer.key.clone());
        }
        self.customers.insert(customer.key.clone(), customer);
    }
}

fn complete(world: &World, ask: NewAccount, number: u64) -> AccountView {
    let platform = ask.platform;
    let mut rng = Rng::new(world.config.seed, &["account", platform.name(), &number.to_string()]);
    let or = |given: Option<String>, made: String| given.unwrap_or(made);
    let name = or(ask.name, format!("Linen & Loom {number}"));
    let token = match platform {
        Platform::Telegram => format!("{}:AA{}", rng.digits(10), rng.letters(33, ALNUM)),
        Platform::Whatsapp => format!("EAA{}", rng.letters(60, ALNUM)),
        Platform::Instagram => format!("IGAA{}", rng.letters(60, ALNUM)),
        Platform::Messenger => format!("EAA{}", rng.letters(60, ALNUM)),
        Platform::Twilio => String::new(),
    };
    AccountView {
        id: format!("{}-{number}", platform.name()),
        platform,
        name,
        api_base: format!("{}{}", world.base_url, platform.path()),
        token: or(ask.token, token),
        app_secret: or(ask.app_secret, rng.hex(32)),
        verify_token: or(ask.verify_token, rng.letters(24, ALNUM)),
        webhook_url: ask.webhook_url,
        fallback_url: ask.fallback_url,
        secret_token: ask.secret_token,
        phone_number_id: or(ask.phone_number_id, format!("10{}", rng.digits(13))),
        waba_id: or(ask.waba_id, format!("11{}", rng.digits(13))),
        ig_id: or(ask.ig_id, format!("17841{}", rng.digits(12))),
        page_id: ask
            .page_id
            .or_else(|| (platform == Platform::Messenger).then(|| format!("10{}", rng.digits(13)))),
        username: or(
            ask.username,
            format!("linen_loom_{number}{}", if platform == Platform::Telegram { "_bot" } else { "" }),
        ),
        account_sid: or(ask.account_sid, format!("AC{}", rng.hex(32))),
        auth_token: or(ask.auth_token, rng.hex(32)),
        from: or(ask.from, format!("+1415555{:04}", 1000 + number % 9000)),
        revoked: false,
        subscribed: ask.subscribed.unwrap_or(true),
    }
}

/// Makes an account with its customers.
pub(crate) fn register(world: &Arc<World>, ask: NewAccount) -> Result<AccountView, Error> {
    let mut state = world.state();
    let number = state.next_account + 1;
    let count = ask.customers.unwrap_or(world.config.customers);
    let openers = ask.opens_from..ask.opens_from + ask.openers.unwrap_or(count);
    let limits = ask.limits.clone();
    let (human_agent, refusals, templates) = (ask.human_agent, ask.refusals, ask.templates.clone());
    let view = complete(world, ask, number);
    if let Some(other) = clash(&state, &view) {
        return Err(Error::Refused(format!("{other} is already registered")));
    }
    state.next_account = number;
    let mut account = Account {
        limits,
        human_agent,
        refusals,
        templates,
        customers: BTreeMap::new(),
        by_address: HashMap::new(),
        book: Book::default(),
        rng: Rng::new(world.config.seed, &["ids", &view.id]),
        bucket: Bucket::default(),
        history_bucket: Bucket::default(),
        customer_buckets: HashMap::new(),
        bot: Bot::default(),
        media: crate::media::Shelf::default(),
        hooks: Vec::new(),
        doors: Arc::new(Semaphore::new(64)),
        failing_since_ms: None,
        view: view.clone(),
    };
    for index in 0..count {
        let person = Person::new(world.config.people(), index);
        let mut customer = Customer::new(&world.config, &view, person, index);
        customer.opens = openers.contains(&index);
        account.admit(customer);
    }
    if let Some(url) = &view.webhook_url {
        account.bot.set_webhook(url.clone(), view.secret_token.clone());
    }
    state.accounts.insert(view.id.clone(), account);
    drop(state);
    customers::settle_in(world, &view.id);
    Ok(view)
}

/// What of a new account's identity is taken.
fn clash(state: &State, view: &AccountView) -> Option<String> {
    let same = |a: &AccountView| match view.platform {
        Platform::Telegram => a.token == view.token,
        Platform::Whatsapp => a.phone_number_id == view.phone_number_id,
        Platform::Instagram => a.ig_id == view.ig_id,
        Platform::Messenger => a.page_id == view.page_id,
        Platform::Twilio => a.account_sid == view.account_sid && a.from == view.from,
    };
    let other = state.accounts.values().find(|a| a.view.platform == view.platform && same(&a.view))?;
    Some(other.view.id.clone())
}
