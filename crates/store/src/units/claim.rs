//! Claims the heads of lanes: everything is checked again here, and an attempt is on disk before the call starts.

use std::sync::Arc;

use everthread_core::content::{Content, Thread};
use everthread_core::conversation::{Conversation, Owner, bot_may_send};
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::dispatch;
use everthread_core::event::{Address, AddressKind};
use everthread_core::ids::{
    AccountId, AttemptId, ConversationId, IdentityId, MessageId, PartId, Uid, UserId, WorkspaceId,
};
use everthread_core::limits::THREAD_IDS_MAX;
use everthread_core::outbox::{Author, Next, Permit, expired, permit, window};
use everthread_core::outcome::{ErrorClass, Reason};
use everthread_core::state::{Class, OwnerKind, State, Status};
use everthread_core::text::bare_subject;
use everthread_core::time::Timestamp;

use super::After;
use super::record::{Ending, end_part};
use super::rows::content_of;
use super::work::{Shown, Work, refresh_message};
use crate::{Db, Error, Result, Unit, Val, row_struct, sql, vals};

/// Claims parts for sending.
#[derive(Clone, Debug)]
pub struct Claim {
    pub now: Timestamp,
    pub seed: u64,
    /// What the dispatcher took.
    pub claims: Vec<dispatch::Claim>,
    /// Until when the caller may start the calls.
    pub lease_until: Timestamp,
    /// Names this process; a lane owned under a higher fence is left alone.
    pub owner: String,
    /// Grows with every start of a process (see [`SetCursor`](super::SetCursor)).
    pub fence: i64,
    pub directory: Arc<Directory>,
}

/// What became of one claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claimed {
    /// Make this call, then [`Record`](super::Record) what came of it.
    Send(Box<Outgoing>),
    /// It is not to be sent now: gone, overtaken, cancelled, held or failed; `After` has the lane's next head.
    Skip,
}

/// A call to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    pub attempt: AttemptId,
    /// 1 for the first.
    pub number: u32,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub message: MessageId,
    pub part: PartId,
    /// Our token for the part, the same in every attempt: [`Uid::show`] it with [`PartId::PREFIX`].
    pub correlation: Uid,
    pub account: AccountId,
    pub identity: IdentityId,
    pub to: Address,
    pub content: Content,
    /// Provider id of the message it answers.
    pub reply_to: Option<String>,
    /// Where the address threads by references (e-mail): what was said before.
    pub thread: Option<Thread>,
    /// A reaction instead of content: provider id and emoji, `None` to take it back.
    pub reaction: Option<(String, Option<String>)>,
    pub class: Class,
    pub human_tag: bool,
    /// Sent into a fault on purpose, to see whether it is over.
    pub canary: bool,
    pub lease_until: Timestamp,
}

row_struct! {
    /// All that the decision needs.
    struct ClaimRow {
        part: PartId,
        uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
        message: MessageId,
        message_uid: Uid,
        parts: i64,
        idx: i64,
        account: AccountId,
        identity: IdentityId,
        class: Class,
        author: String,
        version: Option<i64>,
        state: State,
        content: Option<String>,
        reaction: Option<String>,
        attempts: i64,
        queued_at: Timestamp,
        due_at: Option<Timestamp>,
        expires_at: Timestamp,
        worth_until: Option<Timestamp>,
        text: String,
        message_content: Option<String>,
        reply_to: Option<String>,
        status: Status,
        owner_kind: OwnerKind,
        owner_user: Option<UserId>,
        owner_version: i64,
        kind: AddressKind,
        value: String,
        stopped_at: Option<Timestamp>,
        last_in_at: Option<Timestamp>,
        reachable: Option<bool>,
        unreachable: Option<String>,
        account_stopped: Option<String>,
        account_removed: Option<Timestamp>,
        canary: bool,
        fence: Option<i64>,
        /// Parts that must end first: earlier ones, and any that is under way or uncertain (I4).
        before: i64,
        seq: i64,
    }
}

