//! Reading requests: every failure is an [`ApiError`], never axum's plain text.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use everthread_core::ids::Uid;
use serde::de::DeserializeOwned;

use super::error::ApiError;

/// A JSON body.
pub struct Body<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => {
                Err(ApiError::UnsupportedMedia("send JSON with Content-Type: application/json".into()))
            }
            Err(rejection) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(ApiError::TooLarge { max_bytes: super::JSON_BYTES_MAX as u64 })
            }
            Err(rejection) => Err(ApiError::BadRequest(rejection.body_text())),
        }
    }
}

/// A query string.
pub struct Params<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        Query::<T>::from_request_parts(parts, state)
            .await
            .map(|Query(value)| Self(value))
            .map_err(|rejection| ApiError::BadRequest(rejection.body_text()))
    }
}

/// The public id of a path. A malformed one is simply not found.
pub fn uid(prefix: &'static str, what: &'static str, text: &str) -> Result<Uid, ApiError> {
    Uid::read(prefix, text).ok_or(ApiError::NotFound { what })
}

/// The public id in a field of a body or query.
pub fn field_uid(prefix: &'static str, field: &'static str, text: &str) -> Result<Uid, ApiError> {
    Uid::read(prefix, text)
        .ok_or_else(|| ApiError::Invalid { field, detail: format!("expected an id like {prefix}_...") })
}

/// The network address of the caller. Behind a proxy on this machine it is the last one the proxy added; from
/// anywhere else `X-Forwarded-For` is not believed.
pub struct Peer(pub IpAddr);

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |info| info.0.ip());
        Ok(Self(if peer.to_canonical().is_loopback() {
            forwarded(&parts.headers).unwrap_or(peer)
        } else {
            peer
        }))
    }
}

fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn peer(from: &str, forwarded: &str) -> IpAddr {
        let from: SocketAddr = from.parse().unwrap();
        let request = Request::builder().header("x-forwarded-for", forwarded).extension(ConnectInfo(from));
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let Ok(Peer(ip)) = Peer::from_request_parts(&mut parts, &()).await;
        ip
    }

    #[tokio::test]
    async fn only_a_local_proxy_is_believed() {
        assert_eq!(peer("127.0.0.1:9", "1.1.1.1, 2.2.2.2").await.to_string(), "2.2.2.2");
        assert_eq!(peer("9.9.9.9:9", "2.2.2.2").await.to_string(), "9.9.9.9");
        assert_eq!(peer("127.0.0.1:9", "nonsense").await.to_string(), "127.0.0.1");
    }
}
