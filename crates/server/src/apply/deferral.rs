//! Items that failed for a passing reason: set aside, so that they hold up nobody but their own conversation.

use std::collections::{BTreeSet, HashMap};

use everthread_core::defer;
use everthread_core::ids::AccountId;
use everthread_core::limits::{DEFER_FIRST, DEFER_WAIT_MAX, DEFERRED_MAX};
use everthread_core::time::{Span, Timestamp};
use everthread_store::units::{ApplyItem, Defer, DeferredItem, DropDeferred, DueDeferred};
use everthread_store::{Error as StoreError, Store};

use super::marker::Marker;
use super::unit::item_problem;
use super::worker::{Waiting, Worker};
use super::{Error, STORE_WAIT};
use crate::clock;

/// Items tried in one look.
const LOOK: u32 = 256;

/// Where nothing is known to wait, one looks this often: a replay may have set something aside.
const LOOK_IDLE: Span = Span::mins(1);

/// What is kept of an item that never failed itself.
const BEHIND: &str = "behind an earlier one";

/// A customer of one account: what must stay in order.
type Line = (AccountId, String);

/// An item's place in the journal: record and index.
type Place = (u64, u32);

/// Who waits. The rows hold the truth; this knows whom to look out for, and when.
#[derive(Debug, Default)]
pub(super) struct Deferral {
    /// Items set aside of each customer.
    lines: HashMap<Line, BTreeSet<Place>>,
    look_at: Timestamp,
}

/// The customer an item belongs to, by the first address that it names. What names nobody needs no order and stands in a line of
/// its own.
fn line(item: &ApplyItem) -> Line {
    let first = item.event.peer.as_ref().and_then(|peer| peer.addresses.first());
    let who = match first {
        Some(address) => format!("{}:{}", address.kind.as_str(), address.value),
        None => format!("#{}:{}", item.record, item.index),
    };
    (item.account, who)
}

const fn place(item: &ApplyItem) -> Place {
    (item.record, item.index)
}

impl Deferral {
    /// What an earlier process set aside.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let everything = DueDeferred { now: Timestamp::from_micros(i64::MAX), limit: DEFERRED_MAX };
        let mut this = Self::default();
        for row in store.read(everything).await? {
            this.add(&row.item);
        }
        Ok(this)
    }

    fn line_of(&self, item: &ApplyItem) -> Option<&BTreeSet<Place>> {
        // Nearly always nobody waits, and this is asked for every item.
        if self.lines.is_empty() { None } else { self.lines.get(&line(item)) }
    }

    /// True where it is set aside already: a restart reads a part of the journal again.
    fn knows(&self, item: &ApplyItem) -> bool {
        self.line_of(item).is_some_and(|places| places.contains(&place(item)))
    }

    /// True where another item of the same customer waits: this one goes behind it.
    fn is_behind(&self, item: &ApplyItem) -> bool {
        self.line_of(item).is_some_and(|places| !places.contains(&place(item)))
    }

    /// True where no earlier item of its customer waits.
    fn is_first(&self, item: &ApplyItem) -> bool {
        self.line_of(item).is_none_or(|places| places.first().is_none_or(|first| *first >= place(item)))
    }

    /// True while more may be set aside; a hub with so many waiting has trouble that must be seen instead.
    pub(super) fn has_room(&self) -> bool {
        self.lines.values().map(BTreeSet::len).sum::<usize>() < DEFERRED_MAX as usize
    }

    /// Items whose time has come, in the order they came. Empty where it is too early to look.
    async fn due(&mut self, store: &Store) -> Result<Vec<DeferredItem>, StoreError> {
        let now = clock::now();
        if self.look_at > now {
            return Ok(Vec::new());
        }
        let mut rows = store.read(DueDeferred { now, limit: LOOK }).await?;
        rows.sort_by_key(|row| place(&row.item));
        for row in &rows {
            self.add(&row.item);
        }
        self.look_at = now + if self.lines.is_empty() { LOOK_IDLE } else { DEFER_FIRST };
        Ok(rows)
    }

    fn add(&mut self, item: &ApplyItem) {
        self.lines.entry(line(item)).or_default().insert(place(item));
    }

    fn remove(&mut self, item: &ApplyItem) {
        let line = line(item);
        if let Some(places) = self.lines.get_mut(&line) {
            places.remove(&place(item));
            if places.is_empty() {
                self.lines.remove(&line);
            }
        }
    }

    /// Customers that wait.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}

