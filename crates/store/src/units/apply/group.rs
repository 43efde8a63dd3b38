//! Groups that an account is in: no customers. People are told once where it is, until it has left.

use everthread_core::directory::AccountInfo;
use everthread_core::event::{Group, GroupChange};

use super::{ApplyItem, Batch, ItemResult};
use crate::units::problems::{self, Recurring, Topic};
use crate::{Db, Result};

impl Batch<'_> {
    /// One problem for each group, with how often something was heard there. A person who has marked it as solved hears of it
    /// again only when the account is added anew.
    pub(super) async fn group<D: Db>(
        &mut self,
        db: &mut D,
        item: &ApplyItem,
        info: &AccountInfo,
        group: &Group,
    ) -> Result<ItemResult> {
        let place = (info.workspace, info.id);
        let id = match &group.change {
            GroupChange::Left => {
                problems::group_left(db, &mut self.work, place, &group.id).await?;
                return Ok(ItemResult::Applied { message: None });
            }
            GroupChange::Moved { to } => {
                problems::group_moved(db, place, (&group.id, to)).await?;
                to
            }
            GroupChange::Entered | GroupChange::Heard => &group.id,
        };
        let problem = Recurring {
            workspace: info.workspace,
            account: info.id,
            channel: info.channel.clone(),
            topic: Topic::Group { id: id.clone() },
            reason: group.notice.clone(),
            raw: serde_json::to_string(&item.event)?,
            record: item.record,
            index: item.index,
        };
        problems::recur(db, &mut self.work, &problem, group.change == GroupChange::Entered).await?;
        Ok(ItemResult::Applied { message: None })
    }
}