impl Unit for Claim {
    type Out = (Vec<Claimed>, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let workspaces: Vec<WorkspaceId> = self.claims.iter().map(|claim| claim.workspace).collect();
        let ids = u32::try_from(self.claims.len() + 1).unwrap_or(u32::MAX);
        let mut work = Work::start(db, self.now, self.seed, &workspaces, ids).await?;
        let found = self.load(db).await?;
        let mut out = Vec::with_capacity(self.claims.len());
        for (claim, rows) in self.claims.iter().zip(found) {
            let claimed = match rows.into_iter().next() {
                Some(row) => self.claim(db, &mut work, claim.workspace, row).await?,
                None => None,
            };
            if let Some(outgoing) = claimed {
                out.push(Claimed::Send(Box::new(outgoing)));
            } else {
                work.lane_touched(claim.workspace, claim.conversation);
                out.push(Claimed::Skip);
            }
        }
        Ok((out, work.finish(db).await?))
    }
}

impl Claim {
    async fn load<D: Db>(&self, db: &mut D) -> Result<Vec<Vec<ClaimRow>>> {
        let sets: Vec<[Val<'_>; 2]> =
            self.claims.iter().map(|claim| vals![claim.part, claim.workspace]).collect();
        db.rows_all(
            sql!(
                "SELECT p.id, p.uid, p.conversation_id, v.uid, p.message_id, m.uid, m.parts, p.idx, p.account_id, \
                 p.identity_id, p.class, p.author, p.owner_version, p.state, p.content, p.reaction, p.attempts, \
                 p.queued_at, p.due_at, p.expires_at, p.worth_until, m.text, m.content, m.reply_to, v.status, v.owner_kind, \
                 v.owner_user_id, v.owner_version, i.kind, i.value, c.stopped_at, r.last_in_at, \
                 r.reachable, r.reason, CASE WHEN a.stopped_at IS NULL THEN NULL ELSE a.stopped_reason END, \
                 a.removed_at, p.canary, l.fence, \
                 (SELECT count(*) FROM message_parts q WHERE q.conversation_id = p.conversation_id AND q.unsent = 1 \
                 AND q.id <> p.id AND (q.state = 'sending' OR (p.seq >= 0 AND q.seq >= 0 AND (q.seq < p.seq \
                 OR (q.seq = p.seq AND q.idx < p.idx) OR q.state = 'uncertain')))), p.seq \
                 FROM message_parts p JOIN messages m ON m.id = p.message_id \
                 JOIN conversations v ON v.id = p.conversation_id \
                 JOIN identities i ON i.id = p.identity_id JOIN contacts c ON c.id = i.contact_id \
                 JOIN accounts a ON a.id = p.account_id \
                 LEFT JOIN reaches r ON r.identity_id = p.identity_id AND r.account_id = p.account_id \
                 LEFT JOIN lanes l ON l.conversation_id = p.conversation_id \
                 WHERE p.id = ?1 AND p.workspace_id = ?2"
            ),
            &sets,
        )
        .await
    }

    async fn claim<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        workspace: WorkspaceId,
        row: ClaimRow,
    ) -> Result<Option<Outgoing>> {
        let waiting = row.due_at.is_some_and(|at| at > self.now);
        let fenced = row.fence.is_some_and(|fence| fence > self.fence);
        if row.state != State::Queued || row.before > 0 || waiting || fenced {
            return Ok(None);
        }
        let author = Author::parse(&row.author)
            .ok_or_else(|| Error::Defect(format!("unknown author {:?}", row.author)))?;
        let human_tag = match self.check(&row, author) {
            Ok(human_tag) => human_tag,
            Err(next) => {
                let held = matches!(next, Next::Held { .. });
                let ending = Ending {
                    workspace,
                    conversation: row.conversation,
                    conversation_uid: row.conversation_uid,
                    message: row.message,
                    message_uid: row.message_uid,
                    part: row.part,
                };
                end_part(db, work, &ending, next).await?;
                if let Some(fault) =
                    self.directory.get(row.account).and_then(|i| i.fault.as_ref()).filter(|_| held)
                {
                    let values = vals![row.part, fault.incident];
                    db.exec(sql!("UPDATE message_parts SET incident_id = ?2 WHERE id = ?1"), &values).await?;
                }
                return Ok(None);
            }
        };
        self.send(db, work, workspace, row, human_tag).await.map(Some)
    }

