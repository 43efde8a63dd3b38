//! `/conversations/{id}/link`: continuation links into the web chat, made by hand, listed, taken back.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::ids::{AccountId, ConversationId, IdentityId, LinkId};
use everthread_core::limits::LINK_LIFE;
use everthread_store::read::inbox::ConversationByUid;
use everthread_store::read::links::{ConversationLinks, LinkRow};
use everthread_store::read::lookup::Find;
use everthread_store::units::{MakeLink, RevokeLink};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::{id as shown, time, time_opt};
use crate::api::state::ApiState;

/// Links shown.
const LIMIT: u32 = 50;

/// A new link, to be pasted to the customer.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewLink {
    /// `link_...`
    pub id: String,
    /// Shown this once: only its hash is kept.
    pub url: String,
    pub expires_at: String,
}

/// A link that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct LinkView {
    /// `link_...`
    pub id: String,
    /// `acct_...` of the web chat that it leads into.
    pub account_id: String,
    /// `open`, `opened`, `expired` or `revoked`.
    pub state: String,
    /// Who copied it; null where it went out with a carried message.
    pub made_by: Option<String>,
    pub created_at: String,
    pub expires_at: String,
    pub opened_at: Option<String>,
    pub revoked_at: Option<String>,
    /// `iden_...` of the visitor that it became.
    pub identity_id: Option<String>,
}

/// Makes a link that leads one browser into the web chat of this conversation, for 24 hours. Who opens it sees nothing of the
/// conversation until they have proved to be the customer.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/link", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 201, body = NewLink)))]
pub async fn make_link(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<NewLink>), ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let missing = ApiError::NotFound { what: "conversation" };
    let unit = ConversationByUid { workspace: caller.workspace, uid };
    let (row, _) = state.store.read(unit).await?.ok_or(missing)?;
    let offer = state.hub.link(caller.workspace, row.sandbox).ok_or_else(|| ApiError::Invalid {
        field: "conversation",
        detail: "a link leads into a web chat, and this workspace has none: add one under Channels"
            .to_owned(),
    })?;
    let (now, url) = (state.now(), offer.url.clone());
    let unit = MakeLink {
        now,
        seed: (state.seed)(),
        workspace: caller.workspace,
        conversation: row.id,
        offer,
        user: caller.user(),
    };
    let (link, after) = state.store.write(unit).await?;
    state.committed(after);
    let made = NewLink { id: shown(LinkId::PREFIX, link), url, expires_at: time(now + LINK_LIFE) };
    Ok((StatusCode::CREATED, Json(made)))
}

/// The newest links of a conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}/link", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Vec<LinkView>)))]
pub async fn list_links(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Vec<LinkView>>, ApiError> {
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    let conversation = state.store.read(Find::new(caller.workspace, uid)).await?;
    let unit = ConversationLinks { workspace: caller.workspace, conversation, limit: LIMIT };
    let now = state.now();
    let rows = state.store.read(unit).await?;
    Ok(Json(rows.into_iter().map(|row| view(row, now)).collect()))
}

fn view(row: LinkRow, now: everthread_core::time::Timestamp) -> LinkView {
    let state = match row {
        _ if row.revoked_at.is_some() => "revoked",
        _ if row.opened_at.is_some() => "opened",
        _ if row.expires_at <= now => "expired",
        _ => "open",
    };
    LinkView {
        id: shown(LinkId::PREFIX, row.uid),
        account_id: shown(AccountId::PREFIX, row.account_uid),
        state: state.to_owned(),
        made_by: row.made_by,
        created_at: time(row.created_at),
        expires_at: time(row.expires_at),
        opened_at: time_opt(row.opened_at),
        revoked_at: time_opt(row.revoked_at),
        identity_id: row.identity_uid.map(|uid| shown(IdentityId::PREFIX, uid)),
    }
}

/// Takes a link back. Who opened it and has proved nothing loses their place in the conversation.
#[utoipa::path(delete, path = "/api/v1/conversations/{id}/link/{link}", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`"), ("link" = String, Path, description = "`link_...`")),
    responses((status = 204)))]
pub async fn revoke_link(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, link)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    caller.need(Role::Agent)?;
    let conversation = uid(ConversationId::PREFIX, "conversation", &id)?;
    let link = uid(LinkId::PREFIX, "link", &link)?;
    let conversation = state.store.read(Find::new(caller.workspace, conversation)).await?;
    let unit = RevokeLink {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        conversation,
        link,
        user: caller.user(),
    };
    let after = state.store.write(unit).await?.ok_or(ApiError::NotFound { what: "link" })?;
    state.committed(after);
    Ok(StatusCode::NO_CONTENT)
}
