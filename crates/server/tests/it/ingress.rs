//! What webhooks are answered, and that an answer of 200 means kept.

use std::collections::HashSet;

use futures_util::future::join_all;
use serde_json::Value;

use super::fake::Fake;
use super::hub::{Hub, text, until};
use super::shapes::{APP_SECRET, meta_signature, tg_text, wa_text};

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_signatures_and_limits_have_their_answers() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let wa = hub.whatsapp(&fake, "101", &[]);
    let query = "hub.mode=subscribe&hub.challenge=4711";
    let ask = |token: &'static str| format!("{}?{query}&hub.verify_token={token}", wa.path);
    assert_eq!(hub.get(&ask("wa-verify")).await, (200, "4711".into()));
    assert_eq!(hub.get(&ask("wrong")).await.0, 403);
    assert_eq!(hub.get("/hooks/whatsapp/unknown?hub.mode=subscribe").await.0, 404);

    let body = wa_text("101", "15550001", "wamid.A", "hello");
    assert_eq!(hub.meta_under(&wa, "wrong", &body).await, 401, "another secret");
    let bytes = body.to_string().into_bytes();
    assert_eq!(hub.post(&wa.path, &[], bytes.clone()).await.0, 401, "no signature");
    let short = [("x-hub-signature-256", "sha256=abcd".to_owned())];
    assert_eq!(hub.post(&wa.path, &short, bytes.clone()).await.0, 401, "half a signature");
    let signed = [meta_signature(APP_SECRET, &bytes)];
    let mut changed = bytes.clone();
    changed.push(b' ');
    assert_eq!(hub.post(&wa.path, &signed, changed).await.0, 401, "one more byte than was signed");
    assert_eq!(hub.post("/hooks/whatsapp/0000", &signed, bytes.clone()).await.0, 404, "unknown key");
    assert_eq!(
        hub.post(&wa.path.replace("whatsapp", "twilio"), &signed, bytes).await.0,
        404,
        "another channel"
    );
    let large = vec![b' '; 5 * 1024 * 1024];
    let signed = [meta_signature(APP_SECRET, &large)];
    assert_eq!(hub.post(&wa.path, &signed, large).await.0, 413, "larger than any webhook");

    let tg = hub.telegram_bot(&fake);
    let update = tg_text(1, 1, "hi").to_string().into_bytes();
    let wrong = [("x-telegram-bot-api-secret-token", "nope".to_owned())];
    assert_eq!(hub.post(&tg.path, &wrong, update).await.0, 401);
    let (_, metrics) = hub.get("/metrics").await;
    let counted = metrics.lines().find(|line| line.contains("refused_total{channel=\"whatsapp\"}"));
    assert!(counted.is_some_and(|line| line.ends_with(" 4")), "{counted:?}");
    assert!(hub.rows("messages").await.is_empty(), "nothing of it came in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_journal_refuses_and_readyz_says_why() {
    // Less than one record's room is left after the segment that every journal begins with.
    let hub = Hub::with(&[], "[journal]\nbytes_max = 60000\n").await;
    let fake = Fake::healthy().await;
    let wa = hub.whatsapp(&fake, "101", &[]);
    let mut taken = 0;
    let refused = loop {
        let long = "x".repeat(4_000);
        let body = wa_text("101", "15550001", &format!("wamid.{taken}"), &long);
        let status = hub.meta_under(&wa, APP_SECRET, &body).await;
        if status != 200 {
            break status;
        }
        taken += 1;
        assert!(taken < 100, "nothing limits the journal");
    };
    assert_eq!(refused, 503);
    let (status, why) = hub.get("/readyz").await;
    assert_eq!(status, 503, "{why}");
    let why: Value = serde_json::from_str(&why).expect("JSON");
    let reason = text(&why["journal"]);
    assert!(reason.contains("full") || reason.contains("limit") || reason.contains("max"), "{reason}");
    assert_eq!(hub.get("/healthz").await.0, 200, "the process itself is well");
    until("all that was acknowledged", || async {
        let rows = hub.rows("messages").await;
        (rows.len() == taken).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_webhook_a_thousand_times_at_once_is_one_message() {
    let (hub, fake) = (Hub::start().await, Fake::healthy().await);
    let wa = hub.whatsapp(&fake, "101", &[]);
    hub.answer_all("once").await;
    let body = wa_text("101", "15550001", "wamid.SAME", "a thousand times");
    for _ in 0..10 {
        let posts = (0..100).map(|_| hub.meta(&wa, &body));
        join_all(posts).await;
    }
    hub.meta(&wa, &wa_text("101", "15550001", "wamid.LAST", "and once more")).await;
    hub.message("and once more", "received").await;
    let sends = fake.wait(2).await;
    let rows = hub.rows("messages").await;
    let incoming: Vec<&Value> = rows.iter().filter(|row| row["direction"] == "in").collect();
    assert_eq!(incoming.len(), 2, "{incoming:#?}");
    assert_eq!(sends.len(), 2, "one answer to each message");
    let ids: HashSet<String> = rows.iter().map(|row| text(&row["id"])).collect();
    assert_eq!(ids.len(), rows.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn hooks_are_kept_while_no_store_is_there_and_refused_without_keys() {
    let (mut hub, fake) = (Hub::start().await, Fake::healthy().await);
    let wa = hub.whatsapp(&fake, "101", &[]);
    hub.stop().await;
    // The cache of keys is enough to check a signature; without it a hook is neither 401 nor 404.
    std::fs::remove_file(hub.path("ingress.cache")).expect("a cache");
    let file = hub.path("everthread.toml");
    std::fs::write(&file, "database_url = \"postgres://nobody@127.0.0.1:9/none\"\n").expect("written");
    hub.listen().await;
    let body = wa_text("101", "15550001", "wamid.A", "hello");
    assert_eq!(hub.meta_under(&wa, APP_SECRET, &body).await, 503);
    let (status, why) = hub.get("/readyz").await;
    assert!(status == 503 && why.contains("not loaded yet"), "{status} {why}");
    hub.kill();
    std::fs::remove_file(file).expect("removed");
    hub.wake().await;
    hub.meta(&wa, &body).await;
    hub.message("hello", "received").await;
}
