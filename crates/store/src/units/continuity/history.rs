//! Reading back what a platform holds after an incident: what is to be read, how far it came, and gaps where nothing can be read.

use everthread_core::dedupe::{Key, KeySecret};
use everthread_core::history::Line;
use everthread_core::ids::{AccountId, IncidentId, Uid, WorkspaceId};
use everthread_core::limits::{GAPS_MAX, HISTORY_MESSAGES_MAX};
use everthread_core::time::{Span, Timestamp};

use crate::units::After;
use crate::units::work::{Work, provider_key, text_hash};
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// Who wrote last longer before a gap is not in the middle of anything.
const GAP_TOUCHES: Span = Span::hours(24);

/// An account that is to be read back after an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewReading {
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// Messages from then on.
    pub since: Timestamp,
}

/// A time in which what an account's customers wrote may be missing for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewGap {
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub since: Timestamp,
    pub until: Timestamp,
}

/// Orders a reading, or orders it once more: what came in by it so far still counts.
pub(super) async fn order<D: Db>(
    db: &mut D,
    now: Timestamp,
    incident: IncidentId,
    new: &NewReading,
) -> Result<()> {
    db.exec(
        sql!(
            "INSERT INTO history_reads (incident_id, account_id, workspace_id, since, state, due_at, started_at) \
             VALUES (?1, ?2, ?3, ?4, 'listing', ?5, ?5) ON CONFLICT (incident_id, account_id) DO UPDATE \
             SET state = 'listing', listed = 0, cursor = NULL, tries = 0, due_at = excluded.due_at, finished_at = NULL, \
             reason = NULL"
        ),
        &vals![incident, new.account, new.workspace, new.since, now],
    )
    .await?;
    Ok(())
}

/// Marks the conversations that were going on over the account, or were carried away from it.
pub(super) async fn mark_gap<D: Db>(db: &mut D, incident: IncidentId, new: &NewGap) -> Result<()> {
    db.exec(
        sql!(
            "INSERT INTO gaps (conversation_id, incident_id, account_id, workspace_id, since, until) \
             SELECT v.id, ?1, ?2, v.workspace_id, ?3, ?4 FROM conversations v WHERE v.workspace_id = ?5 \
             AND (v.route_account_id = ?2 OR v.home_account_id = ?2) AND v.status <> 'resolved' AND v.last_in_at >= ?6 \
             ORDER BY v.last_in_at DESC LIMIT ?7 \
             ON CONFLICT (conversation_id, incident_id, account_id) DO UPDATE SET until = excluded.until"
        ),
        &vals![incident, new.account, new.since, new.until, new.workspace, new.since - GAP_TOUCHES, GAPS_MAX],
    )
    .await?;
    Ok(())
}

row_struct! {
    /// A reading and how far it came.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Reading {
        pub incident: IncidentId,
        pub account: AccountId,
        pub workspace: WorkspaceId,
        pub since: Timestamp,
        /// `listing`, then `reading`
        pub state: String,
        pub listed: bool,
        /// The next page of conversations.
        pub cursor: Option<String>,
        /// Conversations listed so far.
        pub threads: i64,
        pub tries: u32,
        /// Since when it is due: tells this order from a later one.
        pub due_at: Timestamp,
    }
}

/// Readings that are due. Hub-wide, for the task that reads.
#[derive(Clone, Copy, Debug)]
pub struct DueReadings {
    pub now: Timestamp,
    pub limit: u32,
}

impl Unit for DueReadings {
    type Out = Vec<Reading>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<Reading>> {
        db.rows(
            sql!(
                "SELECT r.incident_id, r.account_id, r.workspace_id, r.since, r.state, r.listed, r.cursor, \
                 (SELECT count(*) FROM history_threads t WHERE t.incident_id = r.incident_id \
                 AND t.account_id = r.account_id), r.tries, r.due_at \
                 FROM history_reads r WHERE r.due_at <= ?1 ORDER BY r.due_at LIMIT ?2"
            ),
            &vals![self.now, self.limit],
        )
        .await
    }
}

row_struct! {
    /// A conversation that waits to be read.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ThreadToRead {
        pub thread: String,
        /// The customer, where the list said.
        pub address: Option<String>,
        /// JSON list of message ids that were on their way into the journal when the last try ended.
        pub writing: Option<String>,
    }
}

/// The next conversation to read, the last touched first: live talk before old talk.
#[derive(Clone, Debug)]
pub struct NextThread {
    pub reading: Reading,
}

impl Unit for NextThread {
    type Out = Option<ThreadToRead>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.row(
            sql!(
                "SELECT thread, address, writing FROM history_threads WHERE incident_id = ?1 AND account_id = ?2 \
                 AND workspace_id = ?3 AND state = 'waiting' ORDER BY updated_at DESC, thread LIMIT 1"
            ),
            &vals![self.reading.incident, self.reading.account, self.reading.workspace],
        )
        .await
    }
}

