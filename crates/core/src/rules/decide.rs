//! The hot path: which rules match, and what they want done.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::compile::{Compiled, RuleSet, Step, Test};
use super::template::Text;
use super::{
    AnswerKind, Ask, Assignee, Effect, EffectId, Facts, FieldIs, OpenQuestion, TextMatch, Trigger, answer,
};
use crate::contain::panic_text;
use crate::content::{Button, Content};
use crate::conversation::Owner;
use crate::event::{Address, AddressKind};
use crate::ids::RuleId;
use crate::limits::ASK_EXPIRES;
use crate::state::OwnerKind;

/// What the rules want done about one message of a customer, in order. Says nothing to the customer unless the
/// bot owns the conversation (I10). A rule that panics wants nothing but that people are told; the others are asked all the same.
pub fn decide(rules: &RuleSet, facts: &Facts<'_>) -> Vec<Effect> {
    if facts.late {
        return Vec::new();
    }
    let mut run = Run { rules, facts, owner: facts.owner, lower: facts.text.to_lowercase(), out: Vec::new() };
    if let Some(question) = facts.open_question {
        match run.contain(question.rule, |run| run.question(question)).flatten() {
            Some(Asked::Answered) => return run.out,
            // The button of another rule was pressed; the question stays open.
            Some(Asked::Aside) => {}
            None => run.out.push(Effect::CloseQuestion),
        }
    }
    for rule in &rules.rules {
        let last = run.contain(rule.id, |run| run.matches(rule) && (run.actions(rule, 0) || rule.stop));
        if last == Some(true) {
            break;
        }
    }
    run.out
}

enum Asked {
    Answered,
    Aside,
}

struct Run<'a> {
    rules: &'a RuleSet,
    facts: &'a Facts<'a>,
    /// As it is after the effects so far.
    owner: Owner,
    lower: String,
    out: Vec<Effect>,
}

impl<'a> Run<'a> {
    /// Runs what belongs to one rule. Where it panics (a defect of ours), all that it wanted is dropped and a problem stays.
    fn contain<T>(&mut self, rule: RuleId, work: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let (wanted, owner) = (self.out.len(), self.owner);
        match catch_unwind(AssertUnwindSafe(|| work(self))) {
            Ok(done) => Some(done),
            Err(panic) => {
                self.out.truncate(wanted);
                self.owner = owner;
                let id = EffectId { event: self.facts.event, rule, action: 0 };
                let reason = format!("it broke (a defect of ours): {}", panic_text(panic.as_ref()));
                self.out.push(Effect::Problem { id, reason });
                None
            }
        }
    }

    /// Gives the message to an open question. `None` where the question has no meaning any more.
    fn question(&mut self, question: &OpenQuestion) -> Option<Asked> {
        let facts = self.facts;
        if facts.owner != Owner::Bot || facts.now.since(question.asked_at) > ASK_EXPIRES {
            return None;
        }
        let rule = self.rules.get(question.rule)?;
        let Step::Ask { ask, text, again, buttons } = rule.actions.get(usize::from(question.action))? else {
            return None;
        };
        if facts.postback.is_some_and(|payload| self.rules.rules.iter().any(|r| r.pressed_by(payload))) {
            return Some(Asked::Aside);
        }
        let id = self.id(rule, usize::from(question.action));
        if let Some(value) = answer::read(ask.kind, facts.text, ask.calling_code.as_deref()) {
            self.out.push(Effect::CloseQuestion);
            self.claim(id, ask, &value, question);
            self.out.push(Effect::SetField { field: ask.field.clone(), value });
        } else if question.asked <= ask.retries {
            self.ask(id, ask, again.as_ref().unwrap_or(text), buttons, question.asked + 1);
            return Some(Asked::Answered);
        } else {
            self.out.push(Effect::CloseQuestion);
        }
        self.actions(rule, usize::from(question.action) + 1);
        Some(Asked::Answered)
    }

