//! `POST /contacts/{id}/identities/{identity}/verify`: a person's decision that an address is the contact's.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::{ContactId, IdentityId};
use everthread_store::read::lookup::Find;
use everthread_store::units::ProveByHand;

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::model::contact::Contact;
use crate::api::state::ApiState;

/// Makes an address verified by hand, which the audit log names. A web chat visitor who came by a link then reads the whole
/// conversation: do it only where you know who writes.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/identities/{identity}/verify", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`"), ("identity" = String, Path, description = "`iden_...`")),
    responses((status = 200, body = Contact)))]
pub async fn verify_identity(
    State(state): State<ApiState>,
    caller: Caller,
    Path((id, identity)): Path<(String, String)>,
) -> Result<Json<Contact>, ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let contact_uid = uid(ContactId::PREFIX, "contact", &id)?;
    let identity = uid(IdentityId::PREFIX, "identity", &identity)?;
    let contact = state.store.read(Find::<ContactId>::new(caller.workspace, contact_uid)).await?;
    let unit = ProveByHand {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        contact,
        identity,
        user,
    };
    let after = state.store.write(unit).await?.ok_or(ApiError::NotFound { what: "identity" })?;
    state.committed(after);
    load(&state, &caller, contact_uid).await.map(Json)
}
