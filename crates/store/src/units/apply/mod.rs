//! Applies parsed events: the way in, from the journal to conversations, answers and outbox rows.

mod amend;
mod effects;
mod facts;
mod group;
mod incoming;
mod parked;
mod people;
mod watermark;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use everthread_core::dedupe::{Key, KeySecret};
use everthread_core::directory::{AccountInfo, Directory};
use everthread_core::event::{Event, EventKind};
use everthread_core::ids::{AccountId, ContactId, ConversationId, MessageId, WorkspaceId};
use everthread_core::rules::RuleSet;
use everthread_core::time::{Span, Timestamp};

use super::After;
use super::problems::{self, Recurring};
use super::work::Work;
use crate::{Db, Result, Unit, Val, sql, vals};

use people::{ContactState, ConversationState, PeerKey, PeerState};

pub(crate) use people::{NewIdentity, insert_identity};

pub(crate) use facts::{PartRow, learn};
pub(crate) use parked::{apply_parked, park_expired};

/// Internal ids that one event needs as a rule; a unit that needs more takes more.
const IDS_PER_ITEM: u32 = 10;

/// Accounts show when they last heard something; not more often than this, as it is a row of its own.
const SEEN_EVERY: Span = Span::secs(10);

/// One event for one account, out of the journal.
#[derive(Clone, Debug)]
pub struct ApplyItem {
    /// Number of the journal record.
    pub record: u64,
    /// Place of the item in its record.
    pub index: u32,
    pub workspace: WorkspaceId,
    pub account: AccountId,
    /// When the journal received it.
    pub received_at: Timestamp,
    pub event: Event,
    /// False for history: rules do not see it.
    pub automation: bool,
}

/// Applies events in their order. All or nothing: when it fails, apply the items one by one to find the one that
/// does.
#[derive(Clone, Debug)]
pub struct Apply {
    pub now: Timestamp,
    pub seed: u64,
    pub items: Vec<ApplyItem>,
    /// What the events' keys are hashed under.
    pub keys: KeySecret,
    pub directory: Arc<Directory>,
    /// Rules by workspace; one that is missing has none.
    pub rules: Arc<HashMap<WorkspaceId, Arc<RuleSet>>>,
}

/// What became of the items.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// One for each item, in order.
    pub results: Vec<ItemResult>,
    pub after: After,
}

/// What became of one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemResult {
    /// It changed something; the message that it made or changed, if any.
    Applied { message: Option<MessageId> },
    /// It was applied before.
    Duplicate,
    /// Waits for a record of ours that is not there yet.
    Parked,
    /// Understood, and there was nothing to do.
    Nothing,
    /// Could not be applied; stored as a problem with this reason.
    Problem(String),
}

impl Unit for Apply {
    type Out = Applied;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Applied> {
        self.with(db, None).await
    }
}

/// Applies items that failed because of their rules, without any, and keeps the problem that this is: both or neither. What
/// was applied before is no news.
#[derive(Clone, Debug)]
pub struct ApplyWithoutRules {
    pub apply: Apply,
    pub problem: Recurring,
}

impl Unit for ApplyWithoutRules {
    type Out = Applied;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Applied> {
        let apply = Apply { rules: Arc::default(), ..self.apply.clone() };
        apply.with(db, Some(&self.problem)).await
    }
}

impl Apply {
    async fn with<D: Db>(&self, db: &mut D, problem: Option<&Recurring>) -> Result<Applied> {
        let workspaces: BTreeSet<WorkspaceId> = self.items.iter().map(|item| item.workspace).collect();
        let workspaces: Vec<WorkspaceId> = workspaces.into_iter().collect();
        let ids = u32::try_from(self.items.len()).unwrap_or(u32::MAX).saturating_mul(IDS_PER_ITEM);
        let work = Work::start(db, self.now, self.seed, &workspaces, ids).await?;
        let fresh = self.take_keys(db).await?;
        let mut batch = Batch::new(self, work);
        let mut results = Vec::with_capacity(self.items.len());
        for (item, fresh) in self.items.iter().zip(fresh) {
            results.push(if fresh { batch.item(db, item).await? } else { ItemResult::Duplicate });
        }
        batch.flush(db).await?;
        let news = results.iter().any(|result| *result != ItemResult::Duplicate);
        if let Some(problem) = problem.filter(|_| news) {
            problems::recur(db, &mut batch.work, problem, true).await?;
        }
        Ok(Applied { results, after: batch.work.finish(db).await? })
    }

