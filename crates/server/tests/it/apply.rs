//! What comes in, in whatever order and company, ends in one true state.

use serde_json::{Value, json};

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text, until};
use super::shapes::{APP_SECRET, ig, ig_echo, ig_text, now, tg_text, wa, wa_message, wa_receipt, wa_text};

/// Waits until a marker message sent after everything else is applied.
async fn settle(hub: &Hub, account: &super::hub::Account, number: &str, id: &str) {
    hub.meta(account, &wa_text(number, "19990000", &format!("wamid.{id}"), id)).await;
    hub.message(id, "received").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_with_two_accounts_items_reaches_both() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let one = hub.whatsapp(&fake, "101", &[]);
    let two = hub.whatsapp(&fake, "102", &[]);
    assert_eq!(one.path, two.path, "one app, one address");
    let said = |id: &str, words: &str| json!({ "messages": [wa_message("15550001", id, words)] });
    let body =
        wa(&[("101", "messages", said("wamid.A", "to one")), ("102", "messages", said("wamid.B", "to two"))]);
    hub.meta(&one, &body).await;
    assert_eq!(hub.message("to one", "received").await["account_id"], one.id);
    assert_eq!(hub.message("to two", "received").await["account_id"], two.id);
    assert!(hub.rows("problems").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_item_among_ten_is_a_problem_and_the_nine_go_on() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    let mut items: Vec<Value> = (0..10)
        .map(|n| wa_message(&format!("1555000{n}"), &format!("wamid.{n}"), &format!("number {n}")))
        .collect();
    items[4] = json!({ "from": "15550004", "id": "wamid.4", "timestamp": now().to_string(), "type": "hologram", "hologram": 1 });
    hub.meta(&account, &wa(&[("101", "messages", json!({ "messages": items }))])).await;
    settle(&hub, &account, "101", "after").await;
    let rows = hub.rows("messages").await;
    for n in (0..10).filter(|n| *n != 4) {
        let said = format!("number {n}");
        assert_eq!(rows.iter().filter(|row| row["text"] == said.as_str()).count(), 1, "{said}");
    }
    let problem = hub.row("problems", |row| row["channel"] == "whatsapp").await;
    assert!(text(&problem["raw"]).contains("hologram") && problem["account_id"] == account.id, "{problem}");
    // Replaying it changes nothing: this version still does not know the kind.
    let replayed = hub.good("POST", &format!("/problems/{}/replay", text(&problem["id"])), json!({})).await;
    assert!(replayed.is_object() || replayed.is_null(), "{replayed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_an_account_that_did_not_sign_is_a_problem() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let ours = hub.whatsapp_under(&fake, "101", "our-secret", &[]);
    let theirs = hub.whatsapp_under(&fake, "202", "their-secret", &[]);
    assert_ne!(ours.path, theirs.path);
    let said = |id: &str, words: &str| json!({ "messages": [wa_message("15550001", id, words)] });
    let body =
        wa(&[("202", "messages", said("wamid.A", "forged")), ("101", "messages", said("wamid.B", "honest"))]);
    assert_eq!(hub.meta_under(&ours, "our-secret", &body).await, 200);
    hub.message("honest", "received").await;
    let problem = hub.row("problems", |row| text(&row["raw"]).contains("forged")).await;
    assert!(text(&problem["reason"]).contains("sign"), "{problem}");
    assert!(hub.rows("messages").await.iter().all(|row| row["text"] != "forged"));
    // An id that no account has is a problem, too, and is applied when the account is there and it is replayed.
    let body = wa(&[("303", "messages", said("wamid.C", "too early"))]);
    assert_eq!(hub.meta_under(&ours, "our-secret", &body).await, 200);
    let problem = hub.row("problems", |row| text(&row["raw"]).contains("too early")).await;
    hub.whatsapp_under(&fake, "303", "our-secret", &[]);
    hub.good("POST", &format!("/problems/{}/replay", text(&problem["id"])), json!({})).await;
    hub.message("too early", "received").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_fetched_when_the_providers_api_is_back() {
    let png = b"\x89PNG\r\n\x1a\n and some pixels".to_vec();
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let link = format!("{}/file/9", fake.url);
    let bytes = png.clone();
    fake.then(move |seen: &Seen, before| match seen.path.as_str() {
        _ if seen.is_send() => Reply::Ok,
        path if path.starts_with("/77001") && before == 0 => Reply::json(503, &json!({})),
        path if path.starts_with("/77001") => {
            Reply::json(200, &json!({ "url": link, "mime_type": "image/png" }))
        }
        "/file/9" => Reply::Answer(200, vec![("content-type", "text/html".into())], bytes.clone()),
        _ => Reply::Ok,
    });
    let account = hub.whatsapp(&fake, "101", &[]);
    let message = json!({ "from": "15550001", "id": "wamid.P", "timestamp": now().to_string(), "type": "image",
        "image": { "id": "77001", "mime_type": "image/jpeg", "caption": "my picture" } });
    hub.meta(&account, &wa(&[("101", "messages", json!({ "messages": [message] }))])).await;
    let early = hub.message("my picture", "received").await;
    assert_eq!(early["attachments"][0]["kind"], "image");
    let ready = hub.row("messages", |row| row["attachments"][0]["status"] == "ready").await;
    let file = &ready["attachments"][0];
    assert_eq!(file["mime"], "image/png", "by the bytes, not by what anybody says");
    assert_eq!(file["size"], png.len());
    let url = text(&file["url"]);
    let answer =
        hub.api_as(&hub.first(), "GET", url.strip_prefix("/api/v1").expect("ours"), Value::Null).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.bytes().await.expect("bytes"), png);
    let asked = fake.all().into_iter().find(|seen| seen.path == "/file/9").expect("the download");
    assert_eq!(asked.headers["authorization"], "Bearer wa-token");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_in_every_order_give_one_state() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("answer to {{ message.text }}").await;
    let orders: [&[&str]; 7] = [
        &["sent", "delivered", "read"],
        &["read", "delivered", "sent"],
        &["delivered", "read", "sent"],
        &["read", "sent", "delivered", "read"],
        &["sent", "failed", "delivered"],
        &["delivered", "failed", "sent"],
        &["failed", "sent"],
    ];
    let ends = ["read", "read", "read", "read", "delivered", "delivered", "failed"];
    for n in 0..orders.len() {
        let from = format!("1555000{n}");
        hub.meta(&account, &wa_text("101", &from, &format!("wamid.{n}"), &format!("order {n}"))).await;
    }
    for (n, order) in orders.iter().enumerate() {
        let said = format!("answer to order {n}");
        let row = hub.message(&said, "accepted").await;
        let id = text(&row["provider_id"]);
        for status in *order {
            hub.meta(&account, &wa_receipt("101", &format!("1555000{n}"), &id, status, None)).await;
        }
    }
    for (n, end) in ends.iter().enumerate() {
        let row = hub.message(&format!("answer to order {n}"), end).await;
        assert!(row["state_at"][*end].is_string(), "{row}");
    }
    settle(&hub, &account, "101", "after").await;
    for (n, end) in ends.iter().enumerate() {
        hub.message(&format!("answer to order {n}"), end).await;
    }
    assert!(hub.rows("problems").await.is_empty(), "{:#?}", hub.rows("problems").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_before_our_insert_counts() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("hello").await;
    fake.then(|seen, _| {
        let slow = std::time::Duration::from_millis(1_500);
        if seen.is_send() { Reply::Late(slow) } else { Reply::Ok }
    });
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "hi")).await;
    let send = &fake.wait(1).await[0];
    let correlation = text(&send.json()["biz_opaque_callback_data"]);
    // The platform's receipts overtake its own answer, with and without our key.
    hub.meta(&account, &wa_receipt("101", "15550001", "wamid.OUT1", "delivered", None)).await;
    hub.meta(&account, &wa_receipt("101", "15550001", "wamid.OUT1", "read", Some(&correlation))).await;
    let row = hub.message("hello", "read").await;
    assert_eq!(row["provider_id"], "wamid.OUT1");
    until("all three facts", || async {
        let rows = hub.rows("messages").await;
        let row = rows.into_iter().find(|row| row["text"] == "hello")?;
        ["accepted", "delivered", "read"].iter().all(|state| row["state_at"][state].is_string()).then_some(())
    })
    .await;
    assert_eq!(fake.sends().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_echo_before_our_commit_is_one_message() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.instagram(&fake, "17840001");
    hub.answer_all("our answer").await;
    fake.then(|seen, _| {
        let slow = std::time::Duration::from_millis(1_500);
        if seen.is_send() { Reply::Late(slow) } else { Reply::Ok }
    });
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN1", "hi")])).await;
    fake.wait(1).await;
    hub.meta(&account, &ig("17840001", &[ig_echo("17840001", "7001", "mid.OUT1", "our answer")])).await;
    hub.message("our answer", "accepted").await;
    hub.meta(&account, &ig("17840001", &[ig_text("17840001", "7001", "mid.IN2", "STOP")])).await;
    hub.message("STOP", "received").await;
    let rows = hub.rows("messages").await;
    let ours: Vec<&Value> = rows.iter().filter(|row| row["direction"] == "out").collect();
    assert_eq!(ours.len(), 1, "{ours:#?}");
    assert_eq!(ours[0]["provider_id"], "mid.OUT1");
    assert_eq!(hub.rows("conversations").await[0]["owner"], "bot", "an echo of ours is nobody's take-over");
}

#[tokio::test(flavor = "multi_thread")]
async fn replaying_everything_changes_nothing() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("thanks").await;
    let began = jiff::Timestamp::now();
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "first")).await;
    let answered = hub.message("thanks", "accepted").await;
    let id = text(&answered["provider_id"]);
    hub.meta(&account, &wa_receipt("101", "15550001", &id, "delivered", None)).await;
    let reaction = json!({ "from": "15550001", "id": "wamid.R", "timestamp": now().to_string(), "type": "reaction",
        "reaction": { "message_id": id, "emoji": "👍" } });
    hub.meta(&account, &wa(&[("101", "messages", json!({ "messages": [reaction] }))])).await;
    hub.row("messages", |row| row["reactions"][0]["emoji"] == "👍" && row["state"] == "delivered").await;
    let before = ["messages", "conversations", "contacts", "attempts", "leads", "problems"]
        .map(|what| hub.export(what));
    let said = hub.cli(&["replay", "--from", &(began - jiff::SignedDuration::from_secs(60)).to_string()]);
    said.expect("a replay");
    hub.cli(&["replay"]).expect("a replay of everything");
    settle(&hub, &account, "101", "after").await;
    let after = ["messages", "conversations", "contacts", "attempts", "leads", "problems"]
        .map(|what| hub.export(what));
    for (old, new) in before.iter().zip(&after) {
        for row in old {
            assert!(new.contains(row), "changed by a replay: {row:#}\nnow: {new:#?}");
        }
    }
    // The marker's own answer is the second and last call.
    fake.wait(2).await;
    assert_eq!(fake.texts(), ["thanks", "thanks"], "no rule ran again");
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_comes_by_long_poll_without_a_public_address() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let bot = hub.telegram_bot(&fake);
    hub.answer_all("polled").await;
    until("a poll", || async {
        fake.all().iter().any(|seen| seen.path.ends_with("/getUpdates")).then_some(())
    })
    .await;
    fake.offer(&[tg_text(41, 1, "by poll"), tg_text(42, 2, "and another")]);
    let row = hub.message("by poll", "received").await;
    assert_eq!((text(&row["account_id"]), text(&row["sender"])), (bot.id.clone(), "1".to_owned()));
    hub.message("and another", "received").await;
    fake.wait(2).await;
    let polls = || fake.all().into_iter().filter(|seen| seen.path.ends_with("/getUpdates"));
    until("the next poll after them", || async {
        polls().any(|seen| seen.json()["offset"] == 43).then_some(())
    })
    .await;
    // The same updates by webhook are the same messages.
    hub.telegram(&bot, &tg_text(41, 1, "by poll")).await;
    hub.telegram(&bot, &tg_text(43, 1, "next")).await;
    hub.message("next", "received").await;
    let rows = hub.rows("messages").await;
    assert_eq!(rows.iter().filter(|row| row["text"] == "by poll").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_deletions_and_reactions_add_no_rows() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "befor")).await;
    hub.message("befor", "received").await;
    let stamp = now().to_string();
    let item = |id: &str, kind: &str, what: Value| {
        let mut item = json!({ "from": "15550001", "id": id, "timestamp": stamp, "type": kind });
        item[kind] = what;
        wa(&[("101", "messages", json!({ "messages": [item] }))])
    };
    let edit = json!({ "original_message_id": "wamid.A", "message": { "type": "text", "text": { "body": "before" } } });
    hub.meta(&account, &item("wamid.E", "edit", edit)).await;
    let row = hub.message("before", "received").await;
    assert!(row["edited_at"].is_string(), "{row}");
    hub.meta(&account, &item("wamid.R", "reaction", json!({ "message_id": "wamid.A", "emoji": "❤" }))).await;
    hub.row("messages", |row| row["reactions"].as_array().is_some_and(|all| all.len() == 1)).await;
    hub.meta(&account, &item("wamid.R2", "reaction", json!({ "message_id": "wamid.A", "emoji": "" }))).await;
    hub.row("messages", |row| row["reactions"].as_array().is_some_and(Vec::is_empty)).await;
    hub.meta(&account, &item("wamid.D", "revoke", json!({ "original_message_id": "wamid.A" }))).await;
    hub.row("messages", |row| row["deleted_at"].is_string()).await;
    assert_eq!(hub.rows("messages").await.len(), 1);
    // The same under its own name only.
    assert_eq!(
        hub.meta_under(
            &account,
            APP_SECRET,
            &item("wamid.D", "revoke", json!({ "original_message_id": "wamid.A" }))
        )
        .await,
        200
    );
}
