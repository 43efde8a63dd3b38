//! The hub, the platforms and the customers of one run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use everthread_core::account::{Secrets, Settings};
use everthread_core::ids::WorkspaceId;
use everthread_core::routing::{Mode, Policy};
use everthread_core::time::Timestamp;
use everthread_sandbox::{Config, Control, Handle, NewAccount, Part, Platform, Press, Speech};
use everthread_store::units::{SetPolicy, UpsertRule};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::judge::{Judged, judge};
use super::{api, until};
use crate::admin::accounts::Form;
use crate::admin::{Admin, Failure, lock};
use crate::bench::bodies::Mark;
use crate::bench::child::{Server, free_address, output};
use crate::bench::seed::Seeder;
use crate::cli::Place;
use crate::clock;

/// Sends a second that the backup takes, on both sides. Printed.
pub(super) const BACKUP_PER_S: f64 = 100.0;

/// Sends a second on the first channel, so that preparing takes no time.
const FIRST_PER_S: f64 = 1_000.0;

/// One customer in so many never gives a number.
const SILENT_EVERY: u32 = 10;

/// One customer in so many asks twice, so that order can be seen.
const TWICE_EVERY: u32 = 4;

/// Customers' messages in a row before the hub is given a moment: it takes them as webhooks, 64 at a time.
const BATCH: usize = 50;

const WORDING: &str = "If this channel fails we go on with you there, and write there about nothing else.";

/// What a run is about.
pub(super) struct Setup {
    pub(super) conversations: u32,
    /// The detector's dial.
    pub(super) pace: u32,
    pub(super) rules: Vec<Value>,
    pub(super) policy: Policy,
    /// Sends a second of Instagram and of SMS, on both sides.
    pub(super) per_s: [f64; 2],
}

impl Setup {
    /// Everybody may be carried who opts in.
    pub(super) fn failover(conversations: u32, pace: u32) -> Self {
        let rules = vec![
            json!({ "trigger": { "type": "keyword", "words": ["sizes"] }, "actions": [
                { "type": "ask", "text": "Which number, in case this channel fails?", "field": "phone", "kind": "phone",
                  "wording": WORDING }] }),
            json!({ "trigger": { "type": "keyword", "words": ["order"] }, "actions": [
                { "type": "reply", "text": "{{ message.text[6:20] }} is on its way" }] }),
        ];
        let policy = Policy { mode: Mode::Automatic, hold_first_s: 0, ..Policy::default() };
        Self { conversations, pace, rules, policy, per_s: [FIRST_PER_S, BACKUP_PER_S] }
    }
}

/// A run's parts.
pub(super) struct Scene {
    hub: Server,
    data: PathBuf,
    key: String,
    sandbox: Handle,
    stop: Stop,
    instagram: String,
    sms: String,
    conversations: u32,
    quiet: bool,
    start: Instant,
    pub(super) peak_rss_mb: f64,
}

/// Ends the sandbox when dropped.
struct Stop(CancellationToken);

impl Drop for Stop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Whether a customer gives a number and allows going on there.
pub(super) const fn opts_in(customer: u32) -> bool {
    customer % SILENT_EVERY != SILENT_EVERY - 1
}

/// How often a customer asks while Instagram fails.
pub(super) const fn asks(customer: u32) -> u32 {
    if customer.is_multiple_of(TWICE_EVERY) { 2 } else { 1 }
}

