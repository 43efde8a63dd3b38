//! `serve --sandbox`: simulated platforms beside the hub, connected like real ones, with rules that answer.

use std::net::SocketAddr;

use everthread_core::account::{Secrets, Settings};
use everthread_sandbox::{Config, NewAccount, Platform};
use everthread_store::units::{UpdateAccount, UpsertRule};
use serde_json::{Value, json};

use crate::admin::accounts::{Form, unguessable};
use crate::admin::{Admin, Failure};
use crate::registry::Account;
use crate::sandbox::Sandbox;
use crate::supervisor::Supervisor;

/// The simulated platforms, each with the group of customers that is at home there. Who has a number writes by WhatsApp and by SMS:
/// one thread.
const PLATFORMS: [(Platform, usize); 5] = [
    (Platform::Instagram, 0),
    (Platform::Messenger, 1),
    (Platform::Whatsapp, 2),
    (Platform::Telegram, 3),
    (Platform::Twilio, 2),
];

/// Simulated customers who write on each account: enough for something to be under way whenever a newcomer takes a platform down.
/// A number that is given on the others is nobody else's.
const OPENERS: usize = 8;

/// Starts the sandbox, connects its accounts, lets customers write.
pub async fn start(admin: &Admin, hub_addr: SocketAddr, supervisor: &Supervisor) -> Result<Sandbox, Failure> {
    let listen = SocketAddr::new(
        hub_addr.ip(),
        hub_addr.port().checked_add(11).filter(|_| hub_addr.port() != 0).unwrap_or(0),
    );
    let workspace = admin.workspace(None)?;
    let mut config = Config::new(listen, crate::clock::system_time());
    config.seed = crate::clock::seed();
    config.people_seed = Some(workspace.uid.0.as_u64_pair().1);
    // Whoever fails to be heard at home can write elsewhere.
    config.customers = OPENERS * PLATFORMS.iter().map(|(_, group)| group + 1).max().unwrap_or(1);
    config.speed = 4.0;
    config.chatter = true;
    config.business_url = Some(admin.public_url.clone());
    let handle = match everthread_sandbox::run(config.clone(), supervisor.stopping()).await {
        Ok(handle) => handle,
        // The neighbouring port is only a convenience.
        Err(_) => {
            config.listen.set_port(0);
            everthread_sandbox::run(config, supervisor.stopping())
                .await
                .map_err(|e| Failure(format!("the sandbox can't start: {e}")))?
        }
    };
    rules(admin, workspace.id).await?;
    let mut accounts = Vec::new();
    for (platform, group) in PLATFORMS {
        let api_base = handle.api_base(platform);
        let account = connect(admin, workspace.id, platform, &api_base).await?;
        let mut new = registration(platform, &account, &format!("http://{hub_addr}"));
        (new.openers, new.opens_from) = (Some(OPENERS), group * OPENERS);
        let played = handle.register(new).map_err(Failure::from_display)?;
        accounts.push((account.id, played.id));
    }
    Ok(Sandbox::new(handle, workspace.id, accounts))
}

/// The hub's side: the simulated account, made on the first run and pointed at the sandbox on every one.
async fn connect(
    admin: &Admin,
    workspace: everthread_core::ids::WorkspaceId,
    platform: Platform,
    api_base: &str,
) -> Result<std::sync::Arc<Account>, Failure> {
    let find = || {
        let registry = admin.hub.registry().borrow().clone();
        registry
            .accounts()
            .find(|a| a.sandbox && a.workspace == workspace && a.channel.spec().name == platform.name())
            .cloned()
    };
    if let Some(known) = find() {
        let mut settings = known.settings.clone();
        settings.0.insert("api_base".into(), api_base.to_owned());
        let unit = UpdateAccount {
            now: crate::clock::now(),
            workspace,
            account: known.id,
            name: None,
            settings: Some(serde_json::to_string(&settings).map_err(Failure::from_display)?),
            secrets: None,
            retired: None,
        };
        admin.store.write(unit).await.map_err(Failure::from_display)?;
        admin.hub.reload().await.map_err(Failure::from_display)?;
    } else {
        let (settings, secrets) = made_up(platform, api_base);
        let name = format!("Demo {}", platform.title());
        let form = Form { channel: platform.name().into(), name, settings, secrets, sandbox: true };
        admin.add_account(workspace, form).await?;
    }
    find().ok_or_else(|| Failure(format!("the simulated {} account was not stored", platform.title())))
}

/// Sixteen digits that nobody else has.
fn digits() -> String {
    (crate::clock::seed() % 9_000_000_000_000_000 + 1_000_000_000_000_000).to_string()
}

