//! Control of the simulated customers.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, Asked, Problem, no_account};
use crate::Error;
use crate::account::Account;
use crate::book::Button;
use crate::customers::{Act, Said, act, back_online, meant, refused};
use crate::people::{Customer, Person};
use crate::world::World;

/// What a customer is to do. One of `press`, `react`, `edit`, `unsend`, `block`, `typed`, else something is said.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Speech {
    /// What is said (a caption, if `kind` is a file), or the new text of `edit`.
    pub text: Option<String>,
    /// text (default), image, video, voice, audio, document, sticker, location, contact.
    pub kind: Option<String>,
    /// The message that is answered.
    pub reply_to: Option<String>,
    /// Where they came from: a link's `ref`, or an ad.
    pub referral: Option<String>,
    /// An earlier time (Unix milliseconds) for the message to carry.
    pub at_ms: Option<i64>,
    /// The id or title of the button to press.
    pub press: Option<String>,
    /// The message that is pressed or reacted to; the business's newest if absent.
    pub message_id: Option<String>,
    /// An emoji; the empty text takes the reaction back.
    pub react: Option<String>,
    /// The message to be edited.
    pub edit: Option<String>,
    /// The message to be taken back.
    pub unsend: Option<String>,
    /// Blocks or unblocks the business.
    pub block: Option<bool>,
    /// The business's own person types this to the customer in the platform's app.
    pub typed: Option<String>,
}

impl Speech {
    fn act(self, account: &Account, customer: &Customer) -> Result<Act, Error> {
        let message_id = self.message_id.unwrap_or_default();
        let text = self.text.unwrap_or_default();
        if let Some(wanted) = self.press {
            let message = meant(account, customer, &message_id).ok_or_else(|| refused("no such message"))?;
            let found = message.buttons.iter().find(|b| b.id == wanted || b.title == wanted);
            let button: Button = found.cloned().ok_or_else(|| refused("no such button"))?;
            return Ok(Act::Press { message_id: message.id.clone(), button });
        }
        if let Some(emoji) = self.react {
            return Ok(Act::React { message_id, emoji: Some(emoji).filter(|e| !e.is_empty()) });
        }
        if let Some(message_id) = self.edit {
            return Ok(Act::Edit { message_id, text });
        }
        if let Some(message_id) = self.unsend {
            return Ok(Act::Unsend { message_id });
        }
        if let Some(blocked) = self.block {
            return Ok(Act::Block(blocked));
        }
        if let Some(text) = self.typed {
            return Ok(Act::Typed(text));
        }
        let kind = self.kind.unwrap_or_else(|| "text".to_owned());
        let known =
            ["text", "image", "video", "voice", "audio", "document", "sticker", "location", "contact"];
        if !known.contains(&kind.as_str()) {
            return Err(refused(format!("no kind {kind}; one of {}", known.join(", "))));
        }
        if kind == "text" && text.is_empty() {
            return Err(refused("text is empty"));
        }
        let Speech { reply_to, referral, at_ms, .. } = Speech {
            reply_to: self.reply_to,
            referral: self.referral,
            at_ms: self.at_ms,
            ..Speech::default()
        };
        Ok(Act::Say(Said { kind, text, reply_to, referral, at_ms }))
    }
}

fn key_of(account: &Account, key: &str) -> Result<String, Problem> {
    let found = account.find(key).map(|c| c.key.clone());
    found.ok_or_else(|| Problem(axum::http::StatusCode::NOT_FOUND, format!("no customer {key}")))
}

pub(super) async fn list(State(world): State<Arc<World>>, Path(id): Path<String>) -> Answer {
    let state = world.state();
    let account = state.accounts.get(&id).ok_or_else(|| no_account(&id))?;
    let list: Vec<&Customer> = account.customers.values().collect();
    Ok(Json(json!({"customers": list})))
}

