//! Bringing a backup back: checked as a whole first, then written, then everything that was on its way is held.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use everthread_core::time::Timestamp;
use everthread_store::backup::PgRestore;
use everthread_store::journal::{Cursor, FsDisk};
use everthread_store::units::{GetCursor, HoldRestored, SetCursor};
use everthread_store::{Error, Store};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::archive::{Manifest, Reader, damaged};
use super::{BUFFER, DATABASE, JOURNAL, MEDIA, POSTGRES, SETTINGS, SQLITE, private};
use crate::admin::{Admin, Failure, UNFINISHED};
use crate::apply::{CURSOR, Stage, read_cursor, write_cursor};
use crate::cli::Place;
use crate::clock;
use crate::config::Config;
use crate::effects::Effects;
use crate::erasure::log;

/// Parts held in one unit.
const HOLD_AT_ONCE: u32 = 500;

/// Brings a backup back into an empty data folder (and an empty database, where it was made on PostgreSQL), and prints
/// what came of it as JSON. Nothing is written before the whole file, the passphrase and the target were found to be
/// right; what fails after that is removed again.
///
/// `erasures`: the newest log of erasures; without it, the one that lies in the data folder.
pub async fn restore(
    config: &Config,
    file: &Path,
    passphrase: &str,
    erasures: Option<&Path>,
) -> Result<(), Failure> {
    let existed = config.data.exists();
    check_target(config)?;
    let own = log::path(&config.data);
    let erasures = match erasures.unwrap_or(&own) {
        path if path == own && !own.exists() => None,
        path => {
            log::read(path).map_err(|e| Failure(format!("the log of erasures can't be used: {e}")))?;
            Some(fs::read(path).map_err(Failure::from_display)?)
        }
    };
    let (manifest, key) = {
        let (file, passphrase) = (file.to_owned(), passphrase.to_owned());
        let check = move || check(&file, &passphrase);
        tokio::task::spawn_blocking(check).await.map_err(Failure::from_display)??
    };
    let database = target_database(config, &manifest.engine).await?;
    let lock = crate::admin::lock(&config.data)
        .map_err(|e| unwritable(&config.data, &e))?
        .ok_or_else(|| Failure(format!("another process uses {}", config.data.display())))?;
    let done = fill(config, (file, &manifest), &key, database.clone(), erasures.as_deref()).await;
    drop(lock);
    let done = match done {
        Ok(done) => done,
        Err(failure) => {
            empty(&config.data, existed);
            // The log was there before, and must be there for the next try.
            if let Some(bytes) = erasures.filter(|_| existed) {
                let _ = fs::write(&own, bytes);
            }
            if let Some(database) = database
                && let Err(error) = database.discard().await
            {
                eprintln!("everthread: the database can't be emptied again: {error}");
            }
            return Err(failure);
        }
    };
    println!("{}", serde_json::to_string_pretty(&done).map_err(Failure::from_display)?);
    Ok(())
}

fn check_target(config: &Config) -> Result<(), Failure> {
    let shown = config.data.display();
    match fs::read_dir(&config.data) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(e) => Err(Failure(format!("the data folder {shown} can't be used: {e}"))),
        // A mounted volume of its own begins with this folder.
        Ok(mut entries) => match entries.find(|e| {
            e.as_ref().map_or(true, |e| e.file_name() != "lost+found" && e.file_name() != log::FILE)
        }) {
            None => Ok(()),
            Some(_) => Err(Failure(format!(
                "the data folder {shown} is not empty; a backup is restored into an empty or missing folder only. Choose \
                 another with --data"
            ))),
        },
    }
}

/// The empty database that the backup goes into, held against others; `None` where it goes into the data folder.
async fn target_database(config: &Config, engine: &str) -> Result<Option<Arc<PgRestore>>, Failure> {
    let url = match (engine, &config.database_url) {
        (SQLITE, None) => return Ok(None),
        (POSTGRES, Some(url)) => url,
        (SQLITE, Some(_)) => {
            return Err(Failure(
                "this backup was made on SQLite and can't go into PostgreSQL; restore it without --database-url \
                 (nor EVERTHREAD_DATABASE_URL)"
                    .into(),
            ));
        }
        (POSTGRES, None) => {
            return Err(Failure(
                "this backup was made on PostgreSQL and can't go into SQLite; make an empty database with `createdb NAME` \
                 and give its address with --database-url postgres://..."
                    .into(),
            ));
        }
        _ => return Err(Failure(format!("this program can't restore a backup of engine {engine:?}"))),
    };
    match PgRestore::begin(url).await {
        Ok(database) => Ok(Some(Arc::new(database))),
        Err(Error::Conflict(why)) => Err(Failure(format!(
            "{why}; a backup is restored into an empty database only. Make one with `createdb NAME` and give its address \
             with --database-url"
        ))),
        Err(error) => Err(Failure(format!("the database can't be used: {error}"))),
    }
}

