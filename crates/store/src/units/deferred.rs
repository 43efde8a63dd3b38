//! Items that may not hold up the journal's window any longer.

use everthread_core::event::Event;
use everthread_core::ids::{AccountId, WorkspaceId};
use everthread_core::time::Timestamp;

use super::ApplyItem;
use crate::{Db, Result, Unit, row_struct, sql, vals};

/// Sets items aside, to be tried again then; or postpones ones that are set aside already.
#[derive(Clone, Debug)]
pub struct Defer {
    pub items: Vec<ApplyItem>,
    /// How often they were tried in vain.
    pub tries: u32,
    pub reason: String,
    pub next_at: Timestamp,
}

impl Unit for Defer {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let mut id = db.ids(u32::try_from(self.items.len()).unwrap_or(u32::MAX).max(1)).await?;
        for item in &self.items {
            let event = serde_json::to_string(&item.event)?;
            db.exec(
                sql!(
                    "INSERT INTO deferred (id, workspace_id, account_id, record, idx, event, received_at, automation, \
                     reason, tries, next_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                     ON CONFLICT (account_id, record, idx) DO UPDATE \
                     SET tries = excluded.tries, next_at = excluded.next_at, reason = excluded.reason"
                ),
                &vals![
                    id,
                    item.workspace,
                    item.account,
                    item.record,
                    item.index,
                    event.as_str(),
                    item.received_at,
                    item.automation,
                    self.reason.as_str(),
                    self.tries,
                    self.next_at
                ],
            )
            .await?;
            id += 1;
        }
        Ok(())
    }
}

/// An item set aside.
#[derive(Clone, Debug)]
pub struct DeferredItem {
    pub id: i64,
    pub tries: u32,
    pub item: ApplyItem,
}

row_struct! {
    struct DeferredRow {
        id: i64,
        workspace: WorkspaceId,
        account: AccountId,
        record: u64,
        index: u32,
        event: String,
        received_at: Timestamp,
        automation: bool,
        tries: u32,
    }
}

/// Items whose time has come, oldest first.
#[derive(Clone, Debug)]
pub struct DueDeferred {
    pub now: Timestamp,
    pub limit: u32,
}

impl Unit for DueDeferred {
    type Out = Vec<DeferredItem>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<DeferredItem>> {
        let rows: Vec<DeferredRow> = db
            .rows(
                sql!(
                    "SELECT id, workspace_id, account_id, record, idx, event, received_at, automation, tries \
                     FROM deferred WHERE next_at <= ?1 ORDER BY next_at, id LIMIT ?2"
                ),
                &vals![self.now, self.limit],
            )
            .await?;
        rows.into_iter()
            .map(|row| {
                let event: Event = serde_json::from_str(&row.event)?;
                let DeferredRow {
                    id, workspace, account, record, index, received_at, automation, tries, ..
                } = row;
                let item = ApplyItem { record, index, workspace, account, received_at, event, automation };
                Ok(DeferredItem { id, tries, item })
            })
            .collect()
    }
}

/// Forgets items that were applied.
#[derive(Clone, Debug)]
pub struct DropDeferred {
    pub ids: Vec<i64>,
}

impl Unit for DropDeferred {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let sets: Vec<[crate::Val<'_>; 1]> = self.ids.iter().map(|id| vals![*id]).collect();
        db.exec_all(sql!("DELETE FROM deferred WHERE id = ?1"), &sets).await?;
        Ok(())
    }
}
