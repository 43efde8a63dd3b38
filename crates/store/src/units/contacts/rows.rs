//! Rows of contacts as a merge reads them, writes them, and keeps them in its record.

use std::collections::{BTreeMap, BTreeSet};

use everthread_core::contact::{Case, LeadFacts, Person};
use everthread_core::ids::{ContactId, ConversationId, IdentityId, Uid, WorkspaceId};
use everthread_core::limits::CONTACT_ROWS_MAX;
use everthread_core::state::Status;
use everthread_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Db, Error, Result, row_struct, search, sql, vals};

row_struct! {
    struct ContactColumns {
        id: ContactId,
        uid: Uid,
        name: Option<String>,
        locale: Option<String>,
        fields: String,
        labels: String,
        conversation: Option<ConversationId>,
        stopped_at: Option<Timestamp>,
        sandbox: bool,
        created_at: Timestamp,
        updated_at: Timestamp,
        last_in_at: Option<Timestamp>,
    }
}

/// A contact's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ContactRow {
    pub(super) id: ContactId,
    /// The public id's 32 digits.
    uid: String,
    pub(super) person: Person,
    pub(super) sandbox: bool,
    created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

impl ContactRow {
    /// A contact that is made now.
    pub(super) fn new(id: ContactId, uid: Uid, person: Person, sandbox: bool, now: Timestamp) -> Self {
        Self { id, uid: uid.0.simple().to_string(), person, sandbox, created_at: now, updated_at: now }
    }

    pub(super) fn uid(&self) -> Result<Uid> {
        Uid::read("", &format!("_{}", self.uid))
            .ok_or_else(|| Error::Defect("a merge's public id".to_owned()))
    }

    pub(super) fn shown(&self) -> String {
        format!("{}_{}", ContactId::PREFIX, self.uid)
    }

    /// The contact's row, of this workspace.
    pub(super) async fn load<D: Db>(db: &mut D, workspace: WorkspaceId, id: ContactId) -> Result<Self> {
        let row: ContactColumns = db
            .one(
                "contact",
                sql!(
                    "SELECT id, uid, name, locale, fields, labels, conversation_id, stopped_at, sandbox, created_at, \
                     updated_at, last_in_at FROM contacts WHERE id = ?1 AND workspace_id = ?2"
                ),
                &vals![id, workspace],
            )
            .await?;
        let person = Person {
            name: row.name,
            locale: row.locale,
            fields: serde_json::from_str(&row.fields)?,
            labels: serde_json::from_str(&row.labels)?,
            stopped_at: row.stopped_at,
            last_in_at: row.last_in_at,
            conversation: row.conversation,
        };
        let uid = row.uid.0.simple().to_string();
        let (sandbox, created_at, updated_at) = (row.sandbox, row.created_at, row.updated_at);
        Ok(Self { id: row.id, uid, person, sandbox, created_at, updated_at })
    }

    /// Writes what can change.
    pub(super) async fn save<D: Db>(&self, db: &mut D) -> Result<()> {
        let person = &self.person;
        let folded = person.name.as_deref().map(search::fold);
        let (fields, labels) =
            (serde_json::to_string(&person.fields)?, serde_json::to_string(&person.labels)?);
        db.exec(
            sql!(
                "UPDATE contacts SET name = ?2, name_folded = ?3, locale = ?4, fields = ?5, labels = ?6, \
                 conversation_id = ?7, stopped_at = ?8, last_in_at = ?9, updated_at = ?10 WHERE id = ?1"
            ),
            &vals![
                self.id,
                person.name.as_deref(),
                folded.as_deref(),
                person.locale.as_deref(),
                fields.as_str(),
                labels.as_str(),
                person.conversation,
                person.stopped_at,
                person.last_in_at,
                self.updated_at
            ],
        )
        .await?;
        Ok(())
    }

    /// Puts the row into the table.
    pub(super) async fn insert<D: Db>(&self, db: &mut D, workspace: WorkspaceId) -> Result<()> {
        db.exec(
            sql!(
                "INSERT INTO contacts (id, uid, workspace_id, sandbox, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
            ),
            &vals![self.id, self.uid()?, workspace, self.sandbox, self.created_at, self.updated_at],
        )
        .await?;
        self.save(db).await
    }
}

row_struct! {
    struct LeadColumns {
        id: i64,
        uid: Uid,
        conversation: Option<ConversationId>,
        pipeline: i64,
        stage: i64,
        fields: String,
        channel: Option<String>,
        created_at: Timestamp,
        updated_at: Timestamp,
    }
}

/// A lead's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeadRow {
    pub(super) id: i64,
    pub(super) uid: String,
    pub(super) pipeline: i64,
    pub(super) facts: LeadFacts,
    pub(super) created_at: Timestamp,
}

impl LeadRow {
    pub(super) fn uid(&self) -> Result<Uid> {
        Uid::read("", &format!("_{}", self.uid))
            .ok_or_else(|| Error::Defect("a merge's public id".to_owned()))
    }

    /// Writes what a merge changes.
    pub(super) async fn save<D: Db>(&self, db: &mut D) -> Result<()> {
        let facts = &self.facts;
        let fields = serde_json::to_string(&facts.fields)?;
        db.exec(
            sql!(
                "UPDATE leads SET stage_id = ?2, fields = ?3, conversation_id = ?4, channel = ?5, updated_at = ?6 \
                 WHERE id = ?1"
            ),
            &vals![
                self.id,
                facts.stage,
                fields.as_str(),
                facts.conversation,
                facts.channel.as_deref(),
                facts.updated_at
            ],
        )
        .await?;
        Ok(())
    }

