//! Incidents, plans, policies: what the console, the API and the continuity worker read.

use everthread_core::ids::{AccountId, ConversationId, IncidentId, PlanId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use crate::{Db, Result, Unit, row_struct, sql, vals};

/// A detector's stored state.
#[derive(Clone, Debug)]
pub struct LoadHealth {
    pub detector: String,
}

impl Unit for LoadHealth {
    type Out = Option<String>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Option<String>> {
        let row: Option<(String,)> = db
            .row(sql!("SELECT body FROM health_states WHERE name = ?1"), &vals![self.detector.as_str()])
            .await?;
        Ok(row.map(|(body,)| body))
    }
}

row_struct! {
    /// One incident as it is stored.
    #[derive(Clone, Debug, PartialEq)]
    pub struct IncidentRow {
        pub id: IncidentId,
        pub uid: Uid,
        pub number: i64,
        pub detector: String,
        pub key: i64,
        pub direction: String,
        pub phase: String,
        pub scope_kind: String,
        pub scope_id: String,
        pub attributed_kind: String,
        pub attributed_id: String,
        pub share: f64,
        pub declared: bool,
        pub since: Timestamp,
        pub suspected_at: Timestamp,
        pub confirmed_at: Option<Timestamp>,
        pub recovering_at: Option<Timestamp>,
        pub closed_at: Option<Timestamp>,
        /// JSON of core's `Incident`.
        pub body: String,
    }
}

impl IncidentRow {
    /// Of the sandbox's platforms.
    pub fn is_simulated(&self) -> bool {
        self.detector == "sandbox"
    }
}

/// One incident. Hub-wide: the caller shows a workspace only those that reach its accounts.
#[derive(Clone, Copy, Debug)]
pub struct IncidentByUid {
    pub uid: Uid,
}

impl Unit for IncidentByUid {
    type Out = Option<IncidentRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.row(
            sql!(
                "SELECT id, uid, number, detector, key, direction, phase, scope_kind, scope_id, attributed_kind, \
                 attributed_id, share, declared, since, suspected_at, confirmed_at, recovering_at, closed_at, body \
                 FROM incidents WHERE uid = ?1"
            ),
            &vals![self.uid],
        )
        .await
    }
}

/// Incidents, newest first. Hub-wide: the caller shows a workspace only those that reach its accounts.
#[derive(Clone, Copy, Debug)]
pub struct Incidents {
    pub open_only: bool,
    /// Older than this number; `None` from the newest on.
    pub before: Option<i64>,
    pub limit: u32,
}

impl Unit for Incidents {
    type Out = Vec<IncidentRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<IncidentRow>> {
        let before = self.before.unwrap_or(i64::MAX);
        db.rows(
            sql!(
                "SELECT id, uid, number, detector, key, direction, phase, scope_kind, scope_id, attributed_kind, \
                 attributed_id, share, declared, since, suspected_at, confirmed_at, recovering_at, closed_at, body \
                 FROM incidents WHERE number < ?1 AND (?2 = 0 OR phase <> 'closed') ORDER BY number DESC LIMIT ?3"
            ),
            &vals![before, self.open_only, self.limit],
        )
        .await
    }
}

row_struct! {
    /// One line of a timeline.
    #[derive(Clone, Debug, PartialEq)]
    pub struct EventRow {
        pub at: Timestamp,
        pub kind: String,
        pub text: String,
    }
}

row_struct! {
    /// What an incident meant for one workspace.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct IncidentCounts {
        /// Conversations carried and not back yet.
        pub away: i64,
        /// Conversations ever carried.
        pub carried: i64,
        /// Moves that wait for a person's word.
        pub suggested: i64,
        /// Conversations whose plan is to hold.
        pub held: i64,
        /// Messages that wait.
        pub messages: i64,
    }
}

/// An incident's timeline and counts for one workspace.
#[derive(Clone, Copy, Debug)]
pub struct IncidentStory {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
}

/// Lines of a timeline that are read.
const EVENTS_MAX: i64 = 500;

