//! Moving a lane to another route as a whole (I4): what waits is cut again for the new channel.

use everthread_core::content::Content;
use everthread_core::directory::AccountInfo;
use everthread_core::fit::fit;
use everthread_core::ids::{AccountId, IdentityId, MessageId, PartId, Uid};
use everthread_core::outbox::Author;
use everthread_core::state::{Class, State};
use everthread_core::time::Timestamp;

use super::ways::template;
use crate::units::out::{OutMessage, cancel_parts, queue};
use crate::units::rows::{AuthorKind, ConversationRow, content_of, save_conversation};
use crate::units::work::{Shown, Work, refresh_message, text_hash};
use crate::{Db, Error, Result, Val, row_struct, sql, vals};

row_struct! {
    /// A part that waits.
    #[derive(Clone, Debug)]
    pub(super) struct WaitingPart {
        pub(super) part: PartId,
        pub(super) message: MessageId,
        pub(super) message_uid: Uid,
        pub(super) account: AccountId,
        pub(super) seq: i64,
        pub(super) idx: i64,
        pub(super) parts: i64,
        pub(super) author: String,
        pub(super) class: Class,
        pub(super) version: Option<i64>,
        pub(super) state: State,
        pub(super) queued_at: Timestamp,
        pub(super) expires_at: Timestamp,
        pub(super) due_at: Option<Timestamp>,
        pub(super) content: Option<String>,
        pub(super) reaction: Option<String>,
        pub(super) text: String,
        pub(super) message_content: Option<String>,
        pub(super) identity: IdentityId,
    }
}

impl WaitingPart {
    /// Not to be touched: under way, not settled, or held by a restore.
    pub(super) fn is_busy(&self) -> bool {
        let restored = self.state == State::Held && self.due_at.is_none();
        restored || matches!(self.state, State::Sending | State::Uncertain)
    }

    /// What this part carries.
    pub(super) fn holds(&self) -> Result<Content> {
        content_of(&self.text, self.content.as_deref().or(self.message_content.as_deref()))
    }
}

/// Everything of a lane that has not gone out, in order; not what stands aside from the talk.
pub(super) async fn waiting<D: Db>(db: &mut D, conversation: &ConversationRow) -> Result<Vec<WaitingPart>> {
    db.rows(
        sql!(
            "SELECT p.id, p.message_id, m.uid, p.account_id, p.seq, p.idx, m.parts, p.author, p.class, p.owner_version, p.state, \
             p.queued_at, p.expires_at, p.due_at, p.content, p.reaction, m.text, m.content, p.identity_id \
             FROM message_parts p JOIN messages m ON m.id = p.message_id \
             WHERE p.conversation_id = ?1 AND p.unsent = 1 AND p.seq > 0 ORDER BY p.seq, p.idx"
        ),
        &vals![conversation.id],
    )
    .await
}

/// Where a lane goes, and what is said first there.
pub(super) struct Move<'a> {
    pub(super) identity: IdentityId,
    pub(super) info: &'a AccountInfo,
    /// Template that opens a closed window, as the policy names it.
    pub(super) template: Option<&'a str>,
    /// The first line on the new route.
    pub(super) line: Option<String>,
}

/// Moves the lane and the conversation's route. The caller has checked that nothing is under way and that all fits.
pub(super) async fn move_lane<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &mut ConversationRow,
    parts: &[WaitingPart],
    to: &Move<'_>,
) -> Result<()> {
    conversation.route_identity = Some(to.identity);
    conversation.route_account = Some(to.info.id);
    to.info.channel.as_str().clone_into(&mut conversation.channel);
    let mut line = to.line.clone();
    let (reactions, parts): (Vec<WaitingPart>, Vec<WaitingPart>) =
        parts.iter().cloned().partition(|part| part.reaction.is_some());
    let reactions: Vec<_> = reactions.iter().map(|p| (p.part, p.message, p.message_uid, p.parts)).collect();
    let key = (conversation.id, conversation.uid);
    cancel_parts(
        db,
        work,
        conversation.workspace,
        key,
        &reactions,
        "a reaction can't follow to another channel",
    )
    .await?;
    for message in parts.chunk_by(|a, b| a.message == b.message) {
        let pieces = pieces(message, to, &mut line)?;
        rewrite(db, work, conversation, message, &pieces, to).await?;
    }
    if let Some(line) = line {
        say(db, work, conversation, to, &line).await?;
    }
    save_conversation(db, conversation, work.now).await?;
    work.conversation_changed(conversation.workspace, conversation.uid);
    work.lane_touched(conversation.workspace, conversation.id);
    Ok(())
}

