//! E-mail over a real SMTP server and a real IMAP server.

use everthread_store::units::{GetCursor, SetCursor};
use serde_json::{Value, json};

use super::hub::{Account, Hub, text, until};
use super::mailhost::{Line, MailHost, Mode, mail};

/// Connects `local@example.test`, sending over `smtp`.
fn connect(hub: &Hub, host: &MailHost, local: &str, smtp: String, more: &[(&str, String)]) -> Account {
    let mut pairs = vec![
        ("--set", format!("smtp_url={smtp}")),
        ("--set", format!("imap_url={}", host.imap_url())),
        ("--set", format!("address={local}@example.test")),
        ("--set", "rate_per_s=100".to_owned()),
        ("--set", "rate_burst=100".to_owned()),
        ("--set", "pair_rate_per_s=100".to_owned()),
        ("--set", "pair_rate_burst=100".to_owned()),
        ("--secret", "password=secret".to_owned()),
    ];
    pairs.extend(more.iter().cloned());
    hub.add("email", local, &pairs, &[])
}

/// Waits until the mailbox is watched: from then on new mail is taken in.
async fn watched(hub: &Hub, host: &MailHost, local: &str) {
    let hello = letter("probe", local, "<ready@customer.test>", "ready", "are you there?");
    until("a mailbox that is watched", || async {
        // Each try is the same mail: its Message-ID makes it one message.
        host.send("probe@example.test", &format!("{local}@example.test"), &hello).await;
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        hub.rows("messages").await.iter().any(|row| row["text"] == "are you there?").then_some(())
    })
    .await;
}

fn letter(from: &str, to: &str, id: &str, subject: &str, said: &str) -> String {
    format!(
        "From: {from} <{from}@example.test>\nTo: {to}@example.test\nSubject: {subject}\nMessage-ID: {id}\n\n{said}\n"
    )
}

