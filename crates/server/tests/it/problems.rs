//! What could not be done: told once for each cause, never lost between two commits, and over when it is.

use everthread_store::{Db, Options, Result, Sql, Store, StoreUrl, Unit, sql};
use serde_json::{Value, json};

use super::fake::Fake;
use super::hub::{Hub, text, until};
use super::shapes::{meta_signature, now, tg_text, wa_text};

/// One statement on the database of a hub that is stopped, past all units.
struct Exec(Sql);

impl Unit for Exec {
    type Out = u64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(self.0, &[]).await
    }
}

async fn exec(hub: &Hub, sql: Sql) {
    let url = StoreUrl::file(hub.path("everthread.db"));
    let store = Store::open(url, Options::default()).await.expect("the store of a stopped hub");
    store.write(Exec(sql)).await.expect("the statement");
}

async fn listed(hub: &Hub) -> Vec<Value> {
    hub.good("GET", "/problems", Value::Null).await["items"].as_array().expect("a page").clone()
}

/// Messages that say so, and how often a problem came, in the database of a hub that is stopped.
fn stored(hub: &Hub, start: &str) -> (usize, i64) {
    let said = |row: &Value| text(&row["text"]).starts_with(start);
    let messages = hub.export("messages").iter().filter(|row| said(row)).count();
    (messages, hub.export("problems").iter().filter_map(|row| row["count"].as_i64()).sum())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_rules_fail_no_message_is_stored_without_its_problem() {
    const MANY: usize = 60;
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let body = |n: usize, round: &str| {
        let (id, said) = (format!("wamid.{round}.{n}"), format!("{round} {n}"));
        wa_text("101", &format!("1555000{n:03}"), &id, &said)
    };
    for n in 0..MANY {
        hub.meta(&account, &body(n, "first")).await;
    }
    hub.answer_all("hello").await;
    hub.message(&format!("first {}", MANY - 1), "received").await;
    hub.stop().await;
    exec(&hub, sql!("UPDATE conversations SET question = 'broken'")).await;
    hub.wake().await;
    let posts = (0..MANY).map(|n| {
        let bytes = body(n, "again").to_string().into_bytes();
        let headers = [meta_signature(super::shapes::APP_SECRET, &bytes)];
        let (hub, path) = (&hub, &account.path);
        async move { hub.post(path, &headers, bytes).await.0 }
    });
    assert!(futures_util::future::join_all(posts).await.iter().all(|status| *status == 200));
    let mut seen = Vec::new();
    for _ in 0..2 {
        hub.kill();
        let (messages, problems) = stored(&hub, "again");
        assert_eq!(i64::try_from(messages).expect("few"), problems, "one without the other");
        seen.push(messages);
        hub.wake().await;
    }
    let last = format!("again {}", MANY - 1);
    hub.message(&last, "received").await;
    until("all of them", || async {
        let rows = hub.rows("messages").await;
        (rows.iter().filter(|row| text(&row["text"]).starts_with("again")).count() == MANY).then_some(())
    })
    .await;
    let problems = listed(&hub).await;
    assert_eq!(problems.len(), 1, "one cause, after kills at {seen:?}: {problems:#?}");
    assert_eq!((&problems[0]["count"], &problems[0]["recurring"]), (&json!(MANY), &json!(true)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_fails_for_every_message_is_one_problem() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let lead = json!({ "type": "lead", "pipeline": "Nowhere", "stage": "New" });
    hub.rule("Leads", json!({ "trigger": { "type": "message" }, "actions": [lead] })).await;
    for n in 0..9 {
        hub.meta(&account, &wa_text("101", "15550001", &format!("wamid.{n}"), &format!("number {n}"))).await;
    }
    hub.message("number 8", "received").await;
    let found = listed(&hub).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    let problem = &found[0];
    assert_eq!((&problem["count"], &problem["rule"]["name"]), (&json!(9), &json!("Leads")));
    assert!(text(&problem["raw"]).contains("number 8"), "the newest: {problem}");
    assert!(text(&problem["reason"]).contains("Nowhere"), "{problem}");
    // Everything again changes nothing; what is kept of the problem is understood, so it is solved.
    hub.cli(&["replay"]).expect("a replay");
    assert_eq!(listed(&hub).await[0]["count"], 9);
    let replay = format!("/problems/{}/replay", text(&problem["id"]));
    assert_eq!(hub.good("POST", &replay, json!({})).await["solved"], true);
    assert!(listed(&hub).await.is_empty());
    assert_eq!(hub.rows("messages").await.len(), 9, "nothing came twice");
    hub.meta(&account, &wa_text("101", "15550001", "wamid.X", "and again")).await;
    hub.message("and again", "received").await;
    let again = listed(&hub).await;
    assert_eq!((again.len(), &again[0]["id"], &again[0]["count"]), (1, &problem["id"], &json!(1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_retired_secret_signed_is_replayed_and_it_signs_nothing_new() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp_under(&fake, "101", "old-secret", &[]);
    let stranger = hub.whatsapp_under(&fake, "202", "other-secret", &[]);
    let said = |id: &str, words: &str| wa_text("101", "15550001", id, words);
    assert_eq!(hub.meta_under(&account, "old-secret", &said("wamid.A", "before")).await, 200);
    hub.message("before", "received").await;
    assert_eq!(hub.meta_under(&stranger, "other-secret", &said("wamid.F", "forged")).await, 200);
    hub.row("problems", |row| text(&row["reason"]).contains("sign")).await;

    hub.cli_json(&["account", "set", &account.id, "--secret", "app_secret=new-secret"]);
    assert_eq!(hub.meta_under(&account, "new-secret", &said("wamid.B", "after")).await, 200);
    assert_eq!(hub.meta_under(&account, "old-secret", &said("wamid.C", "too late")).await, 401);
    hub.message("after", "received").await;
    // As if nothing of it had been applied yet.
    hub.stop().await;
    exec(&hub, sql!("DELETE FROM event_keys")).await;
    hub.wake().await;
    hub.cli(&["replay"]).expect("a replay");
    let rows = hub.rows("messages").await;
    let times = |words: &str| rows.iter().filter(|row| row["text"] == words).count();
    assert_eq!(["before", "after", "too late", "forged"].map(times), [2, 2, 0, 0], "{rows:#?}");
    let problems = listed(&hub).await;
    assert_eq!(problems.len(), 1, "the forged one, and only that: {problems:#?}");
    // For a while both are accepted where the old one is given too.
    hub.cli_json(&[
        "account",
        "set",
        &account.id,
        "--secret",
        "app_secret=newest",
        "--secret",
        "app_secret_previous=new-secret",
    ]);
    for (secret, status) in [("newest", 200), ("new-secret", 200), ("old-secret", 401)] {
        let id = format!("wamid.{secret}");
        assert_eq!(hub.meta_under(&account, secret, &said(&id, secret)).await, status, "{secret}");
    }
    for (args, word) in [
        (["--set", "phone_number_id=303"], "another account"),
        (["--set", "phone_no=1"], "no setting"),
        (["--secret", "app_secret="], "app_secret"),
    ] {
        let all = [&["account", "set", &account.id], args.as_slice()].concat();
        let refused = hub.cli(&all).expect_err("refused");
        assert!(refused.contains(word), "{args:?}: {refused}");
    }
}

/// What Telegram says of a bot in a group.
fn group(update: i64, what: &str) -> Value {
    let chat = json!({ "id": -1_001_234, "title": "Staff", "type": "supergroup" });
    let person = json!({ "id": 7, "is_bot": false, "first_name": "Nina" });
    let bot =
        |status: &str| json!({ "user": { "id": 9, "is_bot": true, "first_name": "Bot" }, "status": status });
    let member = |old: &str, new: &str| {
        json!({ "update_id": update, "my_chat_member": { "chat": chat, "from": person, "date": now(),
            "old_chat_member": bot(old), "new_chat_member": bot(new) } })
    };
    match what {
        "enter" => member("left", "member"),
        "leave" => member("member", "kicked"),
        said => json!({ "update_id": update, "message": { "message_id": update, "from": person, "chat": chat,
            "date": now(), "text": said } }),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_in_a_group_is_told_of_once_and_a_group_is_no_customer() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let bot = hub.telegram_bot(&fake);
    hub.answer_all("hello").await;
    // Updates, what is said to the bot itself after them, and how often the group was heard of as listed then.
    let steps: [(&[Value], Option<i64>); 4] = [
        (&[group(1, "enter"), group(2, "who is late?"), group(3, "me")], Some(3)),
        (&[group(11, "leave")], None),
        (&[group(21, "leave"), group(22, "an afterthought")], None),
        (&[group(31, "enter")], Some(1)),
    ];
    for (n, (updates, expected)) in steps.iter().enumerate() {
        for update in *updates {
            hub.telegram(&bot, update).await;
        }
        let after = format!("after {n}");
        hub.telegram(&bot, &tg_text(100 + n as i64, 1, &after)).await;
        hub.message(&after, "received").await;
        let found = listed(&hub).await;
        assert_eq!(found.first().and_then(|one| one["count"].as_i64()), *expected, "step {n}: {found:#?}");
        assert!(found.iter().all(|one| text(&one["reason"]).contains("Staff")), "{found:#?}");
    }
    // A person who knows of it marks it as solved; it is not listed again for what is said there.
    let known = listed(&hub).await.remove(0);
    let replay = format!("/problems/{}/replay", text(&known["id"]));
    assert_eq!(hub.good("POST", &replay, json!({})).await["solved"], true);
    hub.telegram(&bot, &group(41, "is the bot still here?")).await;
    hub.telegram(&bot, &tg_text(142, 1, "the end")).await;
    hub.message("the end", "received").await;
    assert!(listed(&hub).await.is_empty());
    assert_eq!(hub.rows("contacts").await.len(), 1, "Nina, who wrote to the bot");
    let chats: Vec<String> = fake.sends().iter().map(|send| send.json()["chat_id"].to_string()).collect();
    assert!(chats.iter().all(|chat| !chat.contains("1001234")), "never to a group: {chats:?}");
}
