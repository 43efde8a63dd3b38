//! Codes of direct messages on Instagram and Messenger (channel facts, 2e and 3e): after a channel's own rows, before
//! the generic ones of the Graph API.

use everthread_core::outcome::ErrorClass::{
    Auth, BadRequest, PlatformOutage, PolicyBlocked, RecipientUnreachable, Throttled, WindowClosed,
};

use crate::table::{Code, Row, Verdict};

/// Rows that both have, most particular first.
pub(crate) const ROWS: &[Row] = &[
    Row::refused(WindowClosed, Code::In(&[10]), "outside the reply window", "2e").sub(2_534_022),
    Row::refused(WindowClosed, Code::In(&[10]), "outside the reply window", "2e").sub(2_018_278),
    Row::refused(WindowClosed, Code::In(&[10]), "outside the reply window", "3e").sub(2_018_065),
    Row::refused(RecipientUnreachable, Code::In(&[10]), "the customer cannot be reached", "2e")
        .sub(2_018_108),
    Row::refused(PolicyBlocked, Code::In(&[10]), "not allowed by policy", "3e").sub(1_893_063),
    Row::refused(PolicyBlocked, Code::In(&[10]), "not allowed by policy", "3e").sub(1_404_170),
    Row::refused(PolicyBlocked, Code::In(&[10]), "the thread is restricted", "3e").sub(2_018_336),
    Row::refused(RecipientUnreachable, Code::In(&[100]), "no such customer, deleted, or blocked us", "2e")
        .sub(2_534_014),
    Row::refused(RecipientUnreachable, Code::In(&[100]), "no matching customer", "3e").sub(2_018_001),
    Row::refused(PolicyBlocked, Code::In(&[100]), "not allowed for this account", "2e").sub(2_534_029),
    Row::refused(BadRequest, Code::In(&[100]), "another app owns the thread", "2e").sub(2_534_037),
    Row::refused(PolicyBlocked, Code::In(&[100]), "the human-agent tag is not approved for this app", "2e")
        .sub(2_018_276),
    Row::refused(BadRequest, Code::In(&[100]), "the platform could not fetch our file", "2e").sub(2_018_008),
    Row::refused(BadRequest, Code::In(&[100]), "a file of a kind that is not taken", "2e").sub(2_018_047),
    Row::refused(BadRequest, Code::In(&[100]), "the id of a file is wrong", "2e").sub(2_018_074),
    Row::refused(BadRequest, Code::In(&[100]), "the video took too long to fetch", "2e").sub(2_018_294),
    Row::refused(BadRequest, Code::In(&[100]), "the file is too big", "3e").sub(2_018_109),
    Row::refused(
        BadRequest,
        Code::In(&[2_018_300, 2_018_321]),
        "another app or automation owns the thread",
        "3e",
    ),
    Row::refused(RecipientUnreachable, Code::In(&[551]), "the customer is not available", "2e"),
    Row::refused(RecipientUnreachable, Code::In(&[200]), "the customer is not available", "2e")
        .sub(1_545_041),
    Row::refused(Auth, Code::In(&[200]), "the owner switched off access to messages", "2e").sub(2_534_041),
    Row::refused(PolicyBlocked, Code::In(&[613]), "about to be restricted: slow down hard", "3e")
        .sub(2_018_338),
    Row::retry(Throttled, Code::In(&[613]), "too many messages", "2e").sub(2_534_040).wait(60),
    Row::refused(PolicyBlocked, Code::In(&[2022]), "not allowed by policy", "3e"),
    Row::new(Verdict::Uncertain, Code::In(&[1]), "reported as an error though the message went out", "3e")
        .sub(1_357_046),
    Row::retry(PlatformOutage, Code::In(&[2]), "the platform is failing", "2e").sub(1_545_133),
    Row::new(Verdict::Uncertain, Code::In(&[1200]), "the platform is failing", "3e").http(500, 599),
    Row::retry(PlatformOutage, Code::In(&[1200]), "the platform is failing", "3e"),
];
