//! A disk in memory that fails the way disks do. Used by this crate's suite and by the simulator.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use everthread_core::ids::UidSource;

use super::disk::{Disk, DiskFile};
use super::shared::lock;

/// The simulated disk. Clones are the same disk. Two kinds of death: dropping the journal and opening it again
/// on the same disk is `kill -9` (the system's memory survives); [`SimDisk::power_cut`] is the other one.
#[derive(Clone, Default)]
pub struct SimDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    names: BTreeMap<String, Arc<Mutex<Content>>>,
    /// Names as a power cut would leave them.
    durable_names: BTreeMap<String, Arc<Mutex<Content>>>,
    faults: Faults,
    syncs: u64,
}

/// What goes wrong from now on.
#[derive(Clone, Copy, Default, Debug)]
pub struct Faults {
    /// So many bytes can still be written or reserved; `None` is no limit.
    pub space: Option<u64>,
    /// So many syncs succeed, then one fails, after which this is `None` again.
    pub sync_fails_after: Option<u64>,
    /// Every sync fails while this is set.
    pub syncs_fail: bool,
    /// So many writes succeed, then one writes only a part and fails, after which this is `None` again.
    pub write_fails_after: Option<u64>,
}

#[derive(Default)]
struct Content {
    /// What a read answers: the system's memory.
    cached: Vec<u8>,
    /// What the medium holds.
    durable: Vec<u8>,
    /// Written and not synced, oldest first: (offset, bytes).
    dirty: Vec<(usize, Vec<u8>)>,
    /// A length change that is not synced.
    resized: bool,
}

impl SimDisk {
    /// An empty disk without faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets what goes wrong from now on.
    pub fn set_faults(&self, faults: Faults) {
        lock(&self.state).faults = faults;
    }

    /// Successful syncs of files so far.
    pub fn syncs(&self) -> u64 {
        lock(&self.state).syncs
    }

    /// The disk after a power cut. Every write that was not synced reached the medium whole, in part, or not at
    /// all, and every name that was not synced is there or not, as `seed` decides.
    #[must_use]
    pub fn power_cut(&self, seed: u64) -> Self {
        let mut rng = UidSource::new(seed);
        let state = lock(&self.state);
        let mut names = state.durable_names.clone();
        for (name, content) in &state.names {
            if !names.contains_key(name) && rng.draw().is_multiple_of(2) {
                names.insert(name.clone(), Arc::clone(content));
            }
        }
        let removed: Vec<String> = names.keys().filter(|n| !state.names.contains_key(*n)).cloned().collect();
        for name in removed {
            if rng.draw().is_multiple_of(2) {
                names.remove(&name);
            }
        }
        let cut = |content: &Arc<Mutex<Content>>, rng: &mut UidSource| {
            let bytes = lock(content).after_power_cut(rng);
            Arc::new(Mutex::new(Content { cached: bytes.clone(), durable: bytes, ..Content::default() }))
        };
        let names: BTreeMap<_, _> = names.iter().map(|(n, c)| (n.clone(), cut(c, &mut rng))).collect();
        let state = State { durable_names: names.clone(), names, ..State::default() };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Names of the files with this ending, sorted.
    pub fn names(&self, ending: &str) -> Vec<String> {
        lock(&self.state).names.keys().filter(|n| n.ends_with(ending)).cloned().collect()
    }

    /// A file's bytes; empty when there is no such file.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        self.content(name).map(|c| lock(&c).cached.clone()).unwrap_or_default()
    }

    /// Replaces a file's bytes on the medium and in memory: damage, or a copy from elsewhere.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        let content = Content { cached: bytes.clone(), durable: bytes, ..Content::default() };
        let content = Arc::new(Mutex::new(content));
        let mut state = lock(&self.state);
        state.durable_names.insert(name.to_owned(), Arc::clone(&content));
        state.names.insert(name.to_owned(), content);
    }

    /// Flips one bit of a file, on the medium and in memory.
    pub fn flip_bit(&self, name: &str, bit: usize) {
        let mut bytes = self.bytes(name);
        if let Some(byte) = bytes.get_mut(bit / 8) {
            *byte ^= 1 << (bit % 8);
            self.put(name, bytes);
        }
    }

    fn content(&self, name: &str) -> Option<Arc<Mutex<Content>>> {
        lock(&self.state).names.get(name).cloned()
    }
}

