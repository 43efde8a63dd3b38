//! Rules: trigger, conditions, actions. JSON in (stable, unknown keys refused), effects out.
//!
//! ```json
//! {"trigger": {"type": "keyword", "words": ["price"]},
//!  "conditions": [{"type": "channel", "any_of": ["whatsapp", "telegram"]}],
//!  "actions": [{"type": "reply", "text": "Hello {{ contact.first_name | default('there') }}"}],
//!  "stop": true}
//! ```
//!
//! [`compile`] checks a workspace's rules once; [`decide`] is the hot path and does not fail.

mod answer;
mod compile;
mod decide;
mod hours;
mod template;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::content::Content;
use crate::conversation::Owner;
use crate::event::Address;
use crate::ids::RuleId;
use crate::state::OwnerKind;
use crate::time::Timestamp;

pub use answer::{email, phone};
pub use compile::{RuleError, RuleSet, compile};
pub use decide::decide;
pub(crate) use hours::Hours;
pub use hours::OpenHours;

/// One rule as users write it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub trigger: Trigger,
    /// All must hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<Condition>,
    /// Done in order.
    pub actions: Vec<Action>,
    /// No later rule is looked at when this one matched.
    #[serde(default)]
    pub stop: bool,
}

/// What makes a rule look at an event. Only messages of customers do; late ones (design section 3) never.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Trigger {
    /// Any message or button press.
    Message {},
    /// A message with one of these words, whatever their case.
    Keyword {
        words: Vec<String>,
        #[serde(default, rename = "match")]
        how: TextMatch,
    },
    /// The contact's first message ever.
    FirstContact {},
    /// A button with this payload was pressed.
    Postback { payload: String },
}

/// How text is compared, always whatever the case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextMatch {
    /// Somewhere, as a whole word. For scripts without spaces use `contains`.
    #[default]
    Word,
    /// Somewhere.
    Contains,
    /// The whole message, but for white space and punctuation around it.
    Exact,
    /// At its beginning.
    Starts,
}

/// What must hold besides the trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Condition {
    /// The message came over one of these channels.
    Channel { any_of: Vec<String> },
    /// The message's text.
    Text {
        #[serde(default, rename = "match")]
        how: TextMatch,
        any_of: Vec<String>,
    },
    /// A field of the contact.
    Field {
        name: String,
        is: FieldIs,
        /// For `equals` and `contains`.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        value: String,
    },
    /// The contact or conversation carries one of these labels.
    Label { any_of: Vec<String> },
    /// Now is inside these hours.
    Hours {
        /// IANA name, e.g. `Europe/Sofia`.
        tz: String,
        open: Vec<OpenHours>,
    },
    /// Who owns the conversation.
    Owner { any_of: Vec<OwnerKind> },
    /// The opposite.
    Not { condition: Box<Condition> },
    /// At least one of these.
    Any { conditions: Vec<Condition> },
}

/// What is asked of a field; comparisons are whatever the case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldIs {
    /// Has any value.
    Set,
    /// Has no value.
    Unset,
    Equals,
    Contains,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Action {
    /// Says something. Text is a template.
    Reply {
        text: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        buttons: Vec<ReplyButton>,
    },
    /// Asks, waits for the customer's next message, stores it; later actions follow then.
    Ask(Ask),
    /// Sets a field of the contact. The value is a template.
    SetField { field: String, value: String },
    /// Puts labels on the conversation or takes them off.
    Label {
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        add: Vec<String>,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        remove: Vec<String>,
    },
    /// Gives the conversation to `bot`, `nobody` or a person (`user_...`). Never away from a person.
    Assign { to: String },
    /// Makes the contact a lead, or moves it.
    Lead { pipeline: String, stage: String },
    /// Ends the bot's turn: people go on. A note is for them only.
    HandOver {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Calls an outgoing webhook of the workspace, by its id.
    Webhook { webhook: String },
}

/// A question and what to do with the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// The question: a template.
    pub text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<ReplyButton>,
    /// The contact's field that takes the answer.
    pub field: String,
    #[serde(default)]
    pub kind: AnswerKind,
    /// How often to ask again when the answer is of no use; then the rule goes on without it.
    #[serde(default = "retries_default")]
    pub retries: u32,
    /// Said instead of `text` when asking again: a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
    /// For phone and e-mail: what the customer agrees to by answering, recorded with the consent. Without it the
    /// question itself is recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wording: Option<String>,
    /// For phone: put before numbers given without a country, e.g. `+359`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calling_code: Option<String>,
}

const fn retries_default() -> u32 {
    2
}

/// What an answer must be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerKind {
    /// Anything but nothing.
    #[default]
    Text,
    /// Becomes E.164.
    Phone,
    Email,
}

/// A button of a reply: it sends `payload` back, or opens `url`; with neither, the title comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplyButton {
    pub title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// A rule with the names it goes by.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    pub id: RuleId,
    pub name: String,
    pub rule: Rule,
}

/// What rules look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The event's number in the store: part of every effect's id.
    pub event: i64,
    pub now: Timestamp,
    /// The channel's word.
    pub channel: &'a str,
    /// The workspace's name.
    pub business: &'a str,
    pub text: &'a str,
    pub postback: Option<&'a str>,
    /// The contact's first message ever.
    pub first_contact: bool,
    /// From history or too old: starts no automation.
    pub late: bool,
    pub contact_name: Option<&'a str>,
    pub fields: &'a BTreeMap<String, String>,
    /// Of contact and conversation.
    pub labels: &'a [String],
    pub owner: Owner,
    pub open_question: Option<&'a OpenQuestion>,
}

/// A question that waits for its answer; stored with the conversation, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenQuestion {
    pub rule: RuleId,
    /// Index of the asking action.
    pub action: u16,
    /// How often it was asked.
    pub asked: u32,
    pub asked_at: Timestamp,
    /// What was said, for the record of consent.
    pub wording: String,
}

/// Names an effect of automation: the same event, rule and action give the same id, however often they are
/// processed (design section 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectId {
    pub event: i64,
    pub rule: RuleId,
    pub action: u16,
}

impl std::fmt::Display for EffectId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "e{}.r{}.a{}", self.event, self.rule.0, self.action)
    }
}

/// What rules want done. The unit applies changes of the conversation first and stamps messages with the version
/// that then holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Queue a message of the bot.
    Reply {
        id: EffectId,
        content: Content,
    },
    /// Queue a message of the bot and remember the question.
    Ask {
        id: EffectId,
        content: Content,
        question: OpenQuestion,
    },
    /// The open question is answered or has no meaning any more. An [`Effect::Ask`] after it sets another.
    CloseQuestion,
    SetField {
        field: String,
        value: String,
    },
    Labels {
        add: Vec<String>,
        remove: Vec<String>,
    },
    Assign {
        to: Assignee,
    },
    HandOver {
        note: Option<String>,
    },
    Lead {
        id: EffectId,
        pipeline: String,
        stage: String,
    },
    /// The customer typed an address of theirs: a claimed identity, and consent to write to it in these words.
    Claim {
        id: EffectId,
        address: Address,
        wording: String,
    },
    /// Queue a call of an outgoing webhook.
    Webhook {
        id: EffectId,
        webhook: String,
    },
    /// A rule could not do what it says; kept as a problem.
    Problem {
        id: EffectId,
        reason: String,
    },
}

/// Whom a rule gives a conversation to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    Bot,
    Nobody,
    /// Public id of a user.
    User(String),
}

#[cfg(test)]
mod tests;