impl Unit for IncidentStory {
    type Out = (Vec<EventRow>, IncidentCounts);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let events = db
            .rows(
                sql!(
                    "SELECT at, kind, text FROM incident_events WHERE incident_id = ?1 \
                     AND (workspace_id IS NULL OR workspace_id = ?2) ORDER BY id LIMIT ?3"
                ),
                &vals![self.incident, self.workspace, EVENTS_MAX],
            )
            .await?;
        let counts = db
            .one(
                "incident",
                sql!(
                    "SELECT (SELECT count(*) FROM conversations WHERE carried_incident_id = ?1 AND workspace_id = ?2), \
                     (SELECT count(DISTINCT conversation_id) FROM plans WHERE incident_id = ?1 AND workspace_id = ?2 \
                     AND state = 'done'), \
                     (SELECT count(*) FROM plans WHERE incident_id = ?1 AND workspace_id = ?2 AND state = 'suggested'), \
                     (SELECT count(*) FROM plans WHERE incident_id = ?1 AND workspace_id = ?2 AND state = 'held'), \
                     (SELECT count(DISTINCT message_id) FROM message_parts WHERE incident_id = ?1 AND workspace_id = ?2 \
                     AND unsent = 1)"
                ),
                &vals![self.incident, self.workspace],
            )
            .await?;
        Ok((events, counts))
    }
}

row_struct! {
    /// A plan with what a list shows of its conversation.
    #[derive(Clone, Debug, PartialEq)]
    pub struct PlanRow {
        pub id: PlanId,
        pub uid: Uid,
        pub conversation: ConversationId,
        pub conversation_uid: Uid,
        pub contact_name: Option<String>,
        pub state: String,
        pub channel: Option<String>,
        /// JSON of core's `Plan`.
        pub body: String,
        pub at: Timestamp,
        pub incident_number: Option<i64>,
        pub user_name: Option<String>,
    }
}

/// Plans of an incident in one state, oldest first.
#[derive(Clone, Debug)]
pub struct IncidentPlans {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    pub state: String,
    /// Public id of the plan before the first that is wanted.
    pub after: Option<Uid>,
    pub limit: u32,
}

impl Unit for IncidentPlans {
    type Out = Vec<PlanRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<PlanRow>> {
        db.rows(
            sql!(
                "SELECT p.id, p.uid, p.conversation_id, v.uid, c.name, p.state, p.channel, p.body, p.at, i.number, u.name \
                 FROM plans p JOIN conversations v ON v.id = p.conversation_id JOIN contacts c ON c.id = v.contact_id \
                 LEFT JOIN incidents i ON i.id = p.incident_id LEFT JOIN users u ON u.id = p.user_id \
                 WHERE p.incident_id = ?1 AND p.workspace_id = ?2 AND p.state = ?3 AND p.id > \
                 coalesce((SELECT a.id FROM plans a WHERE a.uid = ?4 AND a.workspace_id = ?2), 0) ORDER BY p.id LIMIT ?5"
            ),
            &vals![self.incident, self.workspace, self.state.as_str(), self.after, self.limit],
        )
        .await
    }
}

/// One plan by its public id.
#[derive(Clone, Copy, Debug)]
pub struct PlanByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for PlanByUid {
    type Out = Option<PlanRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.row(
            sql!(
                "SELECT p.id, p.uid, p.conversation_id, v.uid, c.name, p.state, p.channel, p.body, p.at, i.number, u.name \
                 FROM plans p JOIN conversations v ON v.id = p.conversation_id JOIN contacts c ON c.id = v.contact_id \
                 LEFT JOIN incidents i ON i.id = p.incident_id LEFT JOIN users u ON u.id = p.user_id \
                 WHERE p.uid = ?1 AND p.workspace_id = ?2"
            ),
            &vals![self.uid, self.workspace],
        )
        .await
    }
}

row_struct! {
    /// How many plans of an incident say the same.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct PlanGroup {
        pub state: String,
        /// Where they go; none where they wait.
        pub channel: Option<String>,
        /// Word of core's `HoldWhy`, where they wait.
        pub why: Option<String>,
        pub count: i64,
    }
}

/// The plans of an incident by what they say, the most frequent first. Overtaken ones are left out.
#[derive(Clone, Copy, Debug)]
pub struct IncidentGroups {
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
}

/// Groups that are read: states times channels times reasons are fewer.
const GROUPS_MAX: i64 = 100;

impl Unit for IncidentGroups {
    type Out = Vec<PlanGroup>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                lite: "SELECT state, channel, json_extract(body, '$.decision.why') AS why, count(*) AS plans FROM plans \
                       WHERE incident_id = ?1 AND workspace_id = ?2 AND state <> 'overtaken' \
                       GROUP BY state, channel, why ORDER BY plans DESC, state, channel, why LIMIT ?3",
                pg: "SELECT state, channel, body::json -> 'decision' ->> 'why' AS why, count(*) AS plans FROM plans \
                     WHERE incident_id = ?1 AND workspace_id = ?2 AND state <> 'overtaken' \
                     GROUP BY state, channel, 3 ORDER BY plans DESC, state, channel, 3 LIMIT ?3"
            ),
            &vals![self.incident, self.workspace, GROUPS_MAX],
        )
        .await
    }
}

