//! Contacts with their identities and consents, leads and pipelines.

use everthread_core::event::AddressKind;
use everthread_core::ids::{AccountId, ContactId, ConversationId, IdentityId, LeadId, Uid, WorkspaceId};
use everthread_core::state::Proof;
use everthread_core::time::Timestamp;

use super::inbox::{InboxRow, rows_of};
use crate::{Db, Result, Sql, Unit, Val, row_struct, sql, vals};

row_struct! {
    /// A person.
    #[derive(Clone, Debug, PartialEq)]
    pub struct ContactRow {
        pub id: ContactId,
        pub uid: Uid,
        pub name: Option<String>,
        /// JSON map.
        pub fields: String,
        /// JSON list of names.
        pub labels: String,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

const NEWEST: Sql = sql!(
    "SELECT id, uid, name, fields, labels, created_at, updated_at FROM contacts
     WHERE workspace_id = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3"
);

/// A page of contacts, newest first; with `q`, those whose name begins with it, by name.
#[derive(Debug)]
pub struct ContactPage {
    pub workspace: WorkspaceId,
    pub q: Option<String>,
    /// Internal id of the last row of the page before.
    pub before: Option<i64>,
    pub limit: u32,
}

impl Unit for ContactPage {
    /// Each contact with the channels it can be reached on.
    type Out = Vec<(ContactRow, Vec<String>)>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let before = self.before.unwrap_or(i64::MAX);
        let rows = match &self.q {
            None => db.rows::<ContactRow>(NEWEST, &vals![self.workspace, before, self.limit]).await?,
            Some(q) => {
                let mut ids = super::search::contacts(db, self.workspace, q).await?;
                ids.retain(|id| id.0 < before);
                ids.sort_unstable_by(|a, b| b.cmp(a));
                ids.truncate(self.limit as usize);
                contacts_by_id(db, self.workspace, &ids).await?
            }
        };
        let sql = sql!(
            "SELECT DISTINCT a.channel FROM identities i
             JOIN reaches r ON r.identity_id = i.id AND r.reachable = 1
             JOIN accounts a ON a.id = r.account_id
             WHERE i.contact_id = ?1 ORDER BY a.channel"
        );
        let sets: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
        let channels = db.rows_all::<(String,), 1>(sql, &sets).await?;
        Ok(rows
            .into_iter()
            .zip(channels)
            .map(|(row, channels)| (row, channels.into_iter().map(|(name,)| name).collect()))
            .collect())
    }
}

async fn contacts_by_id<D: Db>(
    db: &mut D,
    workspace: WorkspaceId,
    ids: &[ContactId],
) -> Result<Vec<ContactRow>> {
    let sql = sql!(
        "SELECT id, uid, name, fields, labels, created_at, updated_at FROM contacts WHERE id = ?1 AND workspace_id = ?2"
    );
    let sets: Vec<[Val<'_>; 2]> = ids.iter().map(|id| vals![*id, workspace]).collect();
    Ok(db.rows_all::<ContactRow, 2>(sql, &sets).await?.into_iter().flatten().collect())
}

row_struct! {
    /// A person's address on a network.
    #[derive(Clone, Debug, PartialEq)]
    pub struct IdentityRow {
        pub id: IdentityId,
        pub uid: Uid,
        pub kind: AddressKind,
        pub value: String,
        pub username: Option<String>,
        pub proof: Proof,
        /// Of the account that a scoped address belongs to.
        pub channel: Option<String>,
        pub account_name: Option<String>,
    }
}

row_struct! {
    /// Who allowed what.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct ConsentRow {
        pub identity: IdentityId,
        pub purpose: String,
        pub wording: String,
        pub given_at: Timestamp,
        pub source: String,
        pub withdrawn_at: Option<Timestamp>,
    }
}

/// A contact with all that its page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct FullContact {
    pub row: ContactRow,
    /// Each identity and whether some account may write to it.
    pub identities: Vec<(IdentityRow, bool)>,
    pub consents: Vec<ConsentRow>,
    /// The newest 20.
    pub conversations: Vec<InboxRow>,
    pub lead: Option<LeadRow>,
    /// Contacts that were merged into it, newest first; the newest can be taken back.
    pub merges: Vec<MergeRow>,
}

