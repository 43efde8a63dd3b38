//! What Instagram, WhatsApp and Messenger share: signature, handshake, envelope, error envelope, generic codes,
//! usage headers (channel facts, section 1).

pub mod answer;
pub mod envelope;
pub mod errors;
pub mod verify;

/// Names of the secrets that may have signed a webhook. Apps that use Instagram Login have two, and which one
/// signs is not documented, so both are tried.
pub(crate) const SIGNING: &[&str] = &["app_secret", "instagram_app_secret"];
