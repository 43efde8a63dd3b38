//! What the API answers when it can't do what was asked: one enum, stable codes, `application/problem+json`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// Everything that can go wrong for a caller. The code of each variant is part of the contract.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    #[error("nobody is signed in")]
    Unauthenticated,
    #[error("the e-mail address or the password is wrong")]
    BadCredentials,
    #[error("this sign-in link was used already, or is too old")]
    LinkInvalid,
    #[error("this code is wrong, too old, or was used already")]
    BadCode,
    #[error("this sign-in waited too long for its second step")]
    SignInExpired,
    #[error("this workspace asks everybody for a second factor, and none is set up")]
    SecondFactorRequired,
    #[error("the X-CSRF header is missing or does not belong to this session")]
    Csrf,
    #[error("this needs the role {needs}")]
    Forbidden { needs: &'static str },
    #[error("no {what} with this id")]
    NotFound { what: &'static str },
    #[error("{0}")]
    BadRequest(String),
    #[error("the cursor is not one that this list gave out")]
    BadCursor,
    #[error("{field}: {detail}")]
    Invalid { field: &'static str, detail: String },
    #[error("there is nothing in this message")]
    EmptyMessage,
    #[error("the text needs {parts} parts, and {max} is the most")]
    TooLong { parts: usize, max: usize },
    #[error("{0}")]
    NoRoute(String),
    #[error("{0}")]
    WindowClosed(String),
    #[error("only a person who is signed in can do this, not an API key")]
    NeedsPerson,
    #[error("somebody else changed the owner of this conversation first")]
    ConversationChanged,
    #[error("{0}")]
    Conflict(String),
    #[error("this Idempotency-Key was used for another request")]
    IdempotencyMismatch,
    #[error("the first request with this Idempotency-Key is still under way")]
    IdempotencyInFlight,
    #[error("the limit is {max_bytes} bytes")]
    TooLarge { max_bytes: u64 },
    #[error("{0}")]
    UnsupportedMedia(String),
    #[error("too many requests; try again in {after_s} s")]
    RateLimited { after_s: u64 },
    #[error("{0}")]
    Unavailable(&'static str),
    /// A defect or a broken disk: the cause goes to the log, not to the caller.
    #[error("something went wrong on our side")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Fixed facts of one kind of failure.
struct Facts {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    next_step: &'static str,
}

const fn facts(
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    next_step: &'static str,
) -> Facts {
    Facts { status, code, title, next_step }
}

impl ApiError {
    /// A defect or an outage below the API.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.facts().code
    }

    fn facts(&self) -> Facts {
        use StatusCode as S;
        match self {
            Self::Unauthenticated => {
                facts(S::UNAUTHORIZED, "unauthenticated", "Not signed in", "Sign in, or send an API key.")
            }
            Self::BadCredentials => {
                facts(S::UNAUTHORIZED, "bad_credentials", "Wrong sign-in", "Check both and try again.")
            }
            Self::LinkInvalid => facts(
                S::UNAUTHORIZED,
                "link_invalid",
                "Sign-in link not valid",
                "Ask for a new link: an admin makes one under Settings, or `everthread user reset` does.",
            ),
            Self::BadCode => facts(
                S::UNAUTHORIZED,
                "bad_code",
                "Wrong code",
                "Wait for the next code of your app, or use a recovery code.",
            ),
            Self::SignInExpired => {
                facts(S::UNAUTHORIZED, "sign_in_expired", "Sign-in timed out", "Start again.")
            }
            Self::SecondFactorRequired => facts(
                S::FORBIDDEN,
                "second_factor_required",
                "Second factor needed",
                "Set one up under Settings, Security.",
            ),
            Self::Csrf => facts(S::FORBIDDEN, "csrf", "Request not from this console", "Reload the page."),
            Self::Forbidden { .. } => {
                facts(S::FORBIDDEN, "forbidden", "Not allowed", "Ask an owner for the role.")
            }
            Self::NotFound { .. } => {
                facts(S::NOT_FOUND, "not_found", "Not found", "Check the id and the workspace.")
            }
            Self::BadRequest(_) => {
                facts(S::BAD_REQUEST, "bad_request", "Request not understood", "See /api/openapi.json.")
            }
            Self::BadCursor => {
                facts(S::BAD_REQUEST, "bad_cursor", "Cursor not valid", "Start again without a cursor.")
            }
            Self::TooLarge { .. } => {
                facts(S::PAYLOAD_TOO_LARGE, "too_large", "Too large", "Send a smaller one.")
            }
            Self::UnsupportedMedia(_) => facts(
                S::UNSUPPORTED_MEDIA_TYPE,
                "unsupported_media",
                "Kind of content not taken",
                "See /api/openapi.json.",
            ),
            Self::RateLimited { .. } => {
                facts(S::TOO_MANY_REQUESTS, "rate_limited", "Too many requests", "Wait, then try again.")
            }
            Self::Unavailable(_) => {
                facts(S::SERVICE_UNAVAILABLE, "unavailable", "Not available now", "Try again soon.")
            }
            Self::Internal(_) => facts(
                S::INTERNAL_SERVER_ERROR,
                "internal",
                "Internal error",
                "Try again; the log says more under this request's id.",
            ),
            _ => self.refusal(),
        }
    }

    /// Facts of refusals: the request was understood and can't be done.
    fn refusal(&self) -> Facts {
        use StatusCode as S;
        const U: StatusCode = S::UNPROCESSABLE_ENTITY;
        match self {
            Self::EmptyMessage => facts(U, "empty", "Empty message", "Write a text or add a file."),
            Self::TooLong { .. } => facts(U, "too_long", "Text too long", "Shorten the text."),
            Self::NoRoute(_) => facts(
                U,
                "no_route",
                "No way to reach this customer",
                "Connect the account again, or add another address with consent.",
            ),
            Self::WindowClosed(_) => facts(
                U,
                "window_closed",
                "The reply window is closed",
                "Send a template, or wait until the customer writes again.",
            ),
            Self::NeedsPerson => {
                facts(S::FORBIDDEN, "needs_person", "A person has to do this", "Sign in as a person.")
            }
            Self::ConversationChanged => facts(
                S::CONFLICT,
                "conversation_changed",
                "The conversation changed",
                "Load the conversation again and decide anew.",
            ),
            Self::Conflict(_) => facts(S::CONFLICT, "conflict", "In conflict", "Load it again."),
            Self::IdempotencyMismatch => facts(
                U,
                "idempotency_mismatch",
                "Idempotency-Key used twice",
                "Use a new key for a new request.",
            ),
            Self::IdempotencyInFlight => facts(
                S::CONFLICT,
                "idempotency_in_flight",
                "Still under way",
                "Ask again in a moment with the same key.",
            ),
            _ => facts(U, "invalid", "Value not valid", "Correct the named field."),
        }
    }
}

/// The body of every refusal (RFC 9457), with what to do next.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Always `about:blank#<code>`: the code is what programs look at.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: &'static str,
    pub status: u16,
    /// Stable word.
    pub code: &'static str,
    pub detail: String,
    /// What the person can do about it.
    pub next_step: &'static str,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let Facts { status, code, title, next_step } = self.facts();
        if let Self::Internal(cause) = &self {
            tracing::error!(error = %cause, "api request failed");
        }
        let body = ProblemBody {
            kind: format!("about:blank#{code}"),
            title,
            status: status.as_u16(),
            code,
            detail: self.to_string(),
            next_step,
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Self::RateLimited { after_s } = self {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after_s));
        }
        response
    }
}

impl From<everthread_store::Error> for ApiError {
    fn from(error: everthread_store::Error) -> Self {
        use everthread_store::Error;
        match error {
            Error::NotFound(what) => Self::NotFound { what },
            Error::Conflict(detail) => Self::Conflict(detail),
            Error::Invalid(detail) => Self::Invalid { field: "request", detail },
            Error::Unavailable(_) | Error::Contended(_) => {
                tracing::warn!(error = %error, "store did not answer an api request");
                Self::Unavailable("the database does not answer")
            }
            Error::Defect(_) | Error::Panicked(_) => Self::internal(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_error_tells_the_caller_nothing_of_its_cause() {
        let error = ApiError::internal("disk /dev/sdb on fire");
        assert_eq!(error.code(), "internal");
        assert!(!error.to_string().contains("sdb"));
    }

    #[test]
    fn rate_limits_say_when_to_come_back() {
        let response = ApiError::RateLimited { after_s: 7 }.into_response();
        assert_eq!(response.status(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}
