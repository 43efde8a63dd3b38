//! What the detector found, kept with its timeline.

use everthread_core::health::{Incident, IncidentKey, Scope};
use everthread_core::ids::{IncidentId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use super::history::{NewGap, NewReading, mark_gap, order};
use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Result, Unit, sql, vals};

/// Keeps a detector's state and what it found, in one transaction.
#[derive(Clone, Debug)]
pub struct SaveHealth {
    pub now: Timestamp,
    pub seed: u64,
    /// Which detector: `real`, or `sandbox` for simulated accounts.
    pub detector: String,
    /// JSON of core's `Detector`.
    pub body: String,
    pub findings: Vec<FindingRow>,
}

/// One change of an incident.
#[derive(Clone, Debug)]
pub struct FindingRow {
    pub incident: Incident,
    /// The scope that routing keeps out of.
    pub attributed: Scope,
    /// Lines for the timeline: kind and sentence.
    pub lines: Vec<(String, String)>,
    /// Workspaces with an account in it, or one that is read back.
    pub workspaces: Vec<WorkspaceId>,
    /// Accounts that are to be read back now.
    pub readings: Vec<NewReading>,
    /// What may be missing on accounts that can't be.
    pub gaps: Vec<NewGap>,
}

/// An incident as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavedIncident {
    pub key: IncidentKey,
    pub id: IncidentId,
    /// What people read.
    pub number: i64,
}

impl Unit for SaveHealth {
    type Out = (Vec<SavedIncident>, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut workspaces: Vec<WorkspaceId> =
            self.findings.iter().flat_map(|f| f.workspaces.iter().copied()).collect();
        workspaces.sort_unstable();
        workspaces.dedup();
        let mut work = Work::start(db, self.now, self.seed, &workspaces, 4).await?;
        db.exec(
            sql!(
                "INSERT INTO health_states (name, body, at) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body, at = excluded.at"
            ),
            &vals![self.detector.as_str(), self.body.as_str(), self.now],
        )
        .await?;
        let mut saved = Vec::with_capacity(self.findings.len());
        for finding in &self.findings {
            saved.push(self.save(db, &mut work, finding).await?);
        }
        Ok((saved, work.finish(db).await?))
    }
}

impl SaveHealth {
    async fn save<D: Db>(&self, db: &mut D, work: &mut Work, finding: &FindingRow) -> Result<SavedIncident> {
        let incident = &finding.incident;
        let (new_id, new_uid) = (IncidentId(work.id(db).await?), work.uid());
        let scope = incident.scope().unwrap_or(&finding.attributed);
        let (scope_id, attributed_id) = (scope.id(), finding.attributed.id());
        let body = serde_json::to_string(incident)?;
        let (id, uid, number): (IncidentId, Uid, i64) = db
            .one(
                "incident",
                sql!(
                    "INSERT INTO incidents (id, uid, number, detector, key, direction, phase, scope_kind, scope_id, \
                     attributed_kind, attributed_id, share, declared, since, suspected_at, confirmed_at, recovering_at, \
                     closed_at, body) SELECT ?1, ?2, coalesce(max(number), 0) + 1, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, \
                     ?12, ?13, ?14, ?15, ?16, ?17, ?18 FROM incidents WHERE 1 = 1 ON CONFLICT (detector, key) DO UPDATE \
                     SET phase = excluded.phase, scope_kind = excluded.scope_kind, scope_id = excluded.scope_id, \
                     attributed_kind = excluded.attributed_kind, attributed_id = excluded.attributed_id, \
                     share = excluded.share, confirmed_at = excluded.confirmed_at, \
                     recovering_at = excluded.recovering_at, closed_at = excluded.closed_at, body = excluded.body \
                     RETURNING id, uid, number"
                ),
                &vals![
                    new_id,
                    new_uid,
                    self.detector.as_str(),
                    incident.key.0.cast_signed(),
                    incident.direction.as_str(),
                    incident.phase.as_str(),
                    scope.word(),
                    scope_id.as_str(),
                    finding.attributed.word(),
                    attributed_id.as_str(),
                    incident.attribution.sure(),
                    incident.declared,
                    incident.since,
                    incident.suspected_at,
                    incident.confirmed_at,
                    incident.recovering_at,
                    incident.closed_at,
                    body.as_str()
                ],
            )
            .await?;
        for (kind, text) in &finding.lines {
            let line = work.id(db).await?;
            db.exec(
                sql!("INSERT INTO incident_events (id, incident_id, at, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)"),
                &vals![line, id, self.now, kind.as_str(), text.as_str()],
            )
            .await?;
        }
        for reading in &finding.readings {
            order(db, self.now, id, reading).await?;
        }
        for gap in &finding.gaps {
            mark_gap(db, id, gap).await?;
        }
        for workspace in &finding.workspaces {
            work.changed(*workspace, "incident", uid, None);
        }
        Ok(SavedIncident { key: incident.key, id, number })
    }
}

/// A person's line on an incident's timeline, for their own workspace.
#[derive(Clone, Debug)]
pub struct NoteIncident {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub incident: IncidentId,
    pub uid: Uid,
    pub kind: String,
    pub text: String,
}

impl Unit for NoteIncident {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 1).await?;
        let line = work.id(db).await?;
        db.exec(
            sql!(
                "INSERT INTO incident_events (id, incident_id, workspace_id, at, kind, text) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            ),
            &vals![line, self.incident, self.workspace, self.now, self.kind.as_str(), self.text.as_str()],
        )
        .await?;
        work.changed(self.workspace, "incident", self.uid, None);
        work.finish(db).await
    }
}
