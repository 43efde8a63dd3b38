//! The invariants, asked of the real rows.

use std::collections::{HashMap, HashSet};

use everthread_core::ids::{
    AccountId, ConversationId, IdentityId, IncidentId, MessageId, PartId, WorkspaceId,
};
use everthread_core::invariants::{
    ends_with_reason, lane_in_order, never_copied, one_live_attempt, sequence_without_gaps,
    state_follows_facts, waits_visibly,
};
use everthread_core::state::{Facts, State, message_state};
use everthread_core::time::Timestamp;
use everthread_store::{Db, Result, Unit, row_struct, sql, vals};

/// Accounts that send nothing, with the reason.
pub(crate) struct StoppedAccounts;

impl Unit for StoppedAccounts {
    type Out = Vec<(AccountId, String)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(sql!("SELECT id, stopped_reason FROM accounts WHERE stopped_at IS NOT NULL"), &[]).await
    }
}

row_struct! {
    struct PartRow {
        id: PartId,
        message: MessageId,
        state: State,
        message_state: State,
        unsent: bool,
        due_at: Option<Timestamp>,
        expires_at: Timestamp,
        reason: Option<String>,
        error: Option<String>,
        accepted: Option<Timestamp>,
        failed: Option<Timestamp>,
        delivered: Option<Timestamp>,
        read: Option<Timestamp>,
        stuck: Option<Timestamp>,
        live: i64,
    }
}

/// Checks the conversations that changed since the last time; all of them without `since`.
pub(crate) struct Check {
    /// The last change seen, by workspace; `None`: look at everything.
    pub(crate) since: Option<HashMap<WorkspaceId, i64>>,
}

impl Unit for Check {
    /// The last changes, and what is wrong.
    type Out = (HashMap<WorkspaceId, i64>, Vec<String>);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut wrong = Vec::new();
        let last: Vec<(WorkspaceId, i64)> =
            db.rows(sql!("SELECT id, change_seq FROM workspaces"), &[]).await?;
        for (workspace, number) in &last {
            let since = self.since.as_ref().map_or(0, |since| since.get(workspace).copied().unwrap_or(0));
            if since == *number {
                continue;
            }
            let touched: Vec<(ConversationId, i64)> = db
                .rows(
                    sql!(
                        "SELECT DISTINCT v.id, v.seq FROM changes c JOIN conversations v ON v.uid = c.conversation_uid \
                         WHERE c.workspace_id = ?1 AND c.number > ?2"
                    ),
                    &vals![*workspace, since],
                )
                .await?;
            for (conversation, seq) in touched {
                check_conversation(db, conversation, seq, self.since.is_none(), &mut wrong).await?;
            }
        }
        Ok((last.into_iter().collect(), wrong))
    }
}

async fn check_conversation<D: Db>(
    db: &mut D,
    conversation: ConversationId,
    seq: i64,
    all: bool,
    wrong: &mut Vec<String>,
) -> Result<()> {
    let from = if all { 0 } else { (seq - 20).max(0) };
    let numbers: Vec<(i64,)> = db
        .rows(
            sql!("SELECT seq FROM messages WHERE conversation_id = ?1 AND seq > ?2 ORDER BY seq"),
            &vals![conversation, from],
        )
        .await?;
    if !sequence_without_gaps(numbers.iter().map(|(n,)| n - from)) || numbers.len() as i64 != seq - from {
        wrong.push(format!("{conversation}: sequence {numbers:?} up to {seq}"));
    }
    let parts: Vec<PartRow> = db
        .rows(
            sql!(
                "SELECT p.id, p.message_id, p.state, m.state, p.unsent, p.due_at, p.expires_at, p.reason, \
                 p.error_code, p.accepted_at, p.failed_at, p.delivered_at, p.read_at, p.stuck_at, (SELECT count(*) FROM attempts a \
                 WHERE a.message_id = p.message_id AND a.part_id = p.id AND a.ended_at IS NULL) \
                 FROM messages m JOIN message_parts p ON p.message_id = m.id \
                 WHERE m.conversation_id = ?1 AND m.seq > ?2 ORDER BY m.seq, p.idx"
            ),
            &vals![conversation, from],
        )
        .await?;
    if !lane_in_order(parts.iter().map(|part| part.state)) {
        let states: Vec<_> = parts.iter().map(|part| (part.id.0, part.state)).collect();
        wrong.push(format!("{conversation}: lane out of order: {states:?}"));
    }
    let mut messages: HashMap<MessageId, (State, Vec<State>)> = HashMap::new();
    for part in &parts {
        let facts = Facts {
            accepted: part.accepted,
            failed: part.failed,
            delivered: part.delivered,
            read: part.read,
        };
        messages.entry(part.message).or_insert((part.message_state, Vec::new())).1.push(part.state);
        let mut broken =
            |what: &str| wrong.push(format!("{conversation} {} ({:?}): {what}", part.id, part.state));
        if part.unsent != part.state.blocks_lane() {
            broken("`unsent` does not follow the state");
        }
        if !one_live_attempt(usize::try_from(part.live).unwrap_or(0)) {
            broken("two live attempts");
        }
        if part.state == State::Sending && part.live != 1 {
            broken("sending without a live attempt");
        }
        if !state_follows_facts(part.state, &facts, part.state) {
            broken("the state is not what the facts say");
        }
        let deadline = if part.state == State::Uncertain { part.due_at } else { Some(part.expires_at) };
        if !waits_visibly(part.state, part.reason.is_some(), deadline) {
            broken("waits without reason or deadline");
        }
        if !never_copied(part.stuck.is_some(), part.state) {
            broken("stuck, and sent again");
        }
        if !ends_with_reason(part.state, part.reason.is_some() || part.error.is_some()) {
            broken("ended without a reason");
        }
    }
    for (message, (state, parts)) in messages {
        if message_state(parts.iter().copied()) != Some(state) {
            wrong.push(format!("{conversation} {message} is {state:?}, its parts {parts:?}"));
        }
    }
    Ok(())
}

