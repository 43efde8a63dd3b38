//! The console, embedded in the binary. Without it (built with Rust alone) a plain page says how to build it.

use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Dist;

/// Shown where the console was not built in.
const PLACEHOLDER: &str = "<!doctype html><html lang=en><meta charset=utf-8><title>Everthread</title>\
<body style=\"font:16px/1.5 system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem\">\
<h1>Everthread is running</h1><p>This binary was built without its console. The hub works: webhooks, API and \
command line are all here. To get the console, install Node 20 or newer and run <code>make run</code>.</p>";

/// True when the console is in this binary.
pub fn has_console() -> bool {
    Dist::get("index.html").is_some()
}

/// Serves a file of the console; any other path is the console's own (history routing).
pub async fn console(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    if let Some(answer) = file(path) {
        return answer;
    }
    if path.contains('.') {
        return (StatusCode::NOT_FOUND, "no such file").into_response();
    }
    page("index.html")
}

/// The hosted web chat page.
pub fn chat_page() -> Response {
    page("chat.html")
}

/// The web chat widget's script.
pub fn widget() -> Response {
    file("widget.js").unwrap_or_else(|| (StatusCode::NOT_FOUND, "the widget is not built in").into_response())
}

fn page(name: &str) -> Response {
    file(name).unwrap_or_else(|| {
        ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], PLACEHOLDER).into_response()
    })
}

fn file(path: &str) -> Option<Response> {
    let found = Dist::get(path)?;
    let mime = mime_guess::from_path(path).first_or_octet_stream();
    let text = if mime.type_() == "text" || mime.subtype() == "javascript" {
        format!("{mime}; charset=utf-8")
    } else {
        mime.to_string()
    };
    let cache = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = found.data.into_response();
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    Some(answer)
}
