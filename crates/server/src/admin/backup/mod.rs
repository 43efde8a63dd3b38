//! `everthread backup` and `restore`: one file with all that a hub needs to come back on an empty machine.
//!
//! The database is copied first, then the journal from where that copy is, so that together they lack nothing that
//! was acknowledged when the backup began. The hub goes on meanwhile. The key file is wrapped by the passphrase;
//! everything else in the file is readable, so it is made for its owner's eyes only (mode 0600).

mod archive;
mod restore;

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use everthread_store::backup::{Snapshot, copy_postgres, copy_sqlite};
use everthread_store::journal::{Cursor, Journal};
use serde_json::json;

use self::archive::{Manifest, Wrapped, Writer, unwritten};
use super::execute::{Sink, print};
use super::{Admin, Failure};
use crate::apply::{CURSOR, read_cursor};
use crate::clock;
use crate::erasure::log;

pub use restore::restore;

/// Names of sections; a file of a message is `media/` and its name in that folder.
const DATABASE: &str = "database";
const JOURNAL: &str = "journal";
const SETTINGS: &str = "everthread.toml";
const MEDIA: &str = "media/";

/// Names of engines in the manifest.
const SQLITE: &str = "sqlite";
const POSTGRES: &str = "postgres";

/// Bytes of the buffer before the disk.
const BUFFER: usize = 1 << 20;

pub(super) async fn run(admin: &Admin, file: &Path, passphrase: &str, sink: &Sink) -> Result<(), Failure> {
    if file.exists() {
        return Err(Failure(format!("{} exists; choose another name or remove it", file.display())));
    }
    let journal = match &admin.journal {
        Some(journal) => journal.clone(),
        None => crate::commands::open_journal(&admin.config)?.0,
    };
    let job = Job {
        data: admin.config.data.clone(),
        file: file.to_owned(),
        passphrase: passphrase.to_owned(),
        database_url: admin.config.database_url.clone(),
        journal,
    };
    let done = tokio::task::spawn_blocking(move || job.run()).await.map_err(Failure::from_display)??;
    print(sink, &done).await
}

/// A file that is removed unless it was renamed in time.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

impl Temporary {
    /// Makes it, empty and private, beside `file`.
    fn beside(file: &Path, ending: &str) -> Result<(Self, File), Failure> {
        let mut path = file.as_os_str().to_owned();
        path.push(ending);
        let path = PathBuf::from(path);
        // What a killed backup left is of no use.
        let _ = fs::remove_file(&path);
        let made = private(&path).map_err(|e| Failure(format!("{} can't be made: {e}", path.display())))?;
        Ok((Self(path), made))
    }
}

