//! `GET /contacts`: a page of contacts.

use axum::Json;
use axum::extract::State;
use everthread_core::ids::ContactId;
use everthread_store::read::contacts::ContactPage;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::auth::Caller;
use crate::api::cursor::{Page, PageQuery};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::model::contact::ContactRow;
use crate::api::model::{id, json, name, time};
use crate::api::state::ApiState;

/// Which contacts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Only whose name begins with this.
    pub q: Option<String>,
}

/// A page of contacts, newest first.
#[utoipa::path(get, path = "/api/v1/contacts", tag = "contacts", params(Filter, PageQuery),
    responses((status = 200, body = Page<ContactRow>)))]
pub async fn list_contacts(
    State(state): State<ApiState>,
    caller: Caller,
    Params(filter): Params<Filter>,
    Params(page): Params<PageQuery>,
) -> Result<Json<Page<ContactRow>>, ApiError> {
    let limit = page.limit();
    let unit = ContactPage {
        workspace: caller.workspace,
        q: filter.q.map(|q| q.trim().to_owned()).filter(|q| !q.is_empty()),
        before: page.after()?.map(|(_, id)| id),
        limit: limit + 1,
    };
    let rows = state.store.read(unit).await?;
    Ok(Json(Page::cut(
        rows,
        limit,
        |(row, _)| (0, row.id.0),
        |(row, channels)| {
            let shown = id(ContactId::PREFIX, row.uid);
            ContactRow {
                avatar_seed: shown.clone(),
                id: shown,
                name: name(row.name),
                fields: json(&row.fields),
                channels,
                created_at: time(row.created_at),
                updated_at: time(row.updated_at),
            }
        },
    )))
}
