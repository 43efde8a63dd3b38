//! From rules as users write them to rules that decide fast.

use std::collections::HashMap;

use super::hours::Hours;
use super::template::{Templates, Text};
use super::{Action, Ask, Assignee, Condition, FieldIs, ReplyButton, Rule, Source, TextMatch, Trigger};
use crate::content::{Button, ButtonAction};
use crate::ids::{RuleId, UserId};
use crate::limits::{ASK_RETRIES_MAX, RULE_ACTIONS_MAX, RULE_DEPTH_MAX, RULE_LIST_MAX, RULES_MAX};
use crate::state::OwnerKind;

/// What is wrong with a rule, and where in its JSON.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("rule `{rule}`, {path}: {message}")]
pub struct RuleError {
    pub rule: String,
    /// E.g. `actions[2].text`.
    pub path: String,
    pub message: String,
}

/// A workspace's rules, checked and prepared.
#[derive(Debug)]
pub struct RuleSet {
    pub(super) rules: Vec<Compiled>,
    pub(super) templates: Templates,
    by_id: HashMap<RuleId, usize>,
}

impl RuleSet {
    /// No rules at all.
    pub fn empty() -> Self {
        Self { rules: Vec::new(), templates: Templates::new(), by_id: HashMap::new() }
    }

    /// True where nothing could ever match.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// How many rules there are.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    pub(super) fn get(&self, id: RuleId) -> Option<&Compiled> {
        self.by_id.get(&id).and_then(|at| self.rules.get(*at))
    }
}

#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) id: RuleId,
    pub(super) trigger: Trigger,
    pub(super) conditions: Vec<Test>,
    pub(super) actions: Vec<Step>,
    pub(super) stop: bool,
}

/// A condition ready for use; words are in lower case.
#[derive(Debug)]
pub(super) enum Test {
    Channel(Vec<String>),
    Text(TextMatch, Vec<String>),
    Field(String, FieldIs, String),
    Label(Vec<String>),
    Hours(Hours),
    Owner(Vec<OwnerKind>),
    Not(Box<Test>),
    Any(Vec<Test>),
}

/// An action ready for use.
#[derive(Debug)]
pub(super) enum Step {
    Reply { text: Text, buttons: Vec<Button> },
    Ask { ask: Ask, text: Text, again: Option<Text>, buttons: Vec<Button> },
    SetField { field: String, value: Text },
    Label { add: Vec<String>, remove: Vec<String> },
    Assign(Assignee),
    Lead { pipeline: String, stage: String },
    HandOver { note: Option<Text> },
    Webhook(String),
}

/// Checks and prepares a workspace's rules, in their order. Fails with everything that is wrong.
pub fn compile(sources: Vec<Source>) -> Result<RuleSet, Vec<RuleError>> {
    let mut checker = Checker { rule: String::new(), templates: Templates::new(), errors: Vec::new() };
    if sources.len() > RULES_MAX {
        checker.wrong("rules", format!("more than {RULES_MAX}"));
    }
    let rules: Vec<Compiled> = sources.into_iter().map(|source| checker.rule(source)).collect();
    if !checker.errors.is_empty() {
        return Err(checker.errors);
    }
    let by_id = rules.iter().enumerate().map(|(at, rule)| (rule.id, at)).collect();
    Ok(RuleSet { rules, templates: checker.templates, by_id })
}

struct Checker {
    rule: String,
    templates: Templates,
    errors: Vec<RuleError>,
}

impl Checker {
    fn wrong(&mut self, path: &str, message: impl Into<String>) {
        self.errors.push(RuleError {
            rule: self.rule.clone(),
            path: path.to_owned(),
            message: message.into(),
        });
    }