row_struct! {
    /// What the world needs to judge a claim.
    pub(crate) struct ClaimFacts {
        pub(crate) seq: i64,
        pub(crate) idx: i64,
        pub(crate) author: String,
        /// Later messages by people in this conversation.
        pub(crate) people_after: i64,
        /// Unsent parts before this one.
        pub(crate) before: i64,
        /// 1 where the customer said stop after this was queued.
        pub(crate) stopped: i64,
        /// The owner's version that the part was written under, and the one that holds.
        pub(crate) version: Option<i64>,
        pub(crate) owner_version: i64,
    }
}

/// Looks at a part that was just claimed.
pub(crate) struct LookAtClaim(pub(crate) PartId);

impl Unit for LookAtClaim {
    type Out = ClaimFacts;

    async fn run<D: Db>(&self, db: &mut D) -> Result<ClaimFacts> {
        db.one(
            "part",
            sql!(
                "SELECT p.seq, p.idx, p.author, (SELECT count(*) FROM messages m WHERE \
                 m.conversation_id = p.conversation_id AND m.seq > p.seq AND m.direction = 'out' \
                 AND m.author_kind IN ('person', 'app')), \
                 (SELECT count(*) FROM message_parts q WHERE q.conversation_id = p.conversation_id AND q.unsent = 1 \
                 AND (q.seq < p.seq OR (q.seq = p.seq AND q.idx < p.idx))), \
                 (SELECT count(*) FROM conversations v JOIN contacts c ON c.id = v.contact_id \
                 WHERE v.id = p.conversation_id AND c.stopped_at >= p.queued_at), p.owner_version, \
                 (SELECT v.owner_version FROM conversations v WHERE v.id = p.conversation_id) \
                 FROM message_parts p WHERE p.id = ?1"
            ),
            &vals![self.0],
        )
        .await
    }
}

row_struct! {
    /// What a move is judged by.
    pub(crate) struct MoveFacts {
        /// The conversation's contact, and the one behind the address.
        pub(crate) contact: i64,
        pub(crate) other: i64,
        /// Messages that the customer wrote from there.
        pub(crate) said: i64,
        /// 1 where the last word on that address is a grant.
        pub(crate) granted: i64,
        pub(crate) stopped: i64,
        /// Parts of the lane that would still go another way.
        pub(crate) elsewhere: i64,
        /// First lines said in the conversation.
        pub(crate) lines: i64,
        pub(crate) value: String,
    }
}

/// Looks at a lane that was just moved: conversation, where to, and how first lines begin.
pub(crate) struct LookAtMove(
    pub(crate) ConversationId,
    pub(crate) IdentityId,
    pub(crate) AccountId,
    pub(crate) &'static str,
);

impl Unit for LookAtMove {
    type Out = MoveFacts;

