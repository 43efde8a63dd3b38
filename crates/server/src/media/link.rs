//! Public, expiring links to files of ours, for platforms that fetch what they deliver. The link is sealed: it names
//! workspace, file and end, and can't be made or changed by anybody else.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use everthread_core::content::{Content, MediaSource};
use everthread_core::ids::{MediaId, Uid, WorkspaceId};
use everthread_core::time::{Span, Timestamp};
use everthread_store::Store;
use everthread_store::read::thread::MediaByUid;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::seal::Seal;

/// Long enough for the slowest platform's queue (Twilio: ten hours), short enough to be worthless later.
const GOOD_FOR: Span = Span::hours(24);

/// Makes and serves links.
#[derive(Clone)]
pub struct Links {
    pub seal: Seal,
    /// Without a trailing slash.
    pub public_url: Arc<str>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

impl Links {
    /// A link to a file.
    pub fn make(&self, workspace: WorkspaceId, file: Uid, now: Timestamp) -> String {
        let mut plain = workspace.0.to_be_bytes().to_vec();
        plain.extend_from_slice(file.0.as_bytes());
        plain.extend_from_slice(&(now + GOOD_FOR).micros().to_be_bytes());
        format!("{}/files/{}", self.public_url, URL_SAFE_NO_PAD.encode(self.seal.seal(&plain)))
    }

    /// What a link names. `None` where it is forged, damaged or over.
    fn read(&self, token: &str, now: Timestamp) -> Option<(WorkspaceId, Uid)> {
        let plain = self.seal.open(&URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        let (workspace, rest) = plain.split_first_chunk::<8>()?;
        let (file, end) = rest.split_first_chunk::<16>()?;
        let end = i64::from_be_bytes(end.try_into().ok()?);
        let file = Uid(uuid::Uuid::from_bytes(*file));
        (now.micros() < end).then_some((WorkspaceId(i64::from_be_bytes(*workspace)), file))
    }

    /// The content with files of ours as links, for a platform to fetch.
    pub fn reachable(&self, content: &Content, workspace: WorkspaceId, now: Timestamp) -> Content {
        let mut content = content.clone();
        for attachment in &mut content.attachments {
            if let Some(MediaSource::Stored(id)) = &attachment.source
                && let Some(file) = Uid::read(MediaId::PREFIX, id)
            {
                attachment.source = Some(MediaSource::Url(self.make(workspace, file, now)));
            }
        }
        content
    }
}

/// What the route needs.
#[derive(Clone)]
struct Files {
    links: Links,
    store: Store,
    bytes: Arc<dyn ObjectStore>,
}

/// `/files/<link>`.
pub fn routes(links: Links, store: Store, files: Arc<dyn ObjectStore>) -> Router {
    Router::new().route("/files/{token}", get(show)).with_state(Files { links, store, bytes: files })
}

async fn show(State(state): State<Files>, Path(token): Path<String>) -> Response {
    let missing = || (StatusCode::NOT_FOUND, "there is no such file, or its link is over\n").into_response();
    let Some((workspace, uid)) = state.links.read(&token, crate::clock::now()) else { return missing() };
    let Ok(Some(file)) = state.store.read(MediaByUid { workspace, uid }).await else { return missing() };
    let Some(key) = file.storage_key else { return missing() };
    let Ok(found) = state.bytes.get(&object_store::path::Path::from(key)).await else { return missing() };
    let mime = file.mime.filter(|m| !m.starts_with("text/html") && !m.contains("svg"));
    let headers = [
        (header::CONTENT_TYPE, mime.unwrap_or_else(|| "application/octet-stream".to_owned())),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (header::CONTENT_LENGTH, found.meta.size.to_string()),
    ];
    (headers, Body::from_stream(found.into_stream())).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_ends_and_opens_for_nobody_else() {
        let links = Links { seal: Seal::from_key([5; 32]), public_url: "https://a.example".into() };
        let file = Uid(uuid::Uuid::from_u128(9));
        let now = Timestamp::from_secs(1_000);
        let link = links.make(WorkspaceId(3), file, now);
        let token = link.rsplit('/').next().expect("token");
        assert_eq!(links.read(token, now), Some((WorkspaceId(3), file)));
        assert_eq!(links.read(token, now + GOOD_FOR), None);
        let other = Links { seal: Seal::from_key([6; 32]), public_url: "https://a.example".into() };
        assert_eq!(other.read(token, now), None);
    }
}
