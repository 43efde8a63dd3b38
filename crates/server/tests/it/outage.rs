//! Outages over the sandbox, whose control is closed: the hub can learn of a fault by its own calls and webhooks alone.
//!
//! The sandbox runs in the test's process, the hub in one of its own; faults are injected by the test.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use everthread_sandbox::{Config, Control, Handle, NewAccount, Part, Platform, Press, Speech};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::hub::{Account, Hub, text, until};

const ASK: &str = "Which number, in case this channel fails?";

/// Customers who gave their number and allowed going on there, and those who did not.
const OPTED_IN: [&str; 3] = ["p0", "p1", "p2"];
const SILENT: [&str; 2] = ["p3", "p4"];

/// A hub with an Instagram account and a WhatsApp number, both simulated, and customers who talk on Instagram.
struct Scene {
    hub: Hub,
    sandbox: Handle,
    stop: CancellationToken,
    /// The sandbox's names.
    instagram: String,
    whatsapp: String,
    /// Conversation by customer.
    talks: BTreeMap<&'static str, String>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Simulated platforms that nobody steers by a public address, with customers who say nothing by themselves.
pub(crate) async fn sandbox() -> (Handle, CancellationToken) {
    #[expect(clippy::disallowed_methods, reason = "tests start the sandbox at the real time")]
    let now = std::time::SystemTime::now();
    let mut config = Config::new(([127, 0, 0, 1], 0).into(), now);
    (config.control, config.replies, config.customers, config.speed) = (Control::Closed, false, 6, 20.0);
    let stop = CancellationToken::new();
    (everthread_sandbox::run(config, stop.clone()).await.expect("a sandbox"), stop)
}

impl Scene {
    async fn new() -> Self {
        let (sandbox, stop) = sandbox().await;
        let hub = Hub::with(&[], "[continuity]\npace = 60\n").await;
        let url = format!("http://{}/_control", sandbox.addr());
        assert_eq!(hub.http.get(url).send().await.expect("an answer").status(), 404, "the control is closed");
        hub.rule(
            "ask",
            json!({ "trigger": { "type": "keyword", "words": ["sizes"] }, "actions": [
                { "type": "ask", "text": ASK, "field": "phone", "kind": "phone", "wording": "We may go on there." },
                { "type": "hand_over" }] }),
        )
        .await;
        let policy = json!({ "mode": "automatic", "hold_first_s": 0,
            "templates": { "whatsapp": "continue_here/en" } });
        hub.good("PUT", "/continuity/policy", policy).await;
        let [instagram, whatsapp] =
            [Platform::Instagram, Platform::Whatsapp].map(|platform| join(&hub, &sandbox, platform));
        let mut scene = Self { hub, sandbox, stop, instagram, whatsapp, talks: BTreeMap::new() };
        for customer in OPTED_IN.into_iter().chain(SILENT) {
            scene.meet(customer).await;
        }
        scene
    }

    /// A customer writes on Instagram; those who opt in are asked for their number and give it.
    async fn meet(&mut self, customer: &'static str) {
        let opts_in = OPTED_IN.contains(&customer);
        let said = format!("{customer}: {} please", if opts_in { "sizes" } else { "a parcel" });
        self.say(Platform::Instagram, customer, &said);
        let conversation = text(&self.hub.message(&said, "received").await["conversation_id"]);
        if opts_in {
            let asked = |row: &Value| {
                row["conversation_id"] == conversation.as_str() && row["text"] == ASK && settled(row)
            };
            self.hub.row("messages", asked).await;
            let phone = self
                .sandbox
                .customers(&self.instagram)
                .iter()
                .find(|c| c["key"] == customer)
                .map(|c| text(&c["person"]["phone"]))
                .expect("that customer");
            self.say(Platform::Instagram, customer, &phone);
            self.hub.message(&phone, "received").await;
        }
        self.talks.insert(customer, conversation);
    }

