//! Items that failed for a passing reason: set aside, so that they hold up nobody but their own conversation.

use std::collections::HashMap;

use everthread_core::defer;
use everthread_core::event::Event;
use everthread_core::ids::AccountId;
use everthread_core::limits::DEFERRED_MAX;
use everthread_core::time::Timestamp;
use everthread_store::units::{ApplyItem, Defer, DeferredItem, DropDeferred, DueDeferred};
use everthread_store::{Error as StoreError, Store};

use crate::clock;

/// Items tried in one look.
const LOOK: u32 = 256;

/// A customer of one account: what must stay in order. `None`: events about no customer need no order.
type Line = (AccountId, String);

/// Who waits, and until when. The rows hold the truth; this only knows whom to look out for.
#[derive(Debug, Default)]
pub(super) struct Deferral {
    /// Items set aside of each customer.
    lines: HashMap<Line, u32>,
    next_at: Option<Timestamp>,
}

/// The customer an event belongs to, by every address that it names.
fn line(account: AccountId, event: &Event) -> Option<Line> {
    let first = event.peer.as_ref()?.addresses.first()?;
    Some((account, format!("{}:{}", first.kind.as_str(), first.value)))
}

impl Deferral {
    /// What an earlier process set aside.
    pub(super) async fn load(store: &Store) -> Result<Self, StoreError> {
        let everything = DueDeferred { now: Timestamp::from_micros(i64::MAX), limit: DEFERRED_MAX };
        let mut this = Self::default();
        for row in store.read(everything).await? {
            this.note(&row.item);
        }
        this.next_at = (!this.lines.is_empty()).then(clock::now);
        Ok(this)
    }

    /// True where an earlier item of the same customer waits: this one goes behind it.
    pub(super) fn is_behind(&self, item: &ApplyItem) -> bool {
        !self.lines.is_empty()
            && line(item.account, &item.event).is_some_and(|line| self.lines.contains_key(&line))
    }

    /// True while more may be set aside; a hub with so many waiting has trouble that must be seen instead.
    pub(super) fn has_room(&self) -> bool {
        self.lines.values().sum::<u32>() < DEFERRED_MAX
    }

    /// Sets an item aside, or postpones one that is.
    pub(super) async fn defer(
        &mut self,
        store: &Store,
        (item, known): (&ApplyItem, bool),
        tries: u32,
        reason: &str,
    ) -> Result<(), StoreError> {
        let wait = defer::wait(tries).unwrap_or(everthread_core::limits::DEFER_WAIT_MAX);
        let next_at = clock::now() + wait;
        store.write(Defer { items: vec![item.clone()], reason: reason.to_owned(), next_at }).await?;
        if !known {
            self.note(item);
        }
        self.next_at = Some(self.next_at.map_or(next_at, |at| at.min(next_at)));
        Ok(())
    }

    /// Items whose time has come, in the order they came. Empty where none is due.
    pub(super) async fn due(&mut self, store: &Store) -> Result<Vec<DeferredItem>, StoreError> {
        let now = clock::now();
        if self.next_at.is_none_or(|at| at > now) {
            return Ok(Vec::new());
        }
        let mut rows = store.read(DueDeferred { now, limit: LOOK }).await?;
        rows.sort_by_key(|row| (row.item.record, row.item.index));
        let wait = everthread_core::limits::DEFER_FIRST;
        self.next_at = (!self.lines.is_empty()).then_some(now + wait);
        Ok(rows)
    }

    /// It was applied, or became a problem.
    pub(super) async fn done(&mut self, store: &Store, row: &DeferredItem) -> Result<(), StoreError> {
        store.write(DropDeferred { ids: vec![row.id] }).await?;
        if let Some(line) = line(row.item.account, &row.item.event)
            && let Some(count) = self.lines.get_mut(&line)
        {
            *count -= 1;
            if *count == 0 {
                self.lines.remove(&line);
            }
        }
        if self.lines.is_empty() {
            self.next_at = None;
        }
        Ok(())
    }

    /// Customers that wait.
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    fn note(&mut self, item: &ApplyItem) {
        // What names nobody stands in a line of its own.
        let line = line(item.account, &item.event)
            .unwrap_or((item.account, format!("#{}:{}", item.record, item.index)));
        *self.lines.entry(line).or_default() += 1;
    }
}

/// Items of one look, in order, with what stands behind a failure left out: `failed` says whose turn is over.
#[derive(Debug, Default)]
pub(super) struct Turns(std::collections::HashSet<Line>);

impl Turns {
    /// True where an earlier item of this customer failed in this look.
    pub(super) fn is_over(&self, item: &ApplyItem) -> bool {
        line(item.account, &item.event).is_some_and(|line| self.0.contains(&line))
    }

    /// An item failed again.
    pub(super) fn failed(&mut self, item: &ApplyItem) {
        self.0.extend(line(item.account, &item.event));
    }
}

#[cfg(test)]
mod tests {
    use everthread_core::event::{Address, AddressKind, EventKind, InMessage, Peer};
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

    #[tokio::test]
    async fn what_comes_later_from_the_same_customer_waits_behind_and_a_restart_knows_it() {
        let dir = tempfile::tempdir().expect("dir");
        let url = StoreUrl::file(dir.path().join("s.db"));
        let store = Store::open(url, Options::default()).await.expect("store");
        let mut deferral = Deferral::load(&store).await.expect("load");
        assert!(!deferral.is_behind(&item(1, "ana")) && deferral.due(&store).await.expect("due").is_empty());
        deferral.defer(&store, (&item(1, "ana"), false), 0, "contended").await.expect("defer");
        assert!(deferral.is_behind(&item(2, "ana")) && !deferral.is_behind(&item(3, "bo")));
        deferral.defer(&store, (&item(2, "ana"), false), 0, "behind").await.expect("defer");
        // A second process finds both, in their order.
        let mut again = Deferral::load(&store).await.expect("load");
        assert!(again.is_behind(&item(4, "ana")));
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        let due = again.due(&store).await.expect("due");
        assert_eq!(due.iter().map(|row| row.item.record).collect::<Vec<_>>(), [1, 2]);
        let mut turns = Turns::default();
        turns.failed(&due[0].item);
        assert!(turns.is_over(&due[1].item) && !turns.is_over(&item(5, "bo")));
        for row in &due {
            again.done(&store, row).await.expect("done");
        }
        assert!(!again.is_behind(&item(6, "ana")) && again.len() == 0);
        assert!(Deferral::load(&store).await.expect("load").len() == 0, "nothing is left behind");
    }
}
