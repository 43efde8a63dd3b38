//! `POST /conversations/{id}/messages`: writes a reply or a note.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use everthread_core::content::{Attachment, AttachmentKind, Button, Content, MediaSource, Template};
use everthread_core::directory::AccountInfo;
use everthread_core::fit::{FitError, fit};
use everthread_core::ids::{ConversationId, MediaId, MessageId, Uid, UserId};
use everthread_core::limits::{MESSAGE_PARTS_MAX, TEXT_BYTES_MAX};
use everthread_core::outbox::{Author, Permit, permit, window};
use everthread_store::Error as StoreError;
use everthread_store::read::inbox::{ConversationByUid, InboxRow, RouteRow};
use everthread_store::read::lookup::Find;
use everthread_store::read::thread::{MediaByUid, MessageByUid};
use everthread_store::units::{Compose, Composed, Note};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::auth::{Caller, Role};
use crate::api::error::ApiError;
use crate::api::extract::{Body, field_uid, uid};
use crate::api::model::message::Message;
use crate::api::model::{blocked, message};
use crate::api::state::ApiState;

/// Files one message may carry.
const ATTACHMENTS_MAX: usize = 10;

/// Characters of a subject; mail programs cut longer ones.
const SUBJECT_MAX: usize = 250;

/// Characters of a client id.
const CLIENT_ID_MAX: usize = 100;

/// What is written.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Draft {
    /// Made by the client: the same one twice is one message.
    pub client_id: Option<String>,
    /// `reply` goes to the customer, `note` stays with colleagues.
    #[serde(default)]
    pub kind: Kind,
    #[serde(default)]
    pub text: String,
    /// One line, where the channel has one for it (e-mail); without it the conversation's.
    pub subject: Option<String>,
    /// `{title, payload}` or `{title, url}`.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub buttons: Vec<Button>,
    #[serde(default)]
    pub attachments: Vec<File>,
    /// `msg_...` that it answers.
    pub reply_to: Option<String>,
    /// `{name, language, params[]}`: an approved template.
    #[schema(value_type = Option<Object>)]
    pub template: Option<Template>,
    /// `owner.version` as it was seen: refused when somebody took over since.
    pub owner_version: Option<i64>,
}

/// For whom it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    #[default]
    Reply,
    Note,
}

/// A file that was uploaded before.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// `media_...`
    pub media_id: String,
}

/// Writes a reply into the conversation's lane, or a note. A reply makes the person the owner and cancels what a bot had
/// not sent yet.
#[utoipa::path(post, path = "/api/v1/conversations/{id}/messages", tag = "conversations", request_body = Draft,
    params(("id" = String, Path, description = "`conv_...`")), responses((status = 201, body = Message)))]
pub async fn send_message(
    State(state): State<ApiState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(draft): Body<Draft>,
) -> Result<(StatusCode, Json<Message>), ApiError> {
    caller.need(Role::Agent)?;
    let user = caller.user().ok_or(ApiError::NeedsPerson)?;
    let conversation = uid(ConversationId::PREFIX, "conversation", &id)?;
    check(&draft)?;
    let unit = ConversationByUid { workspace: caller.workspace, uid: conversation };
    let found = state.store.read(unit).await?;
    let (row, by_route) = found.ok_or(ApiError::NotFound { what: "conversation" })?;
    let written = match draft.kind {
        Kind::Note => note(&state, &caller, user, &row, draft).await?,
        Kind::Reply => reply(&state, &caller, user, (&row, by_route), draft).await?,
    };
    state.committed(written.after);
    let unit = MessageByUid { workspace: caller.workspace, uid: written.uid };
    let full = state.store.read(unit).await?.ok_or(ApiError::NotFound { what: "message" })?;
    Ok((StatusCode::CREATED, Json(message(full))))
}

fn check(draft: &Draft) -> Result<(), ApiError> {
    let invalid = |field, detail: &str| Err(ApiError::Invalid { field, detail: detail.to_owned() });
    if draft.text.trim().is_empty() && draft.attachments.is_empty() && draft.template.is_none() {
        return Err(ApiError::EmptyMessage);
    }
    if draft.text.len() > TEXT_BYTES_MAX {
        return invalid("text", "at most 64 KiB");
    }
    if draft.attachments.len() > ATTACHMENTS_MAX {
        return invalid("attachments", "at most 10 files");
    }
    if draft.client_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > CLIENT_ID_MAX) {
        return invalid("client_id", "1 to 100 characters");
    }
    Ok(())
}

async fn note(
    state: &ApiState,
    caller: &Caller,
    user: UserId,
    row: &InboxRow,
    draft: Draft,
) -> Result<Composed, ApiError> {
    let unit = Note {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        conversation: row.id,
        user,
        client_id: draft.client_id,
        text: draft.text,
    };
    Ok(state.store.write(unit).await?)
}

