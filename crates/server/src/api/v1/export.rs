//! `GET /export/{what}`: everything of one kind, as a file.

use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::Params;
use crate::api::state::ApiState;
use crate::export::{self, Format, Source, What};

/// In which form.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Options {
    /// `jsonl` (default), `csv` or `xlsx`.
    pub format: Option<String>,
}

/// Everything of one kind, oldest first, as `everthread export` writes it.
#[utoipa::path(get, path = "/api/v1/export/{what}", tag = "workspace",
    params(("what" = String, Path,
        description = "`messages`, `conversations`, `contacts`, `leads`, `attempts`, `incidents` or `problems`"), Options),
    responses((status = 200, body = String, content_type = "application/jsonl")))]
pub async fn export_rows(
    State(state): State<ApiState>,
    caller: Caller,
    Path(what): Path<String>,
    Params(options): Params<Options>,
) -> Result<Response, ApiError> {
    caller.need(Role::Admin)?;
    let what = What::parse(&what).ok_or(ApiError::NotFound { what: "export" })?;
    let format = match options.format.as_deref().filter(|text| !text.is_empty()) {
        None => Format::Jsonl,
        Some(text) => Format::parse(text)
            .ok_or_else(|| ApiError::Invalid { field: "format", detail: "jsonl, csv or xlsx".to_owned() })?,
    };
    crate::api::audit(&state, &caller, "export", what.as_str()).await?;
    let from = Source { store: state.store.clone(), registry: state.hub.registry() };
    let body = export::body(from, caller.workspace, what, format).await?;
    let name = format!("attachment; filename=\"everthread-{}.{}\"", what.as_str(), format.as_str());
    let disposition = HeaderValue::from_str(&name).map_err(ApiError::internal)?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static(format.mime())), (CONTENT_DISPOSITION, disposition)], body)
        .into_response())
}