impl Scene {
    /// Makes the accounts on both sides, the rules and the policy, and starts the hub.
    pub(super) async fn open((dir, quiet): (&Path, bool), setup: &Setup) -> Result<Self, Failure> {
        let Setup { conversations, pace, .. } = *setup;
        let mut config = Config::new(([127, 0, 0, 1], 0).into(), clock::system_time());
        (config.control, config.replies, config.speed) = (Control::Closed, false, 20.0);
        config.customers = conversations as usize;
        let stop = Stop(CancellationToken::new());
        let sandbox = everthread_sandbox::run(config, stop.0.clone()).await.map_err(Failure::from_display)?;
        let address = free_address()?;
        let data = dir.join("data");
        std::fs::create_dir_all(&data).map_err(Failure::from_display)?;
        std::fs::write(data.join("everthread.toml"), format!("[continuity]\npace = {pace}\n"))
            .map_err(Failure::from_display)?;
        let [instagram, sms] = prepare(&data, &sandbox, &format!("http://{address}"), setup).await?;
        let key = Seeder::open(&data).await?.api_key().await?;
        let folder = data.to_string_lossy().into_owned();
        let hub = Server::spawn(&["--data", &folder, "serve", "--listen", "{listen}"], &address)?;
        let hub = hub.ready("/readyz").await?.opened().await?;
        let start = Instant::now();
        Ok(Self {
            hub,
            data,
            key,
            sandbox,
            stop,
            instagram,
            sms,
            conversations,
            quiet,
            start,
            peak_rss_mb: 0.0,
        })
    }

    /// Everybody writes; those who opt in are asked for their number and give it.
    pub(super) async fn meet(&mut self) -> Result<(), Failure> {
        let words = |customer| if opts_in(customer) { "sizes please" } else { "hello" };
        self.all_say(|customer| Some(words(customer).to_owned())).await?;
        let opted = (0..self.conversations).filter(|customer| opts_in(*customer)).count();
        self.say_so("everybody wrote");
        let sent = |scene: &Self| scene.count(&scene.instagram, "accepted");
        until("everybody asked", async || Ok((sent(self) >= opted as u64).then_some(()))).await?;
        self.say_so("everybody who says \"sizes\" was asked for a number");
        let customers = self.sandbox.customers(&self.instagram);
        let phones: HashMap<&str, &str> = customers
            .iter()
            .filter_map(|customer| Some((customer["key"].as_str()?, customer["person"]["phone"].as_str()?)))
            .collect();
        let phone =
            |customer: u32| phones.get(format!("p{customer}").as_str()).map(|&phone| phone.to_owned());
        self.all_say(|customer| phone(customer).filter(|_| opts_in(customer))).await?;
        self.applied().await
    }

    /// From now on Instagram refuses every send.
    pub(super) fn instagram_fails(&self) -> Result<Vec<u64>, Failure> {
        let press = Press {
            platform: Some(Platform::Instagram),
            company: None,
            account: None,
            customer: None,
            component: Part::Send,
            kind: None,
            share: None,
            start_in_ms: 0,
            for_ms: None,
        };
        self.sandbox.press(&press).map_err(Failure::from_display)
    }

    /// Everybody asks something that a rule answers, some twice.
    pub(super) async fn customers_ask(&mut self) -> Result<(), Failure> {
        for nth in 0..2 {
            let mark = |contact| format!("order {} please", Mark { contact, nth }.text());
            self.all_say(|customer| (nth < asks(customer)).then(|| mark(customer))).await?;
        }
        Ok(())
    }

    /// When the hub confirmed the fault.
    pub(super) async fn confirmed(&mut self) -> Result<Timestamp, Failure> {
        let (address, key) = (self.hub.address.clone(), self.key.clone());
        until("a confirmed incident", async || {
            self.look();
            let incidents = api(&address, &key, "/incidents").await?;
            let at = incidents.as_array().into_iter().flatten().find_map(|one| one["confirmed_at"].as_str());
            Ok(at.and_then(Timestamp::parse_rfc3339))
        })
        .await
    }

    /// Waits until nothing more goes out on the backup.
    pub(super) async fn quiet_on_backup(&mut self) -> Result<(), Failure> {
        self.applied().await?;
        let (mut before, mut still) = (0, 0);
        until("quiet on the backup", async || {
            self.look();
            let sent = self.count(&self.sms, "accepted");
            still = if sent == before && sent > 0 { still + 1 } else { 0 };
            before = sent;
            // Three seconds without anything.
            Ok((still >= 15).then_some(()))
        })
        .await
    }