/// A customer to be added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Newcomer {
    /// Telegram user id, WhatsApp digits, IGSID or E.164.
    address: String,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
    language: Option<String>,
    #[serde(default)]
    hides_phone: bool,
}

pub(super) async fn add(
    State(world): State<Arc<World>>,
    Path(id): Path<String>,
    asked: Asked<Newcomer>,
) -> Answer {
    let Json(new) = asked?;
    let mut state = world.state();
    let account = state.accounts.get_mut(&id).ok_or_else(|| no_account(&id))?;
    if account.find(&new.address).is_some() {
        return Err(refused(format!("{} is a customer already", new.address)).into());
    }
    let mut person = Person::new(world.config.people(), account.customers.len());
    if let Some(name) = new.name {
        let (first, last) = name.split_once(' ').unwrap_or((&name, ""));
        (person.first, person.last) = (first.to_owned(), last.to_owned());
    }
    person.phone = new.phone.unwrap_or(person.phone);
    person.email = new.email.unwrap_or(person.email);
    if let Some(language) = new.language {
        let known = crate::script::LANGUAGES.iter().find(|l| **l == language);
        person.language = known.copied().ok_or_else(|| refused(format!("no language {language}")))?;
    }
    let key = new.address.clone();
    let customer = Customer::with(&world.config, &account.view, person, new.address, key, new.hides_phone);
    let shown = json!(customer);
    account.admit(customer);
    Ok(Json(shown))
}

/// What of a customer may change.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Change {
    blocked: Option<bool>,
    offline: Option<bool>,
    gone: Option<bool>,
    opted_out: Option<bool>,
    /// Zero takes it away.
    carrier_error: Option<i64>,
    /// Moves the reply window.
    last_wrote_ms: Option<i64>,
}

pub(super) async fn change(
    State(world): State<Arc<World>>,
    Path((id, key)): Path<(String, String)>,
    asked: Asked<Change>,
) -> Answer {
    let Json(change) = asked?;
    let (shown, key, woke) = {
        let mut state = world.state();
        let account = state.accounts.get_mut(&id).ok_or_else(|| no_account(&id))?;
        let key = key_of(account, &key)?;
        let Some(customer) = account.customers.get_mut(&key) else { return Err(no_account(&id)) };
        let woke = customer.offline && change.offline == Some(false);
        customer.blocked = change.blocked.unwrap_or(customer.blocked);
        customer.offline = change.offline.unwrap_or(customer.offline);
        customer.gone = change.gone.unwrap_or(customer.gone);
        customer.opted_out = change.opted_out.unwrap_or(customer.opted_out);
        customer.last_wrote_ms = change.last_wrote_ms.or(customer.last_wrote_ms);
        if let Some(code) = change.carrier_error {
            customer.carrier_error = Some(code).filter(|c| *c != 0);
        }
        (json!(customer), key, woke)
    };
    if woke {
        back_online(&world, &id, &key);
    }
    Ok(Json(shown))
}

/// Makes a customer do something; returns the platform's id of what was written, and the customer's key.
pub(crate) fn speak(
    world: &Arc<World>,
    id: &str,
    customer: &str,
    speech: Speech,
) -> Result<(String, String), Error> {
    let (key, what) = {
        let state = world.state();
        let account = state.accounts.get(id).ok_or_else(|| refused(format!("no account {id}")))?;
        let customer = account.find(customer).ok_or_else(|| refused(format!("no customer {customer}")))?;
        (customer.key.clone(), speech.act(account, customer)?)
    };
    act(world, id, &key, what).map(|message| (message, key))
}

pub(super) async fn say(
    State(world): State<Arc<World>>,
    Path((id, key)): Path<(String, String)>,
    asked: Asked<Speech>,
) -> Answer {
    let Json(speech) = asked?;
    let (message, key) = speak(&world, &id, &key, speech)?;
    Ok(Json(json!({"id": message, "account": id, "customer": key})) as Json<Value>)
}
