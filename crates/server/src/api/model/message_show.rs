//! How a stored message becomes what threads show.

use std::collections::BTreeMap;

use everthread_core::content::{Attachment, Content, MediaSource};
use everthread_core::ids::{AccountId, MediaId, MessageId, PartId, PlanId, UserId};
use everthread_core::state::{Direction, Facts, Proof, State};
use everthread_core::stuck::{Standing, standing};
use everthread_store::read::thread::{FullMessage, MediaRow, MessageRow, PartRow};

use super::message::{
    AttachmentView, Author, ErrorView, HeldView, Message, PartView, ReactionView, ReplyTo, StuckView,
    next_step,
};
use super::{id, name, time, time_opt};

/// The message as threads show it.
pub(crate) fn message(full: FullMessage) -> Message {
    let FullMessage { row, parts, media, answers } = full;
    let content: Content =
        row.content.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let reply_to = match answers {
        Some((uid, text)) => Some(ReplyTo { id: Some(id(MessageId::PREFIX, uid)), text: Some(text) }),
        None => row.reply_to.as_ref().map(|_| ReplyTo { id: None, text: None }),
    };
    Message {
        id: id(MessageId::PREFIX, row.uid),
        seq: row.seq,
        direction: row.direction.as_str().to_owned(),
        author: author(&row),
        subject: content.subject.clone(),
        attachments: attachments(&content, media),
        buttons: content.buttons.iter().filter_map(|button| serde_json::to_value(button).ok()).collect(),
        postback: row.postback.clone(),
        reply_to,
        reactions: reactions(row.reactions.as_deref()),
        channel: row.channel.clone(),
        account_id: row.account_uid.map(|uid| id(AccountId::PREFIX, uid)),
        at: time(row.at),
        edited_at: time_opt(row.edited_at),
        deleted_at: time_opt(row.deleted_at),
        late: row.late,
        class: row.class.as_str().to_owned(),
        state: row.state.as_str().to_owned(),
        state_at: state_at(&row),
        unverified: row.direction == Direction::In && row.proof == Some(Proof::Invited),
        held: held(row.state, &parts),
        stuck: stuck(&parts),
        error: error(&row, &parts),
        plan_id: row.plan.map(|uid| id(PlanId::PREFIX, uid)),
        parts: parts.into_iter().map(|part| part_view(part, &row.text)).collect(),
        text: row.text,
    }
}

fn author(row: &MessageRow) -> Author {
    let (known, uid) = match row.author_kind.as_str() {
        "customer" => (Some(name(row.contact_name.clone())), None),
        "bot" => (Some("Bot".to_owned()), None),
        _ => (row.author_name.clone(), row.author_uid),
    };
    Author { kind: row.author_kind.clone(), id: uid.map(|uid| id(UserId::PREFIX, uid)), name: known }
}

/// Every attachment, with the file behind it where it has one.
fn attachments(content: &Content, media: Vec<MediaRow>) -> Vec<AttachmentView> {
    let mut files: BTreeMap<i64, MediaRow> = media.into_iter().map(|file| (file.index, file)).collect();
    let mut views: Vec<AttachmentView> = (0_i64..)
        .zip(&content.attachments)
        .map(|(index, attachment)| match files.remove(&index) {
            Some(file) => file_view(file),
            None => card_view(attachment),
        })
        .collect();
    views.extend(files.into_values().map(file_view));
    views
}

/// An attachment without a file of its own: a place, a card, or a file that somebody here had uploaded.
fn card_view(attachment: &Attachment) -> AttachmentView {
    let stored = match &attachment.source {
        Some(MediaSource::Stored(id)) => Some(id.clone()),
        _ => None,
    };
    let here = stored.is_some() || attachment.source.is_none();
    AttachmentView {
        url: stored.as_ref().map(|id| format!("/api/v1/media/{id}")),
        id: stored,
        kind: attachment.kind.as_str().to_owned(),
        mime: attachment.mime.clone(),
        name: attachment.name.clone(),
        size: attachment.size.and_then(|size| size.try_into().ok()),
        status: if here { "ready" } else { "gone" }.to_owned(),
        note: attachment.note.clone(),
    }
}

