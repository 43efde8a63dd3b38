//! `DELETE /contacts/{id}`: erases a person.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ContactId;
use everthread_store::read::lookup::Find;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// What was erased.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct ContactErasure {
    pub contacts: u64,
    pub messages: u64,
    /// Raw records that were dropped or rewritten.
    pub journal_records: u64,
    /// Problems, webhook calls and kept answers that told of the person.
    pub other_rows: u64,
}

/// Erases a contact for good: rows, files and raw input. Backups keep the person until they are restored, when it is
/// erased again.
#[utoipa::path(delete, path = "/api/v1/contacts/{id}", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`")), responses((status = 200, body = ContactErasure)))]
pub async fn erase_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<ContactErasure>, ApiError> {
    caller.need(Role::Admin)?;
    let contact = Find::new(caller.workspace, uid(ContactId::PREFIX, "contact", &id)?);
    let contact = state.store.read(contact).await?;
    let erased = state.hub.erase_contact(caller.workspace, contact).await?;
    crate::api::audit(&state, &caller, "contact.erase", &id).await?;
    Ok(Json(erased))
}