fn made_up(platform: Platform, api_base: &str) -> (Settings, Secrets) {
    let texts = |pairs: Vec<(&str, String)>| pairs.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
    let base = ("api_base", api_base.to_owned());
    let meta = || vec![("token", format!("EAA{}", unguessable())), ("app_secret", unguessable())];
    let (settings, secrets) = match platform {
        Platform::Telegram => {
            (vec![base], vec![("token", format!("{}:AA{}", &digits()[..10], &unguessable()[..33]))])
        }
        Platform::Whatsapp => (vec![base, ("phone_number_id", digits()), ("waba_id", digits())], meta()),
        Platform::Instagram => (vec![base, ("ig_id", digits())], meta()),
        Platform::Messenger => (vec![base, ("page_id", digits())], meta()),
        Platform::Twilio => (
            vec![
                base,
                ("account_sid", format!("AC{}", &unguessable()[..32])),
                ("from", "+15005550006".to_owned()),
            ],
            vec![("auth_token", unguessable()[..32].to_owned())],
        ),
    };
    (Settings(texts(settings)), Secrets(texts(secrets)))
}

/// The sandbox's side: the same account, with the hub's webhook.
fn registration(platform: Platform, account: &Account, hub: &str) -> NewAccount {
    let setting = |key: &str| account.settings.get(key).map(str::to_owned);
    let secret = |key: &str| account.secrets.get(key).map(str::to_owned);
    let mut new = NewAccount::of(platform);
    new.name = Some("Everthread demo shop".into());
    new.token = secret("token");
    new.app_secret = secret("app_secret");
    new.verify_token = secret("verify_token");
    new.secret_token = secret("secret_token");
    new.phone_number_id = setting("phone_number_id");
    new.waba_id = setting("waba_id");
    new.ig_id = setting("ig_id");
    new.page_id = setting("page_id");
    new.account_sid = setting("account_sid");
    new.auth_token = secret("auth_token");
    new.from = setting("from");
    if platform != Platform::Telegram {
        // Telegram is polled: the hub has no public address here.
        new.webhook_url = Some(format!("{hub}{}", account.webhook_path));
    }
    new
}

/// Rules for a workspace that has none, so that the demo answers.
async fn rules(admin: &Admin, workspace: everthread_core::ids::WorkspaceId) -> Result<(), Failure> {
    let any = admin.hub.rules().borrow().get(&workspace).is_some_and(|r| !r.is_empty());
    if any {
        return Ok(());
    }
    for (position, (name, rule)) in demo_rules().into_iter().enumerate() {
        let unit = UpsertRule {
            now: crate::clock::now(),
            seed: crate::clock::seed(),
            workspace,
            uid: None,
            name: name.into(),
            enabled: true,
            position: position as i64,
            body: rule.to_string(),
        };
        admin.store.write(unit).await.map_err(Failure::from_display)?;
    }
    admin.hub.reload().await.map_err(Failure::from_display)
}

/// Names and bodies, in their order.
fn demo_rules() -> [(&'static str, Value); 5] {
    [
        (
            "Talk to a person",
            json!({
                "trigger": { "type": "keyword", "words": ["human", "agent", "person", "complaint"] },
                "actions": [
                    { "type": "reply", "text": "Of course. A colleague takes over from here." },
                    { "type": "hand_over" }
                ],
                "stop": true
            }),
        ),
        (
            "Opening hours",
            json!({
                "trigger": { "type": "keyword", "words": ["open", "hours", "closed"] },
                "actions": [{ "type": "reply", "text": "We are open Monday to Saturday, 9:00 to 19:00." }],
                "stop": true
            }),
        ),
        (
            "Greet and take the lead",
            json!({
                "trigger": { "type": "first_contact" },
                "actions": [
                    { "type": "reply", "text": "Hello {{ contact.first_name | default('there') }}! Thanks for writing. We answer in a moment." },
                    { "type": "lead", "pipeline": "Sales", "stage": "New" },
                    { "type": "ask", "field": "phone", "kind": "phone",
                      "text": "What is your mobile number? If this channel fails we go on with you by SMS or WhatsApp, and write there about nothing else.",
                      "wording": "If this channel fails we go on with you by SMS or WhatsApp, and write there about nothing else." }
                ]
            }),
        ),
        (
            "Orders and returns go to people",
            json!({
                "trigger": { "type": "keyword", "words": ["order", "return", "pedido", "devolver", "commande", "retourner",
                    "Bestellung", "zurückgeben", "заказ", "вернуть"] },
                "actions": [
                    { "type": "reply", "text": "A colleague looks this up for you and answers here." },
                    { "type": "hand_over" }
                ],
                "stop": true
            }),
        ),
        (
            "Answer the rest",
            json!({
                "trigger": { "type": "message" },
                "conditions": [{ "type": "owner", "any_of": ["bot"] }],
                "actions": [{ "type": "reply", "text": "Thank you! We check that and come back to you here." }]
            }),
        ),
    ]
}