/// Reads all of the file; answers what it says of itself and the unwrapped key.
fn check(file: &Path, passphrase: &str) -> Result<(Manifest, Vec<u8>), Failure> {
    let mut reader = open(file)?;
    while reader.section(|_, _| Ok(()))? {}
    let (manifest, proof) = reader.finish()?;
    let (key, seal) = manifest.key.open(passphrase)?;
    proof.check(&seal)?;
    Ok((manifest, key))
}

fn open(file: &Path) -> Result<Reader<BufReader<File>>, Failure> {
    let opened = File::open(file).map_err(|e| Failure(format!("{} can't be read: {e}", file.display())))?;
    Reader::new(BufReader::with_capacity(BUFFER, opened))
}

/// Removes what an attempt left; the folder itself too where it was not there before.
fn empty(data: &Path, existed: bool) {
    for entry in fs::read_dir(data).into_iter().flatten().flatten() {
        let path = entry.path();
        let removed = if entry.file_name() == "lost+found" {
            Ok(())
        } else if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        if let Err(error) = removed {
            eprintln!("everthread: {} can't be removed again: {error}", path.display());
        }
    }
    if !existed {
        let _ = fs::remove_dir(data);
    }
}

/// Writes everything and brings it to rest. While it runs, and after a crash, a mark keeps the hub from starting here.
async fn fill(
    config: &Config,
    (file, manifest): (&Path, &Manifest),
    key: &[u8],
    database: Option<Arc<PgRestore>>,
    erasures: Option<&[u8]>,
) -> Result<serde_json::Value, Failure> {
    let mark = config.data.join(UNFINISHED);
    fs::write(&mark, "").map_err(|e| unwritable(&mark, &e))?;
    let write = Extract { data: config.data.clone(), file: file.to_owned(), key: key.to_vec(), database };
    tokio::task::spawn_blocking(move || write.run()).await.map_err(Failure::from_display)??;
    let (held, applied) = settle(config).await?;
    let erased = erase_again(config, manifest, erasures).await?;
    fs::remove_file(&mark).map_err(|e| unwritable(&mark, &e))?;
    sync_folder(&config.data)?;
    let mut next_steps = Vec::new();
    if erasures.is_none() {
        next_steps.push(format!(
            "Who was erased after {} is here again: no newer log of erasures was given (--erasures). Erase them once more.",
            manifest.created_at
        ));
    }
    if held > 0 {
        next_steps.push(
            "What was on its way when the backup was made is held (reason: restored) and goes out only when a person \
             sends it again; it may have reached the customer."
                .to_owned(),
        );
    }
    if other_database(config) {
        next_steps.push(
            "Before the hub starts, write the address of this database into everthread.toml, or give it with \
             --database-url each time: the file as it came back does not name it."
                .to_owned(),
        );
    }
    Ok(json!({
        "data": config.data, "engine": manifest.engine, "created_at": manifest.created_at, "counts": manifest.counts,
        "records_applied": applied, "parts_held": held, "erased_again": erased, "next_steps": next_steps,
    }))
}

/// True where the settings that came back lead to another database than the one restored into.
fn other_database(config: &Config) -> bool {
    let place = Place { data: Some(config.data.clone()), database_url: None, config: None };
    // Settings that can't be read are refused, in better words, when the hub starts.
    crate::config::load(&place, None).is_ok_and(|settings| settings.database_url != config.database_url)
}

struct Extract {
    data: PathBuf,
    file: PathBuf,
    key: Vec<u8>,
    /// `None`: the database is a file in the data folder.
    database: Option<Arc<PgRestore>>,
}

impl Extract {
    fn run(&self) -> Result<(), Failure> {
        Self::put(&self.data.join("key"), &mut self.key.as_slice())?;
        let mut reader = open(&self.file)?;
        while reader.section(|name, from| self.section(name, from))? {}
        // The file was right when it was checked; it is right still, or it fails here.
        reader.finish().map(drop)
    }

