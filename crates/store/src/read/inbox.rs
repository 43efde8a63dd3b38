//! The inbox: pages of conversations by view, their counts, one conversation.
//!
//! A page is read in two steps: the ids of the page from one index, then each row by its key. So every view has a
//! statement of its own that an index serves, and what a row shows is written once.

use everthread_core::ids::{AccountId, ContactId, ConversationId, IdentityId, Uid, UserId, WorkspaceId};
use everthread_core::state::{Direction, OwnerKind, Proof, State, Status};
use everthread_core::time::Timestamp;

use crate::{Db, Error, Result, Sql, Unit, Val, row_struct, sql, vals};

/// Which conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    All,
    /// With this status.
    Status(Status),
    /// Open and owned by nobody.
    Unassigned,
    /// Open and owned by this person.
    Mine(UserId),
}

row_struct! {
    /// One line of the inbox.
    #[derive(Clone, Debug, PartialEq)]
    pub struct InboxRow {
        pub id: ConversationId,
        pub uid: Uid,
        pub status: Status,
        pub owner_kind: OwnerKind,
        pub owner_uid: Option<Uid>,
        pub owner_name: Option<String>,
        pub owner_version: i64,
        pub channel: String,
        pub account_uid: Option<Uid>,
        pub account_name: Option<String>,
        pub contact: ContactId,
        pub contact_uid: Uid,
        pub contact_name: Option<String>,
        /// JSON list of names.
        pub labels: String,
        pub last_direction: Option<Direction>,
        /// The first 200 characters.
        pub last_text: Option<String>,
        pub last_message_at: Option<Timestamp>,
        pub last_state: Option<State>,
        pub last_author_kind: Option<String>,
        pub last_author_name: Option<String>,
        pub last_in_at: Option<Timestamp>,
        pub unread: i64,
        pub waiting_since: Option<Timestamp>,
        pub held_count: i64,
        pub sandbox: bool,
        pub updated_at: Timestamp,
        pub seq: i64,
        /// Sort key of every view, newest first.
        pub last_at: Timestamp,
        pub snoozed_until: Option<Timestamp>,
        pub route_identity: Option<IdentityId>,
        pub route_account: Option<AccountId>,
    }
}

const ROW: Sql = sql!(
    "SELECT c.id, c.uid, c.status, c.owner_kind, u.uid, u.name, c.owner_version, c.channel, a.uid, a.name,
       c.contact_id, k.uid, k.name, c.labels, m.direction, substr(m.text, 1, 200), m.at, m.state, m.author_kind, mu.name,
       c.last_in_at, c.unread, c.waiting_since,
       (SELECT count(DISTINCT p.message_id) FROM message_parts p
         WHERE p.conversation_id = c.id AND p.unsent = 1 AND p.state = 'held'),
       c.sandbox, c.updated_at, c.seq, c.last_at, c.snoozed_until, c.route_identity_id, c.route_account_id
     FROM conversations c
     JOIN contacts k ON k.id = c.contact_id
     LEFT JOIN users u ON u.id = c.owner_user_id
     LEFT JOIN accounts a ON a.id = c.route_account_id
     LEFT JOIN messages m ON m.id = c.last_message_id
     LEFT JOIN users mu ON mu.id = m.author_user_id
     WHERE c.id = ?1 AND c.workspace_id = ?2"
);

