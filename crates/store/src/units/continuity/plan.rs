//! Planning one lane: weigh, store the reasoning, and move it where that is allowed.

use std::sync::Arc;

use everthread_core::content::Content;
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::event::AddressKind;
use everthread_core::ids::{
    AccountId, ConversationId, IdentityId, IncidentId, PlanId, Uid, UserId, WorkspaceId,
};
use everthread_core::outbox::Author;
use everthread_core::routing::{
    Decision, Fault, Input, Mode, Need, Plan, Policy, Wish, first_line, plan, wants_link,
};
use everthread_core::state::State;
use everthread_core::stuck::STUCK_LINE;
use everthread_core::time::Timestamp;

use super::carry::{Move, WaitingPart, move_lane, waiting};
use super::links::{LinkFor, LinkOffer, insert_link};
use super::ways::{contact_facts, ways};
use crate::units::After;
use crate::units::rows::{ConversationRow, conversation};
use crate::units::work::Work;
use crate::{Db, Error, Result, Unit, row_struct, sql, vals};

/// Why a lane is planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// An incident, or a message that waits in one.
    Incident,
    /// A person approves what was suggested.
    Approve(UserId),
    /// A person chooses the way.
    Choose(UserId, Wish),
}

/// An open incident with its row.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownFault {
    pub id: IncidentId,
    pub fault: Fault,
}

/// Plans one conversation's lane.
#[derive(Clone, Debug)]
pub struct PlanLane {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub conversation: ConversationId,
    pub faults: Arc<[KnownFault]>,
    pub policy: Arc<Policy>,
    /// The failing channel's and the business's names, for the first line.
    pub channel_title: String,
    pub business: String,
    /// A signed way into the web chat, for the first line.
    pub link: Option<LinkOffer>,
    pub trigger: Trigger,
    pub directory: Arc<Directory>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// `None` where a call is under way or not settled: look again when it is.
    pub plan: Option<Plan>,
    /// True where the lane was moved.
    pub moved: bool,
    pub after: After,
}

row_struct! {
    struct CarriedRow {
        said: i64,
        stuck: i64,
        plan: Option<PlanId>,
        body: Option<String>,
        state: Option<String>,
    }
}

impl Unit for PlanLane {
    type Out = Planned;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Planned> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 8).await?;
        let mut row = conversation(db, self.workspace, self.conversation).await?;
        let parts = waiting(db, &row).await?;
        // Nor what a restore holds, which has no deadline: only a person lets it go.
        if parts.iter().any(WaitingPart::is_busy) {
            return Ok(Planned { plan: None, moved: false, after: work.finish(db).await? });
        }
        let (Some(identity), Some(account)) = (row.route_identity, row.route_account) else {
            return Err(Error::Conflict("the conversation has no way to its contact".to_owned()));
        };
        let incident = self.incident_of(account);
        let known: CarriedRow = db
            .one(
                "conversation",
                sql!(
                    "SELECT (SELECT count(*) FROM plans s WHERE s.conversation_id = v.id AND s.incident_id = ?2 \
                     AND s.said = 1), (SELECT count(*) FROM message_parts k WHERE k.conversation_id = v.id \
                     AND k.stuck_at IS NOT NULL AND k.state = 'accepted' AND k.account_id = ?3), v.plan_id, p.body, p.state FROM conversations v \
                     LEFT JOIN plans p ON p.id = v.plan_id WHERE v.id = ?1"
                ),
                &vals![row.id, incident, account],
            )
            .await?;
        let contact = contact_facts(db, row.contact).await?;
        let contents = parts.iter().map(WaitingPart::holds).collect::<Result<Vec<Content>>>()?;
        let ways = ways(db, &row, &contact, &contents, (&self.policy, &self.directory), self.now).await?;
        let faults: Vec<Fault> = self.faults.iter().map(|known| known.fault.clone()).collect();
        let explicit = match self.trigger {
            Trigger::Choose(_, wish) => Some(wish),
            Trigger::Incident | Trigger::Approve(_) => None,
        };
        let need = Need {
            author: parts.first().and_then(|part| Author::parse(&part.author)).unwrap_or(Author::Notice),
            text_only: contents.iter().all(|c| c.attachments.is_empty() && c.template.is_none()),
            waiting_since: row.waiting_since,
            last_in_at: row.last_in_at,
            spent: self.spent(db, incident).await?,
            carried: known.said > 0,
            left_behind: parts.iter().any(|part| {
                part.state == State::Held && (part.identity, part.account) != (identity, account)
            }),
        };
        let input = Input {
            ways: &ways,
            route: (identity, account),
            faults: &faults,
            policy: &self.policy,
            need,
            explicit,
            now: self.now,
        };
        let made = plan(&input);
        let to_route = matches!(made.decision, Decision::Carry { identity: i, account: a, .. } if (i, a) == (identity, account));
        let moves = match (self.trigger, self.policy.mode) {
            // What was left behind follows the customer, whatever the policy.
            (Trigger::Incident, mode) => mode == Mode::Automatic || to_route,
            (Trigger::Approve(_) | Trigger::Choose(..), _) => true,
        };
        self.keep(db, &mut work, (&row, &parts), (&made, &known, incident), moves).await?;
        let moved = moves
            && self
                .carry(db, &mut work, &mut row, &parts, (&made, incident, contact.locale, known.stuck > 0))
                .await?;
        Ok(Planned { plan: Some(made), moved, after: work.finish(db).await? })
    }
}