impl Worker {
    /// Takes out what must wait behind an earlier item of its customer, and what waits already.
    pub(super) async fn behind(&mut self, batch: Vec<Waiting>) -> Result<Vec<Waiting>, Error> {
        let mut now = Vec::with_capacity(batch.len());
        let mut behind = Vec::new();
        for waiting in batch {
            if self.deferral.is_behind(&waiting.item) {
                behind.push(waiting.item);
            } else if !self.deferral.knows(&waiting.item) {
                now.push(waiting);
            }
        }
        if !behind.is_empty() {
            while !self.deferral.has_room() && !self.stage.stop.is_cancelled() {
                tokio::time::sleep(STORE_WAIT).await;
                self.try_deferred().await?;
            }
            self.put_aside(behind, 0, BEHIND).await?;
        }
        Ok(now)
    }

    /// Sets items aside, or postpones ones that are, after so many tries.
    pub(super) async fn put_aside(
        &mut self,
        items: Vec<ApplyItem>,
        tries: u32,
        reason: &str,
    ) -> Result<(), Error> {
        let next_at = clock::now() + defer::wait(tries).unwrap_or(DEFER_WAIT_MAX);
        self.insist(|| Defer { items: items.clone(), tries, reason: reason.to_owned(), next_at }).await?;
        for item in &items {
            self.deferral.add(item);
        }
        self.deferral.look_at = self.deferral.look_at.min(next_at);
        Ok(())
    }

