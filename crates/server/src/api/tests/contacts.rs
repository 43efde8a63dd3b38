//! Merging contacts, taking it back, splitting one.

use super::*;

/// Ann and Bob of the first shop: their contacts.
async fn pair(world: &World) -> (String, String) {
    let mut ids = Vec::new();
    for name in ["Ann", "Bob"] {
        let conversation = world.customer_writes(0, name, "hello").await.show("conv");
        let path = format!("/conversations/{conversation}");
        let one = world.get(&path).by(0, Role::Owner).await.ok(200);
        ids.push(one["contact"]["id"].as_str().unwrap().to_owned());
    }
    (ids.remove(0), ids.remove(0))
}

#[tokio::test]
async fn a_merge_is_previewed_done_and_taken_back() {
    let world = world().await;
    let (ann, bob) = pair(&world).await;
    let before = world.get(&format!("/contacts/{ann}")).by(0, Role::Viewer).await.ok(200);
    let plan = world.get(&format!("/contacts/{ann}/merge?with={bob}"));
    let plan = plan.by(0, Role::Viewer).await.ok(200);
    assert_eq!((&plan["name"], &plan["identities"]), (&json!("Ann"), &json!(1)));
    let conflict = json!([{"field": "name", "kept": "Ann", "gone": "Bob"}]);
    assert_eq!(plan["conflicts"], conflict);
    assert!(plan["lines"][0].as_str().unwrap().starts_with("Both have an open conversation."));

    let path = format!("/contacts/{ann}/merge");
    world.post(&path, &json!({"with": bob})).by(0, Role::Viewer).await.refused(403, "forbidden");
    world.post(&path, &json!({"with": ann})).by(0, Role::Agent).await.refused(422, "invalid");
    world.post(&path, &json!({"with": "bob"})).by(0, Role::Agent).await.refused(422, "invalid");
    let one = world.post(&path, &json!({"with": bob})).by(0, Role::Agent).await.ok(200);
    assert_eq!(one["identities"].as_array().unwrap().len(), 2);
    assert_eq!(one["conversations"].as_array().unwrap().len(), 2);
    assert_eq!((&one["merges"][0]["contact_id"], &one["merges"][0]["by"]), (&json!(bob), &json!("agent")));
    // The old id leads to the contact that stays.
    let old = world.get(&format!("/contacts/{bob}")).by(0, Role::Viewer).await.ok(200);
    assert_eq!(old["id"], json!(ann));
    let list = world.get("/contacts").by(0, Role::Viewer).await.ok(200);
    assert_eq!(list["items"].as_array().unwrap().len(), 1);

    let undo = format!("/contacts/{ann}/merge/undo");
    world.post(&undo, &json!({})).by(0, Role::Viewer).await.refused(403, "forbidden");
    let undone = world.post(&undo, &json!({})).by(0, Role::Agent).await.ok(200);
    assert_eq!((&undone["restored"], &undone["contact"]), (&json!(bob), &before));
    world.post(&undo, &json!({})).by(0, Role::Agent).await.refused(409, "conflict");
}

#[tokio::test]
async fn an_address_is_split_off() {
    let world = world().await;
    let (ann, bob) = pair(&world).await;
    let path = format!("/contacts/{ann}/merge");
    let one = world.post(&path, &json!({"with": bob})).by(0, Role::Agent).await.ok(200);
    let address = one["identities"][1]["id"].clone();
    let path = format!("/contacts/{ann}/split");
    let form = json!({"identities": [address], "name": "Robert"});
    world.post(&path, &form).by(0, Role::Viewer).await.refused(403, "forbidden");
    world.post(&path, &json!({"identities": []})).by(0, Role::Agent).await.refused(422, "invalid");
    let new = world.post(&path, &form).by(0, Role::Agent).await.ok(201);
    assert_eq!((&new["name"], &new["identities"][0]["id"]), (&json!("Robert"), &address));
    assert_eq!(new["conversations"].as_array().unwrap().len(), 1);
    let old = world.get(&format!("/contacts/{ann}")).by(0, Role::Viewer).await.ok(200);
    assert_eq!(old["identities"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn admins_alone_export_and_erase_a_person() {
    let world = world().await;
    let (ann, _) = pair(&world).await;
    let path = format!("/contacts/{ann}/export");
    world.get(&path).by(0, Role::Agent).await.refused(403, "forbidden");
    let all = world.get(&path).by(0, Role::Admin).await.ok(200);
    assert_eq!((&all["contact"]["id"], &all["contact"]["name"]), (&json!(ann), &json!("Ann")));
    assert_eq!(all["conversations"][0]["said"][0]["text"], "hello");
    let path = format!("/contacts/{ann}");
    world.call(Method::DELETE, &path).by(0, Role::Agent).await.refused(403, "forbidden");
    let erased = world.call(Method::DELETE, &path).by(0, Role::Admin).await.ok(200);
    assert_eq!(erased["contacts"], 1);
}