    fn rule(&mut self, source: Source) -> Compiled {
        let Source { id, name, rule: Rule { trigger, conditions, actions, stop } } = source;
        self.rule = name;
        let trigger = self.trigger(trigger);
        let conditions = self.conditions("conditions", conditions, 0);
        if actions.is_empty() {
            self.wrong("actions", "a rule must do something");
        }
        if actions.len() > RULE_ACTIONS_MAX {
            self.wrong("actions", format!("more than {RULE_ACTIONS_MAX}"));
        }
        let actions = actions
            .into_iter()
            .enumerate()
            .map(|(at, action)| self.action(&format!("actions[{at}]"), action))
            .collect();
        Compiled { id, trigger, conditions, actions, stop }
    }

    fn trigger(&mut self, trigger: Trigger) -> Trigger {
        match trigger {
            Trigger::Keyword { words, how } => {
                Trigger::Keyword { words: self.words("trigger.words", &words), how }
            }
            Trigger::Postback { payload } if payload.is_empty() => {
                self.wrong("trigger.payload", "is empty");
                Trigger::Postback { payload }
            }
            other => other,
        }
    }

    /// Words in lower case. Says so where there are none, too many or empty ones.
    fn words(&mut self, path: &str, words: &[String]) -> Vec<String> {
        self.list(path, words);
        words.iter().map(|word| word.trim().to_lowercase()).collect()
    }

    fn list(&mut self, path: &str, words: &[String]) {
        if words.is_empty() || words.len() > RULE_LIST_MAX {
            self.wrong(path, format!("needs 1 to {RULE_LIST_MAX} entries"));
        }
        if let Some(at) = words.iter().position(|word| word.trim().is_empty()) {
            self.wrong(&format!("{path}[{at}]"), "is empty");
        }
    }

