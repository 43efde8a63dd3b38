//! `PUT /rules/{id}`: replaces a rule.

use axum::Json;
use axum::extract::{Path, State};
use everthread_core::ids::RuleId;

use super::{RuleForm, RuleView, reread};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, uid};
use crate::api::state::ApiState;

/// Replaces a rule.
#[utoipa::path(put, path = "/api/v1/rules/{id}", tag = "rules", request_body = RuleForm,
    params(("id" = String, Path, description = "`rule_...`")), responses((status = 200, body = RuleView)))]
pub async fn update_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(mut form): Body<RuleForm>,
) -> Result<Json<RuleView>, ApiError> {
    caller.need(Role::Admin)?;
    let uid = uid(RuleId::PREFIX, "rule", &id)?;
    if form.position.is_none() {
        form.position = Some(reread(&state, &caller, uid).await?.position);
    }
    form.checked(&state, &caller).await?.store(&state, &caller, Some(uid)).await.map(Json)
}
