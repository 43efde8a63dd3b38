//! Rules as rows; their body is the JSON of `core::rules::Rule`.

use everthread_core::ids::{RuleId, Uid, UidSource, WorkspaceId};
use everthread_core::time::Timestamp;

use super::{After, feed};
use crate::{Db, Error, Result, Unit, sql, vals};

/// Makes a rule, or (with `uid`) replaces one. The caller has compiled it.
#[derive(Clone, Debug)]
pub struct UpsertRule {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    pub uid: Option<Uid>,
    pub name: String,
    pub enabled: bool,
    pub position: i64,
    pub body: String,
}

impl Unit for UpsertRule {
    type Out = (RuleId, Uid, After);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        db.lock(&[self.workspace]).await?;
        let (id, uid) = if let Some(uid) = self.uid {
            let (id,): (i64,) = db
                .one(
                    "rule",
                    sql!(
                        "UPDATE rules SET name = ?3, enabled = ?4, position = ?5, body = ?6, updated_at = ?7
                             WHERE workspace_id = ?1 AND uid = ?2 RETURNING id"
                    ),
                    &vals![
                        self.workspace,
                        uid,
                        self.name.as_str(),
                        self.enabled,
                        self.position,
                        self.body.as_str(),
                        self.now
                    ],
                )
                .await?;
            (id, uid)
        } else {
            let id = db.ids(1).await?;
            let uid = UidSource::new(self.seed).next(self.now);
            db.exec(
                    sql!(
                        "INSERT INTO rules (id, uid, workspace_id, name, enabled, position, body, created_at, updated_at)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8)"
                    ),
                    &vals![
                        id,
                        uid,
                        self.workspace,
                        self.name.as_str(),
                        self.enabled,
                        self.position,
                        self.body.as_str(),
                        self.now
                    ],
                )
                .await?;
            (id, uid)
        };
        let after = feed::note(db, self.workspace, "rule", uid, self.now).await?;
        Ok((RuleId(id), uid, after))
    }
}

/// Removes a rule.
#[derive(Clone, Debug)]
pub struct RemoveRule {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub uid: Uid,
}

impl Unit for RemoveRule {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let sql = sql!("DELETE FROM rules WHERE workspace_id = ?1 AND uid = ?2");
        if db.exec(sql, &vals![self.workspace, self.uid]).await? == 0 {
            return Err(Error::NotFound("rule"));
        }
        feed::note(db, self.workspace, "rule", self.uid, self.now).await
    }
}