row_struct! {
    /// A contact that was merged into another.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct MergeRow {
        pub gone: Uid,
        /// Who did it.
        pub by: Option<String>,
        pub at: Timestamp,
    }
}

/// Which contact.
#[derive(Clone, Copy, Debug)]
pub enum ContactKey {
    Uid(Uid),
    Id(ContactId),
}

/// One contact.
#[derive(Debug)]
pub struct OneContact {
    pub workspace: WorkspaceId,
    pub key: ContactKey,
}

impl Unit for OneContact {
    type Out = Option<FullContact>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let row = match self.key {
            ContactKey::Id(id) => contacts_by_id(db, self.workspace, &[id]).await?.pop(),
            ContactKey::Uid(uid) => {
                let sql = sql!(
                    "SELECT id, uid, name, fields, labels, created_at, updated_at FROM contacts
                     WHERE uid = ?1 AND workspace_id = ?2"
                );
                match db.row::<ContactRow>(sql, &vals![uid, self.workspace]).await? {
                    Some(row) => Some(row),
                    None => merged_into(db, self.workspace, uid).await?,
                }
            }
        };
        let Some(row) = row else { return Ok(None) };
        let identities = identities_of(db, row.id).await?;
        let sql = sql!(
            "SELECT identity_id, purpose, wording, given_at, source, withdrawn_at FROM consents
             WHERE contact_id = ?1 ORDER BY id"
        );
        let consents = db.rows::<ConsentRow>(sql, &vals![row.id]).await?;
        let sql = sql!("SELECT id FROM conversations WHERE contact_id = ?1 ORDER BY id DESC LIMIT 20");
        let ids = db.rows::<(ConversationId,)>(sql, &vals![row.id]).await?;
        let ids: Vec<_> = ids.into_iter().map(|(id,)| id).collect();
        let conversations = rows_of(db, self.workspace, &ids).await?;
        let lead = db.row::<LeadRow>(LEAD_OF_CONTACT, &vals![row.id, self.workspace]).await?;
        let sql = sql!(
            "SELECT g.gone_uid, u.name, g.at FROM contact_merges g LEFT JOIN users u ON u.id = g.user_id
             WHERE g.kept_id = ?1 ORDER BY g.id DESC"
        );
        let merges = db.rows::<MergeRow>(sql, &vals![row.id]).await?;
        Ok(Some(FullContact { row, identities, consents, conversations, lead, merges }))
    }
}

/// Merges followed from an old public id; a longer chain of them is not.
const MERGES_FOLLOWED: usize = 16;

/// The contact into which one that is gone was merged, directly or by way of others.
async fn merged_into<D: Db>(db: &mut D, workspace: WorkspaceId, uid: Uid) -> Result<Option<ContactRow>> {
    let sql = sql!("SELECT kept_id FROM contact_merges WHERE gone_uid = ?1 AND workspace_id = ?2");
    let mut next = db.row::<(ContactId,)>(sql, &vals![uid, workspace]).await?;
    for _ in 0..MERGES_FOLLOWED {
        let Some((id,)) = next else { break };
        if let Some(row) = contacts_by_id(db, workspace, &[id]).await?.pop() {
            return Ok(Some(row));
        }
        let sql = sql!("SELECT kept_id FROM contact_merges WHERE gone_id = ?1 AND workspace_id = ?2");
        next = db.row(sql, &vals![id, workspace]).await?;
    }
    Ok(None)
}

