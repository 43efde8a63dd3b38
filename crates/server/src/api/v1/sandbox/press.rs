//! `POST /sandbox/faults`: one press takes something down.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use everthread_core::ids::AccountId;
use everthread_sandbox::{Kind, Part, Platform, Press};
use serde::de::{DeserializeOwned, IntoDeserializer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::steered;
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid};
use crate::api::state::ApiState;

/// What is taken down. Platform, company or account says where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SandboxPress {
    /// One platform, e.g. `instagram`.
    pub platform: Option<String>,
    /// Every platform of a company, e.g. `meta`.
    pub company: Option<String>,
    /// Only this simulated account, `acct_...`.
    pub account: Option<String>,
    /// `send`, `receive`, `receipts`, `history`, `auth`, or `all`.
    pub component: String,
    /// How it fails: `error`, `error_html`, `rate_limited`, `latency`, `timeout`, `timeout_after_accept`, `reset`, `reset_after_write`,
    /// `blackhole`, `ok_error`, `error_after_accept`, `revoked`; webhooks: `drop`, `delay`, `hold`, `duplicate`, `batch`, `reorder`.
    /// What is usual for the component if absent.
    pub kind: Option<String>,
    /// Share of the calls and webhooks hit, 0 to 1; all if absent.
    pub share: Option<f64>,
    /// Begins so many seconds from now; at once if absent.
    pub start_in_s: Option<u32>,
    /// Ends so many seconds after it began; lasts until it is taken away if absent.
    pub for_s: Option<u32>,
}

/// The faults that do it: several where several platforms or components are hit.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxPressed {
    pub ids: Vec<u64>,
}

/// Takes a component, or all, of a simulated platform or company down. Real accounts are never hit, and the hub is told nothing: it
/// has to notice.
#[utoipa::path(post, path = "/api/v1/sandbox/faults", tag = "sandbox", request_body = SandboxPress,
    responses((status = 201, body = SandboxPressed)))]
pub async fn press_sandbox(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<SandboxPress>,
) -> Result<(StatusCode, Json<SandboxPressed>), ApiError> {
    let sandbox = steered(&state, &caller)?;
    let account = match &form.account {
        None => None,
        Some(text) => {
            let uid = field_uid(AccountId::PREFIX, "account", text)?;
            let found = state.hub.registry().accounts().find(|account| account.uid == uid).map(|a| a.id);
            let name = found.and_then(|id| sandbox.name_of(id));
            Some(name.ok_or(ApiError::NotFound { what: "simulated account" })?.to_owned())
        }
    };
    let platform = form.platform.as_deref().map(|text| read::<Platform>("platform", text)).transpose()?;
    let press = Press {
        platform,
        company: form.company.clone(),
        account,
        customer: None,
        component: read::<Part>("component", &form.component)?,
        kind: form.kind.as_deref().map(|text| read::<Kind>("kind", text)).transpose()?,
        share: form.share,
        start_in_ms: u64::from(form.start_in_s.unwrap_or(0)) * 1_000,
        for_ms: form.for_s.map(|s| u64::from(s) * 1_000),
    };
    let refused = |e: everthread_sandbox::Error| ApiError::Invalid { field: "fault", detail: e.to_string() };
    let ids = sandbox.press(&press).map_err(refused)?;
    let place = [&form.platform, &form.company, &form.account].into_iter().flatten();
    let what: Vec<&str> = place.chain([&form.component]).map(String::as_str).collect();
    crate::api::audit(&state, &caller, "sandbox.down", &what.join(" ")).await?;
    Ok((StatusCode::CREATED, Json(SandboxPressed { ids })))
}

/// A word of the sandbox. The refusal lists those that there are.
fn read<T: DeserializeOwned>(field: &'static str, text: &str) -> Result<T, ApiError> {
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = text.into_deserializer();
    T::deserialize(word).map_err(|e| ApiError::Invalid { field, detail: e.to_string() })
}
