//! The continuity policy of a workspace, as data.

use serde::{Deserialize, Serialize};

use crate::rules::{Hours, OpenHours};
use crate::state::Proof;
use crate::time::{Span, Timestamp};

/// What is said first on another channel, where a workspace has no wording of its own. `{{ channel }}` is the channel that fails,
/// `{{ business }}` the workspace's name.
pub const CARRY_LINE: &str = "{{ channel }} is having trouble, so {{ business }} is answering you here.";

/// The same where a link into the web chat can be made for this conversation: `{{ link }}`.
pub const CARRY_LINE_LINK: &str = "{{ channel }} is having trouble, so {{ business }} is answering you here. \
    You can also go on in our web chat: {{ link }}";

/// Whether lanes move by themselves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Nothing is carried; everything in the fault is held.
    Off,
    /// One tap by a person.
    #[default]
    Suggest,
    Automatic,
}

/// Hours in which nobody is written to who does not wait just now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    pub tz: String,
    pub open: Vec<OpenHours>,
}

/// See the outage model, 4.1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    pub mode: Mode,
    /// Seconds from *suspect* on in which lanes are held before anybody is carried.
    pub hold_first_s: u32,
    /// Channels in order of preference; empty: whatever suits each contact best.
    pub order: Vec<String>,
    /// Channels never used as a backup.
    pub exclude: Vec<String>,
    /// The least proof that an identity must have.
    pub proof_min: Proof,
    /// In millionths of the currency; `None`: no limit.
    pub cost_message_max: Option<i64>,
    /// In millionths of the currency, over one incident.
    pub cost_incident_max: Option<i64>,
    /// A customer who last wrote longer ago than so many hours is not carried: the message waits for the first channel.
    pub live_hours: u32,
    pub quiet: Option<Quiet>,
    /// The first line on another route by language (`en`, `pt-br`), `*` for all others. Empty: [`CARRY_LINE_LINK`], or
    /// [`CARRY_LINE`] where no link can be made.
    pub lines: std::collections::BTreeMap<String, String>,
    /// Template names by channel that may open a closed window.
    pub templates: std::collections::BTreeMap<String, String>,
    /// Cost of one message in millionths, by channel.
    pub costs: std::collections::BTreeMap<String, i64>,
    /// Simulated faults only suggest too, instead of carrying by themselves.
    pub sandbox_suggests: bool,
    /// Quiet after recovery for so many minutes before a conversation goes back to its first channel.
    pub settle_min: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            mode: Mode::Suggest,
            hold_first_s: 180,
            order: Vec::new(),
            exclude: Vec::new(),
            proof_min: Proof::Claimed,
            cost_message_max: None,
            cost_incident_max: None,
            live_hours: 12,
            quiet: None,
            lines: std::collections::BTreeMap::new(),
            templates: std::collections::BTreeMap::new(),
            costs: std::collections::BTreeMap::new(),
            sandbox_suggests: false,
            settle_min: 30,
        }
    }
}

/// What is wrong with a policy: where, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {what}")]
pub struct PolicyError {
    pub path: String,
    pub what: String,
}

impl Policy {
    /// How long lanes are held first.
    pub fn hold_first(&self) -> Span {
        Span::secs(i64::from(self.hold_first_s))
    }

    /// Checks what a person set. `known` says whether a channel exists.
    pub fn check(&self, known: impl Fn(&str) -> bool) -> Result<(), PolicyError> {
        let fail = |path: &str, what: String| Err(PolicyError { path: path.to_owned(), what });
        for (path, channels) in [("order", &self.order), ("exclude", &self.exclude)] {
            if let Some(channel) = channels.iter().find(|channel| !known(channel)) {
                return fail(path, format!("there is no channel called `{channel}`"));
            }
        }
        for (path, limit) in
            [("cost_message_max", self.cost_message_max), ("cost_incident_max", self.cost_incident_max)]
        {
            if limit.is_some_and(|limit| limit < 0) {
                return fail(path, "a cost can't be negative; leave it out for no limit".to_owned());
            }
        }
        if let Some(quiet) = &self.quiet
            && let Err((at, what)) = Hours::new(&quiet.tz, &quiet.open)
        {
            return fail(&format!("quiet.{at}"), what);
        }
        Ok(())
    }

    /// When the business's quiet hours end, if they hold now: looked for quarter by quarter over a week.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let quiet = self.quiet.as_ref()?;
        let hours = Hours::new(&quiet.tz, &quiet.open).ok()?;
        if !hours.contain(now) {
            return None;
        }
        (1..=7 * 24 * 4).map(|quarter| now + Span::mins(15 * quarter)).find(|at| !hours.contain(*at))
    }

    /// The first line for a contact of this locale, unrendered. `linked`: whether a link can be made.
    pub fn line(&self, locale: Option<&str>, linked: bool) -> &str {
        let locale = locale.unwrap_or_default().to_lowercase();
        let language = locale.split(['-', '_']).next().unwrap_or_default();
        let default = if linked { CARRY_LINE_LINK } else { CARRY_LINE };
        [locale.as_str(), language, "*"]
            .into_iter()
            .find_map(|key| self.lines.get(key))
            .map_or(default, String::as_str)
    }
}

/// The first line with its names filled in; `link` is empty where there is none, and its place closes. Anything else in double
/// braces stays as it is written.
pub fn first_line(line: &str, channel: &str, business: &str, link: &str) -> String {
    let filled = [("channel", channel), ("business", business), ("link", link)].iter().fold(
        line.to_owned(),
        |text, (name, value)| {
            text.replace(&format!("{{{{ {name} }}}}"), value).replace(&format!("{{{{{name}}}}}"), value)
        },
    );
    if !link.is_empty() || !wants_link(line) {
        return filled;
    }
    let closed = |line: &str| line.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    filled.lines().map(closed).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Whether a first line has a place for the link.
pub fn wants_link(line: &str) -> bool {
    line.contains("{{ link }}") || line.contains("{{link}}")
}