impl Content {
    fn after_power_cut(&self, rng: &mut UidSource) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        if self.resized && rng.draw().is_multiple_of(2) {
            bytes.resize(self.cached.len(), 0);
        }
        for (at, written) in &self.dirty {
            let kept = match rng.draw() % 3 {
                0 => 0,
                1 => written.len(),
                _ => rng.draw() as usize % (written.len() + 1),
            };
            // A write may also arrive without its beginning: blocks go out in any order.
            let skipped = if rng.draw().is_multiple_of(4) { rng.draw() as usize % (kept + 1) } else { 0 };
            write_into(&mut bytes, at + skipped, &written[skipped..kept]);
        }
        bytes
    }
}

fn write_into(bytes: &mut Vec<u8>, at: usize, new: &[u8]) {
    if new.is_empty() {
        return;
    }
    if bytes.len() < at + new.len() {
        bytes.resize(at + new.len(), 0);
    }
    bytes[at..at + new.len()].copy_from_slice(new);
}

fn missing() -> io::Error {
    io::Error::from(io::ErrorKind::NotFound)
}

impl Disk for SimDisk {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(lock(&self.state).names.keys().cloned().collect())
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut state = lock(&self.state);
        if state.names.contains_key(name) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let content = Arc::new(Mutex::new(Content::default()));
        state.names.insert(name.to_owned(), Arc::clone(&content));
        Ok(Arc::new(SimFile { content, state: Arc::clone(&self.state) }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let content = self.content(name).ok_or_else(missing)?;
        Ok(Arc::new(SimFile { content, state: Arc::clone(&self.state) }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = lock(&self.state);
        let content = state.names.remove(name).ok_or_else(missing)?;
        if let Some(space) = &mut state.faults.space {
            *space += lock(&content).cached.len() as u64;
        }
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut state = lock(&self.state);
        let content = state.names.remove(from).ok_or_else(missing)?;
        state.names.insert(to.to_owned(), content);
        Ok(())
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        if state.faults.syncs_fail {
            return Err(io::Error::other("simulated: directory sync failed"));
        }
        state.durable_names = state.names.clone();
        Ok(())
    }
}

struct SimFile {
    content: Arc<Mutex<Content>>,
    state: Arc<Mutex<State>>,
}

impl SimFile {
    /// Takes space for the file to grow to `len`; answers how far it can.
    fn grow(&self, len: u64) -> u64 {
        let have = lock(&self.content).cached.len() as u64;
        let mut state = lock(&self.state);
        match &mut state.faults.space {
            Some(space) => {
                let taken = len.saturating_sub(have).min(*space);
                *space -= taken;
                len.min(have + taken)
            }
            None => len,
        }
    }

    fn write(&self, bytes: &[u8], at: u64) {
        let mut content = lock(&self.content);
        write_into(&mut content.cached, at as usize, bytes);
        content.dirty.push((at as usize, bytes.to_vec()));
    }
}

fn count_down(left: &mut Option<u64>) -> bool {
    match left {
        Some(0) => {
            *left = None;
            true
        }
        Some(n) => {
            *n -= 1;
            false
        }
        None => false,
    }
}

impl DiskFile for SimFile {
    fn len(&self) -> io::Result<u64> {
        Ok(lock(&self.content).cached.len() as u64)
    }

    fn read_at(&self, buf: &mut [u8], at: u64) -> io::Result<usize> {
        let content = lock(&self.content);
        let rest = content.cached.get(at as usize..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if count_down(&mut lock(&self.state).faults.write_fails_after) {
            self.write(&bytes[..bytes.len() / 2], at);
            return Err(io::Error::other("simulated: write failed"));
        }
        let end = at + bytes.len() as u64;
        let upto = self.grow(end);
        if upto < end {
            self.write(&bytes[..(upto.saturating_sub(at)) as usize], at);
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.write(bytes, at);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = lock(&self.state);
        let fails = count_down(&mut state.faults.sync_fails_after) || state.faults.syncs_fail;
        let mut content = lock(&self.content);
        let dirty = std::mem::take(&mut content.dirty);
        if fails {
            // As Linux does it: the pages are marked clean, the next sync says all is well, and the medium has
            // none of it, while reads go on answering from memory.
            return Err(io::Error::other("simulated: sync failed"));
        }
        let len = content.cached.len();
        if std::mem::take(&mut content.resized) {
            content.durable.resize(len, 0);
        }
        for (at, bytes) in dirty {
            write_into(&mut content.durable, at, &bytes);
        }
        state.syncs += 1;
        Ok(())
    }

    fn reserve(&self, len: u64) -> io::Result<()> {
        if lock(&self.content).cached.len() as u64 >= len {
            return Ok(());
        }
        if self.grow(len) < len {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let mut content = lock(&self.content);
        content.cached.resize(len as usize, 0);
        content.resized = true;
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut content = lock(&self.content);
        content.cached.truncate(len as usize);
        content.resized = true;
        Ok(())
    }
}