    async fn run<D: Db>(&self, db: &mut D) -> Result<MoveFacts> {
        let like = format!("%{}%", self.3);
        db.one(
            "move",
            sql!(
                "SELECT v.contact_id, i.contact_id, \
                 (SELECT count(*) FROM messages m WHERE m.identity_id = i.id AND m.direction = 'in'), \
                 (SELECT count(*) FROM consents s WHERE s.identity_id = i.id AND s.withdrawn_at IS NULL \
                 AND s.id = (SELECT max(id) FROM consents WHERE identity_id = i.id)), \
                 (SELECT count(*) FROM contacts c WHERE c.id = v.contact_id AND c.stopped_at IS NOT NULL), \
                 (SELECT count(*) FROM message_parts p WHERE p.conversation_id = v.id AND p.unsent = 1 \
                 AND (p.account_id <> ?3 OR p.identity_id <> ?2)), \
                 (SELECT count(*) FROM message_parts p JOIN messages m ON m.id = p.message_id \
                 WHERE p.conversation_id = v.id AND coalesce(p.content, m.text) LIKE ?4), i.value \
                 FROM conversations v JOIN identities i ON i.id = ?2 WHERE v.id = ?1"
            ),
            &vals![self.0, self.1, self.2, like.as_str()],
        )
        .await
    }
}

/// Conversations away from their first channel, with that channel's account.
pub(crate) struct Away;

impl Unit for Away {
    type Out = Vec<(ConversationId, WorkspaceId, AccountId)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT id, workspace_id, home_account_id FROM conversations WHERE carried_incident_id IS NOT NULL \
                 AND home_account_id IS NOT NULL ORDER BY id"
            ),
            &[],
        )
        .await
    }
}

/// The incident that carried a conversation last.
pub(crate) struct CarriedBy(pub(crate) ConversationId);

impl Unit for CarriedBy {
    type Out = Option<IncidentId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let (incident,): (Option<IncidentId>,) = db
            .one(
                "conversation",
                sql!("SELECT carried_incident_id FROM conversations WHERE id = ?1"),
                &vals![self.0],
            )
            .await?;
        Ok(incident)
    }
}

row_struct! {
    /// A part that an incident holds.
    #[derive(Debug)]
    pub(crate) struct HeldRow {
        pub(crate) part: PartId,
        pub(crate) account: AccountId,
        pub(crate) route: Option<AccountId>,
        pub(crate) since: Timestamp,
    }
}

/// Parts that an incident holds for another way than the one that the conversation goes now.
pub(crate) enum LeftBehind {
    /// In one conversation.
    In(ConversationId),
    /// In all that nobody wrote in since then.
    Since(Timestamp),
}

/// One of them, with the account that it waits for, and that of the route.
pub(crate) type Left = (PartId, ConversationId, AccountId, AccountId);

impl Unit for LeftBehind {
    type Out = Vec<Left>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let (one, before) = match self {
            Self::In(conversation) => (Some(*conversation), None),
            Self::Since(before) => (None, Some(*before)),
        };
        db.rows(
            sql!(
                "SELECT p.id, v.id, p.account_id, v.route_account_id FROM message_parts p \
                 JOIN conversations v ON v.id = p.conversation_id WHERE p.unsent = 1 AND p.state = 'held' \
                 AND p.incident_id IS NOT NULL AND v.status <> 'resolved' AND v.route_account_id IS NOT NULL \
                 AND (p.account_id <> v.route_account_id OR p.identity_id <> v.route_identity_id) \
                 AND (v.id = ?1 OR (CAST(?1 AS BIGINT) IS NULL AND p.state_at < ?2 AND v.last_in_at < ?2)) \
                 AND NOT EXISTS (SELECT 1 FROM message_parts q WHERE q.conversation_id = v.id AND q.unsent = 1 \
                 AND q.state IN ('sending', 'uncertain')) ORDER BY p.id"
            ),
            &vals![one, before],
        )
        .await
    }
}

/// Parts that incidents have held since before then.
pub(crate) struct HeldSince(pub(crate) Timestamp);

impl Unit for HeldSince {
    type Out = Vec<HeldRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT p.id, p.account_id, v.route_account_id, p.state_at FROM message_parts p \
                 JOIN conversations v ON v.id = p.conversation_id WHERE p.unsent = 1 AND p.state = 'held' \
                 AND p.incident_id IS NOT NULL AND p.state_at < ?1 ORDER BY p.id"
            ),
            &vals![self.0],
        )
        .await
    }
}

/// Parts that an incident holds.
pub(crate) struct Held;

impl Unit for Held {
    type Out = i64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<i64> {
        let (held,): (i64,) = db
            .one(
                "parts",
                sql!(
                    "SELECT count(*) FROM message_parts WHERE unsent = 1 AND state = 'held' AND incident_id IS NOT NULL"
                ),
                &[],
            )
            .await?;
        Ok(held)
    }
}

/// Plans that wait for a person's word, and each conversation's addresses.
pub(crate) struct Wishes;