    /// Whether it may go now (and with the human-agent tag), else what becomes of it.
    fn check(&self, row: &ClaimRow, author: Author) -> Result<bool, Next> {
        let cancelled = |text: &str| Err(Next::Cancelled { reason: Reason::new("cancelled", text) });
        let failed = |class: ErrorClass, text: &str| {
            Err(Next::Failed { class, reason: Reason::new(class.as_str(), text) })
        };
        let now = Conversation {
            status: row.status,
            snoozed_until: None,
            owner: Owner::from_parts(row.owner_kind, row.owner_user),
            version: row.owner_version,
        };
        if author == Author::Bot && row.version.is_none_or(|version| !bot_may_send(version, &now)) {
            return cancelled("somebody else owns the conversation now");
        }
        if row.expires_at <= self.now {
            return Err(expired(author, &Reason::new("expired", "it could not go out in time")));
        }
        let stopped = author != Author::Person
            && row.stopped_at.is_some_and(|at| author != Author::Bot || row.queued_at <= at);
        if stopped {
            return cancelled("the customer said STOP");
        }
        if row.account_removed.is_some() {
            return cancelled("the account was removed");
        }
        let faulty = self.directory.get(row.account).is_some_and(|info| info.fault.is_some());
        if row.seq < 0 && (row.account_stopped.is_some() || faulty) {
            return cancelled("this way can't take a code now; another can be asked for");
        }
        if let Some(why) = &row.account_stopped {
            let reason = Reason::new("account_stopped", why.as_str());
            return Err(Next::StopAccount { reason, until: row.expires_at });
        }
        if row.reachable == Some(false) {
            return failed(
                ErrorClass::RecipientUnreachable,
                row.unreachable.as_deref().unwrap_or("unreachable"),
            );
        }
        let Some(info) = self.directory.get(row.account) else {
            return cancelled("the account is not known");
        };
        // Canaries, and what a person sent into a fault on purpose, go all the same (I6).
        if let Some(fault) = info.fault.as_ref().filter(|_| !row.canary) {
            let reason = Reason::new("incident", fault.reason.as_str());
            return Err(Next::Held { reason, until: author.held_deadline(row.queued_at, row.worth_until) });
        }
        allowed(info, row, author, self.now)
    }