/// Makes a file that only its owner reads.
fn private(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

struct Job {
    data: PathBuf,
    file: PathBuf,
    passphrase: String,
    database_url: Option<String>,
    journal: Journal,
}

impl Job {
    fn run(&self) -> Result<serde_json::Value, Failure> {
        let created_at = clock::now().rfc3339();
        let key = fs::read(self.data.join("key"))
            .map_err(|e| Failure(format!("the key file {}/key can't be read: {e}", self.data.display())))?;
        let (wrapped, seal) = Wrapped::wrap(&key, &self.passphrase)?;
        let (partial, out) = Temporary::beside(&self.file, ".partial")?;
        let mut archive = Writer::new(BufWriter::with_capacity(BUFFER, out)).map_err(unwritten)?;

        let snapshot = self.database(&mut archive)?;

        // One record earlier than needed, so that the segment that carries the numbers on is always there.
        let cursor = snapshot.cursor.as_deref().and_then(read_cursor);
        let from = cursor.map(|c| Cursor { number: c.number.saturating_sub(1), ..c });
        let copied = archive.section(JOURNAL, |to| {
            self.journal.copy_from(from, to).map_err(|e| Failure(format!("the journal can't be copied: {e}")))
        })?;

        let mut counts: std::collections::BTreeMap<String, i64> =
            snapshot.counts.iter().map(|(table, count)| ((*table).to_owned(), *count)).collect();
        counts.insert("media_files".to_owned(), self.media(&mut archive)?);
        counts.insert("journal_segments".to_owned(), copied.segments as i64);
        let settings = self.data.join(SETTINGS);
        if settings.exists() {
            archive.section(SETTINGS, |to| copy_file(&settings, to))?;
        }
        let erasures = log::path(&self.data);
        if erasures.exists() {
            archive.section(log::FILE, |to| copy_file(&erasures, to))?;
        }

        let manifest = Manifest {
            version: 1,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine: if self.database_url.is_some() { POSTGRES } else { SQLITE }.to_owned(),
            created_at,
            cursor: snapshot.cursor,
            counts,
            key: wrapped,
            sections: Vec::new(),
        };
        let (out, manifest) = archive.finish(manifest, &seal)?;
        self.keep(out, &partial)?;
        let bytes = fs::metadata(&self.file).map_or(0, |m| m.len());
        Ok(json!({
            "file": self.file, "bytes": bytes, "created_at": manifest.created_at, "engine": manifest.engine,
            "counts": manifest.counts,
            "next_steps": ["Keep the passphrase apart from the file: without it the accounts' secrets can't be read."],
        }))
    }

    /// Adds the database, as of one moment.
    fn database<W: Write>(&self, archive: &mut Writer<W>) -> Result<Snapshot, Failure> {
        let uncopied = |e: everthread_store::Error| Failure(format!("the database can't be copied: {e}"));
        if let Some(url) = &self.database_url {
            let runtime = tokio::runtime::Handle::current();
            let copy = |to: &mut dyn Write| runtime.block_on(copy_postgres(url, CURSOR, to));
            return archive.section(DATABASE, |to| copy(to).map_err(uncopied));
        }
        let (copy, _) = Temporary::beside(&self.file, ".database")?;
        let snapshot = copy_sqlite(&self.data.join("everthread.db"), &copy.0, CURSOR).map_err(uncopied)?;
        archive.section(DATABASE, |to| copy_file(&copy.0, to))?;
        Ok(snapshot)
    }

    /// All of it is on the disk before the file has its name.
    fn keep(&self, out: BufWriter<File>, partial: &Temporary) -> Result<(), Failure> {
        let file = out.into_inner().map_err(|e| unwritten(e.into_error()))?;
        file.sync_all().map_err(unwritten)?;
        // Unlike a rename, this never takes another file's place.
        fs::hard_link(&partial.0, &self.file)
            .or_else(|_| fs::rename(&partial.0, &self.file))
            .map_err(unwritten)?;
        let folder = self.file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(unwritten)
    }

    /// Adds every file of a message. Answers how many.
    fn media<W: Write>(&self, archive: &mut Writer<W>) -> Result<i64, Failure> {
        let root = self.data.join("media");
        let mut folders = vec![root.clone()];
        let mut count = 0;
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(&folder) {
                Ok(entries) => entries,
                Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
                Err(e) => return Err(Failure(format!("{} can't be read: {e}", folder.display()))),
            };
            for entry in entries {
                let path = entry.map_err(Failure::from_display)?.path();
                if path.is_dir() {
                    folders.push(path);
                    continue;
                }
                let name = path.strip_prefix(&root).ok().and_then(Path::to_str);
                // A `#` stands in the names of files that are still being written.
                let Some(name) = name.filter(|name| !name.contains('#')) else { continue };
                match File::open(&path) {
                    Ok(mut from) => {
                        archive.section(&format!("{MEDIA}{name}"), |to| copy_from(&mut from, &path, to))?;
                        count += 1;
                    }
                    // Erased since the folder was read.
                    Err(e) if e.kind() == io::ErrorKind::NotFound => {}
                    Err(e) => return Err(Failure(format!("{} can't be read: {e}", path.display()))),
                }
            }
        }
        Ok(count)
    }
}

fn copy_file(path: &Path, to: &mut dyn Write) -> Result<(), Failure> {
    let mut from = File::open(path).map_err(|e| Failure(format!("{} can't be read: {e}", path.display())))?;
    copy_from(&mut from, path, to)
}

fn copy_from(from: &mut File, path: &Path, to: &mut dyn Write) -> Result<(), Failure> {
    io::copy(from, to)
        .map(drop)
        .map_err(|e| Failure(format!("{} can't be copied into the backup: {e}", path.display())))
}
