//! SMTP replies (channel facts, 8e). The status is the reply's; the code is the enhanced one, `5.1.1` as 51001.
//! The text begins with the step that was answered, `at rcpt: ...`.

use everthread_core::outcome::ErrorClass::{
    Auth, BadRequest, PlatformOutage, PolicyBlocked, RecipientUnreachable, Throttled,
};

use crate::table::{Code, Row, Verdict};

/// A mailbox that is full stays so for a while; greylisting lets go within a quarter of an hour.
const FULL_S: u32 = 3_600;
const GREY_S: u32 = 300;

/// All rows, most particular first.
pub const ROWS: &[Row] = &[
    // Refused for now: known not executed.
    Row::retry(PlatformOutage, Code::Any, "the server is closing or busy", "8e").http(421, 421),
    Row::retry(Throttled, Code::In(&[42_002]), "the mailbox is full for now", "8e")
        .http(400, 499)
        .pair()
        .wait(FULL_S),
    Row::retry(Throttled, Code::In(&[43_001]), "the mail system is full for now", "8e")
        .http(400, 499)
        .wait(GREY_S),
    Row::retry(PlatformOutage, Code::Range(43_000, 43_999), "the mail system fails", "8e").http(400, 499),
    Row::retry(PlatformOutage, Code::Range(44_000, 44_999), "the network or the routing fails", "8e")
        .http(400, 499),
    Row::retry(Throttled, Code::Any, "the log-in is refused for now", "8e").http(454, 454).wait(60),
    Row::retry(Throttled, Code::Range(47_000, 47_999), "a policy asks to come again later", "8e")
        .http(400, 499)
        .pair()
        .wait(GREY_S),
    Row::retry(Throttled, Code::Any, "asked to come again later (greylisting, a limit)", "8e")
        .http(400, 499)
        .pair()
        .wait(GREY_S),
    // The server turned us away before it heard of the mail.
    Row::retry(PlatformOutage, Code::Any, "the server takes no connection from us now", "8e")
        .http(500, 599)
        .says("at connect"),
    // The log-in.
    Row::refused(Auth, Code::In(&[57_008, 57_009]), "name or password is wrong", "8e"),
    Row::refused(Auth, Code::Any, "the server wants a log-in", "8e").http(530, 530),
    Row::refused(Auth, Code::Any, "name or password is wrong, or this kind of log-in is not allowed", "8e")
        .http(534, 538),
    Row::refused(Auth, Code::Any, "the log-in is refused", "8e").http(500, 599).says("at login"),
    // The recipient.
    Row::refused(
        BadRequest,
        Code::In(&[51_007, 51_008]),
        "our own address is refused: check `address`",
        "8e",
    ),
    Row::refused(RecipientUnreachable, Code::Range(51_000, 51_999), "there is no such mailbox", "8e")
        .http(500, 599),
    Row::refused(BadRequest, Code::In(&[52_003, 53_004]), "the mail is too large", "8e").http(500, 599),
    Row::refused(RecipientUnreachable, Code::Range(52_000, 52_999), "the mailbox is closed or full", "8e")
        .http(500, 599),
    Row::refused(
        RecipientUnreachable,
        Code::Range(54_000, 54_999),
        "no way leads to the mailbox's server",
        "8e",
    )
    .http(500, 599),
    Row::refused(BadRequest, Code::Range(55_000, 55_999), "the server does not understand us", "8e")
        .http(500, 599),
    Row::refused(BadRequest, Code::Range(56_000, 56_999), "the mail's form is refused", "8e").http(500, 599),
    Row::refused(
        PolicyBlocked,
        Code::Range(57_000, 57_999),
        "refused by policy: SPF, DKIM, DMARC, reputation or content",
        "8e",
    )
    .http(500, 599),
    Row::refused(BadRequest, Code::Any, "the server does not understand us", "8e").http(500, 504),
    Row::refused(RecipientUnreachable, Code::Any, "the recipient is refused", "8e")
        .http(505, 599)
        .says("at rcpt"),
    Row::refused(BadRequest, Code::Any, "the mail is too large", "8e").http(552, 552),
    Row::refused(PolicyBlocked, Code::Any, "the mail is refused", "8e").http(550, 554),
    Row::refused(BadRequest, Code::Any, "the mail is refused", "8e").http(500, 599),
    Row::new(Verdict::Uncertain, Code::Any, "the reply says neither yes nor no", "8b"),
];