    async fn send<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        workspace: WorkspaceId,
        row: ClaimRow,
        human_tag: bool,
    ) -> Result<Outgoing> {
        let attempt = AttemptId(work.id(db).await?);
        let uid = work.uid();
        let number = row.attempts + 1;
        db.exec(
            sql!(
                "INSERT INTO attempts (id, uid, workspace_id, message_id, part_id, number, account_id, fence, \
                 lease_until, started_at, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, 'sending')"
            ),
            &vals![
                attempt,
                uid,
                workspace,
                row.message,
                row.part,
                number,
                row.account,
                self.fence,
                self.lease_until,
                self.now
            ],
        )
        .await?;
        db.exec(
            sql!(
                "UPDATE message_parts SET state = 'sending', state_at = ?2, attempts = ?3, attempt_id = ?4, \
                 due_at = NULL, reason = NULL WHERE id = ?1"
            ),
            &vals![row.part, self.now, number, attempt],
        )
        .await?;
        if row.fence != Some(self.fence) {
            self.own_lane(db, row.conversation).await?;
        }
        let thread = match row.kind {
            AddressKind::Email => Some(self.thread(db, workspace, &row).await?),
            _ => None,
        };
        let only = (row.parts == 1).then(|| (State::Sending, everthread_core::state::Facts::default()));
        refresh_message(db, row.message, only, Shown::default(), self.now).await?;
        Ok(Outgoing {
            attempt,
            number: u32::try_from(number).unwrap_or(u32::MAX),
            workspace,
            conversation: row.conversation,
            message: row.message,
            part: row.part,
            correlation: row.uid,
            account: row.account,
            identity: row.identity,
            to: Address { kind: row.kind, value: row.value },
            content: content_of(&row.text, row.content.as_deref().or(row.message_content.as_deref()))?,
            reply_to: if row.idx == 0 { row.reply_to } else { None },
            thread,
            reaction: row.reaction.as_deref().map(serde_json::from_str).transpose()?,
            class: row.class,
            human_tag,
            canary: row.canary,
            lease_until: self.lease_until,
        })
    }

    /// The newest messages with this address on this account that have a provider's id, back to where the
    /// customer began another subject.
    async fn thread<D: Db>(&self, db: &mut D, workspace: WorkspaceId, row: &ClaimRow) -> Result<Thread> {
        let said: Vec<(String, Option<String>, String)> = db
            .rows(
                sql!(
                    "SELECT m.text, m.content, coalesce(m.provider_id, p.provider_id) FROM messages m \
                     LEFT JOIN message_parts p ON p.message_id = m.id AND p.idx = 0 \
                     WHERE m.workspace_id = ?1 AND m.conversation_id = ?2 AND m.account_id = ?3 \
                     AND m.identity_id = ?4 AND coalesce(m.provider_id, p.provider_id) IS NOT NULL \
                     ORDER BY m.seq DESC LIMIT ?5"
                ),
                &vals![workspace, row.conversation, row.account, row.identity, THREAD_IDS_MAX as i64],
            )
            .await?;
        let mut thread = Thread::default();
        for (text, content, id) in said {
            let subject = content_of(&text, content.as_deref())?.subject;
            if let (Some(known), Some(other)) = (&thread.subject, &subject)
                && bare_subject(known).to_lowercase() != bare_subject(other).to_lowercase()
            {
                break;
            }
            thread.subject = thread.subject.or(subject);
            thread.ids.push(id);
        }
        thread.ids.reverse();
        Ok(thread)
    }

    async fn own_lane<D: Db>(&self, db: &mut D, conversation: ConversationId) -> Result<()> {
        db.exec(
            sql!(
                "INSERT INTO lanes (conversation_id, owner, lease_until, fence) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (conversation_id) DO UPDATE SET owner = excluded.owner, \
                 lease_until = excluded.lease_until, fence = excluded.fence WHERE lanes.fence <= excluded.fence"
            ),
            &vals![conversation, self.owner.as_str(), self.lease_until, self.fence],
        )
        .await?;
        Ok(())
    }
}

/// The policy window. True: with the human-agent tag.
fn allowed(info: &AccountInfo, row: &ClaimRow, author: Author, now: Timestamp) -> Result<bool, Next> {
    let json = row.content.as_deref().or(row.message_content.as_deref());
    let content = content_of(&row.text, json).unwrap_or_default();
    let text_only = content.attachments.is_empty() && content.template.is_none();
    let open = window(&info.caps, row.last_in_at, now);
    match permit(open, &info.caps, author, content.template.is_some(), text_only) {
        Permit::Go => Ok(false),
        Permit::HumanTag => Ok(true),
        closed => {
            let class = ErrorClass::WindowClosed;
            let text = if closed == Permit::NeedsTemplate {
                "the reply window is over: only an approved template can go"
            } else {
                "the reply window is over"
            };
            Err(Next::Failed { class, reason: Reason::new(class.as_str(), text) })
        }
    }
}
