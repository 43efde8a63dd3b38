//! Items into units of work, and what becomes of those that fail.

use std::sync::Arc;

use everthread_store::units::{
    AddProblem, Applied, Apply, ApplyWithoutRules, ItemResult, NewProblem, Recurring, Topic,
};
use everthread_store::{Error as StoreError, Unit};
use metrics::counter;

use super::worker::{Waiting, Worker};
use super::{Error, STORE_WAIT};
use crate::clock;
use crate::hub::Rules;

impl Worker {
    /// Applies a batch; where it fails for another reason than the store being away, item by item (I12). A single item that the store
    /// refuses is set aside where the reason may pass, else stored without its rules, else a problem. The rest goes on.
    pub(super) async fn apply(&mut self, batch: Vec<Waiting>) -> Result<(), Error> {
        let batch = self.behind(batch).await?;
        let Some(one) = batch.first() else { return Ok(()) };
        loop {
            let Err(error) = self.unit(&batch).await else { return Ok(()) };
            if self.stage.stop.is_cancelled() {
                return Err(error.into());
            }
            if batch.len() > 1 {
                tracing::warn!(%error, items = batch.len(), "a batch failed, applying its items one by one");
                for one in batch {
                    Box::pin(self.apply(vec![one])).await?;
                }
                return Ok(());
            }
            if !error.is_transient() {
                return self.without_rules_or_problem(one, &error).await;
            }
            if self.deferral.has_room() {
                tracing::warn!(%error, record = one.item.record, "an item could not be applied now; set aside");
                return self.put_aside(vec![one.item.clone()], 0, &error.to_string()).await;
            }
            // So many wait that the trouble is not of single items: the journal waits.
            tokio::time::sleep(STORE_WAIT).await;
        }
    }

    /// One unit of work, tried until the store is there.
    pub(super) async fn unit(&mut self, batch: &[Waiting]) -> Result<(), StoreError> {
        let rules = self.stage.rules.borrow().clone();
        self.write(batch, |worker| worker.apply_unit(batch, &rules)).await
    }

    fn apply_unit(&self, batch: &[Waiting], rules: &Arc<Rules>) -> Apply {
        Apply {
            now: clock::now(),
            seed: clock::seed(),
            items: batch.iter().map(|w| w.item.clone()).collect(),
            keys: self.stage.keys.clone(),
            directory: self.stage.registry.borrow().directory.clone(),
            rules: Arc::clone(rules),
        }
    }

    async fn write<U: Unit<Out = Applied>>(
        &self,
        batch: &[Waiting],
        unit: impl Fn(&Self) -> U,
    ) -> Result<(), StoreError> {
        let mut contended = 0;
        loop {
            match self.stage.store.write(unit(self)).await {
                Ok(applied) => {
                    count(batch, &applied.results);
                    self.stage.effects.committed(applied.after);
                    return Ok(());
                }
                Err(StoreError::Unavailable(error)) => {
                    tracing::warn!(error, "the store is away; what comes in is kept in the journal");
                    tokio::select! {
                        () = self.stage.stop.cancelled() => return Err(StoreError::Unavailable(error)),
                        () = tokio::time::sleep(STORE_WAIT) => {}
                    }
                }
                Err(StoreError::Contended(_)) if contended < 10 => contended += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// If it was the rules that failed, the message is stored without them (it always is), and people are told: in one unit,
    /// so that no crash keeps the one without the other.
    pub(super) async fn without_rules_or_problem(
        &mut self,
        one: &Waiting,
        error: &StoreError,
    ) -> Result<(), Error> {
        let item = &one.item;
        let ruled = item.automation && self.stage.rules.borrow().contains_key(&item.workspace);
        if ruled && self.without_rules(one, error).await? {
            tracing::error!(%error, record = item.record, "rules failed; the message is stored without them");
            counter!("everthread_problems_total").increment(1);
            return Ok(());
        }
        tracing::error!(%error, record = item.record, "an item could not be applied; kept as a problem");
        let reason =
            "it could not be applied (a defect of ours); it is kept and can be replayed after an update";
        self.keep_problems(vec![item_problem(one, reason.to_owned())]).await
    }

    /// False where it fails without rules too.
    async fn without_rules(&self, one: &Waiting, error: &StoreError) -> Result<bool, StoreError> {
        let batch = std::slice::from_ref(one);
        let problem = Recurring {
            workspace: one.item.workspace,
            account: one.item.account,
            channel: one.channel.to_owned(),
            topic: Topic::Rules,
            reason: format!(
                "the rules failed: {error}. The message is stored; answer it by hand, and check the rules"
            ),
            raw: serde_json::to_string(&one.item.event).unwrap_or_default(),
            record: one.item.record,
            index: one.item.index,
        };
        let unit = |worker: &Self| ApplyWithoutRules {
            apply: worker.apply_unit(batch, &Arc::default()),
            problem: problem.clone(),
        };
        loop {
            match self.write(batch, unit).await {
                Ok(()) => return Ok(true),
                Err(error) if !error.is_transient() => return Ok(false),
                Err(error) if self.stage.stop.is_cancelled() => return Err(error),
                Err(_) => tokio::time::sleep(STORE_WAIT).await,
            }
        }
    }

    pub(super) async fn keep_problems(&mut self, problems: Vec<NewProblem>) -> Result<(), Error> {
        if problems.is_empty() {
            return Ok(());
        }
        counter!("everthread_problems_total").increment(problems.len() as u64);
        let unit = || AddProblem { now: clock::now(), seed: clock::seed(), problems: problems.clone() };
        let after = self.insist(unit).await?;
        self.stage.effects.committed(after);
        Ok(())
    }

    /// Writes until the store takes it, or the process stops.
    pub(super) async fn insist<U: Unit>(&self, unit: impl Fn() -> U) -> Result<U::Out, Error> {
        loop {
            match self.stage.store.write(unit()).await {
                Err(error) if error.is_transient() && !self.stage.stop.is_cancelled() => {
                    tokio::time::sleep(STORE_WAIT).await;
                }
                written => return Ok(written?),
            }
        }
    }
}

/// The problem that an item is.
pub(super) fn item_problem(one: &Waiting, reason: String) -> NewProblem {
    let item = &one.item;
    NewProblem {
        workspace: Some(item.workspace),
        account: Some(item.account),
        endpoint: None,
        channel: Some(one.channel.to_owned()),
        reason,
        raw: serde_json::to_string(&item.event).unwrap_or_default(),
        record: Some(item.record),
        index: Some(item.index),
    }
}

fn count(batch: &[Waiting], results: &[ItemResult]) {
    for (waiting, result) in batch.iter().zip(results) {
        let word = match result {
            ItemResult::Applied { .. } => "applied",
            ItemResult::Duplicate => "duplicate",
            ItemResult::Parked => "parked",
            ItemResult::Nothing => "nothing",
            ItemResult::Problem(_) => "problem",
        };
        counter!("everthread_events_total", "channel" => waiting.channel, "result" => word).increment(1);
    }
}
