//! What only SQLite does: a full disk, a bounded log, one thread for the simulator.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test ends where something is not as it should be"
)]

use everthread_core::ids::WorkspaceId;
use everthread_core::time::Timestamp;
use everthread_store::sqlite::wal_path;
use everthread_store::units::{AddWorkspace, GetCursor, SetCursor};
use everthread_store::{
    Db, Error, InlineStore, LiteOptions, Options, Place, Result, Store, StoreUrl, Unit, sql, vals,
};

/// Fills pages, to be removed again.
struct Fill {
    rows: i64,
    bytes: usize,
}

impl Unit for Fill {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let value = "x".repeat(self.bytes);
        for n in 0..self.rows {
            let name = format!("fill-{n}");
            db.exec(
                sql!(
                    "INSERT INTO cursors (name, value) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
                ),
                &vals![name.as_str(), value.as_str()],
            )
            .await?;
        }
        Ok(())
    }
}

struct Empty;

impl Unit for Empty {
    type Out = u64;
    async fn run<D: Db>(&self, db: &mut D) -> Result<u64> {
        db.exec(sql!("DELETE FROM cursors WHERE name LIKE 'fill-%'"), &[]).await
    }
}

fn options(change: impl FnOnce(&mut LiteOptions)) -> Options {
    let mut options = Options::default();
    change(&mut options.sqlite);
    options
}

async fn get(store: &Store, name: &str) -> Option<String> {
    store.read(GetCursor { name: name.into() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_is_said_and_survived() {
    let dir = tempfile::tempdir().unwrap();
    let url = StoreUrl::file(dir.path().join("s.db"));
    let store = Store::open(url, options(|o| o.pages_max = Some(400))).await.unwrap();
    store.write(SetCursor { name: "before".into(), value: "1".into() }).await.unwrap();
    let full = store.write(Fill { rows: 400, bytes: 8_000 }).await;
    assert!(matches!(full, Err(Error::Unavailable(_))), "{full:?}");
    // Units beside it are not taken along silently: each is stored, or says that it is not.
    let (a, b) = tokio::join!(
        store.write(SetCursor { name: "a".into(), value: "1".into() }),
        store.write(Fill { rows: 400, bytes: 8_000 })
    );
    assert!(b.is_err());
    assert_eq!(get(&store, "a").await.is_some(), a.is_ok());
    // Room again: the writer goes on.
    store.write(Empty).await.unwrap();
    store.write(SetCursor { name: "after".into(), value: "1".into() }).await.unwrap();
    assert_eq!(get(&store, "before").await.as_deref(), Some("1"));
    assert_eq!(get(&store, "after").await.as_deref(), Some("1"));
    assert_eq!(get(&store, "fill-0").await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_stays_bounded_under_constant_load() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    let bound = 1_000;
    let store = Store::open(StoreUrl::file(&path), options(|o| o.wal_pages_max = bound)).await.unwrap();
    let until = std::time::Instant::now() + std::time::Duration::from_secs(3);
    let mut largest = 0;
    while std::time::Instant::now() < until {
        let writes = (0..8).map(|_| store.write(Fill { rows: 20, bytes: 3_000 }));
        for done in futures_util::future::join_all(writes).await {
            done.unwrap();
        }
        largest = largest.max(std::fs::metadata(wal_path(&path)).unwrap().len());
    }
    // The checkpointer looks five times a second; what is written between two looks comes on top.
    assert!(largest < u64::from(bound) * 4_096 * 30, "{largest} bytes of log");
    assert!(largest > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    let store = Store::open(StoreUrl::file(&path), Options::default()).await.unwrap();
    for n in 0..20 {
        store.write(SetCursor { name: format!("c{n}"), value: "1".into() }).await.unwrap();
    }
    // The files as they are at this moment: what a machine finds that lost its power.
    let copy = dir.path().join("copy.db");
    std::fs::copy(&path, &copy).unwrap();
    std::fs::copy(wal_path(&path), wal_path(&copy)).unwrap();
    let again = Store::open(StoreUrl::file(&copy), Options::default()).await.unwrap();
    for n in 0..20 {
        assert_eq!(get(&again, &format!("c{n}")).await.as_deref(), Some("1"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_who_goes_away_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(StoreUrl::file(dir.path().join("s.db")), Options::default()).await.unwrap();
    let other = store.clone();
    let gone = tokio::spawn(async move {
        other.write(SetCursor { name: "gone".into(), value: "1".into() }).await.ok();
    });
    tokio::task::yield_now().await;
    gone.abort();
    gone.await.ok();
    store.write(SetCursor { name: "next".into(), value: "1".into() }).await.unwrap();
    assert_eq!(get(&store, "next").await.as_deref(), Some("1"));
}

#[test]
fn the_inline_store_survives_being_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let place = Place::File(dir.path().join("s.db"));
    let options = LiteOptions { fsync: false, ..LiteOptions::default() };
    let mut store = InlineStore::open(&place, &options).unwrap();
    store.write(&SetCursor { name: "c".into(), value: "1".into() }).unwrap();
    assert!(store.write(&Panics).is_err());
    assert!(store.read(&SetCursor { name: "d".into(), value: "1".into() }).is_err());
    drop(store);
    let mut store = InlineStore::open(&place, &options).unwrap();
    assert_eq!(store.read(&GetCursor { name: "c".into() }).unwrap().as_deref(), Some("1"));
    assert_eq!(store.read(&GetCursor { name: "p".into() }).unwrap(), None);
}

struct Panics;

impl Unit for Panics {
    type Out = ();
    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        db.exec(sql!("INSERT INTO cursors (name, value) VALUES ('p', 'x')"), &[]).await?;
        panic!("on purpose");
    }
}

#[test]
fn a_store_in_memory_has_the_same_ids_every_time() {
    let run = |name: &str| -> (WorkspaceId, String) {
        let mut store = InlineStore::open(&Place::Memory(name.into()), &LiteOptions::default()).unwrap();
        let now = Timestamp::from_secs(1_764_000_000);
        let unit = AddWorkspace { now, seed: 7, name: "Shop".into(), slug: "shop".into() };
        let (id, uid) = store.write(&unit).unwrap();
        (id, uid.show("ws"))
    };
    assert_eq!(run("one"), run("two"));
}
