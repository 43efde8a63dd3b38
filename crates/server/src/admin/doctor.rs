//! `everthread account doctor`: does the platform answer, is the token accepted, can webhooks arrive?

use everthread_channels::WireRequest;
use everthread_channels::spec::Transport;
use everthread_core::outcome::{ErrorClass, Outcome};
use serde_json::json;

use super::execute::{Sink, print};
use super::{Admin, Failure};
use crate::http::{Answer, Client};
use crate::registry::Account;

pub(super) async fn run(
    admin: &Admin,
    workspace: Option<&str>,
    id: Option<&str>,
    sink: &Sink,
) -> Result<(), Failure> {
    let workspace = admin.workspace(workspace)?.id;
    let registry = admin.hub.registry().borrow().clone();
    let mut accounts: Vec<_> = registry.accounts().filter(|a| a.workspace == workspace).cloned().collect();
    accounts.sort_by_key(|a| a.id);
    if let Some(id) = id {
        accounts.retain(|a| crate::hub::shown(a.uid) == id || a.name == id);
        if accounts.is_empty() {
            return Err(Failure(format!(
                "there is no account {id:?} here; `everthread account list` shows them"
            )));
        }
    }
    let client = Client::new().map_err(Failure::from_display)?;
    let mut shown = Vec::new();
    for account in &accounts {
        shown.push(examine(admin, &client, account).await);
    }
    print(sink, &shown.into()).await
}

/// One call: does the server answer, does it take the credential?
async fn ask(
    client: &Client,
    account: &Account,
    request: &WireRequest,
    advice: &mut Vec<String>,
) -> (&'static str, &'static str) {
    let answer = client.call(request).await;
    let edge = if matches!(answer, Answer::Http { .. }) { "answers" } else { "does not answer" };
    let name = if crate::mail::is_mail(&request.url) { request.url.as_str() } else { "The platform" };
    let token = match (&answer, account.channel.classify(&answer.wire())) {
        (Answer::Http { status: 200..=299, .. }, _) | (_, Outcome::Accepted { .. }) => "accepted",
        (_, Outcome::Refused { class: ErrorClass::Auth, reason }) => {
            advice.push(format!(
                "{name} refuses the token ({} {}). Make a new one and add the account again.",
                reason.code, reason.text
            ));
            "refused"
        }
        (Answer::NotSent { error } | Answer::NoAnswer { error }, _) => {
            advice.push(format!("{name} can't be reached: {error}. Check this host's way out."));
            "unknown"
        }
        (_, Outcome::Refused { reason, .. }) => {
            advice.push(format!("{name} answers {} {}.", reason.code, reason.text));
            "unknown"
        }
        _ => "unknown",
    };
    (edge, token)
}

async fn examine(admin: &Admin, client: &Client, account: &Account) -> serde_json::Value {
    let mut advice = Vec::new();
    let view = account.view(&admin.public_url);
    let (mut edge, mut token) = ("ours", "not needed");
    // A mailbox has two servers: the one that mail goes out by, and the one that it comes in by.
    let mailbox = account.channel.spec().transport == Transport::Mailbox;
    let inbound = mailbox.then(|| account.channel.poll(&view, None)).flatten();
    for request in account.channel.probe(&view).into_iter().chain(inbound) {
        let (answers, accepted) = ask(client, account, &request, &mut advice).await;
        if edge != "does not answer" {
            edge = answers;
        }
        if token == "not needed" || token == "accepted" {
            token = accepted;
        }
    }
    let public = admin.public_url.starts_with("https://");
    if account.channel.spec().transport == Transport::Webhook && !public && !account.sandbox {
        advice.push(format!(
            "Webhooks can't reach {}: give the hub a public https address with --public-url.",
            admin.public_url
        ));
    }
    if let Some(stopped) = &account.stopped {
        advice.push(stopped.clone());
    }
    json!({
        "id": crate::hub::shown(account.uid), "name": account.name, "channel": account.channel.spec().name,
        "edge": edge, "token": token, "sending": account.stopped.is_none(), "advice": advice,
    })
}