    /// Items set aside whose time has come, each by itself and in the order of its customer.
    pub(super) async fn try_deferred(&mut self) -> Result<(), Error> {
        match self.deferral.due(&self.stage.store).await {
            Ok(due) => {
                for row in due {
                    self.try_again(row).await?;
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn try_again(&mut self, row: DeferredItem) -> Result<(), Error> {
        let DeferredItem { id, tries, item } = row;
        if !self.deferral.is_first(&item) {
            return self.put_aside(vec![item], tries, BEHIND).await;
        }
        let channel =
            self.stage.registry.borrow().account(item.account).map_or("", |a| a.channel.spec().name);
        let one = Waiting { item, channel };
        if self.marker.as_mut().is_none_or(|marker| marker.may_begin(one.item.record)) {
            match self.unit(std::slice::from_ref(&one)).await {
                Ok(()) => {}
                Err(error) if self.stage.stop.is_cancelled() => return Err(error.into()),
                Err(error) if error.is_transient() && defer::wait(tries + 1).is_some() => {
                    return self.put_aside(vec![one.item], tries + 1, &error.to_string()).await;
                }
                Err(error) => self.without_rules_or_problem(&one, &error).await?,
            }
        } else {
            let problem = item_problem(&one, Marker::GIVEN_UP.to_owned());
            self.keep_problems(vec![problem]).await?;
        }
        self.insist(|| DropDeferred { ids: vec![id] }).await?;
        self.deferral.remove(&one.item);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use everthread_core::event::{Address, AddressKind, Event, EventKind, InMessage, Peer};
    use everthread_core::ids::WorkspaceId;
    use everthread_store::{Options, StoreUrl};

    use super::*;

    fn item(record: u64, from: &str) -> ApplyItem {
        let address = Address { kind: AddressKind::Telegram, value: from.into() };
        let peer = Some(Peer { addresses: vec![address], ..Peer::default() });
        let kind = EventKind::Message(InMessage { provider_id: record.to_string(), ..InMessage::default() });
        ApplyItem {
            record,
            index: 0,
            workspace: WorkspaceId(1),
            account: AccountId(7),
            received_at: Timestamp::default(),
            event: Event { key: record.to_string(), at: None, peer, kind },
            automation: true,
        }
    }

    async fn store(dir: &tempfile::TempDir) -> Store {
        let url = StoreUrl::file(dir.path().join("s.db"));
        Store::open(url, Options::default()).await.expect("store")
    }

    async fn defer(store: &Store, items: &[ApplyItem], tries: u32, in_s: i64) {
        let (items, next_at) = (items.to_vec(), clock::now() + Span::secs(in_s));
        store.write(Defer { items, tries, reason: "contended".into(), next_at }).await.expect("defer");
    }

    fn records(rows: &[DeferredItem]) -> Vec<(u64, u32)> {
        rows.iter().map(|row| (row.item.record, row.tries)).collect()
    }

    #[tokio::test]
    async fn what_comes_later_from_the_same_customer_waits_behind_and_a_restart_knows_it() {
        let dir = tempfile::tempdir().expect("dir");
        let store = store(&dir).await;
        let mut deferral = Deferral::load(&store).await.expect("load");
        assert!(!deferral.is_behind(&item(1, "ana")) && deferral.due(&store).await.expect("due").is_empty());
        defer(&store, &[item(1, "ana"), item(2, "ana")], 0, -1).await;
        // A second process finds both, in their order.
        let mut again = Deferral::load(&store).await.expect("load");
        assert!(again.is_behind(&item(4, "ana")) && !again.is_behind(&item(3, "bo")));
        // It reads them from the journal again, which must not count twice.
        assert!(again.knows(&item(1, "ana")) && !again.is_behind(&item(1, "ana")));
        again.add(&item(1, "ana"));
        let due = again.due(&store).await.expect("due");
        assert_eq!(records(&due), [(1, 0), (2, 0)]);
        for row in &due {
            assert!(again.is_first(&row.item), "{row:?}");
            store.write(DropDeferred { ids: vec![row.id] }).await.expect("drop");
            again.remove(&row.item);
        }
        assert!(!again.is_behind(&item(6, "ana")) && again.len() == 0);
        assert!(Deferral::load(&store).await.expect("load").len() == 0, "nothing is left behind");
    }

    #[tokio::test]
    async fn a_follower_whose_time_comes_first_does_not_overtake() {
        let dir = tempfile::tempdir().expect("dir");
        let store = store(&dir).await;
        defer(&store, &[item(1, "ana")], 5, 3_600).await;
        defer(&store, &[item(2, "ana"), item(3, "bo")], 0, -1).await;
        let mut deferral = Deferral::load(&store).await.expect("load");
        let due = deferral.due(&store).await.expect("due");
        assert_eq!(records(&due), [(2, 0), (3, 0)]);
        assert!(!deferral.is_first(&due[0].item) && deferral.is_first(&due[1].item));
        // Postponed, it has failed no more often than before.
        defer(&store, &[item(2, "ana")], 0, -1).await;
        deferral.look_at = Timestamp::default();
        assert_eq!(records(&deferral.due(&store).await.expect("due")), [(2, 0), (3, 0)]);
    }

    #[tokio::test]
    async fn what_a_replay_set_aside_is_found() {
        let dir = tempfile::tempdir().expect("dir");
        let store = store(&dir).await;
        let mut deferral = Deferral::load(&store).await.expect("load");
        defer(&store, &[item(1, "ana")], 0, -1).await;
        assert!(!deferral.is_behind(&item(2, "ana")));
        assert_eq!(records(&deferral.due(&store).await.expect("due")), [(1, 0)]);
        assert!(deferral.is_behind(&item(2, "ana")));
    }
}