    fn claim(&mut self, id: EffectId, ask: &Ask, value: &str, question: &OpenQuestion) {
        let kind = match ask.kind {
            AnswerKind::Text => return,
            AnswerKind::Phone => AddressKind::Phone,
            AnswerKind::Email => AddressKind::Email,
        };
        let wording = ask.wording.clone().unwrap_or_else(|| question.wording.clone());
        self.out.push(Effect::Claim { id, address: Address { kind, value: value.to_owned() }, wording });
    }

    fn matches(&self, rule: &Compiled) -> bool {
        let facts = self.facts;
        let triggered = match &rule.trigger {
            Trigger::Message {} => true,
            Trigger::Keyword { words, how } => facts.postback.is_none() && says(&self.lower, *how, words),
            Trigger::FirstContact {} => facts.first_contact,
            Trigger::Postback { payload } => facts.postback == Some(payload.as_str()),
        };
        triggered && rule.conditions.iter().all(|test| self.holds(test))
    }

    fn holds(&self, test: &Test) -> bool {
        let facts = self.facts;
        match test {
            Test::Channel(channels) => channels.iter().any(|channel| channel == facts.channel),
            Test::Text(how, words) => says(&self.lower, *how, words),
            Test::Field(name, is, wanted) => {
                let value = self.field(name).filter(|value| !value.is_empty());
                match is {
                    FieldIs::Set => value.is_some(),
                    FieldIs::Unset => value.is_none(),
                    FieldIs::Equals => value.is_some_and(|value| value.to_lowercase() == *wanted),
                    FieldIs::Contains => value.is_some_and(|value| value.to_lowercase().contains(wanted)),
                }
            }
            Test::Label(labels) => labels.iter().any(|label| facts.labels.contains(label)),
            Test::Hours(hours) => hours.contain(facts.now),
            Test::Owner(owners) => owners.contains(&self.owner.kind()),
            Test::Not(test) => !self.holds(test),
            Test::Any(tests) => tests.iter().any(|test| self.holds(test)),
        }
    }

    /// Does a rule's actions from `first` on. True where nothing may follow: a question was asked.
    fn actions(&mut self, rule: &'a Compiled, first: usize) -> bool {
        for (at, step) in rule.actions.iter().enumerate().skip(first) {
            let id = self.id(rule, at);
            if self.action(id, step) {
                return true;
            }
        }
        false
    }

    fn action(&mut self, id: EffectId, step: &Step) -> bool {
        match step {
            Step::Reply { text, buttons } => {
                if let Some(content) = self.say(id, text, buttons) {
                    self.out.push(Effect::Reply { id, content });
                }
            }
            Step::Ask { ask, text, buttons, .. } => return self.ask(id, ask, text, buttons, 1),
            Step::SetField { field, value } => {
                if let Some(value) = self.render(id, value) {
                    self.out.push(Effect::SetField { field: field.clone(), value });
                }
            }
            Step::Label { add, remove } => {
                self.out.push(Effect::Labels { add: add.clone(), remove: remove.clone() });
            }
            Step::Assign(to) => self.assign(to),
            Step::Lead { pipeline, stage } => {
                self.out.push(Effect::Lead { id, pipeline: pipeline.clone(), stage: stage.clone() });
            }
            Step::HandOver { note } => {
                let note = note.as_ref().and_then(|note| self.render(id, note));
                self.out.push(Effect::HandOver { note });
                if self.owner == Owner::Bot {
                    self.owner = Owner::Nobody;
                }
            }
            Step::Webhook(webhook) => self.out.push(Effect::Webhook { id, webhook: webhook.clone() }),
        }
        false
    }

    /// True where the question was asked.
    fn ask(&mut self, id: EffectId, ask: &Ask, text: &Text, buttons: &[Button], asked: u32) -> bool {
        let Some(content) = self.say(id, text, buttons) else { return false };
        let wording = ask.wording.clone().unwrap_or_else(|| content.text.clone());
        let question =
            OpenQuestion { rule: id.rule, action: id.action, asked, asked_at: self.facts.now, wording };
        self.out.push(Effect::Ask { id, content, question });
        true
    }