    /// Takes the events' keys; false where one was taken before (I3).
    async fn take_keys<D: Db>(&self, db: &mut D) -> Result<Vec<bool>> {
        let hashes: Vec<_> =
            self.items.iter().map(|item| Key::new(item.account, &item.event).stored(&self.keys)).collect();
        let sets: Vec<[Val<'_>; 2]> =
            self.items.iter().zip(&hashes).map(|(item, hash)| vals![item.account, hash]).collect();
        let counts = db
            .exec_all(
                sql!("INSERT INTO event_keys (account_id, hash) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
                &sets,
            )
            .await?;
        Ok(counts.into_iter().map(|count| count == 1).collect())
    }
}

/// Rows that the items of one unit share.
struct Batch<'a> {
    apply: &'a Apply,
    work: Work,
    peers: HashMap<PeerKey, PeerState>,
    contacts: HashMap<ContactId, ContactState>,
    conversations: HashMap<ConversationId, ConversationState>,
    businesses: HashMap<WorkspaceId, String>,
    heard: BTreeMap<AccountId, Timestamp>,
}

impl<'a> Batch<'a> {
    fn new(apply: &'a Apply, work: Work) -> Self {
        Self {
            apply,
            work,
            peers: HashMap::new(),
            contacts: HashMap::new(),
            conversations: HashMap::new(),
            businesses: HashMap::new(),
            heard: BTreeMap::new(),
        }
    }

    async fn item<D: Db>(&mut self, db: &mut D, item: &ApplyItem) -> Result<ItemResult> {
        let known = self.apply.directory.get(item.account).filter(|info| info.workspace == item.workspace);
        let Some(info) = known.map(Arc::clone) else {
            return self.problem(db, item, "the account is not known").await;
        };
        self.heard.insert(item.account, item.received_at);
        match &item.event.kind {
            EventKind::Message(message) => self.message(db, item, &info, message).await,
            EventKind::Echo(echo) => self.echo(db, item, &info, echo).await,
            EventKind::Receipt(receipt) => self.receipt(db, item, &info, receipt).await,
            EventKind::Edit { provider_id, .. }
            | EventKind::Delete { provider_id }
            | EventKind::Reaction { provider_id, .. } => self.amend(db, item, provider_id).await,
            EventKind::Reachable { reachable, reason } => {
                self.reachable(db, item, &info, *reachable, reason).await
            }
            EventKind::AddressChanged { to } => self.address_changed(db, item, &info, to).await,
            EventKind::Group(group) => self.group(db, item, &info, group).await,
            EventKind::Notice { .. } => Ok(ItemResult::Nothing),
        }
    }

    /// Stores the item as a problem; its key is taken, so a replay finds it there.
    async fn problem<D: Db>(&mut self, db: &mut D, item: &ApplyItem, reason: &str) -> Result<ItemResult> {
        let raw = serde_json::to_string(&item.event)?;
        let problem = super::NewProblem {
            workspace: Some(item.workspace),
            account: Some(item.account),
            endpoint: None,
            channel: None,
            reason: reason.to_owned(),
            raw,
            record: Some(item.record),
            index: Some(item.index),
        };
        problems::insert(db, &mut self.work, &problem).await?;
        Ok(ItemResult::Problem(reason.to_owned()))
    }

    /// When an event happened, by its provider's clock, never later than we heard of it.
    fn happened(item: &ApplyItem) -> Timestamp {
        item.event.at.map_or(item.received_at, |at| at.min(item.received_at))
    }

    /// Writes back what the items share.
    async fn flush<D: Db>(&mut self, db: &mut D) -> Result<()> {
        self.flush_people(db).await?;
        let sets: Vec<[Val<'_>; 3]> =
            self.heard.iter().map(|(id, at)| vals![*id, *at, *at - SEEN_EVERY]).collect();
        db.exec_all(
            sql!(
                "UPDATE accounts SET last_in_at = ?2 \
                 WHERE id = ?1 AND (last_in_at IS NULL OR last_in_at < ?3)"
            ),
            &sets,
        )
        .await?;
        Ok(())
    }
}

/// The account's channel in one word, for problems and filters.
fn channel_of(info: &AccountInfo) -> &str {
    &info.channel
}