    /// Brings Instagram back.
    pub(super) fn lift(&self, faults: &[u64]) {
        for fault in faults {
            self.sandbox.lift(*fault);
        }
    }

    /// Waits until no message of ours waits any more.
    pub(super) async fn nothing_waits(&mut self) -> Result<(), Failure> {
        let mut looks = 0;
        until("nothing that waits", async || {
            self.look();
            looks += 1;
            if looks % 10 != 0 {
                return Ok(None);
            }
            Ok((self.judge().await?.waiting == 0).then_some(()))
        })
        .await
    }

    /// The hub's own rows against the platforms' books.
    pub(super) async fn judge(&self) -> Result<Judged, Failure> {
        let folder = self.data.to_string_lossy().into_owned();
        let arguments = ["--data", &folder, "export", "messages"].map(str::to_owned);
        let rows: Vec<Value> =
            output(&arguments).await?.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Ok(judge(self.conversations, &rows, &self.sent(&self.instagram), &self.sent(&self.sms)))
    }

    /// Stops everything; the folder that is left.
    pub(super) async fn end(self) -> PathBuf {
        let Self { hub, data, stop, .. } = self;
        hub.kill().await;
        drop(stop);
        data
    }

    fn count(&self, account: &str, name: &str) -> u64 {
        self.sandbox.counts(account)[name].as_u64().unwrap_or(0)
    }

    /// Says how far it is, for whoever waits.
    pub(super) fn say_so(&self, what: &str) {
        if !self.quiet {
            eprintln!("{:>6.1} s  {what}", self.start.elapsed().as_secs_f64());
        }
    }

    /// Notes what the hub needs just now.
    pub(super) fn look(&mut self) {
        self.peak_rss_mb = self.peak_rss_mb.max(self.hub.resident_mb());
    }

    /// What the business sent, by the platform's book.
    fn sent(&self, account: &str) -> Vec<Value> {
        self.sandbox.book(account).into_iter().filter(|message| message["author"] == "business").collect()
    }

    pub(super) const fn customers(&self) -> u32 {
        self.conversations
    }

    /// Everybody says something on Instagram.
    pub(super) async fn everybody_says(&self, what: impl Fn(u32) -> Option<String>) -> Result<(), Failure> {
        self.all_say(what).await
    }

    /// One customer says something over SMS.
    pub(super) fn talk(&self, mark: Mark) -> Result<(), Failure> {
        let speech = Speech { text: Some(format!("talk {} please", mark.text())), ..Speech::default() };
        let said = self.sandbox.say(&self.sms, &format!("p{}", mark.contact), speech);
        said.map(drop).map_err(Failure::from_display)
    }

    /// Messages of ours that Instagram and SMS took.
    pub(super) fn accepted_on_first(&self) -> u64 {
        self.count(&self.instagram, "accepted")
    }

    pub(super) fn accepted_on_second(&self) -> u64 {
        self.count(&self.sms, "accepted")
    }

    /// What Instagram took of ours, oldest first.
    pub(super) fn sent_on_first(&self) -> Vec<Value> {
        self.sent(&self.instagram)
    }

    /// Everything said over SMS, oldest first.
    pub(super) fn book_of_second(&self) -> Vec<Value> {
        self.sandbox.book(&self.sms)
    }

    /// Answers that are back with their author or cancelled, each with a reason.
    pub(super) async fn ended(&self) -> Result<u64, Failure> {
        Ok(self.judge().await?.ended)
    }

