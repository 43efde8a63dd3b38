//! The session cookie.

use axum::http::HeaderMap;
use axum::http::header::COOKIE;

/// The name over https. The prefix makes browsers insist on Secure, Path=/ and no Domain.
const NAME_HTTPS: &str = "__Host-everthread";

/// The name over plain http on loopback, where Secure cookies do not stay.
const NAME_HTTP: &str = "everthread";

/// How the cookie is written, decided once by the public address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CookieStyle {
    secure: bool,
}

impl CookieStyle {
    /// Secure unless `public_url` is plain http.
    pub fn of(public_url: &str) -> Self {
        Self { secure: !public_url.starts_with("http://") }
    }

    /// True for https.
    pub const fn secure(self) -> bool {
        self.secure
    }

    /// The cookie's name.
    pub const fn name(self) -> &'static str {
        if self.secure { NAME_HTTPS } else { NAME_HTTP }
    }

    /// `Set-Cookie` that signs in for `max_age_s` seconds; 0 signs out.
    pub fn set(self, token: &str, max_age_s: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}", self.name())
    }

    /// `Set-Cookie` that binds a sign-in at the identity provider to this browser; 0 takes it away.
    pub fn set_sso(self, state: &str, max_age_s: i64) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}-sso={state}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}", self.name())
    }

    /// The state of the sign-in that this browser began at the identity provider.
    pub fn read_sso(self, headers: &HeaderMap) -> Option<&str> {
        named(headers, if self.secure { "__Host-everthread-sso" } else { "everthread-sso" })
    }

    /// The session token that came with a request.
    pub fn read(self, headers: &HeaderMap) -> Option<&str> {
        named(headers, self.name())
    }
}

fn named<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, value)| *name == wanted && !value.is_empty())
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_gets_the_host_prefix_and_plain_http_does_not() {
        let https = CookieStyle::of("https://chat.example").set("t", 60);
        assert_eq!(https, "__Host-everthread=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure");
        let http = CookieStyle::of("http://127.0.0.1:8080").set("t", 0);
        assert_eq!(http, "everthread=t; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    }

    #[test]
    fn only_our_own_cookie_is_read() {
        let mut headers = HeaderMap::new();
        headers.append(COOKIE, "a=1; everthread=abc".parse().unwrap());
        assert_eq!(CookieStyle::of("http://localhost").read(&headers), Some("abc"));
        assert_eq!(CookieStyle::of("https://x").read(&headers), None);
    }
}
