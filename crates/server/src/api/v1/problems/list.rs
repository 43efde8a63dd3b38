//! `GET /problems`: what could not be understood or done.

use axum::Json;
use axum::extract::State;
use everthread_store::read::accounts::ProblemPage;

use crate::api::auth::Caller;
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::account::ProblemView;
use crate::api::state::ApiState;

/// A page of problems that are not solved, newest first.
#[utoipa::path(get, path = "/api/v1/problems", tag = "problems", params(PageQuery),
    responses((status = 200, body = Page<ProblemView>)))]
pub async fn list_problems(
    State(state): State<ApiState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<ProblemView>>, ApiError> {
    let limit = page.limit();
    let before = page.after()?.map(|(_, id)| id);
    let unit = ProblemPage { workspace: caller.workspace, before, limit: limit + 1 };
    let rows = state.store.read(unit).await?;
    Ok(Json(Page::cut(rows, limit, |row| (0, row.id.0), Into::into)))
}
