//! `POST /webhooks`: adds an address to call.

use axum::extract::State;
use axum::http::StatusCode;
use everthread_store::units::AddWebhook;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::PREFIX;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::fields;
use crate::api::idempotency::ShownOnce;
use crate::api::model::id;
use crate::api::state::ApiState;
use crate::webhooks_out::{check_url, secret_text};

/// An address to call.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WebhookForm {
    /// Rules name it by this.
    pub name: String,
    /// `https://...`; plain http and private addresses only where the operator allows the host.
    pub url: String,
}

/// The new address, with its secret: it is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewWebhook {
    /// `webhook_...`
    pub id: String,
    /// `whsec_...`: checks the Standard Webhooks signature.
    pub secret: String,
}

/// Adds an address. Rules call it from the next message on.
#[utoipa::path(post, path = "/api/v1/webhooks", tag = "webhooks", request_body = WebhookForm,
    responses((status = 201, body = NewWebhook)))]
pub async fn create_webhook(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<WebhookForm>,
) -> Result<ShownOnce<NewWebhook>, ApiError> {
    caller.need(Role::Admin)?;
    let name = fields::short("name", &form.name)?;
    let url = check_url(&form.url).map_err(|detail| ApiError::Invalid { field: "url", detail })?;
    let secret = (state.random)();
    let unit = AddWebhook {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        name,
        url,
        secret: state.hub.seal(&secret),
    };
    let (_, uid) = state.store.write(unit).await?;
    let shown = id(PREFIX, uid);
    crate::api::audit(&state, &caller, "webhook.add", &shown).await?;
    Ok(ShownOnce(StatusCode::CREATED, NewWebhook { id: shown, secret: secret_text(&secret) }))
}
