//! Long polls for channels that can do without a public address.

use std::sync::Arc;
use std::time::Duration;

use everthread_channels::{Polled, WireResponse};
use everthread_core::outcome::{ErrorClass, Outcome};
use everthread_store::journal::{Journal, RawRecord, Source};
use tokio_util::sync::CancellationToken;

use crate::http::{Answer, Client};
use crate::registry::Account;

/// Wait after a failed poll, doubled up to the maximum.
const WAIT_MIN: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_mins(1);

/// Why polling ended.
#[derive(Debug, thiserror::Error)]
pub enum Stop {
    #[error(
        "the platform no longer accepts the token ({0}); enter a new one with `account set ID --secret token=-`"
    )]
    Auth(String),
}

/// Polls one account until it is stopped or its token is refused. What came in is journaled before the cursor moves.
pub async fn run(
    account: Arc<Account>,
    journal: Journal,
    client: Client,
    public_url: Arc<str>,
    stop: CancellationToken,
) -> Result<(), Stop> {
    let view = account.view(&public_url);
    for request in account.channel.connect(&view, false) {
        let answer = client.call(&request).await;
        tracing::debug!(
            account.id = account.id.0,
            answer = answer.redacted(&request),
            "asked the platform to be polled"
        );
    }
    let mut cursor: Option<String> = None;
    let mut wait = WAIT_MIN;
    loop {
        let Some(request) = account.channel.poll(&view, cursor.as_deref()) else { return Ok(()) };
        let answer = tokio::select! {
            () = stop.cancelled() => return Ok(()),
            answer = client.call(&request) => answer,
        };
        let failed = match account.channel.polled(&answer.wire()) {
            Polled::Empty => None,
            Polled::Events { cursor: next } => match keep(&account, &journal, &answer).await {
                Ok(()) => {
                    cursor = Some(next);
                    None
                }
                Err(error) => Some(error),
            },
            Polled::Failed(reason) => {
                if refused_for_good(&account, &answer.wire()) {
                    return Err(Stop::Auth(reason.text));
                }
                Some(format!("{} {}", reason.code, reason.text))
            }
        };
        let Some(error) = failed else {
            wait = WAIT_MIN;
            continue;
        };
        tracing::warn!(account.id = account.id.0, error, "poll failed, trying again");
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(WAIT_MAX);
    }
}

async fn keep(account: &Account, journal: &Journal, answer: &Answer) -> Result<(), String> {
    let Answer::Http { body, .. } = answer else { return Ok(()) };
    let record = RawRecord {
        received_at: crate::clock::now(),
        endpoint: account.endpoint.0,
        secret: account.fingerprint,
        source: Source::Poll,
        content_type: "application/json",
        query: "",
        body,
    };
    journal.append(&record).await.map(drop).map_err(|e| e.to_string())
}

fn refused_for_good(account: &Account, response: &WireResponse<'_>) -> bool {
    matches!(account.channel.classify(response), Outcome::Refused { class: ErrorClass::Auth, .. })
}
