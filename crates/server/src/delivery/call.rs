//! One provider call: request, answer, classification. Never fails: whatever happens is an outcome.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use everthread_channels::spec::Transport;
use everthread_channels::{Outbound, WireRequest};
use everthread_core::content::MediaSource;
use everthread_core::ids::PartId;
use everthread_core::limits::CALL_TIMEOUT;
use everthread_core::outcome::{ErrorClass, Outcome, Reason, ThrottleScope};
use everthread_store::units::{AttemptResult, Outgoing};
use metrics::{counter, histogram};

use super::Delivery;
use crate::continuation::codes;
use crate::http::cut;
use crate::media::{Files, link::Links};
use crate::registry::Account;

/// Bytes of the redacted request kept with an attempt.
const REQUEST_BYTES_MAX: usize = 4_096;

/// Kept with an attempt instead of what went out.
const CODE_NOT_KEPT: &str = "a one-time code, which is not kept";

/// Makes the call that was claimed. A one-time code is put in here, and nowhere else.
pub(super) async fn make(with: &Delivery, account: Option<&Account>, out: &Outgoing) -> AttemptResult {
    let Some(content) = codes::filled(&with.links.seal, &out.content) else {
        return call(with, account, out).await;
    };
    let filled = Outgoing { content, ..out.clone() };
    let result = call(with, account, &filled).await;
    // Neither what went out nor what came back: both may hold the code.
    AttemptResult { request: CODE_NOT_KEPT.to_owned(), answer: String::new(), ..result }
}

async fn call(with: &Delivery, account: Option<&Account>, out: &Outgoing) -> AttemptResult {
    let ended = |outcome, request: String, answer: String| AttemptResult {
        workspace: out.workspace,
        attempt: out.attempt,
        outcome,
        request,
        answer,
    };
    let Some(account) = account else {
        let reason = Reason::new("account_gone", "the account was removed");
        return ended(Outcome::Refused { class: ErrorClass::Auth, reason }, String::new(), String::new());
    };
    let correlation = out.correlation.show(PartId::PREFIX);
    if account.is_local() {
        // Our own web chat: written is delivered to where the visitor reads it.
        return ended(
            Outcome::Accepted { provider_id: correlation },
            "kept for the visitor".into(),
            String::new(),
        );
    }
    let file = match carried(&with.files, account, out).await {
        Ok(file) => file,
        Err(reason) => {
            let outcome = Outcome::NotExecuted {
                class: ErrorClass::PlatformOutage,
                reason,
                wait: None,
                scope: ThrottleScope::Pair,
            };
            return ended(outcome, String::new(), String::new());
        }
    };
    let request = match build(account, &with.links, out, &correlation, file.as_deref()) {
        Ok(request) => request,
        Err(reason) => {
            return ended(
                Outcome::Refused { class: ErrorClass::BadRequest, reason },
                String::new(),
                String::new(),
            );
        }
    };
    let timeout = request.timeout.unwrap_or(CALL_TIMEOUT);
    if crate::clock::now() + timeout >= out.lease_until {
        let reason = Reason::new("lease", "the claim was too old to start a call");
        let outcome = Outcome::NotExecuted {
            class: ErrorClass::PlatformOutage,
            reason,
            wait: Some(everthread_core::time::Span::ZERO),
            scope: ThrottleScope::Pair,
        };
        return ended(outcome, cut(&request.redacted(), REQUEST_BYTES_MAX), String::new());
    }
    let started = std::time::Instant::now();
    let answer = with.client.call(&request).await;
    let channel = account.channel.spec().name;
    histogram!("everthread_provider_call_seconds", "channel" => channel)
        .record(started.elapsed().as_secs_f64());
    let outcome =
        catch_unwind(AssertUnwindSafe(|| account.channel.classify(&answer.wire()))).unwrap_or_else(|_| {
            Outcome::Uncertain {
                reason: Reason::new("classify", "the answer could not be read (a defect of ours)"),
            }
        });
    counter!("everthread_provider_calls_total", "channel" => channel, "outcome" => word(&outcome))
        .increment(1);
    // Only what a platform answered is evidence about it.
    let attempt = (out.number, out.canary);
    with.observer.call(crate::clock::now(), out.account, out.identity, attempt, &outcome);
    ended(outcome, cut(&request.redacted(), REQUEST_BYTES_MAX), answer.redacted(&request))
}

/// The bytes of the part's file, where the channel carries files itself instead of links to them.
async fn carried(files: &Files, account: &Account, out: &Outgoing) -> Result<Option<Vec<u8>>, Reason> {
    if account.channel.spec().transport != Transport::Mailbox {
        return Ok(None);
    }
    let Some(MediaSource::Stored(id)) = out.content.attachments.first().and_then(|file| file.source.as_ref())
    else {
        return Ok(None);
    };
    let bytes = files.read(out.workspace, id).await;
    bytes.map(Some).map_err(|error| Reason::new("file", format!("the file can't be read now: {error}")))
}

fn build(
    account: &Account,
    links: &Links,
    out: &Outgoing,
    correlation: &str,
    file: Option<&[u8]>,
) -> Result<WireRequest, Reason> {
    let reaction = out.reaction.as_ref().map(|(id, emoji)| (id.as_str(), emoji.as_deref()));
    let outbound = Outbound {
        correlation,
        to: &out.to,
        content: Cow::Owned(links.reachable(&out.content, out.workspace, crate::clock::now())),
        reply_to: out.reply_to.as_deref(),
        thread: out.thread.as_ref(),
        file,
        reaction,
        class: out.class,
        human_tag: out.human_tag,
    };
    catch_unwind(AssertUnwindSafe(|| account.channel.request(&outbound, &account.view(&links.public_url))))
        .unwrap_or_else(|_| Err(Reason::new("request", "the request could not be built (a defect of ours)")))
}

/// The outcome as a metric's label.
const fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted { .. } => "accepted",
        Outcome::NotExecuted { .. } => "not_executed",
        Outcome::Refused { .. } => "refused",
        Outcome::Uncertain { .. } => "uncertain",
    }
}
