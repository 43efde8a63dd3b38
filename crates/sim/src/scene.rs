//! Who is there: two workspaces, accounts of every channel, their rules.

use std::collections::HashMap;
use std::sync::Arc;

use everthread_channels::CHANNELS;
use everthread_core::account::{Secrets, Settings};
use everthread_core::directory::AccountInfo;
use everthread_core::event::AddressKind;
use everthread_core::fit::TextLimit;
use everthread_core::ids::{AccountId, RuleId, UserId, WorkspaceId};
use everthread_core::pacing::{Pacing, Rate};
use everthread_core::routing::{Mode, Policy};
use everthread_core::rules::{RuleSet, Source, compile};
use everthread_core::text::Unit;
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::{AddAccount, AddUser, AddWorkspace, EndpointChoice, Role, SetPolicy};
use everthread_store::{InlineStore, Result};

use crate::rng::Rng;

/// What never changes during a history.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) accounts: Vec<Arc<AccountInfo>>,
    /// One per workspace.
    pub(crate) users: HashMap<WorkspaceId, UserId>,
    pub(crate) rules: Arc<HashMap<WorkspaceId, Arc<RuleSet>>>,
    /// The fast dial of the detector: how much faster it judges than in real life.
    pub(crate) pace: f64,
    /// The same for every account, under each provider's own names.
    pub(crate) settings: Settings,
    pub(crate) secrets: Secrets,
}

/// The platforms' ids of our accounts: the same everywhere, as two endpoints keep them apart.
const OWN: &str = "17841400008460056";
const OWN_NUMBER: &str = "+15550001111";

/// Reply window of the channels that have one.
const WINDOW: Span = Span::secs(900);

/// The platform's id of an account of ours.
pub(crate) fn own_id(info: &AccountInfo) -> &'static str {
    if info.channel == "twilio" { OWN_NUMBER } else { OWN }
}

/// Small, so that pacing matters in short histories.
const PACING: Pacing = Pacing { account: Rate { per_s: 0.5, burst: 3 }, pair: Rate { per_s: 0.4, burst: 2 } };

impl Scene {
    /// Fills an empty store.
    pub(crate) fn build(store: &mut InlineStore, now: Timestamp, rng: &mut Rng) -> Result<Self> {
        let words = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let mut scene = Self {
            accounts: Vec::new(),
            users: HashMap::new(),
            rules: Arc::default(),
            pace: rng.pick(&[10.0, 30.0, 60.0, 120.0]).copied().unwrap_or(1.0),
            settings: Settings(words(&[
                ("phone_number_id", OWN),
                ("ig_id", OWN),
                ("page_id", OWN),
                ("account_sid", "AC00000000000000000000000000000001"),
                ("from", OWN_NUMBER),
            ])),
            secrets: Secrets(words(&[("token", "secret-token"), ("auth_token", "secret-auth")])),
        };
        let mut rules = HashMap::new();
        for (seed, name) in [(1, "one"), (2, "two")] {
            let slug = name.to_owned();
            let (workspace, _) = store.write(&AddWorkspace { now, seed, name: slug.clone(), slug })?;
            let email = format!("{name}@example.com");
            let user = store.write(&AddUser {
                now,
                seed: seed + 2,
                workspace,
                email,
                name: name.to_owned(),
                role: Role::Agent,
            })?;
            scene.users.insert(workspace, user);
            let policy = policy(rng);
            store.write(&SetPolicy { now, seed: seed + 4, workspace, user: None, policy })?;
            rules.insert(workspace, Arc::new(rule_set()));
            // `wire.rs` does not speak for mail servers, which are no HTTP platforms.
            for channel in CHANNELS.iter().filter(|c| c.spec().name != "email") {
                // The second workspace shares the provider ids of the first on two channels: they must never meet.
                let word = channel.spec().name;
                if name == "one" || matches!(word, "whatsapp" | "telegram" | "instagram") {
                    scene.add(store, workspace, word, now)?;
                }
            }
        }
        scene.rules = Arc::new(rules);
        Ok(scene)
    }

