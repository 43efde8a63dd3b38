//! `/contacts/{id}/merge`: what merging another contact into this one would do, doing it, taking it back.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::ContactId;
use everthread_store::read::lookup::Find;
use everthread_store::units::{MergeContacts, MergePreview, PreviewMerge, UndoMerge};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::show::load;
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, Params, field_uid, uid};
use crate::api::model::contact::Contact;
use crate::api::state::ApiState;

/// Which contact would go.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct MergeWith {
    /// `cont_...`: the one that goes.
    pub with: String,
}

/// Which contact goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeForm {
    /// `cont_...`: the one that goes.
    pub with: String,
    /// Fields in which the value of the one that goes is taken (`name` is one of them).
    #[serde(default)]
    pub take: Vec<String>,
}

/// What a merge would do.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergePlan {
    /// The name that stays.
    pub name: Option<String>,
    /// The fields that stay.
    pub fields: std::collections::BTreeMap<String, String>,
    pub conflicts: Vec<MergeConflict>,
    /// Addresses, conversations, consents and leads that move.
    pub identities: usize,
    pub conversations: usize,
    pub consents: usize,
    pub leads: usize,
    /// Sentences that people should read before they do it.
    pub lines: Vec<String>,
}

/// What both say differently: `kept` stays unless `take` names the field. Either comes back when the merge is undone.
#[derive(Debug, Serialize, ToSchema)]
pub struct MergeConflict {
    /// `name`, or the field's name.
    pub field: String,
    pub kept: String,
    pub gone: String,
}

impl From<MergePreview> for MergePlan {
    fn from(preview: MergePreview) -> Self {
        let mut lines: Vec<String> = preview.merged.lines.iter().map(|line| (*line).to_owned()).collect();
        lines.extend(preview.joined.iter().map(|taken| {
            let whose = if *taken { "the contact that goes" } else { "the contact that stays" };
            format!("Both are leads in one pipeline: the stage of {whose} holds, as it was touched last.")
        }));
        let conflicts = preview.merged.conflicts.into_iter();
        Self {
            name: preview.merged.after.name,
            fields: preview.merged.after.fields,
            conflicts: conflicts
                .map(|c| MergeConflict { field: c.field, kept: c.kept, gone: c.gone })
                .collect(),
            identities: preview.identities,
            conversations: preview.conversations,
            consents: preview.consents,
            leads: preview.leads,
            lines,
        }
    }
}

/// Both ids of a merge, in this workspace.
async fn pair(
    state: &ApiState,
    caller: &Caller,
    kept: &str,
    gone: &str,
) -> Result<(ContactId, ContactId), ApiError> {
    let kept = Find::new(caller.workspace, uid(ContactId::PREFIX, "contact", kept)?);
    let gone = Find::new(caller.workspace, field_uid(ContactId::PREFIX, "with", gone)?);
    Ok((state.store.read(kept).await?, state.store.read(gone).await?))
}

/// What merging `with` into this contact would do. Nothing changes.
#[utoipa::path(get, path = "/api/v1/contacts/{id}/merge", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`: the one that stays"), MergeWith),
    responses((status = 200, body = MergePlan)))]
pub async fn preview_merge(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(with): Params<MergeWith>,
) -> Result<Json<MergePlan>, ApiError> {
    let (kept, gone) = pair(&state, &caller, &id, &with.with).await?;
    let unit = PreviewMerge { workspace: caller.workspace, kept, gone };
    Ok(Json(state.store.read(unit).await?.into()))
}

/// Merges `with` into this contact: its addresses, consents, conversations and leads move, both conversations stay.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/merge", tag = "contacts", request_body = MergeForm,
    params(("id" = String, Path, description = "`cont_...`: the one that stays")),
    responses((status = 200, body = Contact)))]
pub async fn merge_contact(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(form): Body<MergeForm>,
) -> Result<Json<Contact>, ApiError> {
    caller.need(Role::Agent)?;
    let (kept, gone) = pair(&state, &caller, &id, &form.with).await?;
    let take: BTreeSet<String> = form.take.into_iter().collect();
    let (now, seed, workspace, user) = (state.now(), (state.seed)(), caller.workspace, caller.user());
    let (_, after) =
        state.store.write(MergeContacts { now, seed, workspace, kept, gone, take, user }).await?;
    state.committed(after);
    load(&state, &caller, uid(ContactId::PREFIX, "contact", &id)?).await.map(Json)
}

/// The contact that is back, and the one it was taken out of.
#[derive(Debug, Serialize, ToSchema)]
pub struct Unmerged {
    /// `cont_...`: the one that is back.
    pub restored: String,
    pub contact: Contact,
}

/// Takes back what was merged into this contact last. What came since stays where it stands.
#[utoipa::path(post, path = "/api/v1/contacts/{id}/merge/undo", tag = "contacts",
    params(("id" = String, Path, description = "`cont_...`: the one that stayed")),
    responses((status = 200, body = Unmerged)))]
pub async fn undo_merge(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Unmerged>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(ContactId::PREFIX, "contact", &id)?;
    let kept = state.store.read(Find::new(caller.workspace, uid)).await?;
    let (now, seed, workspace, user) = (state.now(), (state.seed)(), caller.workspace, caller.user());
    let (restored, after) = state.store.write(UndoMerge { now, seed, workspace, kept, user }).await?;
    state.committed(after);
    let contact = load(&state, &caller, uid).await?;
    Ok(Json(Unmerged { restored: restored.show(ContactId::PREFIX), contact }))
}
