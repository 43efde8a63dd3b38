//! The OpenAPI document.

use super::*;
use crate::api::document;

/// `docs/openapi.json` is what this version serves. After a change of the API, write it anew:
/// `UPDATE_OPENAPI=1 cargo test -p everthread openapi`.
#[test]
fn the_openapi_document_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
    let now = serde_json::to_string_pretty(&document()).unwrap() + "\n";
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(path, &now).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap_or_default();
    assert!(kept == now, "docs/openapi.json is stale: UPDATE_OPENAPI=1 cargo test -p everthread openapi");
}

#[test]
fn every_operation_says_what_a_refusal_looks_like() {
    let document = serde_json::to_value(document()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/api/v1/"), "{path}");
        for (method, operation) in item.as_object().unwrap() {
            let refused = &operation["responses"]["default"]["content"]["application/problem+json"];
            assert!(refused.is_object(), "{method} {path}");
            let wants =
                |name: &str| operation["parameters"].as_array().unwrap().iter().any(|p| p["name"] == name);
            let public = operation["security"].is_array();
            assert_eq!(wants("Idempotency-Key"), method != "get" && !public, "{method} {path}");
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
    assert!(count >= 35, "{count}");
}

#[tokio::test]
async fn the_document_is_served_to_anybody() {
    let world = world().await;
    let request = Request::get("/api/openapi.json").body(Body::empty()).unwrap();
    let response = world.app.clone().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let bytes = to_bytes(response.into_body(), 1 << 22).await.unwrap();
    let served: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(served, serde_json::to_value(document()).unwrap());
}