/// The last plans of a conversation, newest first.
#[derive(Clone, Copy, Debug)]
pub struct ConversationPlans {
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub limit: u32,
}

impl Unit for ConversationPlans {
    type Out = Vec<PlanRow>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<PlanRow>> {
        db.rows(
            sql!(
                "SELECT p.id, p.uid, p.conversation_id, v.uid, c.name, p.state, p.channel, p.body, p.at, i.number, u.name \
                 FROM plans p JOIN conversations v ON v.id = p.conversation_id JOIN contacts c ON c.id = v.contact_id \
                 LEFT JOIN incidents i ON i.id = p.incident_id LEFT JOIN users u ON u.id = p.user_id \
                 WHERE p.conversation_id = ?1 AND p.workspace_id = ?2 ORDER BY p.id DESC LIMIT ?3"
            ),
            &vals![self.conversation, self.workspace, self.limit],
        )
        .await
    }
}

/// Conversations that have something to plan: on an account's route with a customer who waits or something unsent, or with
/// something that waits for the account though the route is another by now.
#[derive(Clone, Copy, Debug)]
pub struct LanesToPlan {
    pub account: AccountId,
    pub after: ConversationId,
    pub limit: u32,
}

impl Unit for LanesToPlan {
    type Out = Vec<ConversationId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<ConversationId>> {
        let rows: Vec<(ConversationId,)> = db
            .rows(
                sql!(
                    "SELECT v.id FROM conversations v WHERE v.route_account_id = ?1 AND v.status <> 'resolved' \
                     AND v.id > ?2 AND (v.waiting_since IS NOT NULL OR EXISTS \
                     (SELECT 1 FROM message_parts p WHERE p.conversation_id = v.id AND p.unsent = 1)) \
                     UNION SELECT v.id FROM message_parts p JOIN conversations v ON v.id = p.conversation_id \
                     WHERE p.unsent = 1 AND p.account_id = ?1 AND p.state = 'held' AND v.id > ?2 \
                     AND v.status <> 'resolved' ORDER BY 1 LIMIT ?3"
                ),
                &vals![self.account, self.after, self.limit],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// Continuity policies of all workspaces that set one, as JSON of core's `Policy`.
#[derive(Clone, Copy, Debug)]
pub struct Policies;

impl Unit for Policies {
    type Out = Vec<(WorkspaceId, String)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(sql!("SELECT workspace_id, body FROM continuity_policies ORDER BY workspace_id"), &[]).await
    }
}

/// Accounts with parts that an incident holds.
#[derive(Clone, Copy, Debug)]
pub struct HeldByIncidents;

impl Unit for HeldByIncidents {
    type Out = Vec<AccountId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<AccountId>> {
        let rows: Vec<(AccountId,)> = db
            .rows(
                sql!(
                    "SELECT DISTINCT account_id FROM message_parts WHERE incident_id IS NOT NULL AND unsent = 1 \
                     AND state = 'held' ORDER BY account_id"
                ),
                &[],
            )
            .await?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}

/// Workspaces with conversations that an incident carried and that are not back.
#[derive(Clone, Copy, Debug)]
pub struct CarriedAway;

impl Unit for CarriedAway {
    /// And whether a simulated fault did.
    type Out = Vec<(WorkspaceId, IncidentId, bool)>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.rows(
            sql!(
                "SELECT DISTINCT v.workspace_id, v.carried_incident_id, v.sandbox FROM conversations v \
                 JOIN incidents i ON i.id = v.carried_incident_id \
                 WHERE v.carried_incident_id IS NOT NULL AND i.phase = 'closed'"
            ),
            &[],
        )
        .await
    }
}

/// The account of a conversation's route. `None` where it has none, or is gone.
#[derive(Clone, Copy, Debug)]
pub struct RouteOf {
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
}

impl Unit for RouteOf {
    type Out = Option<AccountId>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let row: Option<(Option<AccountId>,)> = db
            .row(
                sql!("SELECT route_account_id FROM conversations WHERE id = ?1 AND workspace_id = ?2"),
                &vals![self.conversation, self.workspace],
            )
            .await?;
        Ok(row.and_then(|(account,)| account))
    }
}
