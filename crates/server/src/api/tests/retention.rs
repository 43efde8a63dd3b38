//! How long closed conversations are kept: who may say so, what goes, and only there.

use everthread_store::read::hub::LoadHub;

use super::*;
use crate::retention::pass;

impl World {
    async fn remove_old(&self, now: Timestamp) -> u64 {
        let hub = self.store.read(LoadHub).await.unwrap();
        pass(&self.store, &hub.workspaces, now).await.conversations
    }
}

#[tokio::test]
async fn closed_conversations_go_when_they_are_old_and_only_where_somebody_said_so() {
    let world = world().await;
    let mut closed = Vec::new();
    for shop in [0, 1] {
        let id = world.customer_writes(shop, "Ann", "hi").await.show("conv");
        let path = format!("/conversations/{id}/status");
        world.post(&path, &json!({"status": "resolved"})).by(shop, Role::Agent).await.ok(200);
        closed.push(format!("/conversations/{id}"));
    }
    let open = world.customer_writes(0, "Bob", "hello").await.show("conv");
    let later = now() + Span::hours(24 * 31);
    assert_eq!(world.remove_old(later).await, 0, "kept for ever unless somebody says so");
    let kept = world.get("/retention").by(0, Role::Viewer).await.ok(200);
    assert_eq!(kept, json!({"days": null, "old": 0}));

    let set =
        |days: Value, role| world.call(Method::PUT, "/retention").json(&json!({ "days": days })).by(0, role);
    set(json!(30), Role::Admin).await.refused(403, "forbidden");
    for wrong in [0, 6, 36_501] {
        set(json!(wrong), Role::Owner).await.refused(422, "invalid");
    }
    assert_eq!(set(json!(30), Role::Owner).await.ok(200), json!({"days": 30, "old": 0}));
    let audit = world.get("/audit").by(0, Role::Owner).await.ok(200).to_string();
    assert!(audit.contains("retention.update"), "{audit}");

    assert_eq!(world.remove_old(now() + Span::hours(24 * 29)).await, 0);
    assert_eq!(world.remove_old(later).await, 1);
    assert_eq!(world.remove_old(later).await, 0);
    world.get(&closed[0]).by(0, Role::Agent).await.refused(404, "not_found");
    world.get(&closed[1]).by(1, Role::Agent).await.ok(200);
    world.get(&format!("/conversations/{open}")).by(0, Role::Agent).await.ok(200);
}
