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
mod idempotency;
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
    let detail = match &caller.key_name {
        Some(key) => serde_json::json!({ "api_key": key }),
        None => serde_json::json!({}),
    };
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