    fn say(&self, platform: Platform, customer: &str, said: &str) {
        let account = if platform == Platform::Instagram { &self.instagram } else { &self.whatsapp };
        let speech = Speech { text: Some(said.to_owned()), ..Speech::default() };
        self.sandbox.say(account, customer, speech).expect("a customer writes");
    }

    /// Takes something down with the sandbox's own press.
    fn press(&self, press: Press) -> Vec<u64> {
        self.sandbox.press(&press).expect("a fault")
    }

    fn lift(&self, faults: Vec<u64>) {
        for fault in faults {
            assert!(self.sandbox.lift(fault));
        }
    }

    /// A person answers everybody: the text begins with the customer's key.
    async fn answer_all(&self, said: &str) {
        for (customer, conversation) in &self.talks {
            self.hub.reply(conversation, &format!("{customer} {said}")).await;
        }
    }

    /// Waits until a customer's first answer waits with a reason: held, or for a moment the canary that is tried.
    async fn waits(&self, customer: &str) {
        let said = format!("{customer} first");
        let waits = |row: &Value| {
            row["text"] == said
                && row["problem"].is_string()
                && ["held", "queued"].map(Value::from).contains(&row["state"])
        };
        self.hub.row("messages", waits).await;
    }

    /// Waits until an incident is in a phase; two spans of patience, because evidence needs its time.
    async fn phase(&self, wanted: &str) -> Value {
        let find = async || {
            let all = self.hub.good("GET", "/incidents", Value::Null).await;
            all.as_array()?.iter().find(|row| row["phase"] == wanted).cloned()
        };
        match tokio::time::timeout(Duration::from_secs(28), until(wanted, find)).await {
            Ok(found) => found,
            Err(_) => until(wanted, find).await,
        }
    }

    /// What the business sent on a platform, by the platform's own book.
    fn sent(&self, account: &str) -> Vec<Value> {
        self.sandbox.book(account).into_iter().filter(|m| m["author"] == "business").collect()
    }

