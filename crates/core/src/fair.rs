//! Bounded queues served in turn, so that one account's flood or trouble delays nobody (I12).

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A queue per key, each bounded; keys with something to do are served round robin. A key that is being worked
/// on is not served again until [`FairQueue::done`], so its items stay in order.
#[derive(Debug)]
pub struct FairQueue<K, T> {
    queues: HashMap<K, Queue<T>>,
    /// Keys with items that nobody works on, in turn.
    turn: VecDeque<K>,
    max_each: usize,
    len: usize,
}

#[derive(Debug)]
struct Queue<T> {
    items: VecDeque<T>,
    busy: bool,
}

/// The key's queue is full; the item comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Full<T>(pub T);

impl<K: Clone + Eq + Hash, T> FairQueue<K, T> {
    /// Empty queues of at most `max_each` items per key.
    pub fn new(max_each: usize) -> Self {
        Self { queues: HashMap::new(), turn: VecDeque::new(), max_each, len: 0 }
    }

    /// Puts an item at the end of its key's queue. Fails where that is full.
    pub fn push(&mut self, key: K, item: T) -> Result<(), Full<T>> {
        let queue =
            self.queues.entry(key.clone()).or_insert_with(|| Queue { items: VecDeque::new(), busy: false });
        if queue.items.len() >= self.max_each {
            return Err(Full(item));
        }
        if queue.items.is_empty() && !queue.busy {
            self.turn.push_back(key);
        }
        queue.items.push_back(item);
        self.len += 1;
        Ok(())
    }

    /// Up to `max` items of the key whose turn it is; call [`FairQueue::done`] when they are dealt with. `None`
    /// where every key with items is being worked on, or `max` is 0.
    pub fn take(&mut self, max: usize) -> Option<(K, Vec<T>)> {
        if max == 0 {
            return None;
        }
        let key = self.turn.pop_front()?;
        let queue = self.queues.get_mut(&key)?;
        queue.busy = true;
        let items: Vec<T> = queue.items.drain(..max.min(queue.items.len())).collect();
        self.len -= items.len();
        Some((key, items))
    }

    /// The items taken for this key are dealt with: it may have its turn again.
    pub fn done(&mut self, key: &K) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        if !std::mem::take(&mut queue.busy) {
            return;
        }
        if queue.items.is_empty() {
            self.queues.remove(key);
        } else {
            self.turn.push_back(key.clone());
        }
    }

    /// True where the key's queue takes no more.
    pub fn is_full(&self, key: &K) -> bool {
        self.queues.get(key).is_some_and(|queue| queue.items.len() >= self.max_each)
    }

    /// Items waiting, of all keys.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// True where nothing waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_key_costs_another_one_turn() {
        let mut queue = FairQueue::new(1_000);
        for n in 0..1_000 {
            queue.push("flood", n).expect("room");
        }
        assert_eq!(queue.push("flood", 1_000), Err(Full(1_000)));
        queue.push("quiet", 7).expect("room");
        assert_eq!(queue.take(10).map(|(key, items)| (key, items.len())), Some(("flood", 10)));
        assert_eq!(queue.take(10), Some(("quiet", vec![7])));
        assert_eq!(queue.take(10), None, "both are being worked on");
        queue.done(&"flood");
        assert_eq!(queue.take(1), Some(("flood", vec![10])));
    }

    proptest::proptest! {
        #[test]
        fn nothing_is_lost_and_each_key_keeps_its_order(
            steps in proptest::collection::vec((0_u8..4, 0_u8..3, 1_usize..4), 0..200),
        ) {
            let mut queue = FairQueue::new(8);
            let (mut pushed, mut taken) = (vec![Vec::new(); 4], vec![Vec::new(); 4]);
            let mut working: VecDeque<u8> = VecDeque::new();
            for (n, (key, what, max)) in steps.into_iter().enumerate() {
                match what {
                    0 => match queue.push(key, n) {
                        Ok(()) => pushed[usize::from(key)].push(n),
                        Err(Full(item)) => proptest::prop_assert!(item == n && queue.is_full(&key)),
                    },
                    1 => {
                        if let Some((key, items)) = queue.take(max) {
                            proptest::prop_assert!(!working.contains(&key) && !items.is_empty());
                            taken[usize::from(key)].extend(items);
                            working.push_back(key);
                        }
                    }
                    _ => drop(working.pop_front().map(|key| queue.done(&key))),
                }
            }
            for key in working {
                queue.done(&key);
            }
            while let Some((key, items)) = queue.take(3) {
                taken[usize::from(key)].extend(items);
                queue.done(&key);
            }
            proptest::prop_assert_eq!(pushed, taken);
            proptest::prop_assert!(queue.is_empty() && queue.queues.is_empty());
        }
    }
}
