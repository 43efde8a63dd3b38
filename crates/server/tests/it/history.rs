//! What customers wrote while nothing came in: read back from the platform, or marked as missing.

use std::time::Duration;

use everthread_sandbox::{Handle, Kind, Part, Platform, Press, Speech};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::hub::{Hub, text, until};
use super::outage::{down, join, sandbox, settled};

const ANSWER: &str = "We come back to you.";

struct Scene {
    hub: Hub,
    sandbox: Handle,
    stop: CancellationToken,
    /// The platform that can be read back.
    platform: Platform,
    direct: String,
    whatsapp: String,
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Scene {
    /// Every message is answered by a rule; three customers talk on a platform that can be read back, one on WhatsApp.
    async fn new(platform: Platform) -> Self {
        let (sandbox, stop) = sandbox().await;
        let hub = Hub::start().await;
        hub.answer_all(ANSWER).await;
        let [direct, whatsapp] =
            [platform, Platform::Whatsapp].map(|platform| join(&hub, &sandbox, platform));
        let scene = Self { hub, sandbox, stop, platform, direct, whatsapp };
        for customer in ["p0", "p1", "p2"] {
            scene.say(platform, customer, &format!("{customer} before"));
            scene.hub.message(&format!("{customer} before"), "received").await;
        }
        scene.say(Platform::Whatsapp, "p5", "p5 before");
        scene.hub.message("p5 before", "received").await;
        scene.answers(4).await;
        scene
    }

    fn say(&self, platform: Platform, customer: &str, said: &str) {
        let account = if platform == self.platform { &self.direct } else { &self.whatsapp };
        let speech = Speech { text: Some(said.to_owned()), ..Speech::default() };
        self.sandbox.say(account, customer, speech).expect("a customer writes");
    }

    /// Waits until the rule has answered so often, and not more often.
    async fn answers(&self, count: usize) {
        let answered = async || {
            let rows = self.hub.rows("messages").await;
            let found = rows.iter().filter(|row| row["text"] == ANSWER && settled(row)).count();
            assert!(found <= count, "{found} answers");
            (found == count).then_some(())
        };
        until("answers of the rule", answered).await;
    }

    fn declare(&self, channel: &str) {
        self.hub.cli_json(&["incident", "declare", "--channel", channel, "--direction", "inbound"]);
    }

    /// The detail of the incident with this number.
    async fn incident(&self, number: i64) -> Value {
        let all = self.hub.good("GET", "/incidents", Value::Null).await;
        let found = all.as_array().into_iter().flatten().find(|row| row["number"] == number);
        let id = text(&found.unwrap_or_else(|| panic!("no incident {number}: {all}"))["id"]);
        self.hub.good("GET", &format!("/incidents/{id}"), Value::Null).await
    }

    /// Waits until the report on an incident is as wanted.
    async fn report(&self, number: i64, want: impl Fn(&Value) -> bool) -> Value {
        let last = std::sync::Mutex::new(Value::Null);
        let look = async || {
            let report = self.incident(number).await["history"][0].clone();
            let good = want(&report);
            *last.lock().expect("lock") = report.clone();
            good.then_some(report)
        };
        let patient = tokio::time::timeout(Duration::from_secs(29), until("a report", look)).await;
        patient.unwrap_or_else(|_| panic!("the report is {:#}", last.lock().expect("lock")))
    }

    /// The message with this text as its thread shows it.
    async fn shown(&self, said: &str) -> Value {
        let row = self.hub.row("messages", |row| row["text"] == said).await;
        let path = format!("/conversations/{}/messages", text(&row["conversation_id"]));
        let page = self.hub.good("GET", &path, Value::Null).await;
        let all = page.as_array().or_else(|| page["items"].as_array()).expect("messages");
        all.iter().find(|message| message["text"] == said).expect("that message").clone()
    }

    /// When a message was said by the platform's own book, in milliseconds.
    fn said_at(&self, said: &str) -> i64 {
        let book = self.sandbox.book(&self.direct);
        let found = book.iter().find(|message| message["text"] == said);
        found.and_then(|message| message["at_ms"].as_i64()).expect("in the book")
    }
}

/// Nothing comes in, and what should have is lost: webhooks of customers and echoes.
fn lost(platform: Platform, component: Part) -> Press {
    Press { kind: Some(Kind::Drop), ..down(Some(platform), None, component) }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_instagram_lost_is_read_back_and_the_report_says_what_is_left() {
    what_was_lost_is_read_back(Platform::Instagram).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_messenger_lost_is_read_back_and_the_report_says_what_is_left() {
    what_was_lost_is_read_back(Platform::Messenger).await;
}

async fn what_was_lost_is_read_back(platform: Platform) {
    let mut scene = Scene::new(platform).await;
    scene.declare(platform.name());
    let faults: Vec<u64> = [Part::Receive, Part::Receipts]
        .iter()
        .flat_map(|part| scene.sandbox.press(&lost(platform, *part)).expect("a fault"))
        .collect();
    let unreadable = Press { customer: Some("p2".into()), ..down(Some(platform), None, Part::History) };
    let unreadable = scene.sandbox.press(&unreadable).expect("a fault of one customer");
    let missed = ["p0 first", "p0 second", "p1 only", "p3 is new"];
    for said in missed {
        scene.say(platform, &said[..2], said);
    }
    scene.say(platform, "p2", "p2 can not be read");
    let typed = Speech { typed: Some("typed in the app".to_owned()), ..Speech::default() };
    scene.sandbox.say(&scene.direct, "p1", typed).expect("somebody types in the app");
    for fault in faults {
        assert!(scene.sandbox.lift(fault));
    }
    scene.hub.cli_json(&["incident", "dismiss", "1"]);
    // A process that dies in the middle goes on where it was.
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.hub.restart().await;
    let report = scene.report(1, |report| report["tries"].as_u64() > Some(0)).await;
    assert_eq!((&report["complete"], &report["state"]), (&json!(false), &json!("waiting")), "{report}");
    assert_eq!((&report["added"], &report["unread_conversations"]), (&json!(5), &json!(1)), "{report}");
    let p2 = scene.sandbox.customers(&scene.direct).into_iter().find(|c| c["key"] == "p2").expect("p2");
    let left = report["left"].as_array().expect("what is left");
    assert_eq!(left.len(), 1, "{report}");
    let named = text(&left[0]["customer"]);
    let known = [&p2["person"]["username"], &p2["person"]["last"]].map(text);
    assert!(known.iter().any(|name| named.contains(name.as_str())), "{named} is not p2: {p2}");
    assert!(left[0]["reason"].is_string() && left[0]["conversation_id"].is_string(), "{report}");
    for said in missed.into_iter().chain(["typed in the app"]) {
        let shown = scene.shown(said).await;
        assert_eq!(shown["late"], true, "{shown}");
        let at: jiff::Timestamp = text(&shown["at"]).parse().expect("a time");
        // The platform tells whole seconds.
        assert_eq!(at.as_second(), scene.said_at(said) / 1_000, "{shown}");
    }
    for fault in unreadable {
        assert!(scene.sandbox.lift(fault));
    }
    let report = scene.report(1, |report| report["complete"] == true).await;
    let book = scene.sandbox.book(&scene.direct).len() as u64;
    assert_eq!(report["platform"].as_u64(), Some(book), "{report}");
    assert_eq!((&report["added"], &report["left"]), (&json!(6), &json!([])), "{report}");
    assert!(text(&report["text"]).starts_with(&format!("complete: platform {book}, we {book};")), "{report}");
    let shown = scene.hub.cli_json(&["incident", "show", "1"]);
    assert_eq!(shown["history"][0]["complete"], true, "{shown}");
    let told = |line: &Value| line["kind"] == "history";
    assert!(shown["timeline"].as_array().is_some_and(|lines| lines.iter().any(told)), "{shown}");
    let rows = scene.hub.rows("messages").await;
    let heard = rows.iter().filter(|row| row["direction"] == "in").count();
    let wrote = [&scene.direct, &scene.whatsapp].into_iter().flat_map(|account| scene.sandbox.book(account));
    assert_eq!(heard, wrote.filter(|message| message["author"] == "customer").count(), "nothing twice");
    scene.answers(4).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nothing_can_be_read_back_the_thread_says_so() {
    let scene = Scene::new(Platform::Instagram).await;
    scene.declare("whatsapp");
    tokio::time::sleep(Duration::from_secs(1)).await;
    scene.hub.cli_json(&["incident", "dismiss", "1"]);
    let incident = scene.incident(1).await;
    assert_eq!(incident["history"], json!([]), "{incident}");
    let gap = &incident["gaps"][0];
    assert_eq!((&gap["channel"], &gap["conversations"]), (&json!("whatsapp"), &json!(1)), "{incident}");
    let row = scene.hub.message("p5 before", "received").await;
    let path = format!("/conversations/{}", text(&row["conversation_id"]));
    let conversation = scene.hub.good("GET", &path, Value::Null).await;
    let gaps = conversation["gaps"].as_array().expect("gaps");
    assert_eq!(gaps.len(), 1, "{conversation}");
    assert_eq!((&gaps[0]["channel_title"], &gaps[0]["incident_number"]), (&json!("WhatsApp"), &json!(1)));
    assert!(text(&gaps[0]["since"]) < text(&gaps[0]["until"]), "{conversation}");
    let row = scene.hub.message("p0 before", "received").await;
    let path = format!("/conversations/{}", text(&row["conversation_id"]));
    assert_eq!(scene.hub.good("GET", &path, Value::Null).await["gaps"], json!([]), "others are not touched");
}
