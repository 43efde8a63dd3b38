//! `GET /contacts/{id}`: one contact with all that is known.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ContactId, Uid};
use everthread_store::read::contacts::{ContactKey, OneContact};

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::contact::Contact;
use crate::api::state::ApiState;

/// One contact.
#[utoipa::path(get, path = "/api/v1/contacts/{id}", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`")), responses((status = 200, body = Contact)))]
pub async fn show_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Contact>, ApiError> {
    load(&state, &caller, uid(ContactId::PREFIX, "contact", &id)?).await.map(Json)
}

/// The contact as this endpoint and the one that changes it answer it.
pub async fn load(state: &ApiState, caller: &Caller, uid: Uid) -> Result<Contact, ApiError> {
    let unit = OneContact { workspace: caller.workspace, key: ContactKey::Uid(uid) };
    let contact = state.store.read(unit).await?.ok_or(ApiError::NotFound { what: "contact" })?;
    Ok(contact.into())
}
