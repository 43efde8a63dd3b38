//! The header `X-Telegram-Bot-Api-Secret-Token` equals our secret token; the body is not signed.

use everthread_core::account::Secrets;

use crate::wire::HookRequest;
use crate::{Reject, sign};

/// Compares the header with every secret token.
pub(super) fn verify(request: &HookRequest<'_>, secrets: &[Secrets]) -> Result<usize, Reject> {
    let given = request.header("x-telegram-bot-api-secret-token").ok_or(Reject::Missing)?;
    sign::first_match(secrets, &["secret_token"], |secret| sign::same(secret.as_bytes(), given.as_bytes()))
}

/// Names what is missing or malformed.
pub(super) fn check(secrets: &Secrets) -> Vec<String> {
    let mut wrong = Vec::new();
    match secrets.get("token") {
        None => wrong.push("token is missing: --secret token=... (from @BotFather)".to_owned()),
        Some(token) if !is_token(token) => {
            wrong.push("token must look like 123456:ABC-DEF, as @BotFather shows it".to_owned());
        }
        Some(_) => {}
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    if secrets.get("secret_token").is_some_and(|t| t.len() > 256 || !t.bytes().all(allowed)) {
        wrong.push("secret_token must be 1 to 256 of A-Z a-z 0-9 _ -".to_owned());
    }
    wrong
}

fn is_token(token: &str) -> bool {
    token.split_once(':').is_some_and(|(id, key)| {
        !id.is_empty()
            && id.bytes().all(|b| b.is_ascii_digit())
            && !key.is_empty()
            && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}
