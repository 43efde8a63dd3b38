//! `POST /media`: a file to be sent with a message.

use axum::Json;
use axum::extract::multipart::MultipartRejection;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::StatusCode;
use bytes::Bytes;
use everthread_core::ids::{MediaId, UidSource};
use everthread_store::units::AddUpload;
use object_store::ObjectStoreExt;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::model::id;
use crate::api::state::ApiState;

/// Bytes of one upload: no channel carries more than 100 MB; 25 MB is what most take, and what fits in memory four
/// times over.
pub const UPLOAD_BYTES_MAX: usize = 25 * 1024 * 1024;

/// A file that can be sent now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Uploaded {
    /// `media_...`: what `attachments[].media_id` of a message names.
    pub media_id: String,
    /// `image`, `video`, `audio` or `file`.
    pub kind: String,
    /// As sniffed from the bytes.
    pub mime: String,
    pub name: Option<String>,
    pub size: u64,
    pub url: String,
}

/// One file.
#[derive(ToSchema)]
pub struct Upload {
    #[expect(dead_code, reason = "describes the form; the handler reads it as a stream")]
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
}

/// Takes one file of at most 25 MB.
#[utoipa::path(post, path = "/api/v1/media", tag = "media",
    request_body(content = Upload, content_type = "multipart/form-data"),
    responses((status = 201, body = Uploaded)))]
#[axum::debug_handler(state = ApiState)]
pub async fn upload_media(
    State(state): State<ApiState>,
    caller: Caller,
    form: Result<Multipart, MultipartRejection>,
) -> Result<(StatusCode, Json<Uploaded>), ApiError> {
    caller.need(Role::Agent)?;
    let form = form.map_err(|rejection| ApiError::BadRequest(rejection.body_text()))?;
    let (name, bytes) = one_file(form).await?;
    let mime = sniff(&bytes);
    let kind = kind_of(mime);
    let size = bytes.len() as u64;
    let now = state.now();
    // Where the bytes are has nothing of the name, and no two uploads share a place.
    let place = UidSource::new((state.seed)()).next(now);
    let storage_key = format!("uploads/{}/{}", caller.workspace.0, place.0.simple());
    let path = object_store::path::Path::from(storage_key.as_str());
    state.media.put(&path, bytes.into()).await.map_err(ApiError::internal)?;
    let unit = AddUpload {
        now,
        seed: (state.seed)(),
        workspace: caller.workspace,
        kind: kind.to_owned(),
        mime: mime.to_owned(),
        name: name.clone(),
        size: i64::try_from(size).unwrap_or(i64::MAX),
        storage_key,
    };
    let (_, uid) = state.store.write(unit).await?;
    let media_id = id(MediaId::PREFIX, uid);
    let url = format!("/api/v1/media/{media_id}");
    let answer = Uploaded { media_id, kind: kind.to_owned(), mime: mime.to_owned(), name, size, url };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// Only this endpoint takes more than a JSON body.
pub fn body_limit() -> DefaultBodyLimit {
    // Room for the form around the file.
    DefaultBodyLimit::max(UPLOAD_BYTES_MAX + 16 * 1024)
}

async fn one_file(mut form: Multipart) -> Result<(Option<String>, Bytes), ApiError> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::TooLarge { max_bytes: UPLOAD_BYTES_MAX as u64 }
        } else {
            ApiError::BadRequest(error.body_text())
        }
    };
    let field = form.next_field().await.map_err(broken)?;
    let field = field.ok_or_else(|| ApiError::BadRequest("the form holds no file".to_owned()))?;
    let name = field.file_name().map(|name| name.chars().filter(|c| !c.is_control()).take(200).collect());
    let bytes = field.bytes().await.map_err(broken)?;
    if bytes.is_empty() {
        return Err(ApiError::Invalid { field: "file", detail: "the file is empty".to_owned() });
    }
    if bytes.len() > UPLOAD_BYTES_MAX {
        return Err(ApiError::TooLarge { max_bytes: UPLOAD_BYTES_MAX as u64 });
    }
    Ok((name, bytes))
}

/// The type by the bytes alone: what the browser claims is not believed.
fn sniff(bytes: &[u8]) -> &'static str {
    match infer::get(bytes) {
        Some(kind) => kind.mime_type(),
        None if std::str::from_utf8(bytes).is_ok() => "text/plain",
        None => "application/octet-stream",
    }
}

fn kind_of(mime: &str) -> &'static str {
    match mime.split('/').next() {
        Some("image") if mime != "image/svg+xml" => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "file",
    }
}