    fn add(
        &mut self,
        store: &mut InlineStore,
        workspace: WorkspaceId,
        channel: &str,
        now: Timestamp,
    ) -> Result<()> {
        let Some(spec) = everthread_channels::find(channel).map(everthread_channels::Channel::spec) else {
            return Ok(());
        };
        let number = self.accounts.len();
        let added = store.write(&AddAccount {
            now,
            seed: 10 + number as u64,
            workspace,
            endpoint: EndpointChoice::New { path_key: format!("key{number}") },
            channel: channel.to_owned(),
            external_id: None,
            name: format!("{channel} {number}"),
            settings: "{}".to_owned(),
            secrets: Vec::new(),
            sandbox: false,
        })?;
        let mut caps = spec.capabilities();
        caps.text = TextLimit { max: 60, unit: Unit::Chars };
        caps.pacing = PACING;
        // Short, so that windows close while messages wait.
        caps.window = caps.window.map(|_| WINDOW);
        caps.human_window = None;
        self.accounts.push(Arc::new(AccountInfo {
            id: added.id,
            workspace,
            channel: channel.to_owned(),
            network: spec.network.to_owned(),
            name: format!("{channel} {number}"),
            external_id: None,
            addresses: spec.addresses.to_vec(),
            caps,
            sandbox: false,
            stopped: None,
            fate: spec.fate.iter().map(|group| (*group).to_owned()).collect(),
            fault: None,
        }));
        Ok(())
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&Arc<AccountInfo>> {
        self.accounts.iter().find(|info| info.id == id)
    }
}

/// The address of a customer on an account. A phone number is the same on every account of a workspace: one person.
pub(crate) fn customer_address(info: &AccountInfo, customer: usize) -> (AddressKind, String) {
    let kind = info.addresses.first().copied().unwrap_or(AddressKind::Webchat);
    let value = match kind {
        AddressKind::Phone => format!("+3598{:03}{customer:04}", info.workspace.0 % 1_000),
        AddressKind::Webchat => format!("v_{customer}"),
        _ => format!("1111{customer}"),
    };
    (kind, value)
}

/// The number that a customer has after a change. It is theirs, and nobody has said that it may be written to.
pub(crate) fn new_number(info: &AccountInfo, customer: usize) -> String {
    format!("+3596{:03}{customer:04}", info.id.0 % 1_000)
}

/// The phone of a customer who writes elsewhere: what they type when they are asked for it.
pub(crate) fn phone(info: &AccountInfo, customer: usize) -> String {
    format!("+3597{:03}{customer:04}", info.id.0 % 1_000)
}

/// Begins every first line on another route.
pub(crate) const LINE: &str = "We go on here:";

fn policy(rng: &mut Rng) -> Policy {
    let mode =
        rng.pick(&[Mode::Automatic, Mode::Automatic, Mode::Automatic, Mode::Suggest, Mode::Off]).copied();
    let mut policy = Policy {
        mode: mode.unwrap_or_default(),
        hold_first_s: rng.below(20) as u32,
        settle_min: 1 + rng.below(10) as u32,
        live_hours: 1 + rng.below(12) as u32,
        ..Policy::default()
    };
    policy.lines.insert("*".to_owned(), format!("{LINE} {{{{ channel }}}}"));
    if rng.chance(500) {
        policy.templates.insert("whatsapp".to_owned(), "go_on/en".to_owned());
    }
    if rng.chance(300) {
        policy.cost_incident_max = Some(3);
        policy.costs.insert("twilio".to_owned(), 1);
    }
    policy
}

/// Stands for the customer's own number.
pub(crate) const PHONE: &str = "my number";

/// What customers say, with what it sets off.
pub(crate) const SAYINGS: &[&str] = &[
    "hello",
    "price please",
    "price",
    "a long story",
    "human",
    "call me",
    PHONE,
    "ok",
    "thanks",
    "stop",
    "start",
];

fn rule_set() -> RuleSet {
    let long = "word ".repeat(30);
    let rules = [
        serde_json::json!({"trigger": {"type": "keyword", "words": ["price"]},
            "actions": [{"type": "reply", "text": "The price is 10."}], "stop": true}),
        serde_json::json!({"trigger": {"type": "keyword", "words": ["long"]},
            "actions": [{"type": "reply", "text": long}], "stop": true}),
        serde_json::json!({"trigger": {"type": "keyword", "words": ["human"]},
            "actions": [{"type": "reply", "text": "A colleague will answer."}, {"type": "label", "add": ["asked"]},
                {"type": "hand_over"}], "stop": true}),
        serde_json::json!({"trigger": {"type": "keyword", "words": ["call"]},
            "actions": [{"type": "ask", "text": "Your number?", "field": "phone", "kind": "phone", "retries": 1,
                "wording": "We may write to you there."},
                {"type": "reply", "text": "We will call."}], "stop": true}),
        serde_json::json!({"trigger": {"type": "message"},
            "actions": [{"type": "reply", "text": "Hi {{ contact.first_name | default('there') }}"}]}),
    ];
    let sources = rules.into_iter().zip(1_i64..).filter_map(|(json, id)| {
        let rule = serde_json::from_value(json).ok()?;
        Some(Source { id: RuleId(id), name: format!("rule {id}"), rule })
    });
    compile(sources.collect()).unwrap_or_else(|errors| unreachable!("the scene's rules are good: {errors:?}"))
}
