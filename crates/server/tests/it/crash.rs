//! `kill -9` at the worst moments: nothing that was acknowledged is lost, nothing goes out twice.

use serde_json::Value;

use super::fake::{Fake, Reply, Seen};
use super::hub::{Hub, text, until};
use super::shapes::{tg_text, wa_receipt, wa_text};

/// A port whose queue of connections is full: a call to it neither starts nor fails for seconds.
struct Wall {
    url: String,
    _listener: tokio::net::TcpListener,
    _stuffing: Vec<tokio::task::JoinHandle<()>>,
}

impl Wall {
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    async fn build() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a port");
        let listener = socket.listen(1).expect("a listener");
        let addr = listener.local_addr().expect("an address");
        let stuff = |_| {
            tokio::spawn(async move {
                let _open = tokio::net::TcpStream::connect(addr).await;
                std::future::pending::<()>().await;
            })
        };
        let stuffing = (0..8).map(stuff).collect();
        until("a full queue", || async {
            let wait = std::time::Duration::from_millis(300);
            tokio::time::timeout(wait, tokio::net::TcpStream::connect(addr)).await.is_err().then_some(())
        })
        .await;
        Self { url: format!("http://{addr}"), _listener: listener, _stuffing: stuffing }
    }
}

async fn open_conversation(hub: &Hub, said: &str) -> String {
    text(&hub.message(said, "received").await["conversation_id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_between_claim_and_send_it_is_never_sent_blindly() {
    let (mut hub, wall) = (Hub::start().await, Wall::build().await);
    let pairs = [
        ("--set", format!("api_base={}", wall.url)),
        ("--secret", "token=123456:tg-token".to_owned()),
        ("--secret", "secret_token=tg-secret".to_owned()),
    ];
    let account = hub.add("telegram", "Bot", &pairs, &[]);
    hub.telegram(&account, &tg_text(1, 1, "hi")).await;
    let conv = open_conversation(&hub, "hi").await;
    hub.reply(&conv, "one").await;
    hub.row("messages", |row| row["text"] == "one" && row["state"] == "sending").await;
    hub.kill();
    hub.wake().await;
    let row = hub.message("one", "unconfirmed").await;
    assert_eq!(row["parts"][0]["attempts"], 1, "{row}");
    assert!(row["problem"].is_string(), "{row}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_our_commit_it_is_uncertain_and_never_sent_twice() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let telegram = hub.telegram_bot(&fake);
    let whatsapp = hub.whatsapp(&fake, "101", &[]);
    // The platform takes the message; its answer never reaches our commit.
    fake.then(
        |seen: &Seen, _| {
            if seen.is_send() && seen.text().starts_with("lost") { Reply::Hang } else { Reply::Ok }
        },
    );
    hub.telegram(&telegram, &tg_text(1, 1, "by telegram")).await;
    hub.meta(&whatsapp, &wa_text("101", "15550001", "wamid.A", "by whatsapp")).await;
    let (tg, wa) =
        (open_conversation(&hub, "by telegram").await, open_conversation(&hub, "by whatsapp").await);
    hub.reply(&tg, "lost on telegram").await;
    hub.reply(&tg, "telegram two").await;
    hub.reply(&wa, "lost on whatsapp").await;
    hub.reply(&wa, "whatsapp two").await;
    let sends = fake.wait(2).await;
    hub.restart().await;
    // Telegram can't tell: unconfirmed, and the lane goes on.
    hub.message("lost on telegram", "unconfirmed").await;
    hub.message("telegram two", "accepted").await;
    // WhatsApp's receipts can: uncertain until one comes.
    hub.message("lost on whatsapp", "uncertain").await;
    assert_eq!(hub.message("whatsapp two", "queued").await["parts"][0]["attempts"], 0);
    let lost = sends.iter().find(|seen| seen.text() == "lost on whatsapp").expect("that send");
    let key = text(&lost.json()["biz_opaque_callback_data"]);
    hub.meta(&whatsapp, &wa_receipt("101", "15550001", "wamid.LOST", "delivered", Some(&key))).await;
    let row = hub.message("lost on whatsapp", "delivered").await;
    assert_eq!(row["provider_id"], "wamid.LOST");
    hub.message("whatsapp two", "accepted").await;
    for lost in ["lost on telegram", "lost on whatsapp"] {
        assert_eq!(fake.texts().iter().filter(|said| *said == lost).count(), 1, "{lost}");
    }
}

/// Outgoing messages by state, and those that are still under way.
fn open(rows: &[Value]) -> (std::collections::BTreeMap<String, usize>, Vec<&Value>) {
    let mut states = std::collections::BTreeMap::new();
    for row in rows {
        *states.entry(format!("{} {}", text(&row["direction"]), text(&row["state"]))).or_default() += 1;
    }
    let waits = |row: &&Value| ["queued", "sending"].contains(&row["state"].as_str().unwrap_or_default());
    (states, rows.iter().filter(waits).take(3).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_nothing_acknowledged_is_lost_or_doubled() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("re: {{ message.text }}").await;
    let mut taken = Vec::new();
    for round in 0..4 {
        let posts = (0..25).map(|n| {
            let said = format!("round {round} number {n}");
            let body = wa_text("101", &format!("1555{round}{n:03}"), &format!("wamid.{round}.{n}"), &said);
            let (hub, account) = (&hub, &account);
            async move {
                let bytes = body.to_string().into_bytes();
                let headers = [super::shapes::meta_signature(super::shapes::APP_SECRET, &bytes)];
                let status = hub.post(&account.path, &headers, bytes).await.0;
                (status == 200).then_some(said)
            }
        });
        taken.extend(futures_util::future::join_all(posts).await.into_iter().flatten());
        hub.restart().await;
    }
    assert_eq!(taken.len(), 100);
    let settled = |rows: &[Value]| {
        rows.iter().filter(|row| row["direction"] == "in").count() == taken.len()
            && rows.iter().filter(|row| row["direction"] == "out").count() == taken.len()
            && rows
                .iter()
                .all(|row| !["queued", "sending"].contains(&row["state"].as_str().unwrap_or_default()))
    };
    let look = || async { Some(hub.rows("messages").await).filter(|rows| settled(rows)) };
    let wait = std::time::Duration::from_secs(25);
    let rows = tokio::time::timeout(wait, until("all to be answered or uncertain", look)).await;
    let Ok(rows) = rows else { panic!("not settled: {:?}", open(&hub.rows("messages").await)) };
    let texts = fake.texts();
    for said in &taken {
        assert_eq!(rows.iter().filter(|row| row["text"] == said.as_str()).count(), 1, "{said}");
        let answer = format!("re: {said}");
        let sent = texts.iter().filter(|text| **text == answer).count();
        let state = rows.iter().find(|row| row["text"] == answer.as_str()).map(|row| text(&row["state"]));
        let state = state.unwrap_or_else(|| panic!("no row for {answer}"));
        assert!(sent == 1 || (sent == 0 && state == "uncertain"), "{answer}: sent {sent} times, {state}");
    }
    let problems = hub.rows("problems").await;
    assert!(problems.is_empty(), "{problems:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_order_finishes_what_is_under_way() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let account = hub.telegram_bot(&fake);
    fake.then(|seen, _| {
        let slow = std::time::Duration::from_millis(800);
        if seen.is_send() { Reply::Late(slow) } else { Reply::Ok }
    });
    hub.telegram(&account, &tg_text(1, 1, "hi")).await;
    let conv = open_conversation(&hub, "hi").await;
    hub.reply(&conv, "one").await;
    hub.reply(&conv, "two").await;
    fake.wait(1).await;
    hub.stop().await;
    let rows = hub.export("messages");
    let one = rows.iter().find(|row| row["text"] == "one").expect("a row");
    assert_eq!(one["state"], "accepted", "its answer was waited for: {one}");
    hub.wake().await;
    hub.message("two", "accepted").await;
    assert_eq!(fake.texts(), ["one", "two"]);
}
