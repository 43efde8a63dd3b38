//! WhatsApp's own codes (channel facts, 4e), before the generic ones of the Graph API.

use everthread_core::outcome::ErrorClass::{
    Auth, BadRequest, PlatformOutage, PolicyBlocked, RecipientUnreachable, Throttled, WindowClosed,
};

use crate::table::{Code, Row, Verdict};

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::retry(Throttled, Code::In(&[131_056]), "too many messages to this customer", "4d").pair().wait(6),
    Row::retry(Throttled, Code::In(&[130_429]), "too many messages from this number", "4d").wait(5),
    Row::retry(Throttled, Code::In(&[131_048, 131_064]), "limited for quality: hours, not seconds", "4e")
        .wait(3_600),
    Row::retry(Throttled, Code::In(&[133_016]), "too many registrations", "4e").wait(3_600),
    Row::retry(Throttled, Code::In(&[131_057]), "the account is in maintenance", "4e").wait(180),
    Row::refused(WindowClosed, Code::In(&[131_047]), "more than 24 hours since the customer wrote", "4e"),
    Row::refused(
        RecipientUnreachable,
        Code::In(&[131_026]),
        "not on WhatsApp, an old app, or blocked us",
        "4e",
    ),
    Row::refused(RecipientUnreachable, Code::In(&[131_049]), "the customer had enough marketing today", "4e"),
    Row::refused(RecipientUnreachable, Code::In(&[131_050]), "the customer opted out of marketing", "4e"),
    Row::refused(RecipientUnreachable, Code::In(&[130_472]), "the customer is in an experiment group", "4e"),
    Row::refused(RecipientUnreachable, Code::In(&[137_000]), "the customer's identity key changed", "4e"),
    Row::refused(BadRequest, Code::In(&[33]), "the object does not exist or is not ours", "4e"),
    Row::refused(Auth, Code::In(&[0, 131_005]), "the token may not do this", "4e"),
    Row::refused(
        Auth,
        Code::In(&[133_000, 133_005, 133_006, 133_008, 133_009, 133_010, 133_015]),
        "the number is not registered",
        "4e",
    ),
    Row::retry(PlatformOutage, Code::In(&[131_016]), "service unavailable; not executed", "4e"),
    Row::retry(PlatformOutage, Code::In(&[131_000]), "something went wrong inside WhatsApp; not sent", "4e"),
    Row::retry(PlatformOutage, Code::In(&[133_004]), "the server is temporarily unavailable", "4e"),
    Row::new(Verdict::Uncertain, Code::In(&[135_000]), "a generic failure inside WhatsApp", "4e")
        .http(500, 599),
    Row::retry(PlatformOutage, Code::In(&[135_000]), "a generic failure inside WhatsApp", "4e"),
    Row::refused(BadRequest, Code::In(&[131_021]), "the sender is the recipient", "4e"),
    Row::refused(BadRequest, Code::In(&[131_030]), "a test number may write to listed numbers only", "4e"),
    Row::refused(BadRequest, Code::In(&[131_062]), "this kind of message needs the phone number", "4e"),
    Row::refused(BadRequest, Code::In(&[131_053]), "WhatsApp could not fetch our file", "4e"),
    Row::refused(
        BadRequest,
        Code::In(&[131_008, 131_009, 131_051, 131_052, 131_055]),
        "a parameter or type is wrong",
        "4e",
    ),
    Row::refused(
        PolicyBlocked,
        Code::In(&[132_015, 132_016, 132_069]),
        "the template or flow is paused or disabled",
        "4e",
    ),
    Row::refused(
        BadRequest,
        Code::In(&[132_000, 132_001, 132_005, 132_007, 132_008, 132_012, 132_068, 131_063]),
        "the template or flow is wrong",
        "4e",
    ),
    Row::refused(PolicyBlocked, Code::In(&[131_042]), "payment for the account is not in order", "4e"),
    Row::refused(PolicyBlocked, Code::In(&[131_037]), "the display name is not approved", "4e"),
    Row::refused(PolicyBlocked, Code::In(&[131_045]), "the number's certificate is not in order", "4e"),
    Row::refused(PolicyBlocked, Code::In(&[130_497, 131_031, 131_044]), "the account is restricted", "4e"),
    Row::new(Verdict::Uncertain, Code::Range(130_000, 139_999), "an unknown failure inside WhatsApp", "4e")
        .http(500, 599),
    Row::refused(BadRequest, Code::Range(130_000, 139_999), "a code of WhatsApp's that is not known", "4e"),
];
