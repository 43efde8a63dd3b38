//! Generic Graph API codes (channel facts, section 1), after each channel's own rows.

use everthread_core::outcome::ErrorClass::{Auth, BadRequest, PlatformOutage, PolicyBlocked, Throttled};

use crate::table::{Code, Row, Verdict};

/// Rows for every Graph API channel.
pub const ROWS: &[Row] = &[
    Row::retry(Throttled, Code::Any, "too many requests; not executed", "0.1 rule 2").http(429, 429),
    Row::retry(Throttled, Code::In(&[4, 17, 32, 341, 613]), "too many calls by the app, user or page", "1")
        .wait(60),
    Row::retry(
        Throttled,
        Code::In(&[80001, 80002, 80006, 80007, 80008]),
        "too many calls for this account",
        "1",
    )
    .wait(60),
    Row::refused(Auth, Code::In(&[190]), "the token is not valid any more", "1"),
    Row::refused(Auth, Code::In(&[102]), "the session is not valid any more", "1"),
    Row::refused(Auth, Code::In(&[3]), "the app lacks this capability", "1"),
    Row::refused(Auth, Code::In(&[10]), "the app lacks permission", "1"),
    Row::refused(Auth, Code::In(&[33]), "the account is gone or not ours", "1"),
    Row::refused(Auth, Code::In(&[100]), "the account does not exist for this token", "1").sub(33),
    Row::refused(Auth, Code::Range(200, 299), "a permission is missing", "1"),
    Row::refused(PolicyBlocked, Code::In(&[368]), "blocked by the platform for its policies", "1"),
    Row::new(Verdict::Duplicate, Code::In(&[506]), "the platform already has it", "1"),
    Row::retry(PlatformOutage, Code::In(&[2]), "service unavailable; refused before it was executed", "1"),
    Row::retry(PlatformOutage, Code::Any, "the platform calls the failure transient", "1").transient(),
    Row::new(Verdict::Uncertain, Code::In(&[1]), "unknown error inside the platform", "1").http(500, 599),
    Row::refused(BadRequest, Code::In(&[1]), "unknown error that names a parameter", "1").says("param"),
    Row::retry(PlatformOutage, Code::In(&[1]), "unknown error inside the platform; refused", "1"),
    Row::refused(BadRequest, Code::In(&[100]), "a parameter is wrong", "1"),
];