impl PlanLane {
    /// The most advanced incident that an account lies in.
    fn incident_of(&self, account: AccountId) -> Option<IncidentId> {
        self.directory.get(account).and_then(|info| info.fault.as_ref()).map(|fault| fault.incident)
    }

    async fn spent<D: Db>(&self, db: &mut D, incident: Option<IncidentId>) -> Result<i64> {
        if self.policy.cost_incident_max.is_none() {
            return Ok(0);
        }
        let (spent,): (i64,) = db
            .one(
                "plans",
                sql!(
                    lite: "SELECT coalesce(sum(cost), 0) FROM plans WHERE incident_id = ?1 AND workspace_id = ?2 AND state = 'done'",
                    pg: "SELECT coalesce(sum(cost), 0)::bigint FROM plans WHERE incident_id = ?1 AND workspace_id = ?2 AND state = 'done'"
                ),
                &vals![incident, self.workspace],
            )
            .await?;
        Ok(spent)
    }

    /// Stores the plan unless it says what the last one said.
    async fn keep<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        (row, parts): (&ConversationRow, &[WaitingPart]),
        (made, known, incident): (&Plan, &CarriedRow, Option<IncidentId>),
        moves: bool,
    ) -> Result<()> {
        let state = match made.decision {
            Decision::Stay => "done",
            Decision::Hold { .. } => "held",
            Decision::Carry { .. } if moves => "done",
            Decision::Carry { .. } => "suggested",
        };
        let last: Option<Plan> = known.body.as_deref().and_then(|body| serde_json::from_str(body).ok());
        let same =
            last.is_some_and(|last| says_the_same(&last, made)) && known.state.as_deref() == Some(state);
        let plan_id = match known.plan.filter(|_| same) {
            Some(plan) => plan,
            None => self.insert(db, work, row, (made, incident, state)).await?,
        };
        let mut messages: Vec<_> = parts.iter().map(|part| (part.message, part.message_uid)).collect();
        messages.dedup();
        let sets: Vec<[crate::Val<'_>; 2]> = messages.iter().map(|(id, _)| vals![*id, plan_id]).collect();
        db.exec_all(
            sql!("UPDATE messages SET plan_id = ?2 WHERE id = ?1 AND (plan_id IS NULL OR plan_id <> ?2)"),
            &sets,
        )
        .await?;
        if !same {
            for (_, uid) in messages {
                work.message_changed(self.workspace, uid, row.uid);
            }
            work.conversation_changed(self.workspace, row.uid);
        }
        Ok(())
    }

    async fn insert<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        row: &ConversationRow,
        (made, incident, state): (&Plan, Option<IncidentId>, &str),
    ) -> Result<PlanId> {
        let (id, uid): (PlanId, Uid) = (PlanId(work.id(db).await?), work.uid());
        let chosen = made.verdicts.iter().find(|verdict| verdict.chosen);
        let body = serde_json::to_string(made)?;
        let says = matches!(made.decision, Decision::Carry { line, .. } if line);
        let said = says && state == "done" && incident.is_some();
        let user = match self.trigger {
            Trigger::Incident => None,
            Trigger::Approve(user) | Trigger::Choose(user, ..) => Some(user),
        };
        db.exec(
            sql!(
                "UPDATE plans SET state = 'overtaken' WHERE conversation_id = ?1 AND state IN ('held', 'suggested')"
            ),
            &vals![row.id],
        )
        .await?;
        db.exec(
            sql!(
                "INSERT INTO plans (id, uid, workspace_id, conversation_id, incident_id, user_id, state, channel, cost, \
                 body, at, said) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                row.id,
                incident,
                user,
                state,
                chosen.map(|verdict| verdict.channel.as_str()),
                chosen.map_or(0, |verdict| verdict.cost),
                body.as_str(),
                self.now,
                said
            ],
        )
        .await?;
        db.exec(sql!("UPDATE conversations SET plan_id = ?2 WHERE id = ?1"), &vals![row.id, id]).await?;
        Ok(id)
    }

    /// True where the lane was moved.
    async fn carry<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        row: &mut ConversationRow,
        parts: &[WaitingPart],
        (made, incident, locale, stuck): (&Plan, Option<IncidentId>, Option<String>, bool),
    ) -> Result<bool> {
        let Decision::Carry { identity, account, template, line } = &made.decision else { return Ok(false) };
        let info = self.directory.get(*account).filter(|info| info.workspace == self.workspace);
        let info = info.ok_or(Error::NotFound("account"))?;
        // A person's choice without a fault needs no explanation to the customer.
        let line = match incident.filter(|_| *line) {
            Some(incident) => {
                let over = (*identity, info.as_ref());
                let line = self.first_line(db, work, row, (incident, over, locale.as_deref())).await?;
                Some(if stuck { format!("{line} {STUCK_LINE}") } else { line })
            }
            None => None,
        };
        let home = (row.route_identity, row.route_account);
        let to = Move { identity: *identity, info, template: template.as_deref(), line };
        move_lane(db, work, row, parts, &to).await?;
        if home == (Some(*identity), Some(*account)) {
            return Ok(true);
        }
        db.exec(
            sql!(
                "UPDATE conversations SET home_identity_id = coalesce(home_identity_id, ?2), \
                 home_account_id = coalesce(home_account_id, ?3), \
                 carried_incident_id = coalesce(?4, carried_incident_id), carried_at = ?5 WHERE id = ?1"
            ),
            &vals![row.id, home.0, home.1, incident, self.now],
        )
        .await?;
        Ok(true)
    }
}

impl PlanLane {
    /// The first line on the new route; with a link of its own where it has a place for one. Who is in a web chat already needs none.
    async fn first_line<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        row: &ConversationRow,
        (incident, (identity, info), locale): (IncidentId, (IdentityId, &AccountInfo), Option<&str>),
    ) -> Result<String> {
        let chat = info.addresses.contains(&AddressKind::Webchat);
        let offer = self.link.as_ref().filter(|_| !chat);
        let line = self.policy.line(locale, offer.is_some());
        let offer = offer.filter(|_| wants_link(line));
        if let Some(offer) = offer {
            let made = LinkFor { incident: Some(incident), user: None, over: Some(identity) };
            insert_link(db, work, row, offer, &made).await?;
        }
        let link = offer.map_or("", |offer| offer.url.as_str());
        Ok(first_line(line, &self.channel_title, &self.business, link))
    }
}

/// The same decision for the same reasons; times of looking again do not count.
fn says_the_same(a: &Plan, b: &Plan) -> bool {
    let decision = match (&a.decision, &b.decision) {
        (Decision::Hold { why: a, .. }, Decision::Hold { why: b, .. }) => a == b,
        (a, b) => a == b,
    };
    decision && a.verdicts == b.verdicts
}
