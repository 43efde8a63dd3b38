//! `POST /accounts`: connects an account.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use everthread_core::account::{Secrets, Settings};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::fields;
use crate::api::model::account::NewAccount;
use crate::api::state::{AccountForm, ApiState};

/// What a new account needs; names as `GET /channels` lists them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub channel: String,
    pub name: String,
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// Kept sealed, never shown again.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

/// Connects an account and says what to do at the provider.
#[utoipa::path(post, path = "/api/v1/accounts", tag = "accounts", request_body = Form,
    responses((status = 201, body = NewAccount)))]
pub async fn create_account(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<Form>,
) -> Result<(StatusCode, Json<NewAccount>), ApiError> {
    caller.need(Role::Admin)?;
    if everthread_channels::find(&form.channel).is_none() {
        let detail = format!("`{}` is no channel of this version; GET /channels lists them", form.channel);
        return Err(ApiError::Invalid { field: "channel", detail });
    }
    let account = AccountForm {
        name: fields::short("name", &form.name)?,
        channel: form.channel,
        settings: Settings(form.settings),
        secrets: Secrets(form.secrets),
    };
    let made = state.hub.add_account(caller.workspace, account).await?;
    crate::api::audit(&state, &caller, "account.add", &made.id).await?;
    state.hub.configuration_changed().await;
    Ok((StatusCode::CREATED, Json(made)))
}
