//! Texts with `{{ ... }}`: compiled once, with bounded work at each use.

use std::collections::BTreeMap;

use minijinja::{Environment, UndefinedBehavior, Value};

use super::Facts;
use crate::limits::{TEMPLATE_DEPTH_MAX, TEMPLATE_FUEL, TEXT_BYTES_MAX};

/// A text ready for use.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// No placeholder in it.
    Plain(String),
    /// The name of a compiled template.
    Template(String),
}

/// All templates of a workspace.
#[derive(Debug)]
pub(super) struct Templates {
    env: Environment<'static>,
    count: usize,
}

impl Templates {
    pub(super) fn new() -> Self {
        let mut env = Environment::new();
        env.set_undefined_behavior(UndefinedBehavior::Chainable);
        env.set_fuel(Some(TEMPLATE_FUEL));
        env.set_recursion_limit(TEMPLATE_DEPTH_MAX);
        env.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        Self { env, count: 0 }
    }

    /// Compiles a text. Fails with a sentence that says what is wrong with it.
    pub(super) fn add(&mut self, source: &str) -> Result<Text, String> {
        if source.len() > TEXT_BYTES_MAX {
            return Err(format!("longer than {TEXT_BYTES_MAX} bytes"));
        }
        if !["{{", "{%", "{#"].iter().any(|mark| source.contains(mark)) {
            return Ok(Text::Plain(source.to_owned()));
        }
        let name = self.count.to_string();
        self.count += 1;
        self.env.add_template_owned(name.clone(), source.to_owned()).map_err(|error| describe(&error))?;
        Ok(Text::Template(name))
    }

    /// The text for these facts. Fails where the template does, or runs out of fuel.
    pub(super) fn render(&self, text: &Text, facts: &Facts<'_>) -> Result<String, String> {
        let name = match text {
            Text::Plain(text) => return Ok(text.clone()),
            Text::Template(name) => name,
        };
        let mut rendered = self
            .env
            .get_template(name)
            .and_then(|template| template.render(context(facts)))
            .map_err(|error| describe(&error))?;
        if rendered.len() > TEXT_BYTES_MAX {
            rendered.truncate(rendered.floor_char_boundary(TEXT_BYTES_MAX));
        }
        Ok(rendered)
    }
}

/// What templates can name: `contact.name`, `contact.first_name`, `contact.fields.x`, `contact.labels`,
/// `message.text`, `channel`, `business`.
fn context(facts: &Facts<'_>) -> Value {
    let mut contact = BTreeMap::new();
    if let Some(name) = facts.contact_name.map(str::trim).filter(|name| !name.is_empty()) {
        contact.insert("name", Value::from(name));
        contact.insert("first_name", Value::from(name.split_whitespace().next().unwrap_or(name)));
    }
    let fields: BTreeMap<String, Value> =
        facts.fields.iter().map(|(k, v)| (k.clone(), Value::from(v))).collect();
    contact.insert("fields", Value::from(fields));
    contact.insert("labels", facts.labels.iter().map(String::as_str).collect());
    let message = BTreeMap::from([("text", Value::from(facts.text))]);
    Value::from(BTreeMap::from([
        ("contact", Value::from(contact)),
        ("message", Value::from(message)),
        ("channel", Value::from(facts.channel)),
        ("business", Value::from(facts.business)),
    ]))
}

fn describe(error: &minijinja::Error) -> String {
    let what = error
        .detail()
        .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
    error.line().map_or_else(|| what.clone(), |line| format!("{what} (line {line})"))
}
