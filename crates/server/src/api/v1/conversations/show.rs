//! `GET /conversations/{id}`: one conversation with its contact, its route and what can be sent.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ConversationId, IncidentId, Uid};
use everthread_store::read::contacts::{ContactKey, OneContact};
use everthread_store::read::history::{self, ConversationGaps};
use everthread_store::read::inbox::ConversationByUid;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::conversation::{Conversation, ConversationGap, ConversationRow};
use crate::api::model::{composer, route, time, time_opt};
use crate::api::state::ApiState;

/// Gaps of a conversation that are shown: months of them.
const GAPS_SHOWN: u32 = 20;

/// One conversation.
#[utoipa::path(get, path = "/api/v1/conversations/{id}", tag = "conversations",
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 200, body = Conversation)))]
pub async fn show_conversation(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Conversation>, ApiError> {
    let uid = uid(ConversationId::PREFIX, "conversation", &id)?;
    load(&state, &caller, uid).await.map(Json)
}

/// The conversation as this endpoint and those that change it answer it.
pub async fn load(state: &ApiState, caller: &Caller, uid: Uid) -> Result<Conversation, ApiError> {
    let missing = ApiError::NotFound { what: "conversation" };
    let unit = ConversationByUid { workspace: caller.workspace, uid };
    let (row, by_route) = state.store.read(unit).await?.ok_or(missing)?;
    let unit = OneContact { workspace: caller.workspace, key: ContactKey::Id(row.contact) };
    let contact = state.store.read(unit).await?.ok_or(ApiError::NotFound { what: "contact" })?;
    let account = row.route_account.and_then(|id| state.hub.directory().get(id).cloned());
    let unit = ConversationGaps { workspace: caller.workspace, conversation: row.id, limit: GAPS_SHOWN };
    let gaps = state.store.read(unit).await?.into_iter().map(|row| gap(state, row)).collect();
    let caps = account.as_ref().map(|account| &account.caps);
    let snoozed_until = time_opt(row.snoozed_until);
    Ok(Conversation {
        contact: contact.into(),
        snoozed_until,
        route: by_route.map(|by_route| route(&by_route, caps, state.now())),
        composer: composer(caps),
        gaps,
        row: ConversationRow::from(row).into(),
    })
}

fn gap(state: &ApiState, row: history::ConversationGap) -> ConversationGap {
    let channel =
        state.hub.directory().get(row.account).map(|account| account.channel.clone()).unwrap_or_default();
    let title = everthread_channels::find(&channel).map_or("a channel", |channel| channel.spec().title);
    ConversationGap {
        channel,
        channel_title: title.to_owned(),
        since: time(row.since),
        until: time(row.until),
        incident_id: row.incident.show(IncidentId::PREFIX),
        incident_number: row.number,
    }
}
