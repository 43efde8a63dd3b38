//! HTTP calls as the platforms see them, and answers as they give them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{ConnectInfo, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::Value;

use crate::net::Cut;
use crate::world::World;

/// The largest body a platform takes here: WhatsApp's 100 MB documents and their envelope.
pub(crate) const BODY_MAX: usize = 104 * 1024 * 1024;

/// A file that came in a multipart body.
#[derive(Debug, Clone)]
pub(crate) struct Upload {
    pub(crate) name: String,
    pub(crate) mime: String,
    pub(crate) bytes: Bytes,
}

/// One call: where, who, what.
pub(crate) struct Call {
    pub(crate) method: Method,
    /// Path segments below the platform's own path, percent-decoded.
    pub(crate) path: Vec<String>,
    pub(crate) headers: HeaderMap,
    /// Query, form and multipart fields; a JSON object's members as JSON text (strings as they are).
    pub(crate) fields: BTreeMap<String, String>,
    /// The JSON body, `Null` if there is none.
    pub(crate) json: Value,
    pub(crate) files: BTreeMap<String, Upload>,
    pub(crate) cut: Cut,
}

impl Call {
    /// Reads a request whole. `Err` is an answer: the body is too large or is not what its type says.
    pub(crate) async fn read(request: Request) -> Result<Self, Reply> {
        let (parts, body) = request.into_parts();
        let cut = parts.extensions.get::<ConnectInfo<Cut>>().map(|c| c.0.clone()).unwrap_or_default();
        let path = parts.uri.path().split('/').filter(|s| !s.is_empty()).map(unescape).collect();
        let mut fields: BTreeMap<String, String> =
            pairs(parts.uri.query().unwrap_or_default()).into_iter().collect();
        let mut files = BTreeMap::new();
        let mut json = Value::Null;
        let kind = parts.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            let mut whole = Request::builder().method(&parts.method).uri(&parts.uri);
            if let Some(value) = parts.headers.get(header::CONTENT_TYPE) {
                whole = whole.header(header::CONTENT_TYPE, value);
            }
            let whole = whole.body(body).map_err(|_| Reply::text(400, "bad request"))?;
            let form =
                Multipart::from_request(whole, &()).await.map_err(|_| Reply::text(400, "bad multipart"))?;
            read_multipart(form, &mut fields, &mut files).await?;
        } else {
            let bytes = axum::body::to_bytes(body, BODY_MAX)
                .await
                .map_err(|_| Reply::text(413, "Request Entity Too Large"))?;
            if kind.starts_with("application/x-www-form-urlencoded") {
                fields.extend(pairs(&String::from_utf8_lossy(&bytes)));
            } else if !bytes.is_empty() {
                json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
                if let Value::Object(members) = &json {
                    fields.extend(members.iter().map(|(k, v)| (k.clone(), plain(v))));
                }
            }
        }
        Ok(Self { method: parts.method, path, headers: parts.headers, fields, json, files, cut })
    }

    /// A field, if it is there and not empty.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// A field that holds JSON (an object in a JSON body, or text of one in a form).
    pub(crate) fn object(&self, name: &str) -> Value {
        self.field(name).and_then(|v| serde_json::from_str(v).ok()).unwrap_or(Value::Null)
    }

    /// The bearer token, or the `access_token` parameter.
    pub(crate) fn bearer(&self) -> Option<String> {
        let header = self.headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
        let bearer = header.and_then(|v| v.strip_prefix("Bearer ").or_else(|| v.strip_prefix("bearer ")));
        bearer.map(str::to_owned).or_else(|| self.field("access_token").map(str::to_owned))
    }
}

async fn read_multipart(
    mut form: Multipart,
    fields: &mut BTreeMap<String, String>,
    files: &mut BTreeMap<String, Upload>,
) -> Result<(), Reply> {
    let broken = |_| Reply::text(400, "bad multipart");
    let mut total = 0;
    while let Some(part) = form.next_field().await.map_err(broken)? {
        let name = part.name().unwrap_or_default().to_owned();
        let file = part.file_name().map(str::to_owned);
        let mime = part.content_type().unwrap_or("application/octet-stream").to_owned();
        let bytes = part.bytes().await.map_err(broken)?;
        total += bytes.len();
        if total > BODY_MAX {
            return Err(Reply::text(413, "Request Entity Too Large"));
        }
        match file {
            Some(file) => drop(files.insert(name, Upload { name: file, mime, bytes })),
            None => drop(fields.insert(name, String::from_utf8_lossy(&bytes).into_owned())),
        }
    }
    Ok(())
}

/// A JSON value as a form field would carry it.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Percent-decodes (`+` is left alone).
pub(crate) fn unescape(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        let decoded = code.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(decoded.unwrap_or(bytes[at]));
        at += if decoded.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but unreserved characters.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte as char);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// The fields of a query or form, in order.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decode = |s: &str| unescape(&s.replace('+', " "));
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or((p, "")))
        .map(|(k, v)| (decode(k), decode(v)))
        .collect()
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Json(Value),
    Text(&'static str, String),
    Bytes(String, Bytes),
}

impl Reply {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Content::Json(body) }
    }

    pub(crate) fn text(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: Content::Text("text/plain", body.into()) }
    }

    /// What a gateway in front of a dead service says: no JSON.
    pub(crate) fn html(status: u16, title: &str) -> Self {
        let body =
            format!("<html><head><title>{status} {title}</title></head><body>{status} {title}</body></html>");
        Self { status, headers: Vec::new(), body: Content::Text("text/html", body) }
    }

    pub(crate) fn bytes(mime: &str, bytes: Bytes) -> Self {
        Self { status: 200, headers: Vec::new(), body: Content::Bytes(mime.to_owned(), bytes) }
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn ok(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let (mime, bytes) = match self.body {
            Content::Json(value) => {
                ("application/json; charset=UTF-8".to_owned(), Bytes::from(value.to_string()))
            }
            Content::Text(mime, text) => (mime.to_owned(), Bytes::from(text)),
            Content::Bytes(mime, bytes) => (mime, bytes),
        };
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        if let Ok(value) = mime.parse() {
            headers.insert(header::CONTENT_TYPE, value);
        }
        for (name, value) in self.headers {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        response
    }
}

/// Sleeps `ms` milliseconds, or less if the sandbox stops.
pub(crate) async fn pause(world: &Arc<World>, ms: u64) {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(ms)) => {}
        () = world.shutdown.cancelled() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_round_trip() {
        let text = "Größe 40 & +1=2? ok%";
        let form = format!("a={}&b=x+y&c", escape(text));
        let want = vec![("a".into(), text.into()), ("b".into(), "x y".into()), ("c".into(), String::new())];
        assert_eq!(pairs(&form), want);
        assert_eq!(unescape("%zz%4"), "%zz%4");
    }
}
