//! `GET /audit`: who changed what.

use axum::Json;
use axum::extract::State;
use everthread_store::read::access::AuditPage;

use crate::api::auth::{Caller, Role};
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::account::AuditView;
use crate::api::state::ApiState;

/// A page of the audit log, newest first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "workspace", params(PageQuery),
    responses((status = 200, body = Page<AuditView>)))]
pub async fn list_audit(
    State(state): State<ApiState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<AuditView>>, ApiError> {
    caller.need(Role::Admin)?;
    let limit = page.limit();
    let before = page.after()?.map(|(_, id)| id);
    let unit = AuditPage { workspace: caller.workspace, before, limit: limit + 1 };
    let rows = state.store.read(unit).await?;
    Ok(Json(Page::cut(rows, limit, |row| (0, row.id), Into::into)))
}