    /// After recovery: every message of ours is with its customer exactly once, back with its author, or cancelled with a reason; and our
    /// count is the books'.
    async fn balances(&self) {
        let open = |rows: &[Value]| {
            let out = rows.iter().filter(|row| row["direction"] == "out");
            out.filter(|row| !settled(row) && !ended(row)).cloned().collect::<Vec<_>>()
        };
        let left = std::sync::Mutex::new(Vec::new());
        let done = async || {
            let rows = self.hub.rows("messages").await;
            *left.lock().expect("lock") = open(&rows);
            left.lock().expect("lock").is_empty().then_some(rows)
        };
        let patient = tokio::time::timeout(Duration::from_secs(28), until("nothing open", done)).await;
        let rows = patient.unwrap_or_else(|_| panic!("still open: {:#?}", left.lock().expect("lock")));
        let ours: Vec<&Value> = rows.iter().filter(|row| row["direction"] == "out").collect();
        for row in ours.iter().filter(|row| ended(row)) {
            assert!(row["problem"].is_string(), "without a reason: {row}");
        }
        let parts = ours.iter().filter(|row| settled(row)).flat_map(|row| {
            let parts = row["parts"].as_array().cloned().unwrap_or_default();
            parts.into_iter().map(|part| text(&part["provider_id"]))
        });
        let known: Vec<String> = parts.collect();
        let books = [&self.instagram, &self.whatsapp].into_iter().flat_map(|account| self.sent(account));
        let booked: Vec<String> = books.map(|message| text(&message["id"])).collect();
        assert_eq!(known.len(), booked.len(), "{known:?} {booked:?}");
        assert_eq!(known.into_iter().collect::<BTreeSet<_>>(), booked.into_iter().collect());
        let wrote =
            [&self.instagram, &self.whatsapp].into_iter().flat_map(|account| self.sandbox.book(account));
        let wrote = wrote.filter(|message| message["author"] == "customer").count();
        let heard = rows.iter().filter(|row| row["direction"] == "in").count();
        assert_eq!(heard, wrote, "customers' messages");
    }
}

/// With the customer, as far as the platform says.
pub(super) fn settled(row: &Value) -> bool {
    ["accepted", "delivered", "read"].iter().any(|state| row["state"] == *state)
}

/// Will not go out any more.
fn ended(row: &Value) -> bool {
    ["cancelled", "failed", "returned"].iter().any(|state| row["state"] == *state)
}

/// The same account on both sides.
pub(super) fn join(hub: &Hub, sandbox: &Handle, platform: Platform) -> String {
    let base = format!("api_base={}", sandbox.api_base(platform));
    let secret = |name: &str| format!("{name}-of-{}", platform.name());
    let (number, id) = match platform {
        Platform::Whatsapp => ("phone_number_id", "1090001"),
        Platform::Messenger => ("page_id", "1050001"),
        _ => ("ig_id", "17840001"),
    };
    let pairs = [
        ("--set", format!("{number}={id}")),
        ("--set", base),
        ("--secret", format!("token={}", secret("token"))),
        ("--secret", format!("app_secret={}", secret("app"))),
        ("--secret", format!("verify_token={}", secret("verify"))),
    ];
    let account: Account = hub.add(platform.name(), platform.title(), &pairs, &[]);
    let mut new = NewAccount::of(platform);
    new.name = Some("Linen & Loom".into());
    new.token = Some(secret("token"));
    new.app_secret = Some(secret("app"));
    new.verify_token = Some(secret("verify"));
    new.webhook_url = Some(format!("{}{}", hub.url, account.path));
    match platform {
        Platform::Whatsapp => new.phone_number_id = Some(id.into()),
        Platform::Messenger => new.page_id = Some(id.into()),
        _ => new.ig_id = Some(id.into()),
    }
    sandbox.register(new).expect("an account").id
}

/// One component of a platform or a company.
pub(super) fn down(platform: Option<Platform>, company: Option<&str>, component: Part) -> Press {
    let company = company.map(str::to_owned);
    Press {
        platform,
        company,
        account: None,
        customer: None,
        component,
        kind: None,
        share: None,
        start_in_ms: 0,
        for_ms: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn instagram_alone_is_down_and_those_who_opted_in_go_on_over_whatsapp() {
    let scene = Scene::new().await;
    let faults = scene.press(down(Some(Platform::Instagram), None, Part::Send));
    scene.answer_all("first").await;
    let incident = scene.phase("confirmed").await;
    assert!(text(&incident["what"]).starts_with("Instagram: sending fails"), "{incident}");
    for customer in OPTED_IN {
        scene.hub.row("messages", |row| row["text"] == format!("{customer} first") && settled(row)).await;
    }
    let carried = scene.sent(&scene.whatsapp);
    assert_eq!(carried.len(), OPTED_IN.len(), "{carried:?}");
    for message in &carried {
        assert_eq!(message["kind"], "template", "no window was open: {message}");
        let said = text(&message["text"]);
        assert!(said.contains("Instagram is having trouble") && said.ends_with(" first"), "{said}");
    }
    // The answer comes on the new channel, and from then on the talk is free there.
    scene.say(Platform::Whatsapp, "p0", "p0: yes, here is fine");
    let heard = scene.hub.message("p0: yes, here is fine", "received").await;
    assert_eq!(text(&heard["conversation_id"]), scene.talks["p0"]);
    scene.hub.reply(&scene.talks["p0"], "p0 second").await;
    scene.hub.row("messages", |row| row["text"] == "p0 second" && settled(row)).await;
    let last = scene.sent(&scene.whatsapp).pop().expect("a message");
    assert_eq!((last["kind"].as_str(), last["text"].as_str()), (Some("text"), Some("p0 second")));
    for customer in SILENT {
        scene.waits(customer).await;
    }
    scene.lift(faults);
    scene.phase("closed").await;
    scene.balances().await;
    let instagram: Vec<String> = scene.sent(&scene.instagram).iter().map(|m| text(&m["text"])).collect();
    for customer in SILENT {
        let said = format!("{customer} first");
        assert_eq!(instagram.iter().filter(|text| **text == said).count(), 1, "{instagram:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn meta_is_down_and_nobody_goes_to_whatsapp() {
    let scene = Scene::new().await;
    let faults = scene.press(down(None, Some("meta"), Part::All));
    assert_stays(&scene, faults).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_whatsapp_fails_too_is_unknown_and_nobody_goes_there() {
    let scene = Scene::new().await;
    // It only says "slow down", which is no evidence either way.
    let mute = Press {
        kind: Some(everthread_sandbox::Kind::RateLimited),
        ..down(Some(Platform::Whatsapp), None, Part::All)
    };
    // For as long as it says nothing else: once it shows that it works, conversations may go there.
    scene.press(mute);
    let faults = scene.press(down(Some(Platform::Instagram), None, Part::Send));
    assert_stays(&scene, faults).await;
}

/// Everybody is held while the faults last, nothing goes to WhatsApp, and afterwards everything goes out.
async fn assert_stays(scene: &Scene, faults: Vec<u64>) {
    scene.answer_all("first").await;
    let incident = scene.phase("confirmed").await;
    assert_eq!(incident["avoided"], "Meta", "{incident}");
    for customer in scene.talks.keys() {
        scene.waits(customer).await;
    }
    // Long enough for several plans at this pace.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(scene.sent(&scene.whatsapp), Vec::<Value>::new());
    let plans =
        scene.hub.good("GET", &format!("/conversations/{}/plans", scene.talks["p0"]), Value::Null).await;
    assert!(plans[0].to_string().contains("WhatsApp"), "{plans}");
    scene.lift(faults);
    scene.phase("closed").await;
    scene.balances().await;
    assert_eq!(scene.sent(&scene.whatsapp), Vec::<Value>::new());
    let answers =
        scene.sent(&scene.instagram).iter().filter(|m| text(&m["text"]).ends_with(" first")).count();
    assert_eq!(answers, scene.talks.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_press_in_the_demonstration_is_noticed_by_calls_alone_and_taken_back() {
    let hub = Hub::with(&["--sandbox"], "[continuity]\ndial = 60\n").await;
    let shown = hub.good("GET", "/sandbox", Value::Null).await;
    assert_eq!((shown["running"].as_bool(), shown["dial"].as_f64()), (Some(true), Some(60.0)), "{shown}");
    let of = |platform: &str| {
        shown["accounts"].as_array().into_iter().flatten().find(|a| a["platform"] == platform).cloned()
    };
    let instagram = text(&of("instagram").expect("a simulated account")["id"]);
    let press = json!({ "account": instagram, "component": "all" });
    let pressed = hub.good("POST", "/sandbox/faults", press).await;
    assert_eq!(pressed["ids"].as_array().map(Vec::len), Some(3), "{pressed}");
    let phase = async |wanted: &str| {
        let find = async || {
            let all = hub.good("GET", "/incidents", Value::Null).await;
            let found = |row: &&Value| row["phase"] == wanted && row["simulated"] == true;
            all.as_array()?.iter().find(found).cloned()
        };
        match tokio::time::timeout(Duration::from_secs(28), until(wanted, find)).await {
            Ok(found) => found,
            Err(_) => until(wanted, find).await,
        }
    };
    let incident = phase("confirmed").await;
    assert!(text(&incident["what"]).contains("sending fails"), "{incident}");
    let shown = hub.good("GET", "/sandbox", Value::Null).await;
    let faults = shown["faults"].as_array().cloned().unwrap_or_default();
    assert!(faults.iter().all(|fault| fault["account"] == instagram.as_str()), "{shown}");
    assert!(faults.iter().any(|fault| fault["hits"].as_u64() > Some(0)), "{shown}");
    hub.good("DELETE", "/sandbox/faults", Value::Null).await;
    phase("closed").await;
    let shown = hub.good("GET", "/sandbox", Value::Null).await;
    assert_eq!(shown["faults"], json!([]));
}