async fn identities_of<D: Db>(db: &mut D, contact: ContactId) -> Result<Vec<(IdentityRow, bool)>> {
    let sql = sql!(
        "SELECT i.id, i.uid, i.kind, i.value, i.username, i.proof, a.channel, a.name
         FROM identities i LEFT JOIN accounts a ON a.id = i.scope WHERE i.contact_id = ?1 ORDER BY i.id"
    );
    let rows = db.rows::<IdentityRow>(sql, &vals![contact]).await?;
    let sql = sql!("SELECT account_id, reachable FROM reaches WHERE identity_id = ?1");
    let sets: Vec<[Val<'_>; 1]> = rows.iter().map(|row| vals![row.id]).collect();
    let reaches = db.rows_all::<(AccountId, bool), 1>(sql, &sets).await?;
    Ok(rows
        .into_iter()
        .zip(reaches)
        .map(|(row, reaches)| {
            let reachable = reaches.is_empty() || reaches.iter().any(|(_, reachable)| *reachable);
            (row, reachable)
        })
        .collect())
}

row_struct! {
    /// A contact with a commercial aim.
    #[derive(Clone, Debug, PartialEq)]
    pub struct LeadRow {
        pub id: LeadId,
        pub uid: Uid,
        pub contact_uid: Uid,
        pub contact_name: Option<String>,
        pub stage_uid: Uid,
        pub conversation_uid: Option<Uid>,
        /// JSON map.
        pub fields: String,
        pub channel: Option<String>,
        pub created_at: Timestamp,
        pub updated_at: Timestamp,
    }
}

const LEAD_OF_CONTACT: Sql = sql!(
    "SELECT l.id, l.uid, k.uid, k.name, s.uid, c.uid, l.fields, l.channel, l.created_at, l.updated_at
     FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
     LEFT JOIN conversations c ON c.id = l.conversation_id
     WHERE l.contact_id = ?1 AND l.workspace_id = ?2 ORDER BY l.updated_at DESC LIMIT 1"
);

const LEAD_BY_UID: Sql = sql!(
    "SELECT l.id, l.uid, k.uid, k.name, s.uid, c.uid, l.fields, l.channel, l.created_at, l.updated_at
     FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
     LEFT JOIN conversations c ON c.id = l.conversation_id
     WHERE l.uid = ?1 AND l.workspace_id = ?2"
);

/// One lead by its public id.
#[derive(Debug)]
pub struct LeadByUid {
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for LeadByUid {
    type Out = Option<LeadRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.row(LEAD_BY_UID, &vals![self.uid, self.workspace]).await
    }
}

/// A page of leads, last touched first.
#[derive(Debug)]
pub struct LeadPage {
    pub workspace: WorkspaceId,
    pub stage: Option<Uid>,
    /// Only leads whose contact's name begins with this.
    pub q: Option<String>,
    /// (`updated_at`, `id`) of the last row of the page before.
    pub after: Option<(i64, i64)>,
    pub limit: u32,
}

const LEADS_ALL: Sql = sql!(
    "SELECT l.id, l.uid, k.uid, k.name, s.uid, c.uid, l.fields, l.channel, l.created_at, l.updated_at
     FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
     LEFT JOIN conversations c ON c.id = l.conversation_id
     WHERE l.workspace_id = ?1 AND (l.updated_at, l.id) < (?2, ?3)
     ORDER BY l.updated_at DESC, l.id DESC LIMIT ?4"
);
const LEADS_STAGE: Sql = sql!(
    "SELECT l.id, l.uid, k.uid, k.name, s.uid, c.uid, l.fields, l.channel, l.created_at, l.updated_at
     FROM leads l JOIN contacts k ON k.id = l.contact_id JOIN stages s ON s.id = l.stage_id
     LEFT JOIN conversations c ON c.id = l.conversation_id
     WHERE l.workspace_id = ?1 AND l.stage_id = ?5 AND (l.updated_at, l.id) < (?2, ?3)
     ORDER BY l.updated_at DESC, l.id DESC LIMIT ?4"
);

impl Unit for LeadPage {
    type Out = Vec<LeadRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let stage = match self.stage {
            None => None,
            Some(uid) => match stage_id(db, self.workspace, uid).await? {
                Some(id) => Some(id),
                None => return Ok(Vec::new()),
            },
        };
        let after = self.after.unwrap_or((i64::MAX, i64::MAX));
        if let Some(q) = &self.q {
            let stage_uid = self.stage;
            let ids = super::search::contacts(db, self.workspace, q).await?;
            let sets: Vec<[Val<'_>; 2]> = ids.iter().map(|id| vals![*id, self.workspace]).collect();
            let mut rows: Vec<LeadRow> =
                db.rows_all::<LeadRow, 2>(LEAD_OF_CONTACT, &sets).await?.into_iter().flatten().collect();
            rows.retain(|row| stage_uid.is_none_or(|uid| uid == row.stage_uid));
            rows.retain(|row| (row.updated_at.micros(), row.id.0) < after);
            rows.sort_by_key(|row| std::cmp::Reverse((row.updated_at, row.id)));
            rows.truncate(self.limit as usize);
            return Ok(rows);
        }
        match stage {
            None => db.rows(LEADS_ALL, &vals![self.workspace, after.0, after.1, self.limit]).await,
            Some(stage) => {
                db.rows(LEADS_STAGE, &vals![self.workspace, after.0, after.1, self.limit, stage]).await
            }
        }
    }
}

/// Internal id of a stage of this workspace.
pub async fn stage_id<D: Db>(db: &mut D, workspace: WorkspaceId, uid: Uid) -> Result<Option<i64>> {
    let sql = sql!("SELECT id FROM stages WHERE uid = ?1 AND workspace_id = ?2");
    Ok(db.row::<(i64,)>(sql, &vals![uid, workspace]).await?.map(|(id,)| id))
}

row_struct! {
    /// A stage with its pipeline.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct StageRow {
        pub pipeline_uid: Uid,
        pub pipeline_name: String,
        pub uid: Uid,
        pub name: String,
        pub position: i64,
        pub kind: String,
    }
}

