//! Connecting and disconnecting accounts: the same for the command line and the console.

use std::collections::BTreeMap;
use std::sync::Arc;

use everthread_channels::spec::Transport;
use everthread_channels::{CHANNELS, Channel};
use everthread_core::account::{Secrets, Settings};
use everthread_core::ids::WorkspaceId;
use everthread_store::units::{AccountAdded, AddAccount, EndpointChoice, UpdateAccount};
use serde::Serialize;

use super::{Admin, Failure};
use crate::ingress::table::{family, fingerprint};
use crate::registry::Account;
use crate::seal::{hex, random_32};

/// Secrets that the hub makes where nobody gave one: both sides only need to agree on them.
const MADE_HERE: &[&str] = &["secret_token", "signing_key", "verify_token"];

/// What `account add` answers (design section 9).
#[derive(Clone, Debug, Serialize)]
pub struct Added {
    pub id: String,
    pub channel: String,
    pub name: String,
    pub webhook_path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_path: Option<String>,
    /// What is left to do, each a sentence.
    pub next_steps: Vec<String>,
}

/// What an account is made from.
#[derive(Clone, Debug)]
pub struct Form {
    pub channel: String,
    pub name: String,
    pub settings: Settings,
    pub secrets: Secrets,
    pub sandbox: bool,
}

/// A name in hexadecimal that nobody guesses.
pub fn unguessable() -> String {
    hex(&random_32()[..20])
}

impl Admin {
    /// Checks what was given, seals the secrets, stores the account and lets the hub load it.
    pub async fn add_account(&self, workspace: WorkspaceId, mut form: Form) -> Result<Added, Failure> {
        let channel =
            everthread_channels::find(&form.channel).ok_or_else(|| unknown_channel(&form.channel))?;
        complete(channel, &mut form.secrets);
        refuse_unknown_keys(channel, &form)?;
        let wrong = channel.check(&form.settings, &form.secrets);
        if !wrong.is_empty() {
            return Err(Failure(format!("the account can't be connected:\n  - {}", wrong.join("\n  - "))));
        }
        let external_id = channel.external_id(&form.settings);
        let endpoint = self.endpoint(channel, external_id.as_deref(), &form)?;
        let added: AccountAdded = self
            .store
            .write(AddAccount {
                now: crate::clock::now(),
                seed: crate::clock::seed(),
                workspace,
                endpoint,
                channel: form.channel.clone(),
                external_id,
                name: form.name.clone(),
                settings: serde_json::to_string(&form.settings).map_err(Failure::from_display)?,
                secrets: self.seal.seal_secrets(&form.secrets),
                sandbox: form.sandbox,
            })
            .await
            .map_err(Failure::from_display)?;
        self.committed(added.after);
        self.hub.reload().await.map_err(Failure::from_display)?;
        let webhook_path = format!("/hooks/{}/{}", form.channel, added.path_key);
        Ok(Added {
            id: crate::hub::shown(added.uid),
            next_steps: self.next_steps(channel, &form, &webhook_path),
            status_path: channel.spec().name.eq("twilio").then(|| webhook_path.clone()),
            channel: form.channel,
            name: form.name,
            webhook_path,
        })
    }

    /// Changes an account: what is given takes the place of what was there, an empty value takes it away. A verifying secret that
    /// goes is refused at once (unless it stays as `<name>_previous`); what it signed before is still the account's.
    pub async fn set_account(
        &self,
        workspace: WorkspaceId,
        id: &str,
        (name, settings, secrets): (Option<String>, Settings, Secrets),
    ) -> Result<Arc<Account>, Failure> {
        let account = self.find_account(workspace, id)?;
        let channel = account.channel;
        let form = Form {
            channel: channel.spec().name.to_owned(),
            name: name.unwrap_or_else(|| account.name.clone()),
            settings: Settings(merged(&account.settings.0, settings.0)),
            secrets: Secrets(merged(&account.secrets.0, secrets.0)),
            sandbox: account.sandbox,
        };
        refuse_unknown_keys(channel, &form)?;
        let wrong = channel.check(&form.settings, &form.secrets);
        if !wrong.is_empty() {
            return Err(Failure(format!("the account can't be changed:\n  - {}", wrong.join("\n  - "))));
        }
        if channel.external_id(&form.settings) != channel.external_id(&account.settings) {
            return Err(Failure(
                "that would make it another account; connect that one with `everthread account add`".into(),
            ));
        }
        let unit = UpdateAccount {
            now: crate::clock::now(),
            workspace,
            account: account.id,
            name: Some(form.name.clone()),
            settings: Some(serde_json::to_string(&form.settings).map_err(Failure::from_display)?),
            secrets: Some(self.seal.seal_secrets(&form.secrets)),
            retired: Some(account.fingerprint).filter(|print| *print != fingerprint(&form.secrets)),
        };
        let after = self.store.write(unit).await.map_err(Failure::from_display)?;
        self.committed(after);
        self.hub.reload().await.map_err(Failure::from_display)?;
        self.find_account(workspace, &crate::hub::shown(account.uid))
    }

