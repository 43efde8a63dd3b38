//! `everthread account doctor`: does the platform answer, is the token accepted, can webhooks arrive?

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

async fn examine(admin: &Admin, client: &Client, account: &Account) -> serde_json::Value {
    let mut advice = Vec::new();
    let (edge, token) = match account.channel.probe(&account.view(&admin.public_url)) {
        None => ("ours", "not needed"),
        Some(request) => {
            let answer = client.call(&request).await;
            let edge = if matches!(answer, Answer::Http { .. }) { "answers" } else { "does not answer" };
            let token = match (&answer, account.channel.classify(&answer.wire())) {
                (Answer::Http { status: 200..=299, .. }, _) | (_, Outcome::Accepted { .. }) => "accepted",
                (_, Outcome::Refused { class: ErrorClass::Auth, reason }) => {
                    advice.push(format!(
                        "The platform refuses the token ({} {}). Make a new one and add the account again.",
                        reason.code, reason.text
                    ));
                    "refused"
                }
                (Answer::NotSent { error } | Answer::NoAnswer { error }, _) => {
                    advice
                        .push(format!("The platform can't be reached: {error}. Check this host's way out."));
                    "unknown"
                }
                _ => "unknown",
            };
            (edge, token)
        }
    };
    let public = admin.public_url.starts_with("https://");
    if account.channel.spec().transport == everthread_channels::spec::Transport::Webhook
        && !public
        && !account.sandbox
    {
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
