//! `PATCH /contacts/{id}`: what people write about a contact.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ContactId;
use everthread_store::read::lookup::Find;
use everthread_store::units::UpdateContact;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, uid};
use crate::api::fields;
use crate::api::model::contact::Contact;
use crate::api::state::ApiState;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactPatch {
    pub name: Option<String>,
    /// Fields to set; null takes one away.
    #[serde(default)]
    pub fields: BTreeMap<String, Option<String>>,
}

/// Changes a contact's name and fields.
#[utoipa::path(patch, path = "/api/v1/contacts/{id}", tag = "contacts", request_body = ContactPatch,
    params(("id" = String, Path, description = "`cont_...`")), responses((status = 200, body = Contact)))]
pub async fn update_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(patch): Body<ContactPatch>,
) -> Result<Json<Contact>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ContactId::PREFIX, "contact", &id)?;
    let name = patch.name.map(|name| fields::short("name", &name)).transpose()?;
    fields::check(&patch.fields)?;
    let contact = state.store.read(Find::new(caller.workspace, uid)).await?;
    let fields = fields::emptied(patch.fields);
    let unit = UpdateContact { now: state.now(), workspace: caller.workspace, contact, name, fields };
    state.committed(state.store.write(unit).await?);
    load(&state, &caller, uid).await.map(Json)
}
