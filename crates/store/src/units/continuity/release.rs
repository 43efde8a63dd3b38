//! The way back: a canary first, then what waited, a share at a time.

use std::sync::Arc;

use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, ConversationId, IncidentId, MessageId, PartId, Uid, WorkspaceId};
use everthread_core::outbox::{Author, Window, window};
use everthread_core::routing::{Waiting, drain_order, thin};
use everthread_core::state::{Class, Status};
use everthread_core::time::Timestamp;

use crate::units::After;
use crate::units::record::{Ending, end_part};
use crate::units::work::{Shown, Work, refresh_message};
use crate::{Db, Error, Result, Unit, Val, row_struct, sql, vals};

/// Lanes looked at for one release: a ramp takes far fewer.
const LANES_LOOK: i64 = 20_000;

/// Lets lanes of one account go that an incident held, the most urgent first.
#[derive(Clone, Debug)]
pub struct ReleaseLanes {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// Lanes to let go at the most.
    pub lanes: u32,
    pub directory: Arc<Directory>,
}

/// What was let go, and what had lost its meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Released {
    pub lanes: u64,
    /// Back to their authors, or cancelled, each with a reason.
    pub thinned: u64,
    /// Lanes of this account that an incident still holds.
    pub left: u64,
    pub after: After,
}

row_struct! {
    #[derive(Clone, Debug)]
    struct HeldPart {
        part: PartId,
        message: MessageId,
        message_uid: Uid,
        conversation: ConversationId,
        conversation_uid: Uid,
        author: String,
        class: Class,
        queued_at: Timestamp,
        status: Status,
        last_in_at: Option<Timestamp>,
        reach_in_at: Option<Timestamp>,
    }
}

const HELD: crate::Sql = sql!(
    "SELECT p.id, p.message_id, m.uid, p.conversation_id, v.uid, p.author, p.class, p.queued_at, v.status, \
     v.last_in_at, r.last_in_at FROM message_parts p JOIN messages m ON m.id = p.message_id \
     JOIN conversations v ON v.id = p.conversation_id \
     LEFT JOIN reaches r ON r.identity_id = p.identity_id AND r.account_id = p.account_id \
     WHERE p.unsent = 1 AND p.account_id = ?1 AND p.workspace_id = ?2 AND p.state = 'held' \
     AND p.incident_id IS NOT NULL ORDER BY p.conversation_id, p.seq, p.idx LIMIT ?3"
);

impl Unit for ReleaseLanes {
    type Out = Released;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Released> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let parts: Vec<HeldPart> = db.rows(HELD, &vals![self.account, self.workspace, LANES_LOOK]).await?;
        let mut lanes: Vec<(Waiting, Vec<HeldPart>)> = parts
            .chunk_by(|a, b| a.conversation == b.conversation)
            .map(|lane| (self.urgency(lane), lane.to_vec()))
            .collect();
        drain_order(&mut lanes, self.now);
        let mut out = Released { left: lanes.len() as u64, ..Released::default() };
        for (_, lane) in lanes.into_iter().take(self.lanes as usize) {
            out.left -= 1;
            let mut go = Vec::new();
            for part in lane {
                let author = Author::parse(&part.author)
                    .ok_or_else(|| Error::Defect(format!("unknown author {:?}", part.author)))?;
                match thin(author, part.queued_at, part.last_in_at, part.status, self.now) {
                    None => go.push(part),
                    Some(next) => {
                        let ending = Ending {
                            workspace: self.workspace,
                            conversation: part.conversation,
                            conversation_uid: part.conversation_uid,
                            message: part.message,
                            message_uid: part.message_uid,
                            part: part.part,
                        };
                        end_part(db, &mut work, &ending, next).await?;
                        out.thinned += 1;
                    }
                }
            }
            out.lanes += u64::from(!go.is_empty());
            release(db, &mut work, self.workspace, &go, false).await?;
        }
        out.after = work.finish(db).await?;
        Ok(out)
    }
}

impl ReleaseLanes {
    fn urgency(&self, lane: &[HeldPart]) -> Waiting {
        let first = &lane[0];
        let open =
            self.directory.get(self.account).map(|info| window(&info.caps, first.reach_in_at, self.now));
        Waiting {
            window_until: match open {
                Some(Window::Open { until } | Window::HumanOnly { until }) => Some(until),
                _ => None,
            },
            class: lane.iter().map(|part| part.class).min().unwrap_or(first.class),
            last_in_at: first.last_in_at,
            queued_at: first.queued_at,
        }
    }
}

async fn release<D: Db>(
    db: &mut D,
    work: &mut Work,
    workspace: WorkspaceId,
    parts: &[HeldPart],
    canary: bool,
) -> Result<()> {
    let now = work.now;
    let sets: Vec<[Val<'_>; 2]> = parts.iter().map(|part| vals![part.part, now]).collect();
    db.exec_all(
        sql!(
            "UPDATE message_parts SET state = 'queued', state_at = ?2, due_at = NULL, reason = NULL, \
             error_class = NULL, error_code = NULL, error_text = NULL WHERE id = ?1"
        ),
        &sets,
    )
    .await?;
    let ids: Vec<[Val<'_>; 1]> = parts.iter().map(|part| vals![part.part]).collect();
    let mark = if canary {
        sql!("UPDATE message_parts SET canary = 1 WHERE id = ?1")
    } else {
        sql!("UPDATE message_parts SET incident_id = NULL WHERE id = ?1")
    };
    db.exec_all(mark, &ids).await?;
    for part in parts {
        refresh_message(db, part.message, None, Shown::default(), now).await?;
        work.message_changed(workspace, part.message_uid, part.conversation_uid);
        work.lane_touched(workspace, part.conversation);
    }
    Ok(())
}

/// Sends one real message into a fault to see whether it is over: the head of the lane whose customer wrote last. Exempt from I6, and
/// recorded as a canary.
#[derive(Clone, Debug)]
pub struct Canary {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    pub incident: IncidentId,
}

impl Unit for Canary {
    /// False where nothing waits that may be risked.
    type Out = (bool, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let (flying,): (i64,) = db
            .one(
                "parts",
                sql!(
                    "SELECT count(*) FROM message_parts WHERE unsent = 1 AND account_id = ?1 AND canary = 1"
                ),
                &vals![self.account],
            )
            .await?;
        let mut parts: Vec<HeldPart> =
            db.rows(HELD, &vals![self.account, self.workspace, LANES_LOOK]).await?;
        // Only heads of lanes can go, and only what may end unconfirmed without harm.
        parts.dedup_by_key(|part| part.conversation);
        let best =
            parts.into_iter().filter(|part| part.class <= Class::Bot).max_by_key(|part| part.last_in_at);
        let sent = match best.filter(|_| flying == 0) {
            Some(part) => {
                release(db, &mut work, self.workspace, &[part], true).await?;
                true
            }
            None => false,
        };
        Ok((sent, work.finish(db).await?))
    }
}
