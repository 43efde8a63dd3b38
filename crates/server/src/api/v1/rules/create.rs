//! `POST /rules`: adds a rule.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::{RuleForm, RuleView};
use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Body;
use crate::api::state::ApiState;

/// Adds a rule. It answers from the next message on.
#[utoipa::path(post, path = "/api/v1/rules", tag = "rules", request_body = RuleForm,
    responses((status = 201, body = RuleView)))]
pub async fn create_rule(
    State(state): State<ApiState>,
    caller: Caller,
    Body(form): Body<RuleForm>,
) -> Result<(StatusCode, Json<RuleView>), ApiError> {
    caller.need(Role::Admin)?;
    let rule = form.checked(&state, &caller).await?.store(&state, &caller, None).await?;
    Ok((StatusCode::CREATED, Json(rule)))
}
