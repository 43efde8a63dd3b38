//! Nothing is posted to us: what is checked is what `account add` was given.

use everthread_core::account::{Secrets, Settings};

use super::connect::{Server, since};

/// Names what is missing or malformed.
pub(super) fn check(settings: &Settings, secrets: &Secrets) -> Vec<String> {
    let mut wrong = Vec::new();
    for (name, schemes, example) in [
        ("smtp_url", ["smtp://", "smtps://"], "smtps://mail.example.com:465"),
        ("imap_url", ["imap://", "imaps://"], "imaps://mail.example.com:993"),
    ] {
        match settings.get(name) {
            None => wrong.push(format!("{name} is missing: --set {name}={example}")),
            Some(url) if !schemes.iter().any(|scheme| url.starts_with(scheme)) => {
                wrong.push(format!("{name} must begin with {}", schemes.join(" or ")));
            }
            Some(url) => {
                if let Err(error) = Server::read(url) {
                    wrong.push(format!("{name} {error}"));
                }
            }
        }
    }
    match settings.get("address") {
        None => wrong.push("address is missing: --set address=shop@example.com".to_owned()),
        Some(address) if super::normal(address).is_none() => {
            wrong.push("address must be one plain address, as shop@example.com".to_owned());
        }
        Some(_) => {}
    }
    if secrets.get("password").is_none() {
        wrong.push("password is missing: --secret password=- reads it from standard input".to_owned());
    }
    if settings.get("since").is_some() && since(settings).is_none() {
        wrong.push("since must be a day, as 2026-01-31".to_owned());
    }
    for name in ["folder", "sent_folder"] {
        if settings.get(name).is_some_and(|folder| !folder.is_ascii()) {
            wrong.push(format!("{name} must be written as the server lists it, in ASCII (modified UTF-7)"));
        }
    }
    for name in ["from_name", "folder", "sent_folder", "user", "smtp_user"] {
        if settings.get(name).is_some_and(|value| value.chars().any(char::is_control)) {
            wrong.push(format!("{name} must be one line"));
        }
    }
    wrong
}
