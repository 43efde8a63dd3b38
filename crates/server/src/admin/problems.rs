//! Replaying one problem, from the console.

use std::sync::Arc;

use everthread_core::event::{Event, Parsed};
use everthread_core::ids::{ProblemId, WorkspaceId};
use everthread_store::journal::Cursor;
use everthread_store::read::hub::{FindProblem, KeptPiece};
use everthread_store::units::{Apply, ApplyItem, ItemResult, MarkReplayed};
use everthread_store::{Error, Store};

use super::Admin;
use crate::apply::parse;
use crate::clock;
use crate::registry::{Account, Registry};

impl Admin {
    /// Parses and applies what is kept of a problem again; rules do not see it. True when nothing of it is left that
    /// could not be understood; the problem is then marked as solved.
    pub async fn replay_problem(&self, workspace: WorkspaceId, problem: ProblemId) -> Result<bool, Error> {
        let pieces =
            self.store.read(FindProblem { workspace, problem }).await?.ok_or(Error::NotFound("problem"))?;
        let mut solved = true;
        for piece in pieces {
            solved &= self.replay_piece(workspace, piece).await?;
        }
        if solved {
            mark(&self.store, workspace, problem).await.map(|after| self.committed(after))?;
        }
        Ok(solved)
    }

    async fn replay_piece(&self, workspace: WorkspaceId, kept: KeptPiece) -> Result<bool, Error> {
        let registry = self.hub.registry().borrow().clone();
        let known = kept.account.and_then(|id| registry.account(id)).cloned();
        // A piece that belonged to nobody may belong to an account that was connected since.
        let account = known.or_else(|| self.route_again(&registry, kept.record?, &kept.raw));
        let Some(account) = account.filter(|a| a.workspace == workspace) else { return Ok(false) };
        let events = match serde_json::from_str::<Event>(&kept.raw) {
            Ok(event) => vec![event],
            Err(_) => match parsed(&account, kept.raw.as_bytes()) {
                Some(parsed) if parsed.problems.is_empty() => {
                    parsed.items.into_iter().map(|i| i.event).collect()
                }
                _ => return Ok(false),
            },
        };
        let items = events.into_iter().enumerate().map(|(index, event)| ApplyItem {
            record: kept.record.unwrap_or(0),
            index: index as u32,
            workspace,
            account: account.id,
            received_at: kept.at,
            event,
            automation: false,
        });
        let unit = Apply {
            now: clock::now(),
            seed: clock::seed(),
            items: items.collect(),
            keys: self.seal.event_keys(),
            directory: registry.directory.clone(),
            rules: self.hub.rules().borrow().clone(),
        };
        let applied = self.store.write(unit).await?;
        self.committed(applied.after);
        Ok(!applied.results.iter().any(|result| matches!(result, ItemResult::Problem(_))))
    }

    /// The account that this piece of a record in the journal is for by now.
    fn route_again(&self, registry: &Registry, number: u64, raw: &str) -> Option<Arc<Account>> {
        let journal = self.journal.as_ref()?;
        let before = Cursor { journal: journal.id(), number: number.checked_sub(1)? };
        let (mut reader, _) = journal.reader_from(Some(before)).ok()?;
        let batch = reader.read_batch(1, usize::MAX).ok()?;
        let record = batch.records.iter().find(|record| record.number == number)?;
        let items = parse::open(registry, record).items;
        items.into_iter().find(|item| parse::kept(&item.event) == raw).map(|item| item.account)
    }
}

async fn mark(
    store: &Store,
    workspace: WorkspaceId,
    problem: ProblemId,
) -> Result<everthread_store::units::After, Error> {
    store.write(MarkReplayed { now: clock::now(), workspace, problem }).await
}

fn parsed(account: &Account, raw: &[u8]) -> Option<Parsed> {
    let record = everthread_channels::RawRecord { body: raw, content_type: "application/json", query: "" };
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| account.channel.parse(&record))).ok()
}
