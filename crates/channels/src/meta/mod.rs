//! What Instagram, WhatsApp and Messenger share: signature, handshake, envelope, error envelope, generic codes,
//! usage headers (channel facts, section 1); and `messaging`, what the two share whose messages are of one shape.

pub mod answer;
pub mod envelope;
pub mod errors;
pub(crate) mod messaging;
pub mod verify;

/// Names of the secrets that may have signed a webhook. Apps that use Instagram Login have two, and which one
/// signs is not documented, so both are tried.
pub(crate) const SIGNING: &[&str] = &["app_secret", "instagram_app_secret"];

/// Where Pages, and accounts that are connected through one, send.
pub(crate) const PAGE_API_BASE: &str = "https://graph.facebook.com/v25.0";
