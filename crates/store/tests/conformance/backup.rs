//! A database on PostgreSQL: copied as of one moment while it is written, and brought back into an empty one.

use everthread_store::backup::{PgRestore, Snapshot, copy_postgres};
use everthread_store::testing::postgres;
use everthread_store::{Error, Options, Store, StoreUrl, sql};

use crate::rig::{Rig, T0, at, message};

async fn copy(url: &str) -> (Vec<u8>, Snapshot) {
    let mut out = Vec::new();
    let snapshot = copy_postgres(url, "apply", &mut out).await.unwrap();
    (out, snapshot)
}

async fn rig() -> Option<(Rig, String, String)> {
    let rig = Rig::postgres().await?;
    let StoreUrl::Postgres(url) = rig.url.clone() else { return None };
    let target = postgres()?.database().await;
    Some((rig, url, target))
}

/// What the text form of a copy must carry unharmed.
const ODD: &[&str] =
    &["a\tb", "line\nline\r\n", "\\N", "\\.", "back\\slash", "", "\"quoted\", 'and so'", "🙂 ñ ราคา"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_was_brought_back_is_the_same() {
    let Some((rig, url, target)) = rig().await else { return };
    for (n, text) in ODD.iter().enumerate() {
        rig.apply(at(n as i64), rig.chat, vec![message("u1", &format!("m{n}"), text)]).await;
    }
    let (bytes, snapshot) = copy(&url).await;
    assert!(snapshot.counts.contains(&("messages", ODD.len() as i64)), "{snapshot:?}");

    let back = PgRestore::begin(&target).await.unwrap();
    let cut = back.load(&mut &bytes[..bytes.len() - 9]).await;
    assert!(cut.is_err(), "a copy that ends early");
    let mut options = Options::default();
    options.postgres.exclusive = true;
    let served = Store::open(StoreUrl::Postgres(target.clone()), options).await;
    assert!(matches!(served.err(), Some(Error::Conflict(_))), "nobody serves it meanwhile");
    back.load(&mut bytes.as_slice()).await.unwrap();
    assert_eq!(copy(&target).await, (bytes.clone(), snapshot));

    let store = Store::open(StoreUrl::Postgres(target.clone()), Options::default()).await.unwrap();
    let rig = rig.with_store(store);
    rig.apply(at(60), rig.chat, vec![message("u1", "m0", "again"), message("u1", "new", "one more")]).await;
    assert_eq!(
        rig.int(sql!("SELECT count(*) FROM messages")).await,
        ODD.len() as i64 + 1,
        "ids and keys go on"
    );

    back.discard().await.unwrap();
    back.load(&mut bytes.as_slice()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_under_way_sees_one_moment() {
    let Some((rig, url, target)) = rig().await else { return };
    let write = async {
        for n in 0..60 {
            rig.apply(at(n), rig.chat, vec![message("u1", &format!("m{n}"), "on and on")]).await;
        }
    };
    let read = async {
        let mut last = Vec::new();
        for _ in 0..5 {
            last = copy(&url).await.0;
        }
        last
    };
    let ((), bytes) = tokio::join!(write, read);
    PgRestore::begin(&target).await.unwrap().load(&mut bytes.as_slice()).await.unwrap();
    let store = Store::open(StoreUrl::Postgres(target), Options::default()).await.unwrap();
    let rig = rig.with_store(store);
    let messages = rig.int(sql!("SELECT count(*) FROM messages")).await;
    assert!(messages > 0);
    assert_eq!(rig.int(sql!("SELECT seq FROM conversations")).await, messages, "of one moment");
    assert_eq!(rig.int(sql!("SELECT count(*) FROM event_keys")).await, messages, "of one moment");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_holds_something_and_a_copy_of_something_else_are_refused() {
    let Some((rig, url, target)) = rig().await else { return };
    rig.apply(T0, rig.chat, vec![message("u1", "m1", "hi")]).await;
    let refused = PgRestore::begin(&url).await.err();
    assert!(matches!(&refused, Some(Error::Conflict(why)) if why.contains("not empty")), "{refused:?}");
    let (bytes, _) = copy(&url).await;
    let back = PgRestore::begin(&target).await.unwrap();
    let head = 12;
    type Harm<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: &[(&str, Harm<'_>)] = &[
        ("wrong beginning", &|b| b[0] ^= 1),
        ("too long", &|b| b[8] = 0xff),
        ("not readable", &|b| b[head] = b'x'),
        ("too long", &|b| {
            let end = head + u32::from_be_bytes([b[8], b[9], b[10], b[11]]) as usize;
            b[end] = 0x7f;
        }),
    ];
    for (why, harm) in cases {
        let mut harmed = bytes.clone();
        harm(&mut harmed);
        let said = back.load(&mut harmed.as_slice()).await.unwrap_err().to_string();
        assert!(said.contains(why), "{why}: {said}");
    }
    back.load(&mut bytes.as_slice()).await.unwrap();
}
