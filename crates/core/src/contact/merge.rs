//! What a merge of two contacts does, decided without touching either, and what taking it back does.
//!
//! Nothing is thrown away: what does not win stays in the record of the merge, and comes back when it is undone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::ids::ConversationId;
use crate::time::Timestamp;

/// The contact's name among the names of its fields, for [`Conflict`] and the choices of [`merge`].
pub const NAME: &str = "name";

/// What a merge reads of a contact, and what it writes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub name: Option<String>,
    pub locale: Option<String>,
    pub fields: BTreeMap<String, String>,
    pub labels: BTreeSet<String>,
    /// When the customer said STOP.
    pub stopped_at: Option<Timestamp>,
    pub last_in_at: Option<Timestamp>,
    /// Where the next message of this customer goes.
    pub conversation: Option<ConversationId>,
}

/// What a merge reads of the conversation that takes a contact's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub open: bool,
    pub last_at: Timestamp,
}

/// What both say differently. The value that was not taken stays in the record of the merge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    pub field: String,
    pub kept: String,
    pub gone: String,
}

/// What comes of two contacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    pub after: Person,
    pub conflicts: Vec<Conflict>,
    /// Grants of either that were given before this are withdrawn: the other contact said STOP then.
    pub withdraw_until: Option<Timestamp>,
    /// What people should know before they do it.
    pub lines: Vec<&'static str>,
}

/// What comes of `kept` when `gone` is merged into it. Where both say something else the value of `kept` stands, but for
/// the fields named in `take`. STOP and withdrawn consents are kept at their strictest.
pub fn merge(
    (kept, kept_case): (&Person, Option<Case>),
    (gone, gone_case): (&Person, Option<Case>),
    take: &BTreeSet<String>,
) -> Merged {
    let mut conflicts = Vec::new();
    let mut choose = |field: &str, kept: Option<&String>, gone: Option<&String>| match (kept, gone) {
        (Some(a), Some(b)) if a != b => {
            let taken = take.contains(field);
            conflicts.push(Conflict { field: field.to_owned(), kept: a.clone(), gone: b.clone() });
            Some(if taken { b.clone() } else { a.clone() })
        }
        (a, b) => a.or(b).cloned(),
    };
    let name = choose(NAME, kept.name.as_ref(), gone.name.as_ref());
    let names: BTreeSet<&String> = kept.fields.keys().chain(gone.fields.keys()).collect();
    let fields = names
        .into_iter()
        .filter_map(|field| {
            let value = choose(field, kept.fields.get(field), gone.fields.get(field))?;
            Some((field.clone(), value))
        })
        .collect();
    let (takes_gone, about_cases) = current(kept_case, gone_case);
    let mut lines: Vec<&'static str> = about_cases.into_iter().collect();
    let stopped_at = kept.stopped_at.max(gone.stopped_at);
    let withdraw_until =
        (kept.stopped_at.is_some() != gone.stopped_at.is_some()).then_some(stopped_at).flatten();
    if withdraw_until.is_some() {
        lines.push("One of them said STOP: it holds for all addresses, and older consents are withdrawn.");
    }
    let after = Person {
        name,
        locale: kept.locale.clone().or_else(|| gone.locale.clone()),
        fields,
        labels: kept.labels.union(&gone.labels).cloned().collect(),
        stopped_at,
        last_in_at: kept.last_in_at.max(gone.last_in_at),
        conversation: if takes_gone { gone.conversation } else { kept.conversation.or(gone.conversation) },
    };
    Merged { after, conflicts, withdraw_until, lines }
}

/// Whether the conversation of the contact that goes takes the next message, and what to say about it. An open one
/// goes before a closed one, then the one that was used last.
fn current(kept: Option<Case>, gone: Option<Case>) -> (bool, Option<&'static str>) {
    let (Some(a), Some(b)) = (kept, gone) else { return (kept.is_none() && gone.is_some(), None) };
    let line = if a.open && b.open {
        "Both have an open conversation. Both stay as they are, each with its owner and what waits in it; new messages \
         of this customer go into the one that was used last."
    } else if a.open != b.open {
        "Both conversations stay; new messages of this customer go into the one that is open."
    } else {
        "Both conversations stay; new messages of this customer reopen the one that was used last."
    };
    ((b.open, b.last_at) > (a.open, a.last_at), Some(line))
}

/// What a merge reads of a lead, and what it writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadFacts {
    pub stage: i64,
    pub fields: BTreeMap<String, String>,
    pub conversation: Option<ConversationId>,
    pub channel: Option<String>,
    pub updated_at: Timestamp,
}

/// Two leads of one pipeline become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadMerge {
    pub after: LeadFacts,
    /// True where the stage is that of the contact that goes.
    pub taken: bool,
}

impl LeadFacts {
    /// One contact has one lead in a pipeline: the one that was touched last says where it stands, and its fields go
    /// before those of the other.
    pub fn merge(&self, gone: &Self) -> LeadMerge {
        let taken = gone.updated_at > self.updated_at;
        let (first, second) = if taken { (gone, self) } else { (self, gone) };
        let mut after = first.clone();
        for (field, value) in &second.fields {
            after.fields.entry(field.clone()).or_insert_with(|| value.clone());
        }
        LeadMerge { after, taken }
    }
}

/// What a merge that is taken back leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub kept: Person,
    pub gone: Person,
}

/// Takes a merge back: `kept` and `gone` as they were before it, `after` as it made them, `now` as they stand. What was
/// changed since stays with `kept`; a STOP said since holds for both, and a START since lifts none that was there before.
pub fn unmerge(kept: &Person, gone: &Person, after: &Person, now: &Person) -> Split {
    let fields: BTreeSet<&String> =
        kept.fields.keys().chain(after.fields.keys()).chain(now.fields.keys()).collect();
    let fields = fields
        .into_iter()
        .filter_map(|field| {
            let value = back(kept.fields.get(field), after.fields.get(field), now.fields.get(field))?;
            Some((field.clone(), value.clone()))
        })
        .collect();
    let labels: BTreeSet<&String> = kept.labels.iter().chain(&after.labels).chain(&now.labels).collect();
    let labels = labels
        .into_iter()
        .filter(|label| {
            back(kept.labels.contains(*label), after.labels.contains(*label), now.labels.contains(*label))
        })
        .cloned()
        .collect();
    let said = now.stopped_at.filter(|_| now.stopped_at != after.stopped_at);
    let split = Person {
        name: back(&kept.name, &after.name, &now.name).clone(),
        locale: back(&kept.locale, &after.locale, &now.locale).clone(),
        fields,
        labels,
        stopped_at: said.or(kept.stopped_at),
        last_in_at: back(kept.last_in_at, after.last_in_at, now.last_in_at),
        conversation: back(kept.conversation, after.conversation, now.conversation),
    };
    Split { kept: split, gone: Person { stopped_at: said.or(gone.stopped_at), ..gone.clone() } }
}

/// The value from before, unless somebody changed it since.
fn back<T: PartialEq>(before: T, after: T, now: T) -> T {
    if now == after { before } else { now }
}