    /// What to say, if the bot may speak.
    fn say(&mut self, id: EffectId, text: &Text, buttons: &[Button]) -> Option<Content> {
        if self.owner != Owner::Bot {
            return None;
        }
        let text = self.render(id, text)?;
        if text.trim().is_empty() {
            self.out.push(Effect::Problem { id, reason: "the text came out empty".to_owned() });
            return None;
        }
        Some(Content { text, buttons: buttons.to_vec(), ..Content::default() })
    }

    /// A field as it will be: what was set a moment ago counts.
    fn field(&self, name: &str) -> Option<&str> {
        let set = self.out.iter().rev().find_map(|effect| match effect {
            Effect::SetField { field, value } if field == name => Some(value.as_str()),
            _ => None,
        });
        set.or_else(|| self.facts.fields.get(name).map(String::as_str))
    }

    fn render(&mut self, id: EffectId, text: &Text) -> Option<String> {
        let set = self.out.iter().filter_map(|effect| match effect {
            Effect::SetField { field, value } => Some((field.clone(), value.clone())),
            _ => None,
        });
        let mut fields = Cow::Borrowed(self.facts.fields);
        for (field, value) in set {
            fields.to_mut().insert(field, value);
        }
        match self.rules.templates.render(text, &Facts { fields: &fields, ..*self.facts }) {
            Ok(text) => Some(text),
            Err(reason) => {
                self.out.push(Effect::Problem { id, reason });
                None
            }
        }
    }

    fn assign(&mut self, to: &Assignee) {
        if self.owner.kind() == OwnerKind::Person {
            return;
        }
        self.owner = match to {
            Assignee::Bot => Owner::Bot,
            Assignee::Nobody => Owner::Nobody,
            Assignee::User(_) => Owner::Person(None),
        };
        self.out.push(Effect::Assign { to: to.clone() });
    }

    fn id(&self, rule: &Compiled, action: usize) -> EffectId {
        EffectId { event: self.facts.event, rule: rule.id, action: u16::try_from(action).unwrap_or(u16::MAX) }
    }
}

impl Compiled {
    fn pressed_by(&self, payload: &str) -> bool {
        matches!(&self.trigger, Trigger::Postback { payload: wanted } if wanted == payload)
    }
}

/// Whether a lower-case text says one of these lower-case words.
fn says(lower: &str, how: TextMatch, words: &[String]) -> bool {
    match how {
        TextMatch::Word => words.iter().any(|word| has_word(lower, word)),
        TextMatch::Contains => words.iter().any(|word| lower.contains(word.as_str())),
        TextMatch::Exact => {
            let bare = lower.trim_matches(|c: char| !c.is_alphanumeric());
            words.iter().any(|word| word == bare || word == lower.trim())
        }
        TextMatch::Starts => words.iter().any(|word| lower.trim_start().starts_with(word.as_str())),
    }
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn a_rule_that_panics_costs_what_it_wanted_and_nothing_else() {
        let (rules, fields) = (RuleSet::empty(), BTreeMap::new());
        let facts = Facts {
            event: 7,
            now: Timestamp::default(),
            channel: "telegram",
            business: "Acme",
            text: "hi",
            postback: None,
            first_contact: false,
            late: false,
            contact_name: None,
            fields: &fields,
            labels: &[],
            owner: Owner::Bot,
            open_question: None,
        };
        let mut run =
            Run { rules: &rules, facts: &facts, owner: facts.owner, lower: String::new(), out: Vec::new() };
        assert_eq!(run.contain(RuleId(1), |run| run.out.push(Effect::CloseQuestion)), Some(()));
        let broken = run.contain(RuleId(2), |run| {
            run.assign(&Assignee::Nobody);
            assert!(run.out.is_empty(), "a defect");
        });
        assert_eq!((broken, run.owner), (None, Owner::Bot));
        let id = EffectId { event: 7, rule: RuleId(2), action: 0 };
        let reason = "it broke (a defect of ours): a defect".to_owned();
        assert_eq!(run.out, [Effect::CloseQuestion, Effect::Problem { id, reason }]);
    }
}