/// What is left of one message, cut for the new channel; the first message takes the line along.
fn pieces(message: &[WaitingPart], to: &Move<'_>, line: &mut Option<String>) -> Result<Vec<Content>> {
    let misfit = |error: everthread_core::fit::FitError| Error::Conflict(error.to_string());
    let whole = message.first().is_some_and(|part| part.idx == 0) && message.len() as i64 == message[0].parts;
    let mut left = Vec::new();
    if whole && let Some(first) = message.first() {
        left.push(content_of(&first.text, first.message_content.as_deref())?);
    } else {
        for part in message {
            left.push(part.holds()?);
        }
    }
    if let Some(named) = to.template {
        let text =
            left.iter().map(|c| c.text.as_str()).filter(|t| !t.is_empty()).collect::<Vec<_>>().join("\n");
        let said = line.take().map_or_else(|| text.clone(), |line| format!("{line} {text}"));
        return Ok(vec![template(named, &said)]);
    }
    let mut out = Vec::new();
    if let (Some(line), Some(first)) = (line.take(), left.first_mut()) {
        if first.attachments.is_empty() && first.template.is_none() && !first.text.is_empty() {
            first.text = format!("{line}\n\n{}", first.text);
        } else {
            out.extend(fit(&Content::text(line), &to.info.caps).map_err(misfit)?);
        }
    }
    for content in &left {
        out.extend(fit(content, &to.info.caps).map_err(misfit)?);
    }
    Ok(out)
}

/// Puts the pieces in place of the parts that wait: rows are taken over in order, so that attempts stay with their part.
async fn rewrite<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &ConversationRow,
    message: &[WaitingPart],
    pieces: &[Content],
    to: &Move<'_>,
) -> Result<()> {
    let Some(first) = message.first() else { return Ok(()) };
    let now = work.now;
    for (at, piece) in pieces.iter().enumerate() {
        let json = serde_json::to_string(piece)?;
        let idx = first.idx + at as i64;
        // Only a person moves into a fault, and on purpose: it goes as canaries do (I6).
        let (hash, deliberate) = (text_hash(&piece.text), to.info.fault.is_some());
        if let Some(part) = message.get(at) {
            db.exec(
                sql!(
                    "UPDATE message_parts SET idx = ?2, account_id = ?3, identity_id = ?4, state = 'queued', state_at = ?5, \
                     content = ?6, text_hash = ?7, due_at = NULL, reason = NULL, incident_id = NULL, \
                     canary = ?8, error_class = NULL, error_code = NULL, error_text = NULL WHERE id = ?1"
                ),
                &vals![part.part, idx, to.info.id, to.identity, now, json.as_str(), hash, deliberate],
            )
            .await?;
            continue;
        }
        let (id, uid) = (PartId(work.id(db).await?), work.uid());
        let values: [Val<'_>; 17] = vals![
            id,
            uid,
            conversation.workspace,
            conversation.id,
            first.message,
            first.seq,
            idx,
            to.info.id,
            to.identity,
            first.class,
            first.author.as_str(),
            first.version,
            now,
            json.as_str(),
            hash,
            first.queued_at,
            first.expires_at
        ];
        db.exec(
            sql!(
                "INSERT INTO message_parts (id, uid, workspace_id, conversation_id, message_id, seq, idx, account_id, \
                 identity_id, class, author, owner_version, state, state_at, unsent, content, text_hash, queued_at, \
                 expires_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'queued', ?13, 1, ?14, ?15, ?16, ?17)"
            ),
            &values,
        )
        .await?;
    }
    let spare: Vec<[Val<'_>; 1]> = message.iter().skip(pieces.len()).map(|part| vals![part.part]).collect();
    db.exec_all(sql!("DELETE FROM attempts WHERE part_id = ?1"), &spare).await?;
    db.exec_all(sql!("DELETE FROM message_parts WHERE id = ?1"), &spare).await?;
    db.exec(
        // What it answered is known to the first channel only.
        sql!(
            "UPDATE messages SET account_id = ?2, identity_id = ?3, parts = ?4, reply_to = NULL WHERE id = ?1"
        ),
        &vals![first.message, to.info.id, to.identity, first.idx + pieces.len() as i64],
    )
    .await?;
    refresh_message(db, first.message, None, Shown::default(), now).await?;
    work.message_changed(conversation.workspace, first.message_uid, conversation.uid);
    Ok(())
}

/// Says the line as a message of its own: nothing waits, and the customer does.
async fn say<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &mut ConversationRow,
    to: &Move<'_>,
    line: &str,
) -> Result<()> {
    let waiting_since = conversation.waiting_since;
    let content = match to.template {
        Some(named) => template(named, line),
        None => Content::text(line),
    };
    let out = OutMessage {
        author: Author::Notice,
        kind: AuthorKind::System,
        content: &content,
        identity: to.identity,
        reply_to: None,
        client_id: None,
        class: Class::Live,
        aside_until: None,
    };
    if let Err(error) = queue(db, work, conversation, to.info, &out).await? {
        return Err(Error::Conflict(error.to_string()));
    }
    // The line is no answer: the customer still waits for one.
    conversation.waiting_since = waiting_since;
    Ok(())
}
