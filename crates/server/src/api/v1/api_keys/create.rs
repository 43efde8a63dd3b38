//! `POST /api-keys`: makes a key.

use axum::extract::State;
use axum::http::StatusCode;
use everthread_store::units::AddApiKey;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::api::auth::token::Token;
use crate::api::auth::{Caller, Role, role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::fields;
use crate::api::idempotency::ShownOnce;
use crate::api::model::{API_KEY, id};
use crate::api::state::ApiState;

/// The key to make.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApiKeyForm {
    /// What it is for.
    pub name: String,
    /// `owner`, `admin`, `agent` or `viewer`; at most your own.
    pub role: String,
}

/// The new key. It is shown this once: only its hash is stored.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewApiKey {
    /// `key_...`
    pub id: String,
    /// `ek_...`: send it as `Authorization: Bearer`.
    pub key: String,
}

/// Makes a key for this workspace.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "workspace", request_body = ApiKeyForm,
    responses((status = 201, body = NewApiKey)))]
pub async fn create_api_key(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<ApiKeyForm>,
) -> Result<ShownOnce<NewApiKey>, ApiError> {
    caller.need(Role::Admin)?;
    let role = role(&form.role)?;
    caller.need(role.max(Role::Admin))?;
    let name = fields::short("name", &form.name)?;
    let key = Token::api_key((state.random)());
    let unit = AddApiKey {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        name: name.clone(),
        token_hash: key.hash(),
        role,
        created_by: caller.user(),
    };
    let shown = id(API_KEY, state.store.write(unit).await?);
    let detail = json!({ "name": name, "role": role.as_str() });
    crate::api::audit_with(&state, &caller, ("api_key.add", &shown), detail).await?;
    Ok(ShownOnce(StatusCode::CREATED, NewApiKey { id: shown, key: key.reveal().to_owned() }))
}
