//! What most units share: ids, change numbers, keys, lane heads, states of messages.

use std::collections::{BTreeMap, BTreeSet};

use everthread_core::dispatch::LaneHead;
use everthread_core::ids::{
    AccountId, ConversationId, IdentityId, MessageId, PartId, Uid, UidSource, WorkspaceId,
};
use everthread_core::state::{Class, Facts, State, message_state};
use everthread_core::time::Timestamp;
use sha2::{Digest, Sha256};

use super::After;
use crate::{Db, Result, row_struct, sql, vals};

/// Ids reserved at once when a unit's first guess was too low.
const REFILL: u32 = 64;

/// What a unit gathers while it runs.
pub(crate) struct Work {
    pub(crate) now: Timestamp,
    pub(crate) uids: UidSource,
    pub(crate) after: After,
    /// Grows from unit to unit of a workspace: stamps lane heads.
    version: i64,
    next_id: i64,
    end_id: i64,
    changed: BTreeMap<WorkspaceId, BTreeSet<Change>>,
    lanes: BTreeSet<(WorkspaceId, ConversationId)>,
}

/// One line of the `changes` feed. Ordered so that equal ones fall together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Change {
    kind: &'static str,
    uid: Uid,
    conversation: Option<Uid>,
}

impl Work {
    /// Starts a unit: takes the workspaces' locks, then reserves `ids`.
    pub(crate) async fn start<D: Db>(
        db: &mut D,
        now: Timestamp,
        seed: u64,
        workspaces: &[WorkspaceId],
        ids: u32,
    ) -> Result<Self> {
        db.lock(workspaces).await?;
        let ids = ids.clamp(1, 4_096);
        let first = db.ids(ids).await?;
        Ok(Self {
            now,
            uids: UidSource::new(seed),
            after: After::default(),
            version: first,
            next_id: first,
            end_id: first + i64::from(ids),
            changed: BTreeMap::new(),
            lanes: BTreeSet::new(),
        })
    }

    /// The next internal id.
    pub(crate) async fn id<D: Db>(&mut self, db: &mut D) -> Result<i64> {
        if self.next_id == self.end_id {
            self.next_id = db.ids(REFILL).await?;
            self.end_id = self.next_id + i64::from(REFILL);
        }
        let id = self.next_id;
        self.next_id += 1;
        Ok(id)
    }

    /// The next public id.
    pub(crate) fn uid(&mut self) -> Uid {
        self.uids.next(self.now)
    }

    /// Notes that something changed, for the feed.
    pub(crate) fn changed(
        &mut self,
        workspace: WorkspaceId,
        kind: &'static str,
        uid: Uid,
        conversation: Option<Uid>,
    ) {
        self.changed.entry(workspace).or_default().insert(Change { kind, uid, conversation });
    }

    /// Notes that a message changed.
    pub(crate) fn message_changed(&mut self, workspace: WorkspaceId, message: Uid, conversation: Uid) {
        self.changed(workspace, "message", message, Some(conversation));
    }

    /// Notes that a conversation changed.
    pub(crate) fn conversation_changed(&mut self, workspace: WorkspaceId, conversation: Uid) {
        self.changed(workspace, "conversation", conversation, Some(conversation));
    }

    /// Notes that the lane of a conversation may have a new head.
    pub(crate) fn lane_touched(&mut self, workspace: WorkspaceId, conversation: ConversationId) {
        self.lanes.insert((workspace, conversation));
    }

    /// Ends the unit: writes the changes, finds the heads of the lanes that were touched.
    pub(crate) async fn finish<D: Db>(mut self, db: &mut D) -> Result<After> {
        self.write_changes(db).await?;
        let lanes: Vec<(WorkspaceId, ConversationId)> = self.lanes.iter().copied().collect();
        let heads = heads(db, &lanes, self.version).await?;
        for ((_, conversation), head) in lanes.iter().zip(heads) {
            match head {
                Some(head) => self.after.heads.push(head),
                None => self.after.idle.push((*conversation, self.version)),
            }
        }
        Ok(self.after)
    }

