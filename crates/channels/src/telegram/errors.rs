//! The Bot API's answers, told apart by status and description (channel facts, 5e).

use everthread_core::outcome::ErrorClass::{Auth, BadRequest, RecipientUnreachable, Throttled};

use crate::table::{Code, Row, Verdict};

const fn refused(
    class: everthread_core::outcome::ErrorClass,
    status: u16,
    says: &'static str,
    note: &'static str,
) -> Row {
    Row::refused(class, Code::Any, note, "5e").http(status, status).says(says)
}

/// Rows of this channel alone, most particular first.
pub const ROWS: &[Row] = &[
    Row::retry(Throttled, Code::In(&[429]), "too fast; Telegram names the wait", "5d").wait(5),
    refused(
        RecipientUnreachable,
        400,
        "chat not found",
        "no such chat: the customer has not started the bot",
    ),
    refused(RecipientUnreachable, 400, "user not found", "no such user"),
    refused(RecipientUnreachable, 400, "peer_id_invalid", "no such chat"),
    refused(RecipientUnreachable, 400, "upgraded to a supergroup", "the chat has a new id"),
    Row::new(Verdict::Duplicate, Code::Any, "it is like this already", "5e")
        .http(400, 400)
        .says("message is not modified"),
    refused(BadRequest, 400, "message is too long", "the text is too long"),
    refused(BadRequest, 400, "can't parse entities", "the text's markup is broken"),
    refused(BadRequest, 400, "wrong file identifier", "the file's id or address is wrong"),
    refused(BadRequest, 400, "failed to get http url content", "Telegram could not fetch our file"),
    refused(BadRequest, 400, "file is too big", "the file is too big"),
    refused(BadRequest, 400, "query is too old", "the button press was acknowledged too late"),
    refused(Auth, 401, "", "the token is revoked"),
    refused(RecipientUnreachable, 403, "", "the customer blocked the bot, never started it, or is gone"),
    refused(BadRequest, 404, "method not found", "the method does not exist"),
    refused(Auth, 404, "", "the token is malformed"),
    refused(Auth, 409, "", "two programs use this bot, or a webhook is set while polling"),
    refused(BadRequest, 413, "", "the request is too big"),
];
