//! `GET /leads`: a page of leads.

use axum::Json;
use axum::extract::State;
use everthread_store::read::contacts::LeadPage;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::auth::Caller;
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::{Params, field_uid};
use crate::api::model::STAGE;
use crate::api::model::lead::Lead;
use crate::api::state::ApiState;

/// Which leads.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only in this stage, `stage_...`.
    pub stage: Option<String>,
    /// Only whose contact's name begins with this.
    pub q: Option<String>,
}

/// A page of leads, last touched first.
#[utoipa::path(get, path = "/api/v1/leads", tag = "leads", params(Filter, PageQuery),
    responses((status = 200, body = Page<Lead>)))]
pub async fn list_leads(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<Lead>>, ApiError> {
    let limit = page.limit();
    let stage = filter.stage.filter(|text| !text.is_empty());
    let unit = LeadPage {
        workspace: caller.workspace,
        stage: stage.map(|text| field_uid(STAGE, "stage", &text)).transpose()?,
        q: filter.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
        after: page.after()?,
        limit: limit + 1,
    };
    let rows = state.store.read(unit).await?;
    Ok(Json(Page::cut(rows, limit, |row| (row.updated_at.micros(), row.id.0), Into::into)))
}
