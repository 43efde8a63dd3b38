//! Outgoing webhooks: outbox rows become calls under the Standard Webhooks signature, retried for days.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use everthread_channels::WireRequest;
use everthread_core::time::Span;
use everthread_store::Store;
use everthread_store::units::{DeliveryOutcome, DeliveryResult, DueDeliveries, WebhookJob};
use futures_util::StreamExt;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::http::Answer;
use crate::http::guard::Guarded;
use crate::seal::Seal;

/// Calls at one time.
const AT_ONCE: usize = 8;
const ROUND: u32 = 64;
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// A receiver has this long to answer.
const TIMEOUT: Span = Span::secs(15);

/// Given up after this long.
const PATIENCE: Span = Span::hours(72);

/// What the caller works with.
#[derive(Clone, Debug)]
pub struct Caller {
    pub store: StoreHandle,
    pub seal: Seal,
    pub client: Guarded,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
}

/// The store, with a `Debug` that says nothing of it.
#[derive(Clone)]
pub struct StoreHandle(pub Store);

impl std::fmt::Debug for StoreHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Store")
    }
}

impl Caller {
    /// Calls what is due until it is stopped.
    pub async fn run(self) -> Result<(), std::convert::Infallible> {
        loop {
            let due = DueDeliveries { now: clock::now(), limit: ROUND };
            let jobs = self.store.0.read(due).await.unwrap_or_default();
            let idle = jobs.is_empty();
            let work = futures_util::stream::iter(jobs.into_iter().map(|job| self.deliver(job)));
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = work.buffer_unordered(AT_ONCE).collect::<()>() => {}
            }
            if idle {
                tokio::select! {
                    () = self.stop.cancelled() => return Ok(()),
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        }
    }

    async fn deliver(&self, job: WebhookJob) {
        let now = clock::now();
        let secret = job.secret.as_deref().and_then(|s| self.seal.open(s).ok()).unwrap_or_default();
        let request = WireRequest {
            method: "POST",
            url: job.url.clone(),
            headers: vec![
                ("content-type", "application/json".into()),
                ("webhook-id", job.event_id.clone()),
                ("webhook-timestamp", (now.micros() / 1_000_000).to_string()),
                ("webhook-signature", sign(&secret, &job.event_id, now.micros() / 1_000_000, &job.body)),
            ],
            body: job.body.clone().into_bytes(),
            timeout: Some(TIMEOUT),
            secrets: Vec::new(),
        };
        let outcome = match self.client.call(&request, 64 * 1024).await {
            Answer::Http { status: status @ 200..=299, .. } => DeliveryOutcome::Done { status },
            Answer::Http { status: 410, .. } => DeliveryOutcome::Failed {
                status: Some(410),
                error: "the receiver says that it is gone".into(),
            },
            Answer::Http { status, .. } => again(&job, Some(status), format!("answered {status}")),
            Answer::NotSent { error } | Answer::NoAnswer { error } => again(&job, None, error),
        };
        let result = DeliveryResult { now: clock::now(), delivery: job.id, outcome };
        if let Err(error) = self.store.0.write(result).await {
            tracing::warn!(%error, delivery.id = job.id, "what came of an outgoing webhook can't be written; it is sent again");
        }
    }
}

/// An address that may be called, trimmed. Fails with what is wrong with it. Whether it is private is checked at each call.
pub fn check_url(text: &str) -> Result<String, String> {
    let text = text.trim();
    let url = reqwest::Url::parse(text).map_err(|error| {
        format!("{text:?} is no address ({error}); write it like https://example.com/hook")
    })?;
    match url.scheme() {
        "https" | "http" if url.host_str().is_some() => Ok(text.to_owned()),
        scheme => Err(format!("only https and http can be called, not {scheme}")),
    }
}

/// A signing secret as the Standard Webhooks libraries take it.
pub fn secret_text(secret: &[u8]) -> String {
    format!("whsec_{}", STANDARD.encode(secret))
}

/// Again after 5 s, doubling to 4 h, for three days.
fn again(job: &WebhookJob, status: Option<u16>, error: String) -> DeliveryOutcome {
    let at = clock::now() + Span::secs(5_i64 << job.tries.min(12)).min(Span::hours(4));
    if at.since(job.created_at) > PATIENCE {
        return DeliveryOutcome::Failed { status, error: format!("given up after three days: {error}") };
    }
    DeliveryOutcome::Retry { at, status, error }
}

/// `v1,<base64 of HMAC-SHA256 over id.timestamp.body>` (Standard Webhooks 1.0).
fn sign(secret: &[u8], id: &str, timestamp: i64, body: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signature_is_the_standards_example() {
        // The example of the specification: secret whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw.
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let signed = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
