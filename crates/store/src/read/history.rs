//! What readings after an incident came to, and gaps where nothing could be read.

use everthread_core::history::Tally;
use everthread_core::ids::{AccountId, ConversationId, IncidentId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// One account's reading after an incident.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ReadingRow {
        pub account: AccountId,
        pub state: String,
        pub listed: bool,
        pub since: Timestamp,
        pub tries: u32,
        /// When it goes on; none when it is over.
        pub due_at: Option<Timestamp>,
        pub reason: Option<String>,
        pub started_at: Timestamp,
        pub finished_at: Option<Timestamp>,
        pub threads: i64,
        pub platform: i64,
        pub added: i64,
        pub unreadable: i64,
        pub ambiguous: i64,
        /// Conversations not read, or not yet.
        pub unread_threads: i64,
    }
}

impl ReadingRow {
    /// In core's form.
    pub fn tally(&self) -> Tally {
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        Tally {
            platform: count(self.platform),
            added: count(self.added),
            unreadable: count(self.unreadable),
            ambiguous: count(self.ambiguous),
            unread_threads: count(self.unread_threads),
        }
    }
}

/// Every reading after an incident, as one workspace may see it.
#[derive(Clone, Copy, Debug)]
pub struct IncidentReadings {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
}

/// Readings shown: accounts of one workspace in one incident.
const READINGS_MAX: i64 = 500;

impl Unit for IncidentReadings {
    type Out = Vec<ReadingRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT r.account_id, r.state, r.listed, r.since, r.tries, r.due_at, r.reason, r.started_at, r.finished_at, \
                 count(t.thread), CAST(coalesce(sum(t.platform), 0) AS BIGINT), CAST(coalesce(sum(t.added), 0) AS BIGINT), \
                 CAST(coalesce(sum(t.unreadable), 0) AS BIGINT), CAST(coalesce(sum(t.ambiguous), 0) AS BIGINT), \
                 CAST(coalesce(sum(CASE WHEN t.state = 'read' THEN 0 WHEN t.thread IS NULL THEN 0 ELSE 1 END), 0) AS BIGINT) \
                 FROM history_reads r LEFT JOIN history_threads t ON t.incident_id = r.incident_id AND t.account_id = r.account_id \
                 WHERE r.incident_id = ?1 AND r.workspace_id = ?2 \
                 GROUP BY r.account_id, r.state, r.listed, r.since, r.tries, r.due_at, r.reason, r.started_at, r.finished_at \
                 ORDER BY r.account_id LIMIT ?3"
            ),
            &vals![self.incident, self.workspace, READINGS_MAX],
        )
        .await
    }
}

row_struct! {
    /// A conversation of which something was left unread.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct UnreadThread {
        pub account: AccountId,
        pub name: Option<String>,
        pub address: Option<String>,
        pub conversation: Option<Uid>,
        pub unreadable: i64,
        pub ambiguous: i64,
        pub reason: Option<String>,
    }
}

/// Conversations of which something was left unread after an incident, the last touched first.
#[derive(Clone, Copy, Debug)]
pub struct UnreadThreads {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    pub limit: u32,
}

impl Unit for UnreadThreads {
    type Out = Vec<UnreadThread>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT t.account_id, coalesce(c.name, t.name), t.address, v.uid, t.unreadable, t.ambiguous, t.reason \
                 FROM history_threads t \
                 LEFT JOIN identities i ON i.workspace_id = t.workspace_id AND i.scope = t.account_id AND i.value = t.address \
                 LEFT JOIN contacts c ON c.id = i.contact_id LEFT JOIN conversations v ON v.id = c.conversation_id \
                 WHERE t.incident_id = ?1 AND t.workspace_id = ?2 AND (t.reason IS NOT NULL OR t.unreadable > 0 OR t.ambiguous > 0) \
                 ORDER BY t.updated_at DESC, t.thread LIMIT ?3"
            ),
            &vals![self.incident, self.workspace, self.limit],
        )
        .await
    }
}

row_struct! {
    /// Conversations of one account with the same gap.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct IncidentGap {
        pub account: AccountId,
        pub since: Timestamp,
        pub until: Timestamp,
        pub conversations: i64,
    }
}

/// What an incident left missing for good, by account.
#[derive(Clone, Copy, Debug)]
pub struct IncidentGaps {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
}

impl Unit for IncidentGaps {
    type Out = Vec<IncidentGap>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT account_id, min(since), max(until), count(*) FROM gaps WHERE incident_id = ?1 AND workspace_id = ?2 \
                 GROUP BY account_id ORDER BY account_id LIMIT ?3"
            ),
            &vals![self.incident, self.workspace, READINGS_MAX],
        )
        .await
    }
}

row_struct! {
    /// A gap in one conversation.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ConversationGap {
        pub account: AccountId,
        pub incident: Uid,
        pub number: i64,
        pub since: Timestamp,
        pub until: Timestamp,
    }
}

/// Gaps of a conversation, the newest first.
#[derive(Clone, Copy, Debug)]
pub struct ConversationGaps {
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub limit: u32,
}

impl Unit for ConversationGaps {
    type Out = Vec<ConversationGap>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT g.account_id, n.uid, n.number, g.since, g.until FROM gaps g JOIN incidents n ON n.id = g.incident_id \
                 WHERE g.conversation_id = ?1 AND g.workspace_id = ?2 ORDER BY g.since DESC LIMIT ?3"
            ),
            &vals![self.conversation, self.workspace, self.limit],
        )
        .await
    }
}
