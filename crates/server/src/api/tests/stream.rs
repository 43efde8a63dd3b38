//! The realtime stream: what changes, where one left off, the wall, the reset.

use super::*;
use crate::realtime::Heard;
use axum::body::BodyDataStream;
use everthread_store::units::PruneChanges;
use futures_util::StreamExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Runs the tail until dropped.
struct Tail(CancellationToken);

impl Tail {
    #[expect(clippy::disallowed_methods, reason = "a test has no supervisor")]
    fn start(world: &World) -> Self {
        let stop = CancellationToken::new();
        tokio::spawn(world.state.realtime.clone().run(stop.clone()));
        Self(stop)
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

async fn open(world: &World, shop: usize, last: Option<i64>) -> BodyDataStream {
    let cookie = format!("everthread={}", world.shops[shop].users[&Role::Viewer].1);
    let mut request = Request::get("/api/v1/stream").header("cookie", cookie);
    if let Some(last) = last {
        request = request.header("last-event-id", last.to_string());
    }
    let response = world.app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    response.into_body().into_data_stream()
}

/// Text of the stream until `until` shows up in it; what came within two seconds when it does not.
async fn read(stream: &mut BodyDataStream, until: &str) -> String {
    let mut text = String::new();
    while !text.contains(until) {
        match tokio::time::timeout(Duration::from_secs(2), stream.next()).await {
            Ok(Some(Ok(bytes))) => text.push_str(&String::from_utf8_lossy(&bytes)),
            _ => break,
        }
    }
    text
}

#[tokio::test]
async fn a_change_arrives_as_it_happens_and_only_at_home() {
    let world = world().await;
    let _tail = Tail::start(&world);
    let mut acme = open(&world, 0, None).await;
    let mut bolt = open(&world, 1, None).await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    world.state.realtime.wake();
    let text = read(&mut acme, "\"kind\":\"message\"").await;
    assert!(text.contains("event: change\ndata: {\"kind\":\"contact\""), "{text}");
    assert!(text.contains(&format!("\"conversation_id\":\"{id}\"")), "{text}");
    assert!(text.contains("\"kind\":\"message\""), "{text}");
    assert_eq!(read(&mut bolt, "change").await, "");
}

#[tokio::test]
async fn a_client_goes_on_where_it_was() {
    let world = world().await;
    let _tail = Tail::start(&world);
    world.customer_writes(0, "Ann", "hi").await;
    let text = read(&mut open(&world, 0, Some(1)).await, "id: 2").await;
    assert!(text.contains("id: 2") && !text.contains("id: 1\n") && !text.contains("reset"), "{text}");
}

#[tokio::test]
async fn a_number_that_is_gone_or_was_never_given_means_reset() {
    let world = world().await;
    let _tail = Tail::start(&world);
    world.customer_writes(0, "Ann", "hi").await;
    let text = read(&mut open(&world, 0, Some(1_000)).await, "reset").await;
    assert!(text.contains("event: reset"), "{text}");
    let workspace = world.shops[0].id;
    let unit = PruneChanges { workspace, before: now(), limit: 100 };
    assert!(world.store.write(unit).await.unwrap() > 0);
    let text = read(&mut open(&world, 0, Some(1)).await, "reset").await;
    assert!(text.contains("event: reset"), "{text}");
}

#[tokio::test]
async fn a_slow_listener_misses_nothing() {
    let world = world().await;
    let _tail = Tail::start(&world);
    let workspace = world.shops[0].id;
    let mut listener = world.state.realtime.listen(workspace, None).await.unwrap();
    for n in 0..40 {
        world.customer_writes(0, &format!("C{n}"), "hi").await;
        world.state.realtime.wake();
    }
    let newest = world.store.read(everthread_store::read::changes::NewestChange { workspace }).await.unwrap();
    let mut numbers = Vec::new();
    while numbers.last() != Some(&newest) {
        match tokio::time::timeout(Duration::from_secs(5), listener.next()).await.unwrap().unwrap() {
            Heard::Change(row) => numbers.push(row.number),
            Heard::Reset(_) => panic!("nothing was pruned"),
        }
    }
    assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1), "{numbers:?}");
    assert_eq!(world.state.realtime.listeners(), 1);
    drop(listener);
    assert_eq!(world.state.realtime.listeners(), 0);
}