impl Unit for Wishes {
    type Out = (Vec<(ConversationId, WorkspaceId)>, Vec<(ConversationId, WorkspaceId, IdentityId)>);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let suggested = db
            .rows(
                sql!("SELECT conversation_id, workspace_id FROM plans WHERE state = 'suggested' ORDER BY id"),
                &[],
            )
            .await?;
        let ways = db
            .rows(
                sql!(
                    "SELECT v.id, v.workspace_id, i.id FROM conversations v \
                     JOIN identities i ON i.contact_id = v.contact_id ORDER BY v.id, i.id"
                ),
                &[],
            )
            .await?;
        Ok((suggested, ways))
    }
}

/// Parts of a message.
pub(crate) struct PartsOf(pub(crate) MessageId);

impl Unit for PartsOf {
    type Out = Vec<PartId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<PartId>> {
        let rows: Vec<(PartId,)> = db
            .rows(sql!("SELECT id FROM message_parts WHERE message_id = ?1 ORDER BY idx"), &vals![self.0])
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// Conversations, and outgoing messages with their states: what people can act on.
pub(crate) struct Choices;

impl Unit for Choices {
    type Out = (Vec<(ConversationId, WorkspaceId)>, Vec<(MessageId, WorkspaceId, State)>);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let conversations =
            db.rows(sql!("SELECT id, workspace_id FROM conversations ORDER BY id"), &[]).await?;
        let messages = db
            .rows(
                sql!(
                    "SELECT m.id, m.workspace_id, m.state FROM messages m WHERE m.direction = 'out' AND m.parts > 0 \
                     AND m.state IN ('failed', 'unconfirmed', 'cancelled', 'held', 'queued') ORDER BY m.id"
                ),
                &[],
            )
            .await?;
        Ok((conversations, messages))
    }
}

row_struct! {
    #[derive(Debug, PartialEq)]
    /// A customer's message as it is kept.
    pub(crate) struct Incoming {
        pub(crate) account: AccountId,
        pub(crate) provider_id: String,
        pub(crate) text: String,
        pub(crate) deleted: bool,
    }
}

/// Everything that the end is judged by.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Final {
    /// Each message of a customer.
    pub(crate) incoming: Vec<Incoming>,
    /// Our messages without a reaction, by account and provider id.
    pub(crate) unreacted: HashSet<(AccountId, String)>,
    /// Account and provider id of each message typed in a platform's own app.
    pub(crate) typed: Vec<(AccountId, String)>,
    /// Client ids of what people wrote.
    pub(crate) composed: Vec<String>,
    /// Parts that are not at an end.
    pub(crate) unfinished: Vec<(PartId, State)>,
    /// Each part's state by provider id.
    pub(crate) parts: HashMap<(AccountId, String), State>,
    pub(crate) parked: i64,
    pub(crate) problems: Vec<String>,
    pub(crate) live_attempts: i64,
}

pub(crate) struct LookAtEnd;

impl Unit for LookAtEnd {
    type Out = Final;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Final> {
        let incoming = db
            .rows(
                sql!(
                    "SELECT account_id, provider_id, text, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END \
                     FROM messages WHERE direction = 'in' ORDER BY id"
                ),
                &[],
            )
            .await?;
        let unreacted: Vec<(AccountId, String)> = db
            .rows(
                sql!(
                    "SELECT account_id, provider_id FROM messages WHERE direction = 'out' AND reactions IS NULL \
                     AND provider_id IS NOT NULL"
                ),
                &[],
            )
            .await?;
        let typed = db
            .rows(
                sql!("SELECT account_id, provider_id FROM messages WHERE author_kind = 'app' ORDER BY id"),
                &[],
            )
            .await?;
        let composed: Vec<(String,)> =
            db.rows(sql!("SELECT client_id FROM messages WHERE client_id IS NOT NULL"), &[]).await?;
        let unfinished =
            db.rows(sql!("SELECT id, state FROM message_parts WHERE unsent = 1 ORDER BY id"), &[]).await?;
        let parts: Vec<(AccountId, String, State)> = db
            .rows(
                sql!(
                    "SELECT account_id, provider_id, state FROM message_parts WHERE provider_id IS NOT NULL"
                ),
                &[],
            )
            .await?;
        let (parked,): (i64,) = db.one("count", sql!("SELECT count(*) FROM parked"), &[]).await?;
        let problems: Vec<(String,)> = db.rows(sql!("SELECT reason FROM problems ORDER BY id"), &[]).await?;
        let (live_attempts,): (i64,) =
            db.one("count", sql!("SELECT count(*) FROM attempts WHERE ended_at IS NULL"), &[]).await?;
        Ok(Final {
            incoming,
            unreacted: unreacted.into_iter().collect(),
            typed,
            composed: composed.into_iter().map(|(id,)| id).collect(),
            unfinished,
            parts: parts.into_iter().map(|(account, id, state)| ((account, id), state)).collect(),
            parked,
            problems: problems.into_iter().map(|(reason,)| reason).collect(),
            live_attempts,
        })
    }
}
