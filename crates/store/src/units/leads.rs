//! Leads, their pipelines, and consents.

use std::collections::BTreeMap;

use everthread_core::ids::{ContactId, IdentityId, LeadId, Uid, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use super::rows::ConversationRow;
use super::work::Work;
use crate::{Db, Result, Unit, Val, sql, vals};

/// What a stage means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    Open,
    Won,
    Lost,
}

impl StageKind {
    /// The stable word used in the store.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Won => "won",
            Self::Lost => "lost",
        }
    }
}

/// Adds a pipeline with its stages; one of this name that exists keeps its stages and gets those that it lacks.
#[derive(Clone, Debug)]
pub struct AddPipeline {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub name: String,
    pub stages: Vec<(String, StageKind)>,
}

impl Unit for AddPipeline {
    type Out = i64;

    async fn run<D: Db>(&self, db: &mut D) -> Result<i64> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 16).await?;
        let (id, uid) = (work.id(db).await?, work.uid());
        db.exec(
            sql!(
                "INSERT INTO pipelines (id, uid, workspace_id, name, position) \
                 SELECT ?1, ?2, ?3, ?4, (SELECT count(*) FROM pipelines WHERE workspace_id = ?3) \
                 WHERE NOT EXISTS (SELECT 1 FROM pipelines WHERE workspace_id = ?3 AND name = ?4)"
            ),
            &vals![id, uid, self.workspace, self.name.as_str()],
        )
        .await?;
        let (pipeline,): (i64,) = db
            .one(
                "pipeline",
                sql!("SELECT id FROM pipelines WHERE workspace_id = ?1 AND name = ?2"),
                &vals![self.workspace, self.name.as_str()],
            )
            .await?;
        let mut sets: Vec<[Val<'_>; 7]> = Vec::with_capacity(self.stages.len());
        for (position, (name, kind)) in self.stages.iter().enumerate() {
            let (id, uid) = (work.id(db).await?, work.uid());
            sets.push(vals![id, uid, self.workspace, pipeline, name.as_str(), position, kind.as_str()]);
        }
        db.exec_all(
            sql!(
                "INSERT INTO stages (id, uid, workspace_id, pipeline_id, name, position, kind) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (pipeline_id, name) DO NOTHING"
            ),
            &sets,
        )
        .await?;
        Ok(pipeline)
    }
}

/// Makes a contact a lead in this stage, or moves it there. `None` where there is no such stage. Names are compared
/// exactly.
pub(crate) async fn set_stage<D: Db>(
    db: &mut D,
    work: &mut Work,
    conversation: &ConversationRow,
    (pipeline, stage): (&str, &str),
    channel: &str,
) -> Result<Option<()>> {
    let found: Option<(i64, i64)> = db
        .row(
            sql!(
                "SELECT p.id, s.id FROM stages s JOIN pipelines p ON p.id = s.pipeline_id \
                 WHERE p.workspace_id = ?1 AND p.name = ?2 AND s.name = ?3"
            ),
            &vals![conversation.workspace, pipeline, stage],
        )
        .await?;
    let Some((pipeline, stage)) = found else { return Ok(None) };
    let (id, uid, now) = (work.id(db).await?, work.uid(), work.now);
    let (uid,): (Uid,) = db
        .one(
            "lead",
            sql!(
                "INSERT INTO leads (id, uid, workspace_id, contact_id, conversation_id, pipeline_id, stage_id, channel, \
                 created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) \
                 ON CONFLICT (contact_id, pipeline_id) DO UPDATE SET stage_id = excluded.stage_id, \
                 conversation_id = excluded.conversation_id, updated_at = excluded.updated_at RETURNING uid"
            ),
            &vals![
                id,
                uid,
                conversation.workspace,
                conversation.contact,
                conversation.id,
                pipeline,
                stage,
                channel,
                now
            ],
        )
        .await?;
    work.changed(conversation.workspace, "lead", uid, None);
    Ok(Some(()))
}

/// Moves a lead and changes its fields. A field with an empty value is removed.
#[derive(Clone, Debug)]
pub struct UpdateLead {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub lead: LeadId,
    /// Public id of the stage; it may be in another pipeline.
    pub stage: Option<Uid>,
    pub fields: BTreeMap<String, String>,
}

impl Unit for UpdateLead {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        let mut work = Work::start(db, self.now, 0, &[self.workspace], 1).await?;
        let (uid, fields): (Uid, String) = db
            .one(
                "lead",
                sql!("SELECT uid, fields FROM leads WHERE id = ?1 AND workspace_id = ?2"),
                &vals![self.lead, self.workspace],
            )
            .await?;
        if let Some(stage) = self.stage {
            let (stage, pipeline): (i64, i64) = db
                .one(
                    "stage",
                    sql!("SELECT id, pipeline_id FROM stages WHERE uid = ?1 AND workspace_id = ?2"),
                    &vals![stage, self.workspace],
                )
                .await?;
            db.exec(
                sql!("UPDATE leads SET stage_id = ?2, pipeline_id = ?3 WHERE id = ?1"),
                &vals![self.lead, stage, pipeline],
            )
            .await?;
        }
        let mut all: BTreeMap<String, String> = serde_json::from_str(&fields)?;
        for (field, value) in &self.fields {
            if value.is_empty() {
                all.remove(field);
            } else {
                all.insert(field.clone(), value.clone());
            }
        }
        let fields = serde_json::to_string(&all)?;
        db.exec(
            sql!("UPDATE leads SET fields = ?2, updated_at = ?3 WHERE id = ?1"),
            &vals![self.lead, fields.as_str(), self.now],
        )
        .await?;
        work.changed(self.workspace, "lead", uid, None);
        work.finish(db).await
    }
}

/// A consent to record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NewConsent<'a> {
    pub(crate) workspace: WorkspaceId,
    pub(crate) contact: ContactId,
    pub(crate) identity: IdentityId,
    pub(crate) purpose: &'a str,
    pub(crate) wording: &'a str,
    pub(crate) source: &'a str,
}

/// Records that somebody allowed something in these words.
pub(crate) async fn insert_consent<D: Db>(
    db: &mut D,
    work: &mut Work,
    consent: &NewConsent<'_>,
) -> Result<()> {
    let (id, uid, now) = (work.id(db).await?, work.uid(), work.now);
    db.exec(
        sql!(
            "INSERT INTO consents (id, uid, workspace_id, contact_id, identity_id, purpose, wording, source, given_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        ),
        &vals![
            id,
            uid,
            consent.workspace,
            consent.contact,
            consent.identity,
            consent.purpose,
            consent.wording,
            consent.source,
            now
        ],
    )
    .await?;
    Ok(())
}