fn file_view(file: MediaRow) -> AttachmentView {
    let shown = id(MediaId::PREFIX, file.uid);
    AttachmentView {
        url: (file.state == "ready").then(|| format!("/api/v1/media/{shown}")),
        id: Some(shown),
        kind: file.kind,
        mime: file.mime,
        name: file.name,
        size: file.size,
        note: file.note.or_else(|| file.reason.filter(|_| file.state != "ready")),
        status: file.state,
    }
}

/// Reactions as they are kept: a list of who and what.
fn reactions(text: Option<&str>) -> Vec<ReactionView> {
    #[derive(serde::Deserialize)]
    struct Kept {
        by: String,
        /// None: it was taken back.
        emoji: Option<String>,
    }
    text.and_then(|text| serde_json::from_str::<Vec<Kept>>(text).ok())
        .unwrap_or_default()
        .into_iter()
        .filter_map(|Kept { by, emoji }| Some(ReactionView { by, emoji: emoji? }))
        .collect()
}

fn state_at(row: &MessageRow) -> BTreeMap<String, String> {
    let mut at = BTreeMap::from([(row.state.as_str().to_owned(), time(row.state_at))]);
    if row.direction == Direction::In {
        return at;
    }
    let known = [
        (State::Accepted, row.accepted_at),
        (State::Delivered, row.delivered_at),
        (State::Read, row.read_at),
        (State::Failed, row.failed_at),
    ];
    for (state, when) in known {
        if let Some(when) = when {
            at.insert(state.as_str().to_owned(), time(when));
        }
    }
    at
}

fn held(state: State, parts: &[PartRow]) -> Option<HeldView> {
    let part = parts.iter().find(|part| part.state == State::Held).filter(|_| state == State::Held)?;
    Some(HeldView {
        reason: part.reason.clone().unwrap_or_else(|| "held".to_owned()),
        // What a restore holds waits for a person, however long.
        until: time_opt(part.expires_at.or(part.due_at))
            .filter(|_| part.reason.as_deref() != Some("restored")),
    })
}

/// The first part that is stuck, else the last that came late.
fn stuck(parts: &[PartRow]) -> Option<StuckView> {
    let known = |part: &PartRow| {
        let facts = Facts {
            accepted: None,
            failed: part.failed_at,
            delivered: part.delivered_at,
            read: part.read_at,
        };
        let reached_at = match standing(part.stuck_at, &facts)? {
            Standing::Stuck => None,
            Standing::Late { at } => Some(time(at)),
        };
        Some(StuckView { since: time(part.stuck_at?), reached_at })
    };
    parts.iter().filter_map(known).min_by_key(|view| view.reached_at.is_some())
}

fn error(row: &MessageRow, parts: &[PartRow]) -> Option<ErrorView> {
    let own = row.error_class.clone().zip(Some((row.error_code.clone(), row.error_text.clone())));
    let failed = own.or_else(|| {
        let part = parts.iter().find(|part| part.error_class.is_some())?;
        part.error_class.clone().zip(Some((part.error_code.clone(), part.error_text.clone())))
    });
    let (class, (code, text)) = failed.or_else(|| ended(row.state, parts))?;
    let next_step = next_step(&class).to_owned();
    Some(ErrorView { class, code: code.unwrap_or_default(), text: text.unwrap_or_default(), next_step })
}

/// Class, then code and text.
type Ended = (String, (Option<String>, Option<String>));

/// Why a message came back to its author or was cancelled: no provider's error, a reason of ours.
fn ended(state: State, parts: &[PartRow]) -> Option<Ended> {
    let class = match state {
        State::Failed => "returned",
        State::Cancelled => "cancelled",
        _ => return None,
    };
    let part = parts.iter().find(|part| part.state == state && part.reason.is_some())?;
    Some((class.to_owned(), (part.error_code.clone(), part.reason.clone())))
}

fn part_view(part: PartRow, whole: &str) -> PartView {
    let own = part.content.as_deref().and_then(|text| serde_json::from_str::<Content>(text).ok());
    PartView {
        id: id(PartId::PREFIX, part.uid),
        index: part.index,
        state: part.state.as_str().to_owned(),
        provider_id: part.provider_id,
        text: own.map_or_else(|| whole.to_owned(), |content| content.text),
        attempts: part.attempts,
    }
}
