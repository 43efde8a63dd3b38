//! What customers do by SMS, and the callbacks about what they got.

use std::sync::Arc;

use serde_json::json;

use super::{segments, status};
use crate::Error;
use crate::account::Account;
use crate::book::{Author, Message, Stage};
use crate::customers::{Act, Said, refused};
use crate::deliver::{Body, Hook};
use crate::fault::Component;
use crate::media::sample;
use crate::people::Customer;
use crate::world::World;

const STOP: &[&str] = &["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"];
const START: &[&str] = &["START", "YES", "UNSTOP"];
const HELP: &[&str] = &["HELP", "INFO"];

/// Does what a customer does; returns the SID of what was written.
pub(crate) fn act(
    world: &Arc<World>,
    account: &mut Account,
    customer: &Customer,
    act: Act,
    now: i64,
) -> Result<String, Error> {
    match act {
        Act::Say(said) => Ok(say(world, account, customer, &said, now)),
        Act::Press { button, .. } => {
            let said = Said { kind: "text".to_owned(), text: button.title, ..Said::default() };
            Ok(say(world, account, customer, &said, now))
        }
        Act::Block(blocked) => {
            if let Some(customer) = account.customers.get_mut(&customer.key) {
                customer.blocked = blocked;
            }
            Ok(customer.key.clone())
        }
        Act::React { .. } | Act::Edit { .. } | Act::Unsend { .. } | Act::Typed(_) => {
            Err(refused("SMS has no such thing"))
        }
    }
}

fn say(world: &Arc<World>, account: &mut Account, customer: &Customer, said: &Said, now: i64) -> String {
    let pictured = said.kind != "text";
    let sid = format!("{}{}", if pictured { "MM" } else { "SM" }, account.rng.hex(32));
    let mut message = Message::new(
        sid.clone(),
        &customer.key,
        Author::Customer,
        &said.kind,
        &said.text,
        said.at_ms.unwrap_or(now),
    );
    let word = said.text.trim().to_uppercase();
    let opt = [("STOP", STOP), ("START", START), ("HELP", HELP)]
        .into_iter()
        .find(|(_, list)| list.contains(&word.as_str()));
    let view = account.view.clone();
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
    put("ToCountry", "US");
    put("SmsMessageSid", &sid);
    put("NumMedia", if pictured { "1" } else { "0" });
    put("SmsSid", &sid);
    put("SmsStatus", "received");
    put("Body", &said.text);
    put("FromCountry", customer.person.country);
    put("To", &view.from);
    put("NumSegments", &segments(&said.text).to_string());
    put("MessageSid", &sid);
    put("AccountSid", &view.account_sid);
    put("From", &customer.address);
    put("ApiVersion", "2010-04-01");
    if let Some((name, _)) = opt {
        put("OptOutType", name);
    }
    message.raw = json!({"address": customer.address, "media": []});
    if pictured {
        let item = sample(&said.kind, &mut account.rng);
        let media = format!("ME{}", account.rng.hex(32));
        let url = format!(
            "{}/twilio/2010-04-01/Accounts/{}/Messages/{sid}/Media/{media}",
            world.base_url, view.account_sid
        );
        put("MediaUrl0", &url);
        put("MediaContentType0", &item.mime);
        message.raw["media"] = json!([{"sid": media, "mime": item.mime, "url": url}]);
        account.media.put(&media, item);
    }
    account.book.add(message);
    let body = Body::Form { url: None, fields };
    account.hooks.push(Hook { component: Component::Receive, message: Some(sid.clone()), body });
    if let Some((name, _)) = opt {
        obey(account, customer, name, now);
    }
    sid
}

/// What Twilio itself does about STOP, START and HELP.
fn obey(account: &mut Account, customer: &Customer, word: &str, now: i64) {
    let text = match word {
        "STOP" => {
            "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe."
        }
        "START" => {
            "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply."
        }
        _ => "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    };
    if word != "HELP"
        && let Some(customer) = account.customers.get_mut(&customer.key)
    {
        customer.opted_out = word == "STOP";
    }
    let sid = format!("SM{}", account.rng.hex(32));
    let mut message = Message::new(sid, &customer.key, Author::Platform, "text", text, now);
    message.raise(Stage::Delivered, now);
    message.raw = json!({"address": customer.address, "media": []});
    account.book.add(message);
}

/// The status callback, if the message asked for one.
pub(crate) fn receipt(account: &mut Account, id: &str) {
    let view = &account.view;
    let Some(message) = account.book.get(id) else { return };
    let Some(url) = message.raw["callback"].as_str().map(str::to_owned) else { return };
    let word = status(message);
    let to = message.raw["address"].as_str().unwrap_or_default();
    let mut fields: Vec<(String, String)> = [
        ("AccountSid", view.account_sid.as_str()),
        ("ApiVersion", "2010-04-01"),
        ("From", &view.from),
        ("MessageSid", id),
        ("MessageStatus", word),
        ("SmsSid", id),
        ("SmsStatus", word),
        ("To", to),
    ]
    .map(|(k, v)| (k.to_owned(), v.to_owned()))
    .to_vec();
    if let Some(code) = message.error {
        fields.push(("ErrorCode".to_owned(), code.to_string()));
    }
    let body = Body::Form { url: Some(url), fields };
    account.hooks.push(Hook { component: Component::Receipts, message: Some(id.to_owned()), body });
}
