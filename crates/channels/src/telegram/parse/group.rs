//! Groups, supergroups and channels that the bot is in: no customers (channel facts, 5a, 5e).

use everthread_core::event::{Event, EventKind, Group, GroupChange};
use serde_json::Value;

use crate::json;

/// A message in a group. One of its kinds says that the group became a supergroup, which has another id; the supergroup
/// says so too.
pub(super) fn said(key: String, message: &Value) -> Result<Event, String> {
    if let Some(to) = json::id(message, "migrate_to_chat_id") {
        return event(key, message, None, GroupChange::Moved { to });
    }
    match (json::id(message, "migrate_from_chat_id"), json::id(message, "chat.id")) {
        (Some(from), Some(to)) => event(key, message, Some(from), GroupChange::Moved { to }),
        _ => heard(key, message),
    }
}

/// Anything else that happens in a group.
pub(super) fn heard(key: String, item: &Value) -> Result<Event, String> {
    event(key, item, None, GroupChange::Heard)
}

/// The bot's own place in a group: added, removed, or its rights changed.
pub(super) fn membership(key: String, change: &Value) -> Result<Event, String> {
    let (before, now) = (is_member(change, "old_chat_member"), is_member(change, "new_chat_member"));
    match (before, now) {
        (_, None) => Err("a membership of an unknown kind".to_owned()),
        (Some(true), Some(true)) => heard(key, change),
        (_, Some(true)) => event(key, change, None, GroupChange::Entered),
        (_, Some(false)) => event(key, change, None, GroupChange::Left),
    }
}

/// Whether the bot was or is in the group; `None` where the word is not known.
fn is_member(change: &Value, side: &str) -> Option<bool> {
    match json::text(change, &format!("{side}.status"))? {
        "member" | "administrator" | "creator" => Some(true),
        "restricted" => json::at(change, &format!("{side}.is_member"))?.as_bool(),
        "left" | "kicked" => Some(false),
        _ => None,
    }
}

fn event(key: String, item: &Value, id: Option<String>, change: GroupChange) -> Result<Event, String> {
    let id = id.or_else(|| json::id(item, "chat.id")).ok_or("a group without its id")?;
    let what = if json::text(item, "chat.type") == Some("channel") { "channel" } else { "group" };
    let name = json::string(item, "chat.title").unwrap_or_else(|| id.clone());
    let notice = format!(
        "the bot is in the {what} {name:?}. What is said there is not taken, as a {what} is no customer: customers write to the \
         bot itself. Remove the bot there; if it is meant to be there, mark this as solved and it is not listed again"
    );
    let kind = EventKind::Group(Group { id, change, notice });
    Ok(Event { key, at: json::time(item, "date"), peer: None, kind })
}
