//! Back to the first channel, and the policy that says when.

use std::sync::Arc;

use everthread_core::directory::Directory;
use everthread_core::ids::{AccountId, ConversationId, IdentityId, IncidentId, Uid, UserId, WorkspaceId};
use everthread_core::outbox::{Window, window};
use everthread_core::routing::Policy;
use everthread_core::time::Timestamp;

use super::plan::KnownFault;
use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Result, Unit, Val, row_struct, sql, vals};

/// After recovery plus settling: conversations that an incident carried, and that have been quiet, go back to their first
/// channel. Only the route changes; what waits on the backup goes out there. Nobody goes back into another fault; and where the
/// reply window has closed meanwhile, the backup stays the route (I6).
#[derive(Clone, Debug)]
pub struct ReturnRoutes {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    /// Quiet, and the incident over, since before then.
    pub quiet_before: Timestamp,
    pub limit: u32,
    /// Open incidents: nobody goes home into the attributed scope of one.
    pub faults: Arc<[KnownFault]>,
    pub directory: Arc<Directory>,
}

/// What went back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    pub conversations: u64,
    /// Still carried by this incident.
    pub left: u64,
    pub after: After,
}

row_struct! {
    struct AwayRow {
        conversation: ConversationId,
        uid: Uid,
        identity: IdentityId,
        account: AccountId,
        channel: String,
        last_in_at: Option<Timestamp>,
    }
}

impl Unit for ReturnRoutes {
    type Out = Returned;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Returned> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let rows: Vec<AwayRow> = db
            .rows(
                sql!(
                    "SELECT v.id, v.uid, v.home_identity_id, v.home_account_id, a.channel, r.last_in_at \
                     FROM conversations v JOIN accounts a ON a.id = v.home_account_id \
                     JOIN incidents i ON i.id = v.carried_incident_id \
                     LEFT JOIN reaches r ON r.identity_id = v.home_identity_id AND r.account_id = v.home_account_id \
                     WHERE v.carried_incident_id = ?1 AND v.workspace_id = ?2 AND i.closed_at < ?3 \
                     AND v.home_identity_id IS NOT NULL AND v.last_at < ?3 AND a.removed_at IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM message_parts p WHERE p.conversation_id = v.id AND p.unsent = 1) \
                     ORDER BY v.id LIMIT ?4"
                ),
                &vals![self.incident, self.workspace, self.quiet_before, self.limit],
            )
            .await?;
        let (mut home, mut stay) = (Vec::new(), Vec::new());
        for row in &rows {
            let Some(info) = self.directory.get(row.account).filter(|info| info.fault.is_none()) else {
                continue;
            };
            // An unclear scope counts as the company, though only a part of it is shut.
            if self.faults.iter().any(|known| known.fault.forbids(info)) {
                continue;
            }
            match window(&info.caps, row.last_in_at, self.now) {
                Window::Unlimited | Window::Open { .. } => home.push(row),
                Window::HumanOnly { .. } | Window::Closed => stay.push(row),
            }
        }
        let sets: Vec<[Val<'_>; 5]> = home
            .iter()
            .map(|row| vals![row.conversation, row.identity, row.account, row.channel.as_str(), self.now])
            .collect();
        db.exec_all(
            sql!(
                "UPDATE conversations SET route_identity_id = ?2, route_account_id = ?3, channel = ?4, \
                 home_identity_id = NULL, home_account_id = NULL, carried_incident_id = NULL, carried_at = NULL, \
                 plan_id = NULL, updated_at = ?5 WHERE id = ?1"
            ),
            &sets,
        )
        .await?;
        let sets: Vec<[Val<'_>; 2]> = stay.iter().map(|row| vals![row.conversation, self.now]).collect();
        db.exec_all(
            sql!(
                "UPDATE conversations SET home_identity_id = NULL, home_account_id = NULL, carried_incident_id = NULL, \
                 carried_at = NULL, plan_id = NULL, updated_at = ?2 WHERE id = ?1"
            ),
            &sets,
        )
        .await?;
        for row in home.iter().chain(&stay) {
            work.conversation_changed(self.workspace, row.uid);
        }
        let (left,): (i64,) = db
            .one(
                "conversations",
                sql!(
                    "SELECT count(*) FROM conversations WHERE carried_incident_id = ?1 AND workspace_id = ?2"
                ),
                &vals![self.incident, self.workspace],
            )
            .await?;
        Ok(Returned {
            conversations: home.len() as u64,
            left: left.unsigned_abs(),
            after: work.finish(db).await?,
        })
    }
}

/// Sets a workspace's continuity policy. The caller has checked it.
#[derive(Clone, Debug)]
pub struct SetPolicy {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    /// Who; `None` from the command line.
    pub user: Option<UserId>,
    pub policy: Policy,
}

impl Unit for SetPolicy {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 2).await?;
        let body = serde_json::to_string(&self.policy)?;
        db.exec(
            sql!(
                "INSERT INTO continuity_policies (workspace_id, body, updated_at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (workspace_id) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at"
            ),
            &vals![self.workspace, body.as_str(), self.now],
        )
        .await?;
        let (id, uid) = (work.id(db).await?, work.uid());
        db.exec(
            sql!(
                "INSERT INTO audit_log (id, uid, workspace_id, at, user_id, action, object, detail) \
                 VALUES (?1, ?2, ?3, ?4, ?5, 'continuity.policy', 'workspace', ?6)"
            ),
            &vals![id, uid, self.workspace, self.now, self.user, body.as_str()],
        )
        .await?;
        work.changed(self.workspace, "continuity", uid, None);
        work.finish(db).await
    }
}
