//! Internal ids behind public ones. Each looks in one workspace only: an id of another is not found.

use everthread_core::ids::{
    ContactId, ConversationId, IdentityId, LeadId, MessageId, Uid, UserId, WorkspaceId,
};

use crate::{Db, Error, Result, Sql, Unit, sql, vals};

/// What a public id names.
pub trait Named: crate::FromCell + Send + Sync + 'static {
    /// What people call it.
    const WHAT: &'static str;
    /// Finds it by public id and workspace.
    const FIND: Sql;
}

/// The internal id behind a public one. Fails with `NotFound` outside its workspace.
#[derive(Debug)]
pub struct Find<T> {
    workspace: WorkspaceId,
    uid: Uid,
    named: std::marker::PhantomData<fn() -> T>,
}

impl<T> Find<T> {
    /// Looks for `uid` in `workspace`.
    pub fn new(workspace: WorkspaceId, uid: Uid) -> Self {
        Self { workspace, uid, named: std::marker::PhantomData }
    }
}

impl<T: Named> Unit for Find<T> {
    type Out = T;
    async fn run<D: Db>(&self, db: &mut D) -> Result<T> {
        let found = db.row::<(T,)>(T::FIND, &vals![self.uid, self.workspace]).await?;
        found.map(|(id,)| id).ok_or(Error::NotFound(T::WHAT))
    }
}

impl Named for ConversationId {
    const WHAT: &'static str = "conversation";
    const FIND: Sql = sql!("SELECT id FROM conversations WHERE uid = ?1 AND workspace_id = ?2");
}

impl Named for MessageId {
    const WHAT: &'static str = "message";
    const FIND: Sql = sql!("SELECT id FROM messages WHERE uid = ?1 AND workspace_id = ?2");
}

impl Named for ContactId {
    const WHAT: &'static str = "contact";
    const FIND: Sql = sql!("SELECT id FROM contacts WHERE uid = ?1 AND workspace_id = ?2");
}

impl Named for IdentityId {
    const WHAT: &'static str = "address";
    const FIND: Sql = sql!("SELECT id FROM identities WHERE uid = ?1 AND workspace_id = ?2");
}

impl Named for LeadId {
    const WHAT: &'static str = "lead";
    const FIND: Sql = sql!("SELECT id FROM leads WHERE uid = ?1 AND workspace_id = ?2");
}

impl Named for UserId {
    const WHAT: &'static str = "user";
    const FIND: Sql = sql!(
        "SELECT u.id FROM users u JOIN memberships m ON m.user_id = u.id
         WHERE u.uid = ?1 AND m.workspace_id = ?2 AND u.disabled_at IS NULL"
    );
}

/// A workspace by its slug; without one the first.
#[derive(Clone, Debug)]
pub struct WorkspaceBySlug {
    pub slug: Option<String>,
}

impl Unit for WorkspaceBySlug {
    type Out = Option<WorkspaceId>;
    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let row: Option<(WorkspaceId,)> = match &self.slug {
            Some(slug) => {
                db.row(sql!("SELECT id FROM workspaces WHERE slug = ?1"), &vals![slug.as_str()]).await?
            }
            None => db.row(sql!("SELECT id FROM workspaces ORDER BY id LIMIT 1"), &[]).await?,
        };
        Ok(row.map(|(id,)| id))
    }
}
