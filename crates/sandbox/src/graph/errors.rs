//! Graph's errors.

use serde_json::{Value, json};

use crate::account::Platform;
use crate::fault::Refusal;
use crate::rng::{Rng, hash};
use crate::wire::Reply;

/// An error in Graph's envelope.
pub(super) fn refuse(status: u16, code: i64, subcode: Option<i64>, message: &str) -> Reply {
    Reply::json(status, envelope(code, subcode, message, None, false))
}

/// An error with WhatsApp's details.
pub(super) fn refuse_wa(status: u16, code: i64, title: &str, details: &str) -> Reply {
    Reply::json(status, envelope(code, None, &format!("(#{code}) {title}"), Some(details), false))
}

fn envelope(code: i64, subcode: Option<i64>, message: &str, details: Option<&str>, transient: bool) -> Value {
    let trace = Rng::new(hash(code as u64, &[message]), &["trace"]).letters(22, crate::rng::ALNUM);
    let mut error = json!({"message": message, "type": "OAuthException", "code": code, "fbtrace_id": format!("A{trace}")});
    if let Some(subcode) = subcode {
        error["error_subcode"] = json!(subcode);
    }
    if transient {
        error["is_transient"] = json!(true);
    }
    if let Some(details) = details {
        error["error_data"] = json!({"messaging_product": "whatsapp", "details": details});
    }
    json!({"error": error})
}

/// A token that opens nothing (460: it was revoked).
pub(super) fn invalid_token(subcode: Option<i64>) -> Reply {
    let text = if subcode.is_some() {
        "Error validating access token: The session has been invalidated because the user changed their password or Facebook has changed the session for security reasons."
    } else {
        "Invalid OAuth access token - Cannot parse access token"
    };
    refuse(401, 190, subcode, text)
}

/// An object that isn't there, or isn't this token's.
pub(super) fn missing_object(object: &str) -> Reply {
    let text = format!(
        "Unsupported request. Object with ID '{object}' does not exist, cannot be loaded due to missing permissions, or does not support this operation."
    );
    refuse(400, 100, Some(33), &text)
}

/// Refusals of the platform's own making.
pub(crate) fn refusal(platform: Platform, why: Refusal) -> Reply {
    let whatsapp = platform == Platform::Whatsapp;
    match why {
        Refusal::Internal if whatsapp => {
            refuse_wa(500, 131_000, "Something went wrong", "Message failed to send due to an unknown error.")
        }
        Refusal::Internal => {
            let text = "An unexpected error has occurred. Please retry your request later.";
            Reply::json(500, envelope(2, None, text, None, true))
        }
        Refusal::AuthDown => {
            Reply::json(503, envelope(2, None, "Service temporarily unavailable", None, true))
        }
        Refusal::Revoked => invalid_token(Some(460)),
        Refusal::Throttled(_) if whatsapp => throughput(),
        Refusal::Throttled(_) => too_fast(platform),
        Refusal::LateSuccess if platform == Platform::Messenger => {
            let text = "An unknown error has occurred.";
            Reply::json(500, envelope(1, Some(1_357_046), text, None, false))
        }
        Refusal::LateSuccess => refusal(platform, Refusal::Internal),
    }
}

/// More direct messages in a second than the platform takes.
pub(super) fn too_fast(platform: Platform) -> Reply {
    if platform == Platform::Messenger {
        let text = "(#4) Application request limit reached for sending messages";
        return refuse(429, 4, Some(2_018_022), text);
    }
    reads_too_fast(platform)
}

/// More reads in a second than the platform takes.
pub(super) fn reads_too_fast(platform: Platform) -> Reply {
    let subcode = (platform != Platform::Messenger).then_some(2_534_040);
    refuse(429, 613, subcode, "(#613) Calls to this api have exceeded the rate limit.")
}

/// WhatsApp's throughput limit.
pub(super) fn throughput() -> Reply {
    refuse_wa(
        429,
        130_429,
        "Rate limit hit",
        "Message failed to send because there were too many messages sent from this phone number in a short period of time.",
    )
}

/// Title and details of the errors that arrive as a failed status.
pub(super) fn late(code: i64) -> (&'static str, &'static str) {
    match code {
        131_047 => (
            "Re-engagement message",
            "Message failed to send because more than 24 hours have passed since the customer last replied to this number.",
        ),
        131_026 => ("Message undeliverable", "Message Undeliverable."),
        131_053 => ("Media upload error", "Media could not be downloaded from the link provided."),
        131_049 => (
            "This message was not delivered to maintain healthy ecosystem engagement.",
            "In order to maintain a healthy ecosystem engagement, the message failed to be delivered.",
        ),
        _ => ("Something went wrong", "Message failed to send due to an unknown error."),
    }
}
