//! Merging two contacts, and what it would do.

use std::collections::BTreeSet;

use everthread_core::contact::{LeadMerge, Merged, merge};
use everthread_core::ids::{ContactId, Uid, UserId, WorkspaceId};
use everthread_core::time::Timestamp;
use serde_json::json;

use super::rows::{ContactRow, Hanging, LeadRow, Record};
use super::{audit, move_conversations};
use crate::units::After;
use crate::units::work::Work;
use crate::{Db, Error, Result, Unit, Val, sql, vals};

/// Merges `gone` into `kept`. A person decides that, or a verified fact.
#[derive(Clone, Debug)]
pub struct MergeContacts {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub kept: ContactId,
    pub gone: ContactId,
    /// Names of fields in which the value of `gone` is taken.
    pub take: BTreeSet<String>,
    pub user: Option<UserId>,
}

/// What a merge would do, or did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergePreview {
    pub merged: Merged,
    pub identities: usize,
    pub conversations: usize,
    pub consents: usize,
    /// Leads that go along.
    pub leads: usize,
    /// Pipelines in which both have a lead, and whether the stage of the one that goes is taken.
    pub joined: Vec<bool>,
}

/// What [`MergeContacts`] would do.
#[derive(Clone, Debug)]
pub struct PreviewMerge {
    pub workspace: WorkspaceId,
    pub kept: ContactId,
    pub gone: ContactId,
}

impl Unit for PreviewMerge {
    type Out = MergePreview;

    async fn run<D: Db>(&self, db: &mut D) -> Result<MergePreview> {
        Ok(Pair::load(db, self.workspace, self.kept, self.gone, &BTreeSet::new()).await?.preview())
    }
}

/// Both contacts with all that hangs on them, and the decision.
struct Pair {
    kept: (ContactRow, Hanging),
    gone: (ContactRow, Hanging),
    merged: Merged,
    /// For each lead of `gone`: the lead of `kept` in the same pipeline, and what comes of the two.
    leads: Vec<(LeadRow, Option<(LeadRow, LeadMerge)>)>,
}

impl Pair {
    async fn load<D: Db>(
        db: &mut D,
        workspace: WorkspaceId,
        kept: ContactId,
        gone: ContactId,
        take: &BTreeSet<String>,
    ) -> Result<Self> {
        if kept == gone {
            return Err(Error::Invalid("a contact can't be merged with itself".to_owned()));
        }
        let (kept, gone) =
            (ContactRow::load(db, workspace, kept).await?, ContactRow::load(db, workspace, gone).await?);
        if kept.sandbox != gone.sandbox {
            return Err(Error::Invalid("a simulated contact can't be merged with a real one".to_owned()));
        }
        let (of_kept, of_gone) = (Hanging::load(db, &kept).await?, Hanging::load(db, &gone).await?);
        let merged = merge((&kept.person, of_kept.case), (&gone.person, of_gone.case), take);
        let leads = of_gone
            .leads
            .iter()
            .map(|lead| {
                let same = of_kept.leads.iter().find(|other| other.pipeline == lead.pipeline);
                (lead.clone(), same.map(|other| (other.clone(), other.facts.merge(&lead.facts))))
            })
            .collect();
        Ok(Self { kept: (kept, of_kept), gone: (gone, of_gone), merged, leads })
    }

    fn preview(&self) -> MergePreview {
        MergePreview {
            merged: self.merged.clone(),
            identities: self.gone.1.identities.len(),
            conversations: self.gone.1.places.len(),
            consents: self.gone.1.consents.len(),
            leads: self.leads.iter().filter(|(_, same)| same.is_none()).count(),
            joined: self.leads.iter().filter_map(|(_, same)| Some(same.as_ref()?.1.taken)).collect(),
        }
    }
}

impl Unit for MergeContacts {
    /// The public id of the merge.
    type Out = (Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let mut work = Work::start(db, self.now, self.seed, &[self.workspace], 4).await?;
        let pair = Pair::load(db, self.workspace, self.kept, self.gone, &self.take).await?;
        let withdrawn = self.move_people(db, &pair).await?;
        self.move_leads(db, &mut work, &pair).await?;
        db.exec(sql!("DELETE FROM contacts WHERE id = ?1"), &vals![self.gone]).await?;
        let mut row = pair.kept.0.clone();
        row.person = pair.merged.after.clone();
        row.updated_at = self.now;
        row.save(db).await?;
        let uid = self.keep_record(db, &mut work, &pair, withdrawn).await?;
        self.tell(db, &mut work, &pair).await?;
        let detail = json!({ "kept": pair.kept.0.shown(), "took_values_of_gone": self.take });
        audit(db, &mut work, (self.workspace, self.user), "contact.merge", (pair.gone.0.shown(), &detail))
            .await?;
        Ok((uid, work.finish(db).await?))
    }
}