/// Rows of these conversations, in the order given; ids of other workspaces are left out.
pub(super) async fn rows_of<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    ids: &[ConversationId],
) -> Result<Vec<InboxRow>> {
    let sets: Vec<[Val<'_>; 2]> = ids.iter().map(|id| vals![*id, workspace]).collect();
    Ok(db.rows_all::<InboxRow, 2>(ROW, &sets).await?.into_iter().flatten().collect())
}

/// A page of a view, newest first.
#[derive(Debug)]
pub struct InboxPage {
    pub workspace: WorkspaceId,
    pub view: View,
    /// Only conversations whose route is on this channel.
    pub channel: Option<String>,
    /// Only conversations with the label of this name.
    pub label: Option<String>,
    /// Only conversations whose contact's name begins with this, or that hold messages with all of its words.
    pub q: Option<String>,
    /// (`last_at`, `id`) of the last row of the page before.
    pub after: Option<(i64, i64)>,
    pub limit: u32,
}

const PAGE_ALL: Sql = sql!(
    "SELECT c.id FROM conversations c
     WHERE c.workspace_id = ?1 AND (c.last_at, c.id) < (?2, ?3)
       AND (?4 = '' OR c.channel = ?4)
       AND (CAST(?5 AS bigint) = 0 OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.label_id = ?5 AND l.conversation_id = c.id))
     ORDER BY c.last_at DESC, c.id DESC LIMIT ?6"
);
const PAGE_CHANNEL: Sql = sql!(
    "SELECT c.id FROM conversations c
     WHERE c.workspace_id = ?1 AND c.channel = ?4 AND (c.last_at, c.id) < (?2, ?3)
       AND (CAST(?5 AS bigint) = 0 OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.label_id = ?5 AND l.conversation_id = c.id))
     ORDER BY c.last_at DESC, c.id DESC LIMIT ?6"
);
const PAGE_STATUS: Sql = sql!(
    "SELECT c.id FROM conversations c
     WHERE c.workspace_id = ?1 AND c.status = ?7 AND (c.last_at, c.id) < (?2, ?3)
       AND (?4 = '' OR c.channel = ?4)
       AND (CAST(?5 AS bigint) = 0 OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.label_id = ?5 AND l.conversation_id = c.id))
     ORDER BY c.last_at DESC, c.id DESC LIMIT ?6"
);
const PAGE_UNASSIGNED: Sql = sql!(
    "SELECT c.id FROM conversations c
     WHERE c.workspace_id = ?1 AND c.owner_kind = 'nobody' AND c.status = 'open' AND (c.last_at, c.id) < (?2, ?3)
       AND (?4 = '' OR c.channel = ?4)
       AND (CAST(?5 AS bigint) = 0 OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.label_id = ?5 AND l.conversation_id = c.id))
     ORDER BY c.last_at DESC, c.id DESC LIMIT ?6"
);
const PAGE_MINE: Sql = sql!(
    "SELECT c.id FROM conversations c
     WHERE c.workspace_id = ?1 AND c.owner_user_id = ?7 AND c.status = 'open' AND (c.last_at, c.id) < (?2, ?3)
       AND (?4 = '' OR c.channel = ?4)
       AND (CAST(?5 AS bigint) = 0 OR EXISTS (SELECT 1 FROM conversation_labels l WHERE l.label_id = ?5 AND l.conversation_id = c.id))
     ORDER BY c.last_at DESC, c.id DESC LIMIT ?6"
);

impl Unit for InboxPage {
    type Out = Vec<InboxRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let label = match &self.label {
            None => 0,
            Some(name) => match label_id(db, self.workspace, name).await? {
                Some(id) => id,
                None => return Ok(Vec::new()),
            },
        };
        if let Some(q) = &self.q {
            return self.found(db, label, q).await;
        }
        let (at, id) = self.after.unwrap_or((i64::MAX, i64::MAX));
        let channel = self.channel.as_deref().unwrap_or_default();
        let base = vals![self.workspace, at, id, channel, label, self.limit];
        let with = |last| [base[0], base[1], base[2], base[3], base[4], base[5], last];
        let ids: Vec<(ConversationId,)> = match self.view {
            View::All if channel.is_empty() => db.rows(PAGE_ALL, &base).await?,
            View::All => db.rows(PAGE_CHANNEL, &base).await?,
            View::Status(status) => db.rows(PAGE_STATUS, &with(status.into())).await?,
            View::Unassigned => db.rows(PAGE_UNASSIGNED, &base).await?,
            View::Mine(user) => db.rows(PAGE_MINE, &with(user.into())).await?,
        };
        let ids: Vec<_> = ids.into_iter().map(|(id,)| id).collect();
        rows_of(db, self.workspace, &ids).await
    }
}

