//! `PATCH /leads/{id}`: moves a lead, changes its fields.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::LeadId;
use everthread_store::read::contacts::LeadByUid;
use everthread_store::read::lookup::Find;
use everthread_store::units::UpdateLead;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::fields;
use crate::api::model::STAGE;
use crate::api::model::lead::Lead;
use crate::api::state::ApiState;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadPatch {
    /// `stage_...`
    pub stage_id: Option<String>,
    /// Fields to set; null takes one away.
    #[serde(default)]
    pub fields: BTreeMap<String, Option<String>>,
}

/// Moves a lead to another stage, changes its fields.
#[utoipa::path(patch, path = "/api/v1/leads/{id}", tag = "leads", request_body = LeadPatch,
    params(("id" = String, Path, description = "`lead_...`")), responses((status = 200, body = Lead)))]
pub async fn update_lead(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(patch): Body<LeadPatch>,
) -> Result<Json<Lead>, ApiError> {
    caller.need(Role::Agent)?;
    let uid = uid(LeadId::PREFIX, "lead", &id)?;
    let stage = patch.stage_id.map(|text| field_uid(STAGE, "stage_id", &text)).transpose()?;
    fields::check(&patch.fields)?;
    let lead = state.store.read(Find::new(caller.workspace, uid)).await?;
    let fields = fields::emptied(patch.fields);
    let unit = UpdateLead { now: state.now(), workspace: caller.workspace, lead, stage, fields };
    state.committed(state.store.write(unit).await?);
    let row = state.store.read(LeadByUid { workspace: caller.workspace, uid }).await?;
    Ok(Json(row.ok_or(ApiError::NotFound { what: "lead" })?.into()))
}
