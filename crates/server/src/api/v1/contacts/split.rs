//! `POST /contacts/{id}/split`: some addresses become a contact of their own.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::ids::{ContactId, IdentityId};
use everthread_store::read::lookup::Find;
use everthread_store::units::SplitContact;
use serde::Deserialize;
use utoipa::ToSchema;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::fields;
use crate::api::model::contact::Contact;
use crate::api::state::ApiState;

/// Which addresses go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SplitForm {
    /// `iden_...`; at least one has to stay.
    pub identities: Vec<String>,
    /// Of the new contact.
    pub name: Option<String>,
}

/// Makes a contact of its own out of these addresses. Their consents go along, and the conversations in which no other
/// address was used. Merging the two takes it back.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/split", tag = "contacts", request_body = SplitForm,
    params(("id" = String, Path, description = "`cont_...`")),
    responses((status = 201, description = "The new contact", body = Contact)))]
pub async fn split_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<SplitForm>,
) -> Result<(StatusCode, Json<Contact>), ApiError> {
    caller.need(Role::Agent)?;
    let contact = Find::new(caller.workspace, uid(ContactId::PREFIX, "contact", &id)?);
    let contact = state.store.read(contact).await?;
    let identities = form
        .identities
        .iter()
        .map(|text| field_uid(IdentityId::PREFIX, "identities", text))
        .collect::<Result<Vec<_>, _>>()?;
    let name = form.name.map(|name| fields::short("name", &name)).transpose()?;
    let unit = SplitContact {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        contact,
        identities,
        name,
        user: caller.user(),
    };
    let (new, after) = state.store.write(unit).await?;
    state.committed(after);
    Ok((StatusCode::CREATED, Json(load(&state, &caller, new).await?)))
}
