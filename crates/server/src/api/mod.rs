//! The HTTP API under `/api/v1`, for the console and for programs.
//!
//! One endpoint per file, in the reading order: what it takes, what it answers, the handler. Who may ask is decided by
//! [`auth::Caller`]; every refusal is an [`error::ApiError`]; the OpenAPI document is made of the same annotations that
//! route the requests.

pub mod auth;
pub mod cursor;
pub mod error;
pub mod extract;
pub mod fields;
pub mod idempotency;
pub mod model;
mod openapi;
mod routes;
pub mod security;
pub mod state;
pub mod v1;

#[cfg(test)]
mod tests;

use everthread_store::units::Audit;

use auth::Caller;
use error::ApiError;

pub use openapi::document;
pub use routes::router;
pub use state::{AccountForm, ApiState, Figures, Hub, Later, Parts};

/// Bytes of a JSON body: the longest text is 64 KiB, and rules with many actions must fit.
pub const JSON_BYTES_MAX: usize = 512 * 1024;

/// Writes down who changed what.
async fn audit(state: &ApiState, caller: &Caller, action: &str, object: &str) -> Result<(), ApiError> {
    audit_with(state, caller, (action, object), serde_json::json!({})).await
}

/// As [`audit`], with an object of details; no secrets.
async fn audit_with(
    state: &ApiState,
    caller: &Caller,
    (action, object): (&str, &str),
    mut detail: serde_json::Value,
) -> Result<(), ApiError> {
    if let Some(key) = &caller.key_name {
        detail["api_key"] = key.as_str().into();
    }
    let unit = Audit {
        now: state.now(),
        seed: (state.seed)(),
        workspace: Some(caller.workspace),
        user: caller.user(),
        action: action.to_owned(),
        object: object.to_owned(),
        detail: detail.to_string(),
    };
    Ok(state.store.write(unit).await?)
}

/// Writes down what a person did to their own way of signing in, in every workspace they belong to.
async fn audit_person(state: &ApiState, person: &auth::Person, action: &str) -> Result<(), ApiError> {
    let object = model::id(everthread_core::ids::UserId::PREFIX, person.user.uid);
    for membership in &person.memberships {
        let unit = Audit {
            now: state.now(),
            seed: (state.seed)(),
            workspace: Some(membership.workspace),
            user: Some(person.user.id),
            action: action.to_owned(),
            object: object.clone(),
            detail: "{}".to_owned(),
        };
        state.store.write(unit).await?;
    }
    Ok(())
}