impl MergeContacts {
    /// Moves addresses, consents and conversations; the grants that it withdrew.
    async fn move_people<D: Db>(&self, db: &mut D, pair: &Pair) -> Result<Vec<i64>> {
        db.exec(
            sql!("UPDATE identities SET contact_id = ?2 WHERE contact_id = ?1"),
            &vals![self.gone, self.kept],
        )
        .await?;
        db.exec(
            sql!("UPDATE consents SET contact_id = ?2 WHERE contact_id = ?1"),
            &vals![self.gone, self.kept],
        )
        .await?;
        db.exec(
            sql!("UPDATE identity_codes SET contact_id = ?2 WHERE contact_id = ?1"),
            &vals![self.gone, self.kept],
        )
        .await?;
        move_conversations(db, &pair.gone.1.conversations(), self.kept).await?;
        let Some(until) = pair.merged.withdraw_until else { return Ok(Vec::new()) };
        let withdrawn: Vec<(i64,)> = db
            .rows(
                sql!(
                    "UPDATE consents SET withdrawn_at = ?2, withdrawn_by = 'merge' \
                     WHERE contact_id = ?1 AND withdrawn_at IS NULL AND given_at <= ?2 RETURNING id"
                ),
                &vals![self.kept, until],
            )
            .await?;
        Ok(withdrawn.into_iter().map(|(id,)| id).collect())
    }

    async fn move_leads<D: Db>(&self, db: &mut D, work: &mut Work, pair: &Pair) -> Result<()> {
        for (lead, same) in &pair.leads {
            if let Some((kept, joined)) = same {
                db.exec(sql!("DELETE FROM leads WHERE id = ?1"), &vals![lead.id]).await?;
                LeadRow { facts: joined.after.clone(), ..kept.clone() }.save(db).await?;
                work.changed(self.workspace, "lead", kept.uid()?, None);
            } else {
                db.exec(sql!("UPDATE leads SET contact_id = ?2 WHERE id = ?1"), &vals![lead.id, self.kept])
                    .await?;
            }
            work.changed(self.workspace, "lead", lead.uid()?, None);
        }
        Ok(())
    }

    async fn keep_record<D: Db>(
        &self,
        db: &mut D,
        work: &mut Work,
        pair: &Pair,
        withdrawn: Vec<i64>,
    ) -> Result<Uid> {
        let (mut leads, mut joined, mut taken) = (Vec::new(), Vec::new(), Vec::new());
        for (lead, same) in &pair.leads {
            if let Some((kept, merged)) = same {
                joined.push((kept.clone(), merged.after.clone()));
                taken.push(lead.clone());
            } else {
                leads.push(lead.id);
            }
        }
        let record = Record {
            kept: pair.kept.0.clone(),
            gone: pair.gone.0.clone(),
            after: pair.merged.after.clone(),
            identities: pair.gone.1.identities.clone(),
            consents: pair.gone.1.consents.clone(),
            withdrawn,
            places: pair.kept.1.places.iter().chain(&pair.gone.1.places).cloned().collect(),
            conversations: pair.gone.1.conversations().into_iter().collect(),
            leads,
            joined,
            taken,
        };
        let (id, uid) = (work.id(db).await?, work.uid());
        let body = serde_json::to_string(&record)?;
        let values: [Val<'_>; 9] = vals![
            id,
            uid,
            self.workspace,
            self.kept,
            self.gone,
            pair.gone.0.uid()?,
            self.user.map(|user| user.0),
            self.now,
            body.as_str()
        ];
        db.exec(
            sql!(
                "INSERT INTO contact_merges (id, uid, workspace_id, kept_id, gone_id, gone_uid, user_id, at, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
            ),
            &values,
        )
        .await?;
        Ok(uid)
    }

    /// Tells the streams, and plans anew the lanes that wait in a fault: there may be a way out now.
    async fn tell<D: Db>(&self, db: &mut D, work: &mut Work, pair: &Pair) -> Result<()> {
        work.changed(self.workspace, "contact", pair.kept.0.uid()?, None);
        work.changed(self.workspace, "contact", pair.gone.0.uid()?, None);
        for uid in pair.kept.1.uids.values().chain(pair.gone.1.uids.values()) {
            work.conversation_changed(self.workspace, *uid);
        }
        for place in pair.kept.1.places.iter().chain(&pair.gone.1.places) {
            let held: Option<(i64,)> = db
                .row(
                    sql!(
                        "SELECT id FROM message_parts WHERE conversation_id = ?1 AND unsent = 1 \
                         AND incident_id IS NOT NULL LIMIT 1"
                    ),
                    &vals![place.conversation],
                )
                .await?;
            if held.is_some() {
                work.after.plans.push((self.workspace, place.conversation));
            }
        }
        Ok(())
    }
}
