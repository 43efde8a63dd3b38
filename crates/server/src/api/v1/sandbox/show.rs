//! `GET /sandbox`: the simulated platforms and what of them is down.

use axum::Json;
use axum::extract::State;
use everthread_core::ids::AccountId;
use everthread_core::time::Timestamp;
use everthread_sandbox::{Active, Part, Platform};
use serde::Serialize;
use utoipa::ToSchema;

use super::{of, word};
use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::model::{id, time};
use crate::api::state::ApiState;
use crate::registry::Registry;
use crate::sandbox::Sandbox;

/// The sandbox.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct SandboxView {
    /// False: no sandbox runs for this workspace, and all lists are empty.
    pub running: bool,
    /// The fast dial: what simulated accounts are judged by takes this many times less than in real life. 1 for real life.
    pub dial: f64,
    pub platforms: Vec<SandboxPlatform>,
    pub accounts: Vec<SandboxAccount>,
    /// In force, or waiting for their time; oldest first.
    pub faults: Vec<SandboxFault>,
}

/// A simulated platform.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxPlatform {
    /// `instagram`, `whatsapp`, `telegram`, `twilio`
    pub platform: String,
    /// What fails together, e.g. `meta`.
    pub company: String,
    /// What can be taken down: `send`, `receive`, `receipts`, `history`, `auth`.
    pub components: Vec<String>,
}

/// A simulated account of this hub.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxAccount {
    /// `acct_...`
    pub id: String,
    pub platform: String,
    pub name: String,
}

/// Something that is down.
#[derive(Debug, Serialize, ToSchema)]
pub struct SandboxFault {
    pub id: u64,
    pub platform: String,
    /// `acct_...` where only that account is hit.
    pub account: Option<String>,
    pub component: String,
    /// How it fails, e.g. `error`, `hold`, `revoked`.
    pub kind: String,
    /// Share of the calls or webhooks hit, 0 to 1.
    pub share: f64,
    pub starts_at: String,
    /// Until it is taken away if absent.
    pub ends_at: Option<String>,
    /// Calls and webhooks hit so far.
    pub hits: u64,
}

/// The simulated platforms beside this hub, and what of them is down.
#[utoipa::path(get, path = "/api/v1/sandbox", tag = "sandbox", responses((status = 200, body = SandboxView)))]
pub async fn show_sandbox(
    State(state): State<ApiState>,
    caller: Caller,
) -> Result<Json<SandboxView>, ApiError> {
    let Some(sandbox) = of(&state, &caller) else {
        return Ok(Json(SandboxView { dial: 1.0, ..SandboxView::default() }));
    };
    let registry = state.hub.registry();
    let accounts: Vec<SandboxAccount> =
        sandbox.accounts().filter_map(|account| account_view(&registry, account)).collect();
    let played = |platform: &Platform| accounts.iter().any(|a| a.platform == platform.name());
    let platforms = Platform::ALL.into_iter().filter(played).map(|platform| SandboxPlatform {
        platform: platform.name().to_owned(),
        company: platform.company().to_owned(),
        components: Part::EACH.into_iter().map(word).collect(),
    });
    Ok(Json(SandboxView {
        running: true,
        dial: state.hub.continuity().snapshot().dial,
        platforms: platforms.collect(),
        faults: sandbox.faults().iter().map(|fault| fault_view(sandbox, &registry, fault)).collect(),
        accounts,
    }))
}

fn account_view(registry: &Registry, account: AccountId) -> Option<SandboxAccount> {
    let account = registry.account(account)?;
    Some(SandboxAccount {
        id: id(AccountId::PREFIX, account.uid),
        platform: account.channel.spec().name.to_owned(),
        name: account.name.clone(),
    })
}

fn fault_view(sandbox: &Sandbox, registry: &Registry, active: &Active) -> SandboxFault {
    let at = |ms: i64| time(Timestamp::from_millis(ms));
    let account = active.fault.account.as_deref().and_then(|name| sandbox.account_of(name));
    SandboxFault {
        id: active.id,
        platform: active.fault.platform.name().to_owned(),
        account: account.and_then(|known| registry.account(known)).map(|a| id(AccountId::PREFIX, a.uid)),
        component: word(active.fault.component),
        kind: word(active.fault.kind),
        share: active.fault.rate,
        starts_at: at(active.starts_ms),
        ends_at: active.ends_ms.map(at),
        hits: active.hits,
    }
}
