//! The same product on PostgreSQL, and a database that goes away for a while.

use std::time::Duration;

use everthread_store::testing;
use serde_json::Value;

use super::fake::Fake;
use super::hub::Hub;
use super::shapes::{APP_SECRET, wa_text};

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_are_kept_while_the_database_is_away() {
    let Some(server) = testing::postgres() else { return };
    let url = server.database().await;
    let mut hub = Hub::with(&["--database-url", &url], "").await;
    let fake = Fake::healthy().await;
    let account = hub.whatsapp(&fake, "101", &[]);
    let cold = hub.whatsapp(&fake, "102", &[]);
    hub.answer_all("re: {{ message.text }}").await;
    hub.meta(&account, &wa_text("101", "15550001", "wamid.A", "before")).await;
    hub.message("re: before", "accepted").await;

    server.stop();
    for n in 0..20 {
        let body = wa_text("101", &format!("155500{n:02}"), &format!("wamid.D{n}"), &format!("during {n}"));
        assert_eq!(hub.meta_under(&account, APP_SECRET, &body).await, 200, "kept without a database");
    }
    // Also after a crash, and for an account that nothing was ever received for.
    hub.kill();
    hub.listen().await;
    let body = wa_text("102", "15550099", "wamid.COLD", "to a cold account");
    assert_eq!(hub.meta_under(&cold, APP_SECRET, &body).await, 200, "keys come from the cache");
    let (status, why) = hub.get("/readyz").await;
    assert_eq!(status, 200, "it can take and keep messages: {why}");
    let why: Value = serde_json::from_str(&why).expect("JSON");
    assert_ne!(why["store"], "open", "{why}");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(fake.sends().len(), 1);

    server.start_again();
    hub.opened().await;
    for n in 0..20 {
        hub.message(&format!("re: during {n}"), "accepted").await;
    }
    hub.message("re: to a cold account", "accepted").await;
    let rows = hub.rows("messages").await;
    assert_eq!(rows.len(), 44, "each once");

    // A short absence under a running hub: nothing needs a restart.
    server.stop();
    let body = wa_text("101", "15550001", "wamid.E", "second absence");
    assert_eq!(hub.meta_under(&account, APP_SECRET, &body).await, 200);
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.start_again();
    hub.message("re: second absence", "accepted").await;
    assert_eq!(fake.sends().len(), 23, "and no answer twice");
}