/// Which of these provider ids an account has heard of: as a message, as an echo, or as a part that it sent.
#[derive(Clone, Debug)]
pub struct KnownIds {
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub ids: Vec<String>,
    /// What event keys are stored under.
    pub keys: KeySecret,
}

impl Unit for KnownIds {
    type Out = Vec<bool>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<bool>> {
        let mut known = Vec::with_capacity(self.ids.len());
        for id in &self.ids {
            let [message, echo] =
                ["message", "echo"].map(|kind| Key::of(self.account, kind, id).stored(&self.keys));
            let (count,): (i64,) = db
                .one(
                    "count",
                    sql!(
                        "SELECT (SELECT count(*) FROM event_keys WHERE account_id = ?1 AND hash IN (?2, ?3)) + \
                         (SELECT count(*) FROM message_parts WHERE account_id = ?1 AND provider_key = ?4 AND provider_id = ?5 \
                         AND workspace_id = ?6)"
                    ),
                    &vals![self.account, &message, &echo, provider_key(id), id.as_str(), self.workspace],
                )
                .await?;
            known.push(count > 0);
        }
        Ok(known)
    }
}

/// What was said with a customer over an account in a time, by the ids that it came or went with.
#[derive(Clone, Debug)]
pub struct SaidWith {
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// The customer's address, scoped to the account.
    pub address: String,
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Unit for SaidWith {
    type Out = Vec<(String, Line)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let values = vals![
            self.workspace,
            self.account,
            self.address.as_str(),
            self.from,
            self.until,
            HISTORY_MESSAGES_MAX as i64
        ];
        let heard: Vec<(String, String, Timestamp, String)> = db
            .rows(
                sql!(
                    "SELECT m.provider_id, m.text, m.at, m.direction FROM identities i \
                     JOIN contacts c ON c.id = i.contact_id JOIN messages m ON m.conversation_id = c.conversation_id \
                     WHERE i.workspace_id = ?1 AND i.scope = ?2 AND i.value = ?3 AND m.account_id = ?2 \
                     AND m.provider_id IS NOT NULL AND m.at BETWEEN ?4 AND ?5 ORDER BY m.seq DESC LIMIT ?6"
                ),
                &values,
            )
            .await?;
        let sent: Vec<(String, Option<i64>, Timestamp)> = db
            .rows(
                sql!(
                    "SELECT p.provider_id, p.text_hash, p.accepted_at FROM identities i \
                     JOIN contacts c ON c.id = i.contact_id JOIN messages m ON m.conversation_id = c.conversation_id \
                     JOIN message_parts p ON p.message_id = m.id \
                     WHERE i.workspace_id = ?1 AND i.scope = ?2 AND i.value = ?3 AND p.account_id = ?2 \
                     AND p.provider_id IS NOT NULL AND p.accepted_at BETWEEN ?4 AND ?5 ORDER BY m.seq DESC LIMIT ?6"
                ),
                &values,
            )
            .await?;
        let heard = heard.into_iter().map(|(id, text, at, direction)| {
            (id, Line { ours: direction == "out", words: text_hash(&text), at })
        });
        let sent = sent.into_iter().map(|(id, words, at)| {
            (id, Line { ours: true, words: words.unwrap_or_else(|| text_hash("")), at })
        });
        Ok(heard.chain(sent).collect())
    }
}

/// A conversation that the platform listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedThread {
    pub thread: String,
    pub address: Option<String>,
    pub name: Option<String>,
    pub updated_at: Timestamp,
}

/// Keeps a page of the list and where the next one begins.
#[derive(Clone, Debug)]
pub struct ListThreads {
    pub reading: Reading,
    pub threads: Vec<ListedThread>,
    pub cursor: Option<String>,
    /// Nothing of the time is left to list.
    pub over: bool,
    /// Every conversation of the time is in the list.
    pub complete: bool,
}

impl Unit for ListThreads {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let Reading { incident, account, workspace, .. } = self.reading;
        let sets: Vec<[Val<'_>; 7]> = self
            .threads
            .iter()
            .map(|t| {
                let (address, name) = (t.address.as_deref(), t.name.as_deref());
                vals![incident, account, t.thread.as_str(), workspace, address, name, t.updated_at]
            })
            .collect();
        db.exec_all(
            sql!(
                "INSERT INTO history_threads (incident_id, account_id, thread, workspace_id, address, name, updated_at, state) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 'waiting') ON CONFLICT (incident_id, account_id, thread) DO UPDATE \
                 SET state = 'waiting', updated_at = excluded.updated_at, address = coalesce(excluded.address, history_threads.address)"
            ),
            &sets,
        )
        .await?;
        let state = if self.over { "reading" } else { "listing" };
        db.exec(
            sql!(
                "UPDATE history_reads SET cursor = ?4, state = ?5, listed = ?6 \
                 WHERE incident_id = ?1 AND account_id = ?2 AND workspace_id = ?3 AND due_at = ?7"
            ),
            &vals![
                incident,
                account,
                workspace,
                self.cursor.as_deref(),
                state,
                self.complete,
                self.reading.due_at
            ],
        )
        .await?;
        Ok(())
    }
}