    async fn all_say(&self, what: impl Fn(u32) -> Option<String>) -> Result<(), Failure> {
        for (n, customer) in (0..self.conversations).enumerate() {
            let Some(text) = what(customer) else { continue };
            let speech = Speech { text: Some(text), ..Speech::default() };
            self.sandbox
                .say(&self.instagram, &format!("p{customer}"), speech)
                .map_err(Failure::from_display)?;
            if n % BATCH == BATCH - 1 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }

    /// Waits until the hub has taken and applied what the customers wrote.
    pub(super) async fn applied(&self) -> Result<(), Failure> {
        let (address, key) = (self.hub.address.clone(), self.key.clone());
        let mut still = 0;
        until("everything applied", async || {
            let system = api(&address, &key, "/system").await?;
            let hooks = ["hooks_posted", "hooks_ok"].map(|name| self.count(&self.instagram, name));
            let posted = hooks[0] == hooks[1];
            still = if posted && system["apply_lag"] == 0 { still + 1 } else { 0 };
            Ok((still >= 3).then_some(()))
        })
        .await
    }
}

/// The data folder: two accounts, two rules, the policy. Answers the sandbox's names of the accounts.
async fn prepare(data: &Path, sandbox: &Handle, hub: &str, setup: &Setup) -> Result<[String; 2], Failure> {
    let place = Place { data: Some(data.to_owned()), database_url: None, config: None };
    let config = crate::config::load(&place, None).map_err(Failure::from_display)?;
    let _lock = lock(data).map_err(Failure::from_display)?;
    let admin = Admin::open(&config).await?;
    let (workspace, _) = admin.add_workspace("Bench").await?;
    let [first, second] = setup.per_s;
    let instagram = connect(&admin, workspace, (sandbox, hub), (Platform::Instagram, first)).await?;
    let sms = connect(&admin, workspace, (sandbox, hub), (Platform::Twilio, second)).await?;
    for (position, rule) in setup.rules.iter().enumerate() {
        let unit = UpsertRule {
            now: clock::now(),
            seed: clock::seed(),
            workspace,
            uid: None,
            name: format!("Rule {position}"),
            enabled: true,
            position: position as i64 + 1,
            body: rule.to_string(),
        };
        admin.store.write(unit).await.map_err(Failure::from_display)?;
    }
    let policy = setup.policy.clone();
    let unit = SetPolicy { now: clock::now(), seed: clock::seed(), workspace, user: None, policy };
    admin.store.write(unit).await.map_err(Failure::from_display)?;
    Ok([instagram, sms])
}

/// The same account on both sides, at the rate of its part in the run.
async fn connect(
    admin: &Admin,
    workspace: WorkspaceId,
    (sandbox, hub): (&Handle, &str),
    (platform, per_s): (Platform, f64),
) -> Result<String, Failure> {
    let mut new = NewAccount::of(platform);
    let first = platform == Platform::Instagram;
    new.limits.account_per_s = Some(per_s);
    let mut settings = vec![
        ("api_base", sandbox.api_base(platform)),
        ("rate_per_s", per_s.to_string()),
        ("rate_burst", per_s.to_string()),
    ];
    let secrets = if first {
        settings.push(("ig_id", "17840001".into()));
        new.ig_id = Some("17840001".into());
        new.token = Some("bench-token".into());
        new.app_secret = Some("bench-secret".into());
        new.verify_token = Some("bench-verify".into());
        vec![("token", "bench-token"), ("app_secret", "bench-secret"), ("verify_token", "bench-verify")]
    } else {
        settings.push(("account_sid", "ACbench".into()));
        settings.push(("from", "+15005550006".into()));
        new.account_sid = Some("ACbench".into());
        new.from = Some("+15005550006".into());
        new.auth_token = Some("bench-auth".into());
        vec![("auth_token", "bench-auth")]
    };
    let form = Form {
        channel: platform.name().into(),
        name: platform.title().into(),
        settings: Settings(settings.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        secrets: Secrets(secrets.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect()),
        sandbox: false,
    };
    let added = admin.add_account(workspace, form).await?;
    new.webhook_url = Some(format!("{hub}{}", added.webhook_path));
    sandbox.register(new).map(|account| account.id).map_err(Failure::from_display)
}