    /// Puts the row into the table.
    pub(super) async fn insert<D: Db>(
        &self,
        db: &mut D,
        workspace: WorkspaceId,
        contact: ContactId,
    ) -> Result<()> {
        db.exec(
            sql!(
                "INSERT INTO leads (id, uid, workspace_id, contact_id, pipeline_id, stage_id, created_at, updated_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)"
            ),
            &vals![self.id, self.uid()?, workspace, contact, self.pipeline, self.facts.stage, self.created_at],
        )
        .await?;
        self.save(db).await
    }
}

/// The leads of a contact.
pub(super) async fn leads<D: Db>(db: &mut D, contact: ContactId) -> Result<Vec<LeadRow>> {
    let rows: Vec<LeadColumns> = db
        .rows(
            sql!(
                "SELECT id, uid, conversation_id, pipeline_id, stage_id, fields, channel, created_at, updated_at \
                 FROM leads WHERE contact_id = ?1 ORDER BY id"
            ),
            &vals![contact],
        )
        .await?;
    rows.into_iter()
        .map(|row| {
            let facts = LeadFacts {
                stage: row.stage,
                fields: serde_json::from_str(&row.fields)?,
                conversation: row.conversation,
                channel: row.channel,
                updated_at: row.updated_at,
            };
            let uid = row.uid.0.simple().to_string();
            Ok(LeadRow { id: row.id, uid, pipeline: row.pipeline, facts, created_at: row.created_at })
        })
        .collect()
}

/// A conversation's place, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) conversation: ConversationId,
    pub(super) identity: Option<IdentityId>,
    pub(super) account: Option<i64>,
    pub(super) channel: String,
}

/// What hangs on a contact.
#[derive(Clone, Debug, Default)]
pub(super) struct Hanging {
    pub(super) identities: Vec<IdentityId>,
    pub(super) consents: Vec<i64>,
    pub(super) places: Vec<Place>,
    pub(super) uids: BTreeMap<ConversationId, Uid>,
    pub(super) leads: Vec<LeadRow>,
    /// Of the conversation that takes its messages.
    pub(super) case: Option<Case>,
}

row_struct! {
    struct PlaceColumns {
        id: ConversationId,
        uid: Uid,
        identity: Option<IdentityId>,
        account: Option<i64>,
        channel: String,
        status: Status,
        last_at: Timestamp,
    }
}

impl Hanging {
    /// Everything of a contact. Fails where it is more than one unit should move.
    pub(super) async fn load<D: Db>(db: &mut D, contact: &ContactRow) -> Result<Self> {
        let limit = CONTACT_ROWS_MAX as i64 + 1;
        let identities: Vec<(IdentityId,)> = db
            .rows(
                sql!("SELECT id FROM identities WHERE contact_id = ?1 ORDER BY id LIMIT ?2"),
                &vals![contact.id, limit],
            )
            .await?;
        let consents: Vec<(i64,)> = db
            .rows(
                sql!("SELECT id FROM consents WHERE contact_id = ?1 ORDER BY id LIMIT ?2"),
                &vals![contact.id, limit],
            )
            .await?;
        let places: Vec<PlaceColumns> = db
            .rows(
                sql!(
                    "SELECT id, uid, route_identity_id, route_account_id, channel, status, last_at FROM conversations \
                     WHERE contact_id = ?1 ORDER BY id LIMIT ?2"
                ),
                &vals![contact.id, limit],
            )
            .await?;
        if [identities.len(), consents.len(), places.len()].into_iter().any(|n| n > CONTACT_ROWS_MAX) {
            return Err(Error::Invalid(format!(
                "more than {CONTACT_ROWS_MAX} addresses, consents or conversations hang on one of these contacts"
            )));
        }
        let case = places
            .iter()
            .find(|place| Some(place.id) == contact.person.conversation)
            .map(|place| Case { open: place.status != Status::Resolved, last_at: place.last_at });
        let uids = places.iter().map(|place| (place.id, place.uid)).collect();
        let place = |p: PlaceColumns| Place {
            conversation: p.id,
            identity: p.identity,
            account: p.account,
            channel: p.channel,
        };
        Ok(Self {
            identities: identities.into_iter().map(|(id,)| id).collect(),
            consents: consents.into_iter().map(|(id,)| id).collect(),
            places: places.into_iter().map(place).collect(),
            uids,
            leads: leads(db, contact.id).await?,
            case,
        })
    }

    pub(super) fn conversations(&self) -> Vec<ConversationId> {
        self.places.iter().map(|place| place.conversation).collect()
    }
}

/// Everything that a merge must know to be taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) kept: ContactRow,
    pub(super) gone: ContactRow,
    pub(super) after: Person,
    pub(super) identities: Vec<IdentityId>,
    pub(super) consents: Vec<i64>,
    /// Grants that the merge withdrew.
    pub(super) withdrawn: Vec<i64>,
    /// Routes of both contacts' conversations, as they were.
    pub(super) places: Vec<Place>,
    /// Conversations that moved.
    pub(super) conversations: BTreeSet<ConversationId>,
    /// Leads that moved.
    pub(super) leads: Vec<i64>,
    /// Leads of the contact that is kept which took another's in: before and after.
    pub(super) joined: Vec<(LeadRow, LeadFacts)>,
    /// Leads that were taken in.
    pub(super) taken: Vec<LeadRow>,
}
