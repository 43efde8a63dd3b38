//! Files: taken, sniffed, handed out, walled off.

use super::*;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0";

fn form(name: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!(
        "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: image/png\r\n\r\n"
    );
    [head.as_bytes(), bytes, b"\r\n--X--\r\n"].concat()
}

async fn upload(world: &World, name: &str, bytes: &[u8]) -> Answer {
    let mut call = world.call(Method::POST, "/media");
    call.body = Body::from(form(name, bytes));
    call.header("content-type", "multipart/form-data; boundary=X").by(0, Role::Agent).await
}

#[tokio::test]
async fn a_picture_comes_back_as_it_was_and_only_here() {
    let world = world().await;
    let file = upload(&world, "a.png", PNG).await.ok(201);
    assert_eq!((&file["kind"], &file["mime"]), (&json!("image"), &json!("image/png")));
    let path = file["url"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    let answer = world.get(&path).by(0, Role::Viewer).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers["content-type"], "image/png");
    assert_eq!(answer.headers["content-disposition"], "inline; filename*=UTF-8''a.png");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert!(answer.headers["content-security-policy"].to_str().unwrap().contains("sandbox"));
    assert_eq!(answer.bytes, PNG);
    world.get(&path).by(1, Role::Owner).await.refused(404, "not_found");
    world.get(&path).go().await.refused(401, "unauthenticated");
    let query = format!("{path}?workspace={}", world.shops[0].header());
    assert_eq!(world.get(&query).by(0, Role::Viewer).await.status, 200);
}

#[tokio::test]
async fn a_page_that_calls_itself_a_picture_is_a_download() {
    let world = world().await;
    for bytes in [&b"<!DOCTYPE html><script>alert(1)</script>"[..], b"<svg xmlns='x' onload='alert(1)'/>"] {
        let file = upload(&world, "x.png", bytes).await.ok(201);
        let path = file["url"].as_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
        let answer = world.get(&path).by(0, Role::Viewer).await;
        assert_eq!(answer.headers["content-type"], "application/octet-stream");
        assert!(answer.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    }
}

#[tokio::test]
async fn too_much_and_nothing_are_refused() {
    let world = world().await;
    upload(&world, "empty.png", b"").await.refused(422, "invalid");
    let large = vec![0; crate::api::v1::media::upload::UPLOAD_BYTES_MAX + 1];
    upload(&world, "large.bin", &large).await.refused(413, "too_large");
    let body = json!({"text": "x".repeat(crate::api::JSON_BYTES_MAX)});
    world.post("/rules", &body).by(0, Role::Admin).await.refused(413, "too_large");
}

#[tokio::test]
async fn an_uploaded_file_goes_out_with_a_message() {
    let world = world().await;
    let id = world.customer_writes(0, "Ann", "hi").await.show("conv");
    let file = upload(&world, "a.png", PNG).await.ok(201);
    let body = json!({"text": "see", "attachments": [{"media_id": file["media_id"]}]});
    let path = format!("/conversations/{id}/messages");
    let message = world.post(&path, &body).by(0, Role::Agent).await.ok(201);
    let shown = &message["attachments"][0];
    assert_eq!(
        (&shown["id"], &shown["status"], &shown["url"]),
        (&file["media_id"], &json!("ready"), &file["url"])
    );
    // A file of one workspace can't be sent from another.
    let other = world.customer_writes(1, "Ann", "hi").await.show("conv");
    let call = world.post(&format!("/conversations/{other}/messages"), &body);
    call.by(1, Role::Agent).await.refused(404, "not_found");
}
