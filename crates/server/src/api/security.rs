//! Headers that keep a browser from doing what the console never needs.

use axum::extract::Request;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Policy of the embedded console: own files only, no inline script, no frame around it. Inline *style attributes*
/// are set by scripts through the DOM, which CSP does not stop.
pub const CONSOLE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; \
    base-uri 'none'; frame-ancestors 'none'";

/// Policy of everything the API answers, files from customers included: such a page can do nothing at all.
pub const API_CSP: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

const COMMON: [(HeaderName, &str); 5] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), microphone=(), geolocation=(), payment=()"),
];

/// Puts the common headers and [`CONSOLE_CSP`] on every answer that has none of its own; for the console's files.
pub async fn console_headers(request: Request, next: Next) -> Response {
    with_headers(next.run(request).await, CONSOLE_CSP)
}

/// Puts the common headers and [`API_CSP`] on every answer, and keeps it out of caches unless it says otherwise.
pub async fn api_headers(request: Request, next: Next) -> Response {
    let mut response = with_headers(next.run(request).await, API_CSP);
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-store"));
    response
        .headers_mut()
        .entry(HeaderName::from_static("cross-origin-resource-policy"))
        .or_insert(HeaderValue::from_static("same-origin"));
    response
}

fn with_headers(mut response: Response, csp: &'static str) -> Response {
    let headers = response.headers_mut();
    for (name, value) in COMMON {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(csp));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_policy_allows_inline_or_foreign_script() {
        for csp in [CONSOLE_CSP, API_CSP] {
            assert!(csp.starts_with("default-src 'none'"));
            assert!(!csp.contains("unsafe") && !csp.contains("http"));
        }
    }
}