    /// An address that already serves the same app under the same secrets, else a new one.
    fn endpoint(
        &self,
        channel: &dyn Channel,
        external: Option<&str>,
        form: &Form,
    ) -> Result<EndpointChoice, Failure> {
        let fresh = EndpointChoice::New { path_key: unguessable() };
        let Some(external) = external else { return Ok(fresh) };
        let registry = self.hub.registry().borrow().clone();
        let print = fingerprint(&form.secrets);
        let kin = |a: &&Arc<Account>| family(a.channel) == family(channel) && a.fingerprint == print;
        let twins = registry.accounts().filter(kin);
        let mut choice = fresh;
        for account in twins {
            if account.channel.external_id(&account.settings).as_deref() == Some(external) {
                return Err(Failure(format!(
                    "an account with this provider id ({external}) and the same secret is already connected as {:?}",
                    account.name
                )));
            }
            choice = EndpointChoice::Existing(account.endpoint);
        }
        Ok(choice)
    }

    fn next_steps(&self, channel: &dyn Channel, form: &Form, path: &str) -> Vec<String> {
        let spec = channel.spec();
        let url = format!("{}{path}", self.public_url);
        let public = self.public_url.starts_with("https://");
        match spec.transport {
            Transport::Local => vec![
                format!(
                    "Open {}/chat/{} to try it.",
                    self.public_url,
                    path.rsplit('/').next().unwrap_or_default()
                ),
                format!(
                    "Put this before </body> of your site: <script async src=\"{0}/chat/widget.js\" data-key=\"{1}\" data-base=\"{0}\"></script>",
                    self.public_url,
                    path.rsplit('/').next().unwrap_or_default()
                ),
            ],
            Transport::Mailbox => vec![
                "Nothing is left to do: mail that comes in from now on appears in the inbox.".into(),
                "`everthread account doctor` says whether both mail servers take the log-in.".into(),
            ],
            Transport::WebhookOrPoll if !public => {
                vec!["Nothing is left to do: without a public https address new messages are fetched by long polling.".into()]
            }
            Transport::WebhookOrPoll => {
                vec!["Nothing is left to do: the hub registers its webhook itself.".into()]
            }
            Transport::Webhook => {
                let mut steps = Vec::new();
                if !public {
                    steps.push(format!("Give the hub a public https address with --public-url; {} can't be reached from outside.", self.public_url));
                }
                steps.push(format!(
                    "In {}'s console, set the webhook (callback) address to {url}",
                    spec.title
                ));
                if let Some(token) = form.secrets.get("verify_token") {
                    steps.push(format!("and its verify token to {token}"));
                }
                steps
            }
        }
    }
}

/// Old values under new ones; an empty one takes its key away.
fn merged(old: &BTreeMap<String, String>, new: BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut all = old.clone();
    all.extend(new);
    all.retain(|_, value| !value.is_empty());
    all
}

fn unknown_channel(name: &str) -> Failure {
    let known: Vec<&str> = CHANNELS.iter().map(|c| c.spec().name).collect();
    Failure(format!("there is no channel {name:?}; known are {}", known.join(", ")))
}

/// Makes the secrets that nobody needs to choose.
fn complete(channel: &dyn Channel, secrets: &mut Secrets) {
    for field in channel.spec().secrets.iter().filter(|f| MADE_HERE.contains(&f.name)) {
        if secrets.get(field.name).is_none() {
            secrets.0.insert(field.name.to_owned(), unguessable());
        }
    }
}

/// Settings that every account takes besides its channel's own.
const COMMON: &[&str] =
    &["api_base", "rate_per_s", "rate_burst", "pair_rate_per_s", "pair_rate_burst", "text_max"];

fn refuse_unknown_keys(channel: &dyn Channel, form: &Form) -> Result<(), Failure> {
    let spec = channel.spec();
    let names =
        |fields: &[everthread_channels::spec::Field]| fields.iter().map(|f| f.name).collect::<Vec<_>>();
    let (settings, secrets) = (names(spec.settings), names(spec.secrets));
    let strange =
        form.settings.0.keys().find(|k| !settings.contains(&k.as_str()) && !COMMON.contains(&k.as_str()));
    if let Some(key) = strange {
        let known = [settings.as_slice(), COMMON].concat().join(", ");
        return Err(Failure(format!("{} has no setting {key:?}; it takes {known}", spec.name)));
    }
    let strange =
        form.secrets.0.keys().find(|k| !secrets.contains(&k.strip_suffix("_previous").unwrap_or(k)));
    if let Some(key) = strange {
        return Err(Failure(format!("{} has no secret {key:?}; it takes {}", spec.name, secrets.join(", "))));
    }
    Ok(())
}