impl InboxPage {
    /// The page among what a search finds. A search looks at the newest hits only, see [`super::search`].
    async fn found<D: Db>(&self, db: &mut D, label: i64, q: &str) -> Result<Vec<InboxRow>> {
        let ids = super::search::conversations(db, self.workspace, q).await?;
        let mut rows = rows_of(db, self.workspace, &ids).await?;
        rows.sort_by_key(|row| std::cmp::Reverse((row.last_at, row.id)));
        let after = self.after.unwrap_or((i64::MAX, i64::MAX));
        rows.retain(|row| (row.last_at.micros(), row.id.0) < after);
        rows.retain(|row| self.channel.as_ref().is_none_or(|channel| *channel == row.channel));
        rows.retain(|row| match self.view {
            View::All => true,
            View::Status(status) => row.status == status,
            View::Unassigned => row.status == Status::Open && row.owner_kind == OwnerKind::Nobody,
            View::Mine(_) => row.status == Status::Open && row.owner_kind == OwnerKind::Person,
        });
        if let View::Mine(user) = self.view {
            let sql = sql!("SELECT uid FROM users WHERE id = ?1");
            let mine = db.row::<(Uid,)>(sql, &vals![user]).await?;
            rows.retain(|row| row.owner_uid == mine.map(|(uid,)| uid));
        }
        if label != 0 {
            rows = labelled(db, label, rows).await?;
        }
        rows.truncate(self.limit as usize);
        Ok(rows)
    }
}

async fn labelled<D: Db>(db: &mut D, label: i64, rows: Vec<InboxRow>) -> Result<Vec<InboxRow>> {
    let sql =
        sql!("SELECT conversation_id FROM conversation_labels WHERE label_id = ?1 AND conversation_id = ?2");
    let sets: Vec<[Val<'_>; 2]> = rows.iter().map(|row| vals![label, row.id]).collect();
    let hits = db.rows_all::<(ConversationId,), 2>(sql, &sets).await?;
    Ok(rows.into_iter().zip(hits).filter(|(_, hit)| !hit.is_empty()).map(|(row, _)| row).collect())
}

async fn label_id<D: Db>(db: &mut D, workspace: WorkspaceId, name: &str) -> Result<Option<i64>> {
    let sql = sql!("SELECT id FROM labels WHERE workspace_id = ?1 AND name = ?2");
    Ok(db.row::<(i64,)>(sql, &vals![workspace, name]).await?.map(|(id,)| id))
}

/// Counting stops here, so that a count costs the same however large the workspace has grown.
pub const COUNT_MAX: i64 = 10_000;

/// How many conversations each view holds; [`COUNT_MAX`] stands for that many or more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub open: i64,
    pub mine: i64,
    pub unassigned: i64,
    pub pending: i64,
    pub snoozed: i64,
    pub resolved: i64,
}

/// Counts of every view.
#[derive(Debug)]
pub struct InboxCounts {
    pub workspace: WorkspaceId,
    /// Whose conversations are `mine`; none for an API key.
    pub user: Option<UserId>,
}

const COUNT_STATUS: Sql = sql!(
    "SELECT count(*) FROM (SELECT 1 AS one FROM conversations WHERE workspace_id = ?1 AND status = ?2 LIMIT ?3) AS t"
);
const COUNT_UNASSIGNED: Sql = sql!(
    "SELECT count(*) FROM (SELECT 1 AS one FROM conversations
      WHERE workspace_id = ?1 AND owner_kind = 'nobody' AND status = 'open' LIMIT ?2) AS t"
);
const COUNT_MINE: Sql = sql!(
    "SELECT count(*) FROM (SELECT 1 AS one FROM conversations
      WHERE workspace_id = ?1 AND owner_user_id = ?2 AND status = 'open' LIMIT ?3) AS t"
);