    fn needed(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.wrong(path, "is empty");
        }
    }

    fn conditions(&mut self, path: &str, conditions: Vec<Condition>, depth: usize) -> Vec<Test> {
        if conditions.len() > RULE_LIST_MAX {
            self.wrong(path, format!("more than {RULE_LIST_MAX}"));
        }
        let conditions = conditions.into_iter().enumerate();
        conditions.map(|(at, condition)| self.condition(&format!("{path}[{at}]"), condition, depth)).collect()
    }

    fn condition(&mut self, path: &str, condition: Condition, depth: usize) -> Test {
        if depth > RULE_DEPTH_MAX {
            self.wrong(path, format!("conditions deeper than {RULE_DEPTH_MAX}"));
            return Test::Any(Vec::new());
        }
        let any_of = format!("{path}.any_of");
        match condition {
            Condition::Channel { any_of: channels } => Test::Channel(self.words(&any_of, &channels)),
            Condition::Text { how, any_of: words } => Test::Text(how, self.words(&any_of, &words)),
            Condition::Field { name, is, value } => {
                self.needed(&format!("{path}.name"), &name);
                if matches!(is, FieldIs::Equals | FieldIs::Contains) == value.is_empty() {
                    self.wrong(&format!("{path}.value"), "is for `equals` and `contains`, which need it");
                }
                Test::Field(name, is, value.to_lowercase())
            }
            Condition::Label { any_of: labels } => {
                self.list(&any_of, &labels);
                Test::Label(labels)
            }
            Condition::Hours { tz, open } => match Hours::new(&tz, &open) {
                Ok(hours) => Test::Hours(hours),
                Err((below, message)) => {
                    self.wrong(&format!("{path}.{below}"), message);
                    Test::Any(Vec::new())
                }
            },
            Condition::Owner { any_of: owners } => {
                if owners.is_empty() {
                    self.wrong(&any_of, "is empty");
                }
                Test::Owner(owners)
            }
            Condition::Not { condition } => {
                Test::Not(Box::new(self.condition(&format!("{path}.condition"), *condition, depth + 1)))
            }
            Condition::Any { conditions } => {
                Test::Any(self.conditions(&format!("{path}.conditions"), conditions, depth + 1))
            }
        }
    }

    fn action(&mut self, path: &str, action: Action) -> Step {
        match action {
            Action::Reply { text, buttons } => {
                self.needed(&format!("{path}.text"), &text);
                Step::Reply {
                    text: self.text(&format!("{path}.text"), &text),
                    buttons: self.buttons(path, buttons),
                }
            }
            Action::Ask(ask) => self.ask(path, ask),
            Action::SetField { field, value } => {
                self.needed(&format!("{path}.field"), &field);
                Step::SetField { field, value: self.text(&format!("{path}.value"), &value) }
            }
            Action::Label { add, remove } => {
                if add.is_empty() && remove.is_empty() {
                    self.wrong(path, "neither adds nor removes a label");
                }
                for (list, labels) in [("add", &add), ("remove", &remove)] {
                    if !labels.is_empty() {
                        self.list(&format!("{path}.{list}"), labels);
                    }
                }
                Step::Label { add, remove }
            }
            Action::Assign { to } => self.assign(path, to),
            Action::Lead { pipeline, stage } => {
                self.needed(&format!("{path}.pipeline"), &pipeline);
                self.needed(&format!("{path}.stage"), &stage);
                Step::Lead { pipeline, stage }
            }
            Action::HandOver { note } => {
                Step::HandOver { note: note.map(|note| self.text(&format!("{path}.note"), &note)) }
            }
            Action::Webhook { webhook } => {
                self.needed(&format!("{path}.webhook"), &webhook);
                Step::Webhook(webhook)
            }
        }
    }

    fn assign(&mut self, path: &str, to: String) -> Step {
        Step::Assign(match to.as_str() {
            "bot" => Assignee::Bot,
            "nobody" => Assignee::Nobody,
            _ => {
                if crate::ids::Uid::read(UserId::PREFIX, &to).is_none() {
                    self.wrong(&format!("{path}.to"), "must be `bot`, `nobody` or a user's id (`user_...`)");
                }
                Assignee::User(to)
            }
        })
    }

    fn ask(&mut self, path: &str, ask: Ask) -> Step {
        self.needed(&format!("{path}.text"), &ask.text);
        self.needed(&format!("{path}.field"), &ask.field);
        if ask.retries > ASK_RETRIES_MAX {
            self.wrong(&format!("{path}.retries"), format!("more than {ASK_RETRIES_MAX}"));
        }
        let digits =
            |code: &str| code.strip_prefix('+').is_some_and(|d| (1..=4).contains(&d.len()) && is_number(d));
        if ask.calling_code.as_deref().is_some_and(|code| !digits(code)) {
            self.wrong(&format!("{path}.calling_code"), "must be like `+359`");
        }
        let text = self.text(&format!("{path}.text"), &ask.text);
        let again = ask.again.as_ref().map(|again| self.text(&format!("{path}.again"), again));
        let buttons = self.buttons(path, ask.buttons.clone());
        Step::Ask { ask, text, again, buttons }
    }

    fn text(&mut self, path: &str, source: &str) -> Text {
        self.templates.add(source).unwrap_or_else(|message| {
            self.wrong(path, message);
            Text::Plain(String::new())
        })
    }

    fn buttons(&mut self, path: &str, buttons: Vec<ReplyButton>) -> Vec<Button> {
        if buttons.len() > RULE_LIST_MAX {
            self.wrong(&format!("{path}.buttons"), format!("more than {RULE_LIST_MAX}"));
        }
        let mut ready = Vec::new();
        for (at, ReplyButton { title, payload, url }) in buttons.into_iter().enumerate() {
            let path = format!("{path}.buttons[{at}]");
            self.needed(&format!("{path}.title"), &title);
            let action = match (payload, url) {
                (Some(_), Some(_)) => {
                    self.wrong(&path, "has both a payload and a url");
                    continue;
                }
                (None, Some(url)) => {
                    if !url.starts_with("https://") && !url.starts_with("http://") {
                        self.wrong(&format!("{path}.url"), "must begin with https:// or http://");
                    }
                    ButtonAction::Url(url)
                }
                (payload, None) => ButtonAction::Payload(payload.unwrap_or_else(|| title.clone())),
            };
            ready.push(Button { title, action });
        }
        ready
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}