/// Every stage of a workspace, pipelines and stages in their order.
#[derive(Debug)]
pub struct Stages {
    pub workspace: WorkspaceId,
}

impl Unit for Stages {
    type Out = Vec<StageRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT p.uid, p.name, s.uid, s.name, s.position, s.kind
             FROM pipelines p JOIN stages s ON s.pipeline_id = p.id
             WHERE p.workspace_id = ?1 ORDER BY p.position, p.id, s.position, s.id"
        );
        db.rows(sql, &vals![self.workspace]).await
    }
}

row_struct! {
    /// An address of anybody on this hub, for finding people by a hash of it.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct AddressRow {
        pub id: IdentityId,
        pub workspace: WorkspaceId,
        pub contact: ContactId,
        pub kind: AddressKind,
        /// Of the account that a scoped address belongs to.
        pub account: Option<Uid>,
        pub value: String,
        /// When the contact wrote last.
        pub last_in_at: Option<Timestamp>,
    }
}

/// A page of all addresses of all workspaces, by id.
#[derive(Debug)]
pub struct Addresses {
    /// Internal id of the last row of the page before.
    pub after: i64,
    pub limit: u32,
}

impl Unit for Addresses {
    type Out = Vec<AddressRow>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let sql = sql!(
            "SELECT i.id, i.workspace_id, i.contact_id, i.kind, a.uid, i.value, c.last_in_at
             FROM identities i JOIN contacts c ON c.id = i.contact_id LEFT JOIN accounts a ON a.id = i.scope
             WHERE i.id > ?1 ORDER BY i.id LIMIT ?2"
        );
        db.rows(sql, &vals![self.after, self.limit]).await
    }
}

/// Statements whose plans are tested.
#[cfg(test)]
pub(super) const STATEMENTS: &[Sql] = &[NEWEST, LEADS_ALL, LEADS_STAGE, LEAD_BY_UID];
