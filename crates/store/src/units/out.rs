//! Queueing an outgoing message: fitted into parts that the account's channel can carry.

use everthread_core::content::Content;
use everthread_core::directory::AccountInfo;
use everthread_core::fit::{FitError, fit};
use everthread_core::ids::{IdentityId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::outbox::Author;
use everthread_core::state::{Class, Direction, State};
use everthread_core::time::Timestamp;

use super::rows::{AuthorKind, ConversationRow, NewMessage, content_json, insert_message};
use super::work::{Work, text_hash};
use crate::{Db, Result, Val, sql, vals};

/// An outgoing message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OutMessage<'a> {
    pub(crate) author: Author,
    pub(crate) kind: AuthorKind,
    pub(crate) content: &'a Content,
    pub(crate) identity: IdentityId,
    /// Provider id of the message it answers.
    pub(crate) reply_to: Option<&'a str>,
    pub(crate) client_id: Option<&'a str>,
    pub(crate) class: Class,
    /// It stands aside from the talk, and is worth something until then: a one-time code. See schema step 21.
    pub(crate) aside_until: Option<Timestamp>,
}

/// Queues a message at the end of its conversation's lane. The inner error says why this channel can't carry it;
/// nothing was written then. The caller saves the conversation and has set its owner already.
pub(crate) async fn queue<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &mut ConversationRow,
    account: &AccountInfo,
    out: &OutMessage<'_>,
) -> Result<Result<(MessageId, Uid), FitError>> {
    let parts = match fit(out.content, &account.caps) {
        Ok(parts) => parts,
        Err(error) => return Ok(Err(error)),
    };
    let now = work.now;
    let (id, uid) = (MessageId(work.id(db).await?), work.uid());
    conversation.seq += 1;
    conversation.last_message = Some(id);
    conversation.last_at = conversation.last_at.max(now);
    conversation.waiting_since = None;
    let message = NewMessage {
        id,
        uid,
        seq: conversation.seq,
        direction: Direction::Out,
        author: out.kind,
        account: Some(account.id),
        identity: Some(out.identity),
        provider_id: None,
        content: out.content,
        reply_to: out.reply_to,
        postback: None,
        referral: None,
        class: out.class,
        state: if waits(account).is_some() { State::Held } else { State::Queued },
        accepted_at: None,
        parts: parts.len() as i64,
        late: false,
        at: now,
        client_id: out.client_id,
    };
    insert_message(db, conversation, &message, now).await?;
    insert_parts(db, work, conversation, account, out, (id, &parts)).await?;
    work.message_changed(conversation.workspace, uid, conversation.uid);
    work.conversation_changed(conversation.workspace, conversation.uid);
    work.lane_touched(conversation.workspace, conversation.id);
    Ok(Ok((id, uid)))
}

async fn insert_parts<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &ConversationRow,
    account: &AccountInfo,
    out: &OutMessage<'_>,
    (message, parts): (MessageId, &[Content]),
) -> Result<()> {
    let now = work.now;
    let whole = parts.len() == 1 && parts[0] == *out.content;
    let version = (out.author == Author::Bot).then_some(conversation.version);
    let incident = account.fault.as_ref().filter(|_| account.stopped.is_none()).map(|fault| fault.incident);
    let expires_at = match incident {
        Some(_) => out.author.held_deadline(now, out.aside_until),
        None => out.author.deadline(now, out.aside_until),
    };
    let seq = if out.aside_until.is_some() { -conversation.seq } else { conversation.seq };
    let mut jsons = Vec::with_capacity(parts.len());
    for part in parts {
        let json = if whole { None } else { Some(part_json(part)?) };
        jsons.push((PartId(work.id(db).await?), work.uid(), json));
    }
    // An account that sends nothing holds the message, with the reason where people see it (I8).
    let stopped = waits(account);
    let state = if stopped.is_some() { State::Held } else { State::Queued };
    let rows: Vec<[Val<'_>; 21]> = parts
        .iter()
        .zip(&jsons)
        .enumerate()
        .map(|(idx, (part, (id, uid, json)))| {
            vals![
                *id,
                *uid,
                conversation.workspace,
                conversation.id,
                message,
                seq,
                idx,
                account.id,
                out.identity,
                out.class,
                out.author.as_str(),
                version,
                now,
                json.as_deref(),
                text_hash(&part.text),
                now,
                expires_at,
                state,
                stopped.map(|_| expires_at),
                stopped,
                incident
            ]
        })
        .collect();
    db.exec_all(
        sql!(
            "INSERT INTO message_parts (id, uid, workspace_id, conversation_id, message_id, seq, idx, account_id, \
             identity_id, class, author, owner_version, state, state_at, unsent, content, text_hash, queued_at, \
             expires_at, due_at, reason, incident_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?18, ?13, 1, ?14, ?15, ?16, ?17, ?19, ?20, ?21)"
        ),
        &rows,
    )
    .await?;
    work.after.due_by(Some(expires_at));
    if incident.is_some() {
        work.after.plans.push((conversation.workspace, conversation.id));
    }
    Ok(())
}

/// Why an account sends nothing now.
fn waits(account: &AccountInfo) -> Option<&str> {
    account.stopped.as_deref().or(account.fault.as_ref().map(|fault| fault.reason.as_str()))
}

/// A part always says what it holds, as its message may hold more.
fn part_json(part: &Content) -> Result<String> {
    match content_json(part)? {
        Some(json) => Ok(json),
        None => Ok(serde_json::to_string(part)?),
    }
}

/// Cancels unsent bot parts that were written under an older owner (I10). Returns when it found any.
pub(crate) async fn cancel_bot<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &ConversationRow,
    why: &str,
) -> Result<()> {
    let parts: Vec<(PartId, MessageId, Uid, i64)> = db
        .rows(
            sql!(
                "SELECT p.id, p.message_id, m.uid, m.parts FROM message_parts p \
                 JOIN messages m ON m.id = p.message_id \
                 WHERE p.conversation_id = ?1 AND p.unsent = 1 AND p.author = 'bot' AND p.owner_version < ?2 \
                 AND p.state IN ('queued', 'held')"
            ),
            &vals![conversation.id, conversation.version],
        )
        .await?;
    cancel_parts(db, work, conversation.workspace, (conversation.id, conversation.uid), &parts, why).await
}

/// Cancels these parts, which are queued or held.
pub(crate) async fn cancel_parts<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    (conversation, conversation_uid): (everthread_core::ids::ConversationId, Uid),
    parts: &[(PartId, MessageId, Uid, i64)],
    why: &str,
) -> Result<()> {
    if parts.is_empty() {
        return Ok(());
    }
    let now: Timestamp = work.now;
    let rows: Vec<[Val<'_>; 3]> = parts.iter().map(|(id, ..)| vals![*id, now, why]).collect();
    db.exec_all(
        sql!(
            "UPDATE message_parts SET state = 'cancelled', state_at = ?2, unsent = 0, due_at = NULL, reason = ?3 \
             WHERE id = ?1"
        ),
        &rows,
    )
    .await?;
    let mut messages: Vec<(MessageId, Uid)> = parts.iter().map(|(_, id, uid, _)| (*id, *uid)).collect();
    messages.dedup();
    for (id, uid) in messages {
        super::work::refresh_message(db, id, None, super::work::Shown::default(), now).await?;
        work.message_changed(workspace, uid, conversation_uid);
    }
    work.conversation_changed(workspace, conversation_uid);
    work.lane_touched(workspace, conversation);
    Ok(())
}