    async fn write_changes<D: Db>(&mut self, db: &mut D) -> Result<()> {
        for (workspace, changes) in &self.changed {
            let count = changes.len() as i64;
            let (last,): (i64,) = db
                .one(
                    "workspace",
                    sql!("UPDATE workspaces SET change_seq = change_seq + ?2 WHERE id = ?1 RETURNING change_seq"),
                    &vals![*workspace, count],
                )
                .await?;
            let rows: Vec<[crate::Val<'_>; 6]> = changes
                .iter()
                .zip(last - count + 1..)
                .map(|(c, number)| vals![*workspace, number, c.kind, c.uid, c.conversation, self.now])
                .collect();
            db.exec_all(
                sql!(
                    "INSERT INTO changes (workspace_id, number, kind, uid, conversation_uid, at) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
                ),
                &rows,
            )
            .await?;
            self.after.changes.push((*workspace, last));
        }
        Ok(())
    }
}

row_struct! {
    /// What a lane's head needs of a part.
    pub(crate) struct LanePart {
        pub(crate) id: PartId,
        pub(crate) account: AccountId,
        pub(crate) identity: IdentityId,
        pub(crate) class: Class,
        pub(crate) state: State,
        pub(crate) queued_at: Timestamp,
        pub(crate) due_at: Option<Timestamp>,
        pub(crate) seq: i64,
    }
}

/// Parts of a lane looked at for its most urgent class. A longer lane is as urgent as its first parts.
pub(crate) const LANE_LOOK: i64 = 64;

/// The heads of lanes; `None` where the first unsent part can't be sent now (under way, uncertain, held) or there is
/// none.
pub(crate) async fn heads<D: Db>(
    db: &mut D,
    lanes: &[(WorkspaceId, ConversationId)],
    version: i64,
) -> Result<Vec<Option<LaneHead>>> {
    let sets: Vec<[crate::Val<'_>; 2]> = lanes.iter().map(|(_, conv)| vals![*conv, LANE_LOOK]).collect();
    let parts: Vec<Vec<LanePart>> = db
        .rows_all(
            sql!(
                "SELECT id, account_id, identity_id, class, state, queued_at, due_at, seq FROM message_parts \
                 WHERE conversation_id = ?1 AND unsent = 1 ORDER BY seq, idx LIMIT ?2"
            ),
            &sets,
        )
        .await?;
    Ok(lanes
        .iter()
        .zip(parts)
        .map(|((workspace, conversation), parts)| head_of(*workspace, *conversation, &parts, version))
        .collect())
}

fn head_of(
    workspace: WorkspaceId,
    conversation: ConversationId,
    parts: &[LanePart],
    version: i64,
) -> Option<LaneHead> {
    // At most one part of a lane is under way.
    if parts.iter().any(|part| part.state == State::Sending) {
        return None;
    }
    let aside = parts.iter().find(|part| part.seq < 0 && part.state == State::Queued);
    let talk = || {
        // Nothing starts beside an uncertain one (I4). What stands aside from the talk holds nothing up.
        let talk = || parts.iter().filter(|part| part.seq >= 0);
        let blocked = talk().any(|part| part.state == State::Uncertain);
        talk().next().filter(|part| !blocked && part.state == State::Queued)
    };
    let first = aside.or_else(talk)?;
    Some(LaneHead {
        conversation,
        workspace,
        account: first.account,
        peer: first.identity,
        class: parts.iter().map(|part| part.class).min().unwrap_or(first.class),
        queued_at: first.queued_at,
        ready_at: first.due_at.unwrap_or(first.queued_at),
        head: first.id,
        version,
    })
}

row_struct! {
    struct PartFacts {
        state: State,
        accepted: Option<Timestamp>,
        failed: Option<Timestamp>,
        delivered: Option<Timestamp>,
        read: Option<Timestamp>,
    }
}

/// The error that a message shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shown<'a> {
    pub(crate) class: Option<&'a str>,
    pub(crate) code: Option<&'a str>,
    pub(crate) text: Option<&'a str>,
}

/// Brings a message's state in line with its parts. `only`: state and facts of its one part, where it has one.
pub(crate) async fn refresh_message<D: Db>(
    db: &mut D,
    message: MessageId,
    only: Option<(State, Facts)>,
    error: Shown<'_>,
    now: Timestamp,
) -> Result<()> {
    let (state, facts) = if let Some(known) = only {
        known
    } else {
        let parts: Vec<PartFacts> = db
            .rows(
                sql!(
                    "SELECT state, accepted_at, failed_at, delivered_at, read_at FROM message_parts \
                     WHERE message_id = ?1 ORDER BY idx"
                ),
                &vals![message],
            )
            .await?;
        let Some(state) = message_state(parts.iter().map(|part| part.state)) else { return Ok(()) };
        (state, joined_facts(&parts))
    };
    db.exec(
        sql!(
            "UPDATE messages SET state = ?2, state_at = CASE WHEN state = ?2 THEN state_at ELSE ?3 END, \
             accepted_at = ?4, failed_at = ?5, delivered_at = ?6, read_at = ?7, \
             error_class = ?8, error_code = ?9, error_text = ?10 WHERE id = ?1"
        ),
        &vals![
            message,
            state,
            now,
            facts.accepted,
            facts.failed,
            facts.delivered,
            facts.read,
            error.class,
            error.code,
            error.text
        ],
    )
    .await?;
    Ok(())
}

/// A message has a fact when all its parts have it, and failed when one has.
fn joined_facts(parts: &[PartFacts]) -> Facts {
    let all = |of: fn(&PartFacts) -> Option<Timestamp>| {
        parts.iter().map(of).collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max())
    };
    Facts {
        accepted: all(|p| p.accepted),
        failed: parts.iter().filter_map(|p| p.failed).min(),
        delivered: all(|p| p.delivered),
        read: all(|p| p.read),
    }
}

/// The first 8 bytes of a hash: what indexes on provider ids hold.
pub(crate) fn provider_key(provider_id: &str) -> i64 {
    let hash = Sha256::digest(provider_id.as_bytes());
    let mut first = [0_u8; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}

/// What two texts must share to be taken for the same: providers trim and fold white space.
pub fn text_hash(text: &str) -> i64 {
    let mut hasher = Sha256::new();
    for word in text.split_whitespace() {
        hasher.update(word.as_bytes());
        hasher.update(b" ");
    }
    let hash = hasher.finalize();
    let mut first = [0_u8; 8];
    first.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(first)
}