/// A subject of one line that is not too long.
fn subject(text: Option<String>) -> Result<Option<String>, ApiError> {
    let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    match text {
        Some(text) if text.chars().count() > SUBJECT_MAX || text.contains(char::is_control) => {
            let detail = format!("must be one line of at most {SUBJECT_MAX} characters");
            Err(ApiError::Invalid { field: "subject", detail })
        }
        text => Ok(text),
    }
}

async fn reply(
    state: &ApiState,
    caller: &Caller,
    user: UserId,
    (row, by_route): (&InboxRow, Option<RouteRow>),
    draft: Draft,
) -> Result<Composed, ApiError> {
    let directory = state.hub.directory();
    let by_route = by_route.ok_or_else(|| ApiError::NoRoute("this conversation has no route yet".into()))?;
    let info = row.route_account.and_then(|id| directory.get(id).cloned());
    let info = info.ok_or_else(|| ApiError::NoRoute("its account was removed".into()))?;
    let reply_to = match &draft.reply_to {
        None => None,
        Some(text) => {
            let uid = field_uid(MessageId::PREFIX, "reply_to", text)?;
            Some(state.store.read(Find::<MessageId>::new(caller.workspace, uid)).await?)
        }
    };
    let content = Content {
        subject: subject(draft.subject)?,
        text: draft.text,
        attachments: attachments(state, caller, &draft.attachments).await?,
        buttons: draft.buttons,
        template: draft.template,
        code: None,
    };
    allowed(state, &by_route, &info, &content)?;
    let expected = draft.owner_version;
    let unit = Compose {
        now: state.now(),
        seed: (state.seed)(),
        workspace: caller.workspace,
        conversation: row.id,
        user,
        client_id: draft.client_id,
        content,
        reply_to,
        expected,
        directory,
    };
    state.store.write(unit).await.map_err(|error| match error {
        StoreError::Conflict(_) if expected.is_some_and(|seen| seen != row.owner_version) => {
            ApiError::ConversationChanged
        }
        other => other.into(),
    })
}

/// Refuses what could only fail: nobody to write to, a closed window, more than the channel carries.
fn allowed(
    state: &ApiState,
    by_route: &RouteRow,
    info: &AccountInfo,
    content: &Content,
) -> Result<(), ApiError> {
    if let Some(reason) = blocked(by_route) {
        return Err(ApiError::NoRoute(reason));
    }
    let parts = fit(content, &info.caps).map_err(|error| match error {
        FitError::Empty => ApiError::EmptyMessage,
        FitError::TooManyParts { parts } => ApiError::TooLong { parts, max: MESSAGE_PARTS_MAX },
        other => ApiError::Invalid { field: "message", detail: other.to_string() },
    })?;
    let text_only = parts.iter().all(|part| part.attachments.is_empty());
    let window = window(&info.caps, by_route.last_in_at, state.now());
    let closed = |text: &str| Err(ApiError::WindowClosed(text.to_owned()));
    match permit(window, &info.caps, Author::Person, content.template.is_some(), text_only) {
        Permit::Go | Permit::HumanTag => Ok(()),
        Permit::NeedsTemplate => closed("the reply window is closed; only a template can be sent"),
        Permit::Closed => closed("the reply window is closed until the customer writes again"),
    }
}

/// Uploaded files as attachments; files of other workspaces are not found.
async fn attachments(state: &ApiState, caller: &Caller, files: &[File]) -> Result<Vec<Attachment>, ApiError> {
    let mut attachments = Vec::with_capacity(files.len());
    for file in files {
        let uid: Uid = field_uid(MediaId::PREFIX, "attachments", &file.media_id)?;
        let unit = MediaByUid { workspace: caller.workspace, uid };
        let row = state.store.read(unit).await?.filter(|row| row.state == "ready");
        let row = row.ok_or(ApiError::NotFound { what: "file" })?;
        attachments.push(Attachment {
            kind: kind(&row.kind),
            mime: row.mime,
            name: row.name,
            size: row.size.and_then(|size| u64::try_from(size).ok()),
            source: Some(MediaSource::Stored(file.media_id.clone())),
            note: None,
        });
    }
    Ok(attachments)
}

fn kind(word: &str) -> AttachmentKind {
    match word {
        "image" => AttachmentKind::Image,
        "video" => AttachmentKind::Video,
        "audio" => AttachmentKind::Audio,
        "voice" => AttachmentKind::Voice,
        "sticker" => AttachmentKind::Sticker,
        _ => AttachmentKind::File,
    }
}