impl Unit for InboxCounts {
    type Out = Counts;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Counts> {
        let sets: Vec<[Val<'_>; 3]> =
            Status::ALL.iter().map(|status| vals![self.workspace, *status, COUNT_MAX]).collect();
        let mut counts = Counts::default();
        let by_status = db.rows_all::<(i64,), 3>(COUNT_STATUS, &sets).await?;
        for (status, count) in Status::ALL.iter().zip(by_status.into_iter().flatten()) {
            match status {
                Status::Open => counts.open = count.0,
                Status::Pending => counts.pending = count.0,
                Status::Snoozed => counts.snoozed = count.0,
                Status::Resolved => counts.resolved = count.0,
            }
        }
        (counts.unassigned,) = db.one("count", COUNT_UNASSIGNED, &vals![self.workspace, COUNT_MAX]).await?;
        if let Some(user) = self.user {
            (counts.mine,) = db.one("count", COUNT_MINE, &vals![self.workspace, user, COUNT_MAX]).await?;
        }
        Ok(counts)
    }
}

row_struct! {
    /// Where the next message of a conversation goes.
    #[derive(Clone, Debug, PartialEq)]
    pub struct RouteRow {
        pub identity_uid: Uid,
        pub kind: everthread_core::event::AddressKind,
        pub value: String,
        pub username: Option<String>,
        pub account_uid: Uid,
        pub account_channel: String,
        /// JSON of the account's settings.
        pub account_settings: String,
        pub account_stopped_reason: Option<String>,
        pub account_stopped_at: Option<Timestamp>,
        pub account_removed_at: Option<Timestamp>,
        /// When this account last heard from this identity.
        pub last_in_at: Option<Timestamp>,
        pub reachable: Option<bool>,
        pub reach_reason: Option<String>,
        /// The contact said STOP.
        pub contact_stopped_at: Option<Timestamp>,
        pub proof: Proof,
    }
}

/// One conversation by its public id.
#[derive(Debug)]
pub struct ConversationByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for ConversationByUid {
    type Out = Option<(InboxRow, Option<RouteRow>)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let Some(id) = conversation_id(db, self.workspace, self.uid).await? else { return Ok(None) };
        let row = rows_of(db, self.workspace, &[id]).await?.pop().ok_or(Error::NotFound("conversation"))?;
        let sql = sql!(
            "SELECT i.uid, i.kind, i.value, i.username, a.uid, a.channel, a.settings, a.stopped_reason, a.stopped_at,
               a.removed_at, r.last_in_at, r.reachable, r.reason, k.stopped_at, i.proof
             FROM conversations c
             JOIN identities i ON i.id = c.route_identity_id
             JOIN accounts a ON a.id = c.route_account_id
             JOIN contacts k ON k.id = c.contact_id
             LEFT JOIN reaches r ON r.identity_id = c.route_identity_id AND r.account_id = c.route_account_id
             WHERE c.id = ?1"
        );
        let route = db.row::<RouteRow>(sql, &vals![id]).await?;
        Ok(Some((row, route)))
    }
}

/// Internal id of a conversation of this workspace.
pub async fn conversation_id<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    uid: Uid,
) -> Result<Option<ConversationId>> {
    let sql = sql!("SELECT id FROM conversations WHERE uid = ?1 AND workspace_id = ?2");
    Ok(db.row::<(ConversationId,)>(sql, &vals![uid, workspace]).await?.map(|(id,)| id))
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[
    ROW,
    PAGE_ALL,
    PAGE_CHANNEL,
    PAGE_STATUS,
    PAGE_UNASSIGNED,
    PAGE_MINE,
    COUNT_STATUS,
    COUNT_UNASSIGNED,
    COUNT_MINE,
];
