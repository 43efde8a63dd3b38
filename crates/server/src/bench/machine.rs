//! What the figures were measured on.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};

use super::Run;
use super::stats::round;
use crate::admin::Failure;

/// Syncs timed for the median.
const SYNCS: u64 = 300;

/// A folder of our own on the disk to measure; removed when dropped.
pub(super) struct Ground {
    pub(super) dir: PathBuf,
    pub(super) filesystem: String,
    pub(super) fdatasync_p50_us: u64,
    keep: bool,
}

impl Ground {
    /// Makes the folder. Refuses a file system that lives in memory: nothing durable could be measured on it.
    pub(super) fn new(run: &Run) -> Result<Self, Failure> {
        let base = run.dir.clone().unwrap_or_else(std::env::temp_dir);
        let dir = base.join(format!("everthread-bench-{}", std::process::id()));
        std::fs::create_dir_all(&dir)
            .map_err(|e| Failure(format!("{} can't be made: {e}", dir.display())))?;
        let mut ground = Self { filesystem: filesystem(&dir), dir, fdatasync_p50_us: 0, keep: run.keep };
        if ["tmpfs", "ramfs"].contains(&ground.filesystem.as_str()) {
            return Err(Failure(format!(
                "{} is on {}, which keeps nothing: name a folder on a real disk with --dir",
                base.display(),
                ground.filesystem
            )));
        }
        ground.fdatasync_p50_us = fdatasync_p50(&ground.dir).map_err(Failure::from_display)?;
        Ok(ground)
    }

    /// The `machine` object of every measurement.
    pub(super) fn json(&self, bare_http_per_s: f64) -> Value {
        json!({
            "cores": cores(),
            "bare_http_per_s": round(bare_http_per_s, 0),
            "fdatasync_p50_us": self.fdatasync_p50_us,
            "filesystem": self.filesystem,
        })
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        if self.keep {
            eprintln!("kept: {}", self.dir.display());
        } else {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

/// Cores this process may use.
pub(super) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The kind of file system under `dir`, from the longest mount point that leads to it.
fn filesystem(dir: &Path) -> String {
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let fields = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (_, place, kind) = (words.next()?, words.next()?, words.next()?);
        dir.starts_with(place).then(|| (place.len(), kind.to_owned()))
    });
    // Of two mounts on one place the later one counts.
    fields.max_by_key(|(length, _)| *length).map_or_else(|| "unknown".to_owned(), |(_, kind)| kind)
}

/// Median of writing 4 KiB and syncing it, one after another.
fn fdatasync_p50(dir: &Path) -> io::Result<u64> {
    let path = dir.join("sync-probe");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let mut micros = Vec::new();
    for i in 0..SYNCS {
        let start = Instant::now();
        file.write_all_at(&[7; 4096], i * 4096)?;
        file.sync_data()?;
        micros.push(start.elapsed().as_micros() as u64);
    }
    std::fs::remove_file(path)?;
    micros.sort_unstable();
    Ok(micros[micros.len() / 2])
}