/// Notes which messages are about to be journaled: should the process end now, they count once.
#[derive(Clone, Debug)]
pub struct WriteThread {
    pub reading: Reading,
    pub thread: String,
    /// JSON list of ids.
    pub ids: String,
}

impl Unit for WriteThread {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let Reading { incident, account, workspace, .. } = self.reading;
        db.exec(
            sql!(
                "UPDATE history_threads SET writing = ?5 \
                 WHERE incident_id = ?1 AND account_id = ?2 AND thread = ?3 AND workspace_id = ?4"
            ),
            &vals![incident, account, self.thread.as_str(), workspace, self.ids.as_str()],
        )
        .await?;
        Ok(())
    }
}

/// What reading one conversation came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ThreadRead {
    pub platform: i64,
    /// Messages that came in by this try.
    pub added: i64,
    pub unreadable: i64,
    pub ambiguous: i64,
    /// The customer, where only the messages said.
    pub address: Option<String>,
    /// Why it could not be read: it is read again later. Or what was unreadable.
    pub reason: Option<String>,
    pub failed: bool,
    /// What was journaled by this try may still come in.
    pub unsettled: bool,
}

/// Keeps what reading one conversation came to.
#[derive(Clone, Debug)]
pub struct EndThread {
    pub reading: Reading,
    pub thread: String,
    pub read: ThreadRead,
}

impl Unit for EndThread {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let Reading { incident, account, workspace, .. } = self.reading;
        let read = &self.read;
        let state = if read.failed { "failed" } else { "read" };
        db.exec(
            sql!(
                "UPDATE history_threads SET state = ?5, platform = ?6, added = added + ?7, unreadable = ?8, ambiguous = ?9, \
                 address = coalesce(address, ?10), reason = ?11, writing = CASE WHEN ?12 = 1 THEN writing ELSE NULL END \
                 WHERE incident_id = ?1 AND account_id = ?2 AND thread = ?3 AND workspace_id = ?4"
            ),
            &vals![
                incident,
                account,
                self.thread.as_str(),
                workspace,
                state,
                read.platform,
                read.added,
                read.unreadable,
                read.ambiguous,
                read.address.as_deref(),
                read.reason.as_deref(),
                read.unsettled
            ],
        )
        .await?;
        Ok(())
    }
}

/// Ends a try of a reading: for good, or until what could not be read is asked for again.
#[derive(Clone, Debug)]
pub struct EndReading {
    pub now: Timestamp,
    pub seed: u64,
    pub reading: Reading,
    /// When to try again. `None`: it is over.
    pub again: Option<Timestamp>,
    /// Why it could not go on.
    pub reason: Option<String>,
    /// The timeline's line.
    pub line: Option<String>,
}

impl Unit for EndReading {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let Reading { incident, account, workspace, .. } = self.reading;
        let mut work = Work::start(db, self.now, self.seed, &[workspace], 1).await?;
        let finished_at = self.again.is_none().then_some(self.now);
        let mine = db
            .exec(
                sql!(
                    "UPDATE history_reads SET tries = tries + 1, due_at = ?4, reason = ?5, finished_at = ?6, \
                     state = CASE WHEN ?7 = 1 THEN 'done' ELSE state END \
                     WHERE incident_id = ?1 AND account_id = ?2 AND workspace_id = ?3 AND due_at = ?8"
                ),
                &vals![
                    incident,
                    account,
                    workspace,
                    self.again,
                    self.reason.as_deref(),
                    finished_at,
                    finished_at.is_some(),
                    self.reading.due_at
                ],
            )
            .await?;
        // It was ordered once more meanwhile: that goes on.
        if mine == 0 {
            return work.finish(db).await;
        }
        if self.again.is_some() {
            db.exec(
                sql!(
                    "UPDATE history_threads SET state = 'waiting' \
                     WHERE incident_id = ?1 AND account_id = ?2 AND workspace_id = ?3 AND state = 'failed'"
                ),
                &vals![incident, account, workspace],
            )
            .await?;
        }
        if let Some(line) = &self.line {
            let id = work.id(db).await?;
            db.exec(
                sql!(
                    "INSERT INTO incident_events (id, incident_id, workspace_id, at, kind, text) \
                     VALUES (?1, ?2, ?3, ?4, 'history', ?5)"
                ),
                &vals![id, incident, workspace, self.now, line.as_str()],
            )
            .await?;
        }
        let (uid,): (Uid,) =
            db.one("incident", sql!("SELECT uid FROM incidents WHERE id = ?1"), &vals![incident]).await?;
        work.changed(workspace, "incident", uid, None);
        work.finish(db).await
    }
}
