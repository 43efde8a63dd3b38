//! `GET /media/{id}`: the bytes of a file.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use everthread_core::ids::MediaId;
use everthread_store::read::thread::MediaByUid;
use futures_util::TryStreamExt;
use object_store::ObjectStoreExt;

use crate::api::auth::Caller;
use crate::api::error::ApiError;
use crate::api::extract::uid;
use crate::api::state::ApiState;

/// Kinds that a browser may show in place: it runs nothing in them. SVG and HTML are not among them.
const SHOWN: &[&str] = &[
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "audio/mpeg",
    "audio/ogg",
    "audio/mp4",
    "audio/aac",
    "audio/wav",
    "audio/x-wav",
    "audio/amr",
    "audio/webm",
];

/// The bytes of a file. Anything but pictures, sound and film is handed out as a download.
#[utoipa::path(get, path = "/api/v1/media/{id}", tag = "media",
    params(("id" = String, Path, description = "`media_...`"),
        ("workspace" = Option<String>, Query, description = "As `X-Workspace`, for pictures in pages")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub async fn show_media(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, ApiError> {
    let uid = uid(MediaId::PREFIX, "file", &id)?;
    let missing = || ApiError::NotFound { what: "file" };
    let unit = MediaByUid { workspace: caller.workspace, uid };
    let file = state.store.read(unit).await?.ok_or_else(missing)?;
    let key = file.storage_key.filter(|_| file.state == "ready").ok_or_else(missing)?;
    let found = state.media.get(&object_store::path::Path::from(key)).await.map_err(|error| match error {
        object_store::Error::NotFound { .. } => missing(),
        other => ApiError::internal(other),
    })?;
    let mime = file.mime.as_deref().unwrap_or_default();
    let mut headers = HeaderMap::new();
    let (kind, disposition) = match SHOWN.iter().find(|shown| **shown == mime) {
        Some(shown) => (*shown, "inline"),
        None => ("application/octet-stream", "attachment"),
    };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_DISPOSITION, with_name(disposition, file.name.as_deref()));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(found.meta.size));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=86400, immutable"));
    let body = Body::from_stream(found.into_stream().map_err(std::io::Error::other));
    Ok((headers, body).into_response())
}

/// `Content-Disposition` with the file's name (RFC 6266), where it has one. Path separators and control characters are
/// taken out of it.
fn with_name(disposition: &str, name: Option<&str>) -> HeaderValue {
    let plain = || HeaderValue::from_str(disposition).unwrap_or(HeaderValue::from_static("attachment"));
    let clean: String = name
        .unwrap_or_default()
        .chars()
        .filter(|c| {
            !c.is_control()
                && !matches!(c, '/' | '\\' | '"' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
        })
        .take(150)
        .collect();
    if clean.trim().is_empty() {
        return plain();
    }
    let mut encoded = String::new();
    for byte in clean.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    HeaderValue::from_str(&format!("{disposition}; filename*=UTF-8''{encoded}")).unwrap_or_else(|_| plain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_cannot_break_the_header() {
        let shown = |name| with_name("attachment", Some(name)).to_str().unwrap().to_owned();
        assert_eq!(
            shown("Прайс 1.pdf"),
            "attachment; filename*=UTF-8''%D0%9F%D1%80%D0%B0%D0%B9%D1%81%201.pdf"
        );
        assert_eq!(shown("../a\r\nSet-Cookie: x"), "attachment; filename*=UTF-8''..aSet-Cookie%3A%20x");
        assert_eq!(shown("\u{202E}fdp.exe"), "attachment; filename*=UTF-8''fdp.exe");
        assert_eq!(shown(" "), "attachment");
    }
}