/// A header of a mail, unfolded.
fn header(mail: &str, name: &str) -> String {
    let head = mail.replace("\r\n", "\n").replace("\n ", " ").replace("\n\t", " ");
    let head = head.split("\n\n").next().unwrap_or_default().to_owned();
    let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned));
    found.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_answered_in_its_thread() {
    let Some(host) = mail() else { return };
    let mut hub = Hub::start().await;
    let account =
        connect(&hub, host, "shop1", host.smtp_url(), &[("--set", "from_name=Acme Shop".to_owned())]);
    let doctor = hub.cli_json(&["account", "doctor", &account.id]);
    assert_eq!(
        (text(&doctor[0]["edge"]), text(&doctor[0]["token"])),
        ("answers".into(), "accepted".into()),
        "{doctor}"
    );
    watched(&hub, host, "shop1").await;
    hub.answer_all("Thank you, {{ message.text }}").await;

    let to = "shop1@example.test";
    host.send(
        "lee1@example.test",
        to,
        &letter("Lee1", "shop1", "<q1@customer.test>", "ไซส์ Größe?", "is it blue?"),
    )
    .await;
    let row = hub.message("Thank you, is it blue?", "accepted").await;
    let answer = host.wait("lee1", 1).await.remove(0);
    assert_eq!(header(&answer, "In-Reply-To"), "<q1@customer.test>");
    assert_eq!(header(&answer, "References"), "<q1@customer.test>");
    assert_eq!(header(&answer, "Message-ID"), format!("<{}>", text(&row["provider_id"])));
    assert_eq!(header(&answer, "Auto-Submitted"), "auto-replied");
    assert_eq!(header(&answer, "From"), "Acme Shop <shop1@example.test>");
    assert!(!header(&answer, "Date").is_empty(), "{answer}");
    let incoming = hub.message("is it blue?", "received").await;
    assert_eq!(incoming["sender"], "lee1@example.test");

    // The customer answers with the history below; a person goes on by the API; the server restarts in between.
    let ours = text(&row["provider_id"]);
    let reply = format!(
        "From: lee1@example.test\nTo: {to}\nSubject: AW: Size\nMessage-ID: <q2@customer.test>\nIn-Reply-To: <{ours}>\n\
         References: <q1@customer.test> <{ours}>\n\nyes please\n\nOn Friday 27 Acme Shop <{to}> wrote:\n> Thank you\n"
    );
    hub.stop().await;
    host.send("lee1@example.test", to, &reply).await;
    hub.wake().await;
    let row = hub.message("yes please", "received").await;
    assert_eq!(row["conversation_id"], incoming["conversation_id"]);
    assert_eq!(row["reply_to"], ours.as_str());
    hub.message("Thank you, yes please", "accepted").await;
    let file = hub.upload("note.txt", b"the price list").await;
    let conversation = text(&row["conversation_id"]);
    let body = json!({ "kind": "reply", "text": "here you are", "attachments": [{ "media_id": file }] });
    hub.good("POST", &format!("/conversations/{conversation}/messages"), body).await;
    hub.message("here you are", "accepted").await;
    let mails = host.wait("lee1", 3).await;
    let last = mails.iter().find(|mail| mail.contains("here you are")).expect("the person's answer");
    assert!(header(last, "References").ends_with(&header(last, "In-Reply-To")), "{last}");
    assert!(header(last, "References").contains(&ours) || header(last, "Subject").contains("Size"), "{last}");
    assert_eq!(header(last, "Auto-Submitted"), "", "a person wrote it");
    assert!(last.contains("filename=\"note.txt\"") && last.contains("dGhlIHByaWNlIGxpc3Q="), "{last}");
    // A machine is shown and never answered.
    let absent = letter("lee1", "shop1", "<q3@customer.test>", "Re: Size", "I am away")
        .replace("\n\n", "\nAuto-Submitted: auto-replied\n\n");
    host.send("lee1@example.test", to, &absent).await;
    hub.message("I am away", "received").await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    assert!(hub.rows("messages").await.iter().all(|row| row["text"] != "Thank you, I am away"));
    assert!(hub.rows("problems").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_mail_are_fetched_from_the_mailbox() {
    let Some(host) = mail() else { return };
    let hub = Hub::start().await;
    connect(&hub, host, "shop2", host.smtp_url(), &[]);
    watched(&hub, host, "shop2").await;
    let mail = "From: lee2@example.test\nTo: shop2@example.test\nSubject: photo\nMessage-ID: <f1@customer.test>\n\
                MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nsee\n\
                --b\nContent-Type: image/png; name=a.png\nContent-Transfer-Encoding: base64\n\n\
                iVBORw0KGgpmaWxlIG9mIGEgbWFpbA==\n--b--\n";
    host.send("lee2@example.test", "shop2@example.test", mail).await;
    let row =
        hub.row("messages", |row| row["text"] == "see" && row["attachments"][0]["status"] == "ready").await;
    let file = &row["attachments"][0];
    assert_eq!((text(&file["mime"]), text(&file["name"])), ("image/png".into(), "a.png".into()), "{file}");
    assert_eq!(file["size"], 22, "{file}");
    let left = host.mails("shop2");
    assert!(left.iter().any(|mail| mail.contains("f1@customer.test")), "it stays in the mailbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_that_comes_back_has_failed() {
    let Some(host) = mail() else { return };
    let hub = Hub::start().await;
    connect(&hub, host, "shop3", host.smtp_url(), &[]);
    watched(&hub, host, "shop3").await;
    for (from, said) in [("gone@bounce.test", "bounces"), ("nobody@unknown.test", "is refused")] {
        let mail = letter("x", "shop3", &format!("<{from}>"), "hi", said).replace("x@example.test", from);
        host.send("x@example.test", "shop3@example.test", &mail).await;
        let row = hub.message(said, "received").await;
        hub.reply(&text(&row["conversation_id"]), &format!("re: {said}")).await;
    }
    let row = hub.message("re: bounces", "failed").await;
    assert!(row["state_at"]["accepted"].is_string(), "it had been taken: {row}");
    let row = hub.message("re: is refused", "failed").await;
    assert!(row["state_at"]["accepted"].is_null(), "the server said no at once: {row}");
    let problems = hub.rows("problems").await;
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_journal_and_cursor_nothing_is_lost_or_doubled() {
    let Some(host) = mail() else { return };
    let mut hub = Hub::start().await;
    connect(&hub, host, "shop4", host.smtp_url(), &[]);
    watched(&hub, host, "shop4").await;
    hub.answer_all("re: {{ message.text }}").await;
    for round in 0..3 {
        for n in 0..8 {
            let said = format!("round {round} number {n}");
            let id = format!("<k{round}.{n}@customer.test>");
            host.send("lee4@example.test", "shop4@example.test", &letter("lee4", "shop4", &id, "k", &said))
                .await;
        }
        hub.kill();
        // What a crash between the journal and the cursor leaves behind: mail on disk, the cursor before it.
        rewind(&hub, 4).await;
        hub.wake().await;
    }
    for round in 0..3 {
        for n in 0..8 {
            hub.message(&format!("round {round} number {n}"), "received").await;
        }
    }
    let rows = until("all answers to be sent", || async {
        let rows = hub.rows("messages").await;
        let settled = |row: &Value| row["state"] == "accepted";
        let answers: Vec<_> = rows.iter().filter(|row| row["direction"] == "out").cloned().collect();
        (answers.len() == 24 && answers.iter().all(settled)).then_some(rows)
    })
    .await;
    assert_eq!(rows.iter().filter(|row| text(&row["text"]).starts_with("round")).count(), 24, "each once");
    let mut ids: Vec<String> =
        host.wait("lee4", 24).await.iter().map(|mail| header(mail, "Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 24, "each answer under one Message-ID");
}

/// Sets the folder's cursor in a stopped hub back by so many mails.
async fn rewind(hub: &Hub, mails: u32) {
    let url = everthread_store::StoreUrl::file(hub.path("everthread.db"));
    let opened = everthread_store::Store::open(url, everthread_store::Options::default()).await;
    let store = opened.expect("its store");
    for account in 1..100 {
        let name = format!("imap.{account}.INBOX");
        let cursor = store.read(GetCursor { name: name.clone() }).await.expect("read");
        let Some(cursor) = cursor else { continue };
        let (validity, next) = cursor.split_once(' ').expect("two numbers");
        let next = next.parse::<u32>().expect("a number").saturating_sub(mails).max(1);
        store.write(SetCursor { name, value: format!("{validity} {next}") }).await.expect("written");
        return;
    }
    panic!("no cursor of a mailbox");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_smtp_server_that_is_away_is_tried_again() {
    let Some(host) = mail() else { return };
    let (hub, line) = (Hub::start().await, Line::to(host).await);
    connect(&hub, host, "shop5", line.url(), &[]);
    watched(&hub, host, "shop5").await;
    host.send(
        "lee5@example.test",
        "shop5@example.test",
        &letter("lee5", "shop5", "<d1@customer.test>", "d", "hi"),
    )
    .await;
    let row = hub.message("hi", "received").await;
    line.set(Mode::Down);
    hub.reply(&text(&row["conversation_id"]), "while it is away").await;
    hub.row("messages", |row| {
        row["text"] == "while it is away" && row["parts"][0]["attempts"].as_u64() > Some(1)
    })
    .await;
    assert!(host.mails("lee5").is_empty());
    line.set(Mode::Open);
    hub.message("while it is away", "accepted").await;
    assert_eq!(host.wait("lee5", 1).await.len(), 1, "and only once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_reply_is_settled_under_the_same_message_id() {
    let Some(host) = mail() else { return };
    let (hub, line) = (Hub::start().await, Line::to(host).await);
    connect(&hub, host, "shop6", line.url(), &[]);
    watched(&hub, host, "shop6").await;
    host.send(
        "lee6@example.test",
        "shop6@example.test",
        &letter("lee6", "shop6", "<u1@customer.test>", "u", "hi"),
    )
    .await;
    let row = hub.message("hi", "received").await;
    line.set(Mode::Swallow);
    hub.reply(&text(&row["conversation_id"]), "did it arrive").await;
    host.wait("lee6", 1).await;
    line.set(Mode::Open);
    let row = hub.message("did it arrive", "accepted").await;
    let attempts = hub.rows("attempts").await;
    assert!(attempts.iter().any(|attempt| attempt["outcome"] == "uncertain"), "{attempts:#?}");
    let mails = host.wait("lee6", 2).await;
    let id = format!("<{}>", text(&row["provider_id"]));
    assert!(mails.iter().all(|mail| header(mail, "Message-ID") == id), "{mails:#?}");
}