    fn section(&self, name: &str, from: &mut dyn Read) -> Result<(), Failure> {
        match name {
            DATABASE => match &self.database {
                Some(database) => tokio::runtime::Handle::current()
                    .block_on(database.load(from))
                    .map_err(|e| Failure(format!("the database can't be restored: {e}"))),
                None => Self::put(&self.data.join("everthread.db"), from),
            },
            SETTINGS => Self::put(&self.data.join(SETTINGS), from),
            log::FILE => {
                let path = log::path(&self.data);
                let _ = fs::remove_file(&path);
                Self::put(&path, from)
            }
            JOURNAL => {
                let folder = self.data.join("journal");
                let disk = FsDisk::new(folder.clone()).map_err(|e| unwritable(&folder, &e))?;
                everthread_store::journal::restore(&disk, from)
                    .map(drop)
                    .map_err(|e| Failure(format!("the journal can't be restored: {e}")))
            }
            _ => {
                let inside = name.strip_prefix(MEDIA).map(Path::new).filter(|path| {
                    path.components().all(|part| matches!(part, Component::Normal(_)))
                        && path.file_name().is_some()
                });
                let Some(inside) = inside else {
                    return Err(damaged(&format!("it has a section {name:?} that is not known")));
                };
                let path = self.data.join("media").join(inside);
                if let Some(folder) = path.parent() {
                    fs::create_dir_all(folder).map_err(|e| unwritable(folder, &e))?;
                }
                Self::put(&path, from)
            }
        }
    }

    fn put(path: &Path, from: &mut dyn Read) -> Result<(), Failure> {
        let mut to = private(path).map_err(|e| unwritable(path, &e))?;
        io::copy(from, &mut to).and_then(|_| to.sync_all()).map_err(|e| unwritable(path, &e))
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure(format!("{} can't be written: {error}", path.display()))
}

fn sync_folder(folder: &Path) -> Result<(), Failure> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|e| unwritable(folder, &e))
}

/// Erases again who was erased after the backup was made. Answers how many erasures there were.
async fn erase_again(config: &Config, manifest: &Manifest, newer: Option<&[u8]>) -> Result<u64, Failure> {
    let Some(newer) = newer else { return Ok(0) };
    let path = log::path(&config.data);
    fs::write(&path, newer).map_err(|e| unwritable(&path, &e))?;
    let since = Timestamp::parse_rfc3339(&manifest.created_at).unwrap_or_default();
    let admin = Admin::open(config).await?;
    let eraser = admin.eraser()?;
    let (count, _) = eraser.again(Some(since)).await?;
    eraser.journal.close();
    let files = crate::media::folder(&config.data).map_err(Failure::from_display)?;
    crate::media::forget(&admin.store, &*files).await.map_err(Failure)?;
    Ok(count)
}

/// Holds what was on its way, applies what the database did not know yet, and holds what followed from that: the hub
/// that made the backup went on and has most likely sent it. Answers the parts held and the records applied.
async fn settle(config: &Config) -> Result<(u64, u64), Failure> {
    let admin = Admin::open(config).await?;
    let mut held = hold(&admin.store).await?;
    let (journal, _) = crate::commands::open_journal(config)?;
    let cursor =
        admin.store.read(GetCursor { name: CURSOR.to_owned() }).await.map_err(Failure::from_display)?;
    let mut cursor = cursor.as_deref().and_then(read_cursor);
    if journal.status().last == 0 && cursor.is_none_or(|c| c.number == 0) {
        // Nothing ever came in; the journal is a new one.
        let fresh = Cursor { journal: journal.id(), number: 0 };
        let unit = SetCursor { name: CURSOR.to_owned(), value: write_cursor(fresh) };
        admin.store.write(unit).await.map_err(Failure::from_display)?;
        cursor = Some(fresh);
    }
    let (reader, alarm) = journal.reader_from(cursor).map_err(Failure::from_display)?;
    if let Some(alarm) = alarm {
        eprintln!(
            "everthread: {alarm}; all of the journal is applied again, which changes nothing that is applied"
        );
    }
    let (notes, _) = tokio::sync::mpsc::unbounded_channel();
    let realtime = crate::realtime::Realtime::new(admin.store.clone());
    let stage = Stage {
        store: admin.store.clone(),
        journal: journal.clone(),
        keys: admin.seal.event_keys(),
        registry: admin.hub.registry(),
        rules: admin.hub.rules(),
        effects: Effects::new(notes, realtime, admin.hub.clone(), crate::continuity::view()),
        data: config.data.clone(),
        stop: CancellationToken::new(),
        acknowledge: None,
    };
    let applied = stage.catch_up(reader).await.map_err(Failure::from_display)?;
    held += hold(&admin.store).await?;
    journal.close();
    Ok((held, applied))
}

async fn hold(store: &Store) -> Result<u64, Failure> {
    let mut held = 0;
    loop {
        let unit = HoldRestored { now: clock::now(), limit: HOLD_AT_ONCE };
        let done = store.write(unit).await.map_err(Failure::from_display)?;
        held += done.parts;
        if !done.more {
            return Ok(held);
        }
    }
}
