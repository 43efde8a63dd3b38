//! `GET /contacts/{id}/export`: everything about one person.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_DISPOSITION;
use axum::http::{HeaderName, HeaderValue};
use everthread_core::ids::ContactId;
use everthread_store::read::lookup::Find;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Everything about one contact: fields, addresses, consents, leads, conversations with all messages, and a list of all
/// files.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/export", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`")), responses((status = 200, body = Object)))]
pub async fn export_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<([(HeaderName, HeaderValue); 1], Json<serde_json::Value>), ApiError> {
    caller.need(Role::Admin)?;
    let contact = Find::new(caller.workspace, uid(ContactId::PREFIX, "contact", &id)?);
    let contact = state.store.read(contact).await?;
    let all = crate::export::contact(&state.store, caller.workspace, contact).await?;
    crate::api::audit(&state, &caller, "contact.export", &id).await?;
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{id}.json\""));
    Ok(([(CONTENT_DISPOSITION, disposition.map_err(ApiError::internal)?)], Json(all)))
}
