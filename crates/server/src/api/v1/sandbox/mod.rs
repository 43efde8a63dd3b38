//! The simulated platforms: what runs, what is down, taking things down and bringing them back.

pub mod lift;
pub mod press;
pub mod show;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::state::ApiState;
use crate::sandbox::Sandbox;

/// The sandbox of the caller's workspace.
fn of<'a>(state: &'a ApiState, caller: &Caller) -> Option<&'a Sandbox> {
    state.sandbox.as_ref().filter(|sandbox| sandbox.workspace() == caller.workspace)
}

/// The same, for those who may steer it.
fn steered<'a>(state: &'a ApiState, caller: &Caller) -> Result<&'a Sandbox, ApiError> {
    caller.need(Role::Admin)?;
    of(state, caller).ok_or_else(|| {
        ApiError::Conflict(
            "no sandbox runs beside this hub for this workspace; start it with serve --sandbox".to_owned(),
        )
    })
}

/// The word by which the sandbox writes a value.
fn word(value: impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}
