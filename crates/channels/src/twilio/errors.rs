//! Twilio's codes, in answers and in status callbacks (channel facts, 6e).

use everthread_core::outcome::ErrorClass::{
    Auth, BadRequest, PlatformOutage, PolicyBlocked, RecipientUnreachable, Throttled, WindowClosed,
};

use crate::table::{Code, Row, Verdict};

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::retry(Throttled, Code::In(&[20_429]), "too many calls at once; never executed", "6d").wait(1),
    Row::retry(Throttled, Code::In(&[14_107]), "too many messages from this sender", "6e").wait(5),
    Row::retry(Throttled, Code::In(&[21_611, 30_001]), "the sender's queue is full", "6e").wait(600),
    Row::retry(Throttled, Code::In(&[30_023, 30_027]), "the daily limit of the brand is reached", "6e")
        .wait(3_600)
        .http(0, 499),
    Row::retry(Throttled, Code::In(&[30_022, 63_017, 63_018, 63_038]), "too many messages", "6e").wait(60),
    Row::refused(
        Auth,
        Code::In(&[20_003, 20_005, 20_006, 20_101, 90_010, 10_001]),
        "the credential or the account is not accepted",
        "6e",
    ),
    Row::refused(
        Auth,
        Code::In(&[21_606, 21_659, 63_001, 63_007, 63_008]),
        "the sender is not ours or not set up",
        "6e",
    ),
    Row::refused(WindowClosed, Code::In(&[63_016]), "outside the reply window", "6e"),
    Row::refused(
        RecipientUnreachable,
        Code::In(&[21_610, 63_014, 63_033]),
        "the customer opted out or blocked us",
        "6e",
    ),
    Row::refused(
        RecipientUnreachable,
        Code::In(&[21_211, 21_214, 21_217, 21_614]),
        "not a number that takes messages",
        "6e",
    ),
    Row::refused(
        RecipientUnreachable,
        Code::In(&[21_612, 30_003, 30_005, 30_006, 63_003, 63_024, 63_032, 63_036]),
        "the number cannot be reached",
        "6e",
    ),
    Row::refused(RecipientUnreachable, Code::In(&[30_008]), "the carrier gave no reason", "6e"),
    Row::refused(
        PolicyBlocked,
        Code::In(&[21_408, 30_004, 30_007, 30_018, 30_024, 30_032, 30_034, 63_013, 63_026, 63_041]),
        "blocked, filtered or not registered",
        "6e",
    ),
    Row::refused(
        BadRequest,
        Code::In(&[
            21_602, 21_603, 21_604, 21_617, 21_619, 21_620, 21_623, 30_019, 63_005, 63_019, 63_021, 63_027,
            63_028, 63_034,
        ]),
        "the message is wrong",
        "6e",
    ),
    Row::new(Verdict::Uncertain, Code::In(&[20_500, 20_503]), "Twilio is failing", "6e").http(500, 599),
    Row::retry(PlatformOutage, Code::In(&[20_500, 20_503]), "Twilio is failing", "6e"),
    Row::retry(PlatformOutage, Code::In(&[30_017, 30_410]), "the carrier is failing", "6e").http(0, 499),
    Row::retry(
        PlatformOutage,
        Code::In(&[30_020, 30_021, 63_009, 63_010, 63_012]),
        "Twilio is failing",
        "6e",
    )
    .http(0, 499),
];
