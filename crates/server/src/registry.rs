//! Every account and its adapter, in memory: what the store's units, the apply stage and delivery look up.

use std::collections::HashMap;
use std::sync::Arc;

use everthread_channels::{Channel, spec::Transport};
use everthread_core::account::{Secrets, Settings};
use everthread_core::directory::{AccountFault, AccountInfo, Directory};
use everthread_core::fit::Capabilities;
use everthread_core::health::Member;
use everthread_core::ids::{AccountId, EndpointId, Uid, WorkspaceId};
use everthread_core::pacing::Rate;

use crate::ingress::table::{Fingerprint, family, fingerprint};

/// One account.
pub struct Account {
    pub id: AccountId,
    pub uid: Uid,
    pub workspace: WorkspaceId,
    pub name: String,
    pub channel: &'static dyn Channel,
    pub settings: Settings,
    pub secrets: Secrets,
    pub endpoint: EndpointId,
    /// Of the secrets that its webhooks are signed under.
    pub fingerprint: Fingerprint,
    /// Of those that they were signed under before: accepted no more, but what they signed is the account's.
    pub retired: Vec<Fingerprint>,
    pub webhook_path: String,
    pub sandbox: bool,
    /// Why it does not send, in words for people.
    pub stopped: Option<String>,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .field("channel", &self.channel.spec().name)
            .finish_non_exhaustive()
    }
}

impl Account {
    /// As its adapter sees it.
    pub fn view<'a>(&'a self, public_url: &'a str) -> everthread_channels::Account<'a> {
        everthread_channels::Account {
            settings: &self.settings,
            secrets: &self.secrets,
            public_url,
            webhook_path: &self.webhook_path,
        }
    }

    /// As health sees it.
    pub fn member(&self) -> Member {
        let spec = self.channel.spec();
        Member {
            account: self.id,
            channel: spec.name.to_owned(),
            fate: spec.fate.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    /// True where this secret is or was the account's: a record that it verified may be for it.
    fn signed(&self, secret: Fingerprint) -> bool {
        self.fingerprint == secret || self.retired.contains(&secret)
    }

    /// True where messages never leave this program.
    pub fn is_local(&self) -> bool {
        self.channel.spec().transport == Transport::Local
    }

    /// The channel's capabilities under the operator's overrides: `rate_per_s` and `rate_burst` for the account,
    /// `pair_rate_per_s` and `pair_rate_burst` for one customer, `text_max` in the channel's unit.
    fn capabilities(&self) -> Capabilities {
        let mut caps = self.channel.spec().capabilities();
        let number =
            |key: &str| self.settings.get(key).and_then(|v| v.parse::<f64>().ok()).filter(|n| *n > 0.0);
        let over = |rate: Rate, per_s: &str, burst: &str| Rate {
            per_s: number(per_s).unwrap_or(rate.per_s),
            burst: number(burst).map_or(rate.burst, |n| n as u32),
        };
        caps.pacing.account = over(caps.pacing.account, "rate_per_s", "rate_burst");
        caps.pacing.pair = over(caps.pacing.pair, "pair_rate_per_s", "pair_rate_burst");
        if self.settings.get("human_agent") != Some("on") {
            caps.human_window = None;
        }
        caps.text.max = number("text_max").map_or(caps.text.max, |n| n as usize);
        caps
    }
}

/// All accounts at one moment.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    accounts: HashMap<AccountId, Arc<Account>>,
    /// Accounts by family of channels and the provider's id of them; equal ids may stand in two workspaces.
    by_external: HashMap<(&'static str, String), Vec<Arc<Account>>>,
    by_endpoint: HashMap<EndpointId, Vec<Arc<Account>>>,
    /// By the last piece of the webhook path; only where one account is served.
    by_key: HashMap<String, Arc<Account>>,
    /// What units of work take along.
    pub directory: Arc<Directory>,
}

/// Why an item of a record belongs to no account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unrouted {
    #[error("no account has this provider id; connect it with `account add`, then replay")]
    Unknown,
    #[error(
        "the account that this item names did not sign it: the webhook came in under another app's secret"
    )]
    NotSigned,
    #[error("the webhook address serves several accounts and the item does not say which")]
    Ambiguous,
}

impl Registry {
    /// Builds the registry. Later accounts of equal id win nowhere: ids are unique.
    pub fn build(accounts: Vec<Account>) -> Self {
        let mut this = Self::default();
        let mut directory = Directory::default();
        for account in accounts {
            let account = Arc::new(account);
            let external = account.channel.external_id(&account.settings);
            directory.insert(AccountInfo {
                id: account.id,
                workspace: account.workspace,
                channel: account.channel.spec().name.into(),
                network: account.channel.spec().network.into(),
                name: account.name.clone(),
                addresses: account.channel.spec().addresses.to_vec(),
                external_id: external.clone(),
                caps: account.capabilities(),
                sandbox: account.sandbox,
                stopped: account.stopped.clone(),
                fate: account.channel.spec().fate.iter().map(|g| (*g).to_owned()).collect(),
                fault: None,
            });
            for id in account.channel.external_ids(&account.settings) {
                let named = this.by_external.entry((family(account.channel), id)).or_default();
                named.push(Arc::clone(&account));
            }
            if let Some(key) = account.webhook_path.rsplit('/').next() {
                this.by_key.insert(key.to_owned(), Arc::clone(&account));
            }
            this.by_endpoint.entry(account.endpoint).or_default().push(Arc::clone(&account));
            this.accounts.insert(account.id, account);
        }
        this.directory = Arc::new(directory);
        this
    }

    /// The same accounts with these faults, and no others.
    #[must_use]
    pub fn with_faults(&self, faults: &HashMap<AccountId, AccountFault>) -> Self {
        Self { directory: Arc::new(self.directory.with_faults(faults)), ..self.clone() }
    }

    /// One account.
    pub fn account(&self, id: AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(&id)
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    /// The account whose webhook path ends with this key; of several, any.
    pub fn by_key(&self, key: &str) -> Option<&Arc<Account>> {
        self.by_key.get(key)
    }

    /// Any account of an endpoint; all of them share its channel family.
    pub fn any_of(&self, endpoint: EndpointId) -> Option<&Arc<Account>> {
        self.by_endpoint.get(&endpoint)?.first()
    }

    /// Whose webhook it was when nothing else tells: an account of the endpoint that holds or held the secret it verified
    /// under, else any of them.
    pub fn signer(&self, endpoint: EndpointId, secret: Fingerprint) -> Option<&Arc<Account>> {
        let served = self.by_endpoint.get(&endpoint)?;
        served.iter().find(|account| account.signed(secret)).or(served.first())
    }

    /// The account that an item is for: by the provider's id where the item names one, else the endpoint's only
    /// account. An item is applied only to an account that holds or held the secret it verified
    /// under (decision 4).
    pub fn route(
        &self,
        endpoint: EndpointId,
        secret: Fingerprint,
        external: Option<&str>,
        also: &[String],
    ) -> Result<&Arc<Account>, Unrouted> {
        let served = self.by_endpoint.get(&endpoint).map_or(&[][..], Vec::as_slice);
        let Some(external) = external else {
            return match served {
                [one] if one.signed(secret) => Ok(one),
                [_] => Err(Unrouted::NotSigned),
                [] => Err(Unrouted::Unknown),
                _ => Err(Unrouted::Ambiguous),
            };
        };
        let kin = served.first().map_or("", |a| family(a.channel));
        let find = |id: &str| self.by_external.get(&(kin, id.to_owned())).map_or(&[][..], Vec::as_slice);
        let ids = std::iter::once(external).chain(also.iter().map(String::as_str));
        let named = ids.map(find).find(|found| !found.is_empty()).unwrap_or_default();
        // Two workspaces may each hold an account of equal provider id: prefer the one this address serves.
        // and of those the one whose secret it is now.
        let signed = |a: &&Arc<Account>| a.signed(secret);
        let nearest = |a: &&Arc<Account>| (a.endpoint != endpoint, a.fingerprint != secret);
        named.iter().filter(signed).min_by_key(nearest).ok_or(if named.is_empty() {
            Unrouted::Unknown
        } else {
            Unrouted::NotSigned
        })
    }
}

/// The fingerprint under which an account's own secrets verify.
pub fn fingerprint_of(secrets: &Secrets) -> Fingerprint {
    fingerprint(secrets)
}
