//! The schema and the statements, on both engines.

use std::collections::BTreeSet;
use std::path::Path;

use everthread_store::testing::postgres;
use everthread_store::units::SetCursor;
use everthread_store::{Error, Options, Store, StoreUrl};
use tokio_postgres::NoTls;

/// A statement as it stands in the source.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    place: String,
    lite: String,
    pg: String,
}

/// Finds every `sql!(...)` of the crate. The macro takes literals only, so reading the text is enough.
fn statements() -> Vec<Found> {
    let mut found = Vec::new();
    walk(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").as_path(), &mut found);
    assert!(found.len() > 100, "only {} statements found: is the scanner broken?", found.len());
    found
}

fn walk(dir: &Path, found: &mut Vec<Found>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code: String = text
                .lines()
                .map(|line| if line.trim_start().starts_with("//") { "" } else { line })
                .fold(String::new(), |all, line| all + line + "\n");
            for (at, _) in code.match_indices("sql!(") {
                let rest = &code[at + 5..];
                if let Some((lite, pg)) = read(rest) {
                    found.push(Found { place: format!("{}+{at}", path.display()), lite, pg });
                }
            }
        }
    }
}

/// The one literal, or the pair `lite:`, `pg:`.
fn read(text: &str) -> Option<(String, String)> {
    let text = text.trim_start();
    if let Some(rest) = text.strip_prefix("lite:") {
        let (lite, rest) = literal(rest)?;
        let rest = rest.trim_start().strip_prefix(',')?.trim_start().strip_prefix("pg:")?;
        return Some((lite, literal(rest)?.0));
    }
    let (both, _) = literal(text)?;
    Some((both.clone(), both))
}

/// A string literal as the compiler reads it.
fn literal(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start();
    if let Some(raw) = text.strip_prefix("r#\"") {
        let end = raw.find("\"#")?;
        return Some((raw[..end].to_owned(), &raw[end + 2..]));
    }
    let text = text.strip_prefix('"')?;
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, &text[at + 1..])),
            '\\' => match chars.next()?.1 {
                '\n' => {
                    let rest = chars.as_str().trim_start();
                    let skip = chars.as_str().len() - rest.len();
                    for _ in 0..chars.as_str()[..skip].chars().count() {
                        chars.next();
                    }
                }
                'n' => out.push('\n'),
                other => out.push(other),
            },
            c => out.push(c),
        }
    }
    None
}

#[test]
fn the_scanner_reads_literals_as_the_compiler_does() {
    assert_eq!(read("\n \"a \\\n   b\\\"c\")").unwrap().0, "a b\"c");
    let pair = read("lite: \"x\",\n pg: \"y\" )").unwrap();
    assert_eq!(pair, ("x".to_owned(), "y".to_owned()));
    assert_eq!(read("$text:literal"), None);
}

async fn lite() -> (tempfile::TempDir, rusqlite::Connection) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.db");
    drop(Store::open(StoreUrl::file(&path), Options::default()).await.unwrap());
    let conn = rusqlite::Connection::open(path).unwrap();
    (dir, conn)
}

async fn pg() -> Option<tokio_postgres::Client> {
    let url = postgres()?.database().await;
    drop(Store::open(StoreUrl::Postgres(url.clone()), Options::default()).await.unwrap());
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    Some(client)
}

#[tokio::test]
async fn every_statement_prepares_on_sqlite() {
    let (_dir, conn) = lite().await;
    let bad: Vec<String> = statements()
        .iter()
        .filter_map(|s| conn.prepare(&s.lite).err().map(|e| format!("{}: {e}\n  {}", s.place, s.lite)))
        .collect();
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

#[tokio::test]
async fn every_statement_prepares_on_postgres() {
    let Some(client) = pg().await else { return };
    let mut bad = Vec::new();
    for found in statements() {
        let mut text = String::new();
        let mut quoted = false;
        for c in found.pg.chars() {
            quoted ^= c == '\'';
            text.push(if c == '?' && !quoted { '$' } else { c });
        }
        if let Err(error) = client.prepare(&text).await {
            let why = error.as_db_error().map_or_else(|| error.to_string(), |db| db.message().to_owned());
            bad.push(format!("{}: {why}\n  {text}", found.place));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}

/// Tables with their columns, and indexes, by name.
type Names = (BTreeSet<String>, BTreeSet<String>);

fn lite_names(conn: &rusqlite::Connection) -> Names {
    let list = |sql: &str| -> BTreeSet<String> {
        let mut statement = conn.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    // The search table is of another kind on each engine.
    let columns = list(
        "SELECT t.name || '.' || c.name || ' ' || CASE WHEN c.\"notnull\" = 1 THEN 'not null' ELSE 'null' END \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'message_search%' AND t.name NOT LIKE 'sqlite_%'",
    );
    let indexes = list(
        "SELECT name || ' ' || (SELECT group_concat(i.name, ',') FROM pragma_index_info(sqlite_schema.name) i) \
         FROM sqlite_schema WHERE type = 'index' AND name NOT LIKE 'sqlite_%'",
    );
    (columns, indexes)
}

async fn pg_names(client: &tokio_postgres::Client) -> Names {
    let list = |rows: Vec<tokio_postgres::Row>| rows.iter().map(|r| r.get::<_, String>(0)).collect();
    let columns = client
        .query(
            "SELECT table_name || '.' || column_name || ' ' || \
             CASE WHEN is_nullable = 'NO' THEN 'not null' ELSE 'null' END \
             FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'message_search'",
            &[],
        )
        .await
        .unwrap();
    let indexes = client
        .query(
            "SELECT i.relname || ' ' || string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index x \
             JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid \
             JOIN pg_namespace s ON s.oid = t.relnamespace AND s.nspname = 'public' \
             CROSS JOIN LATERAL unnest(x.indkey::int2[]) WITH ORDINALITY k (num, n) \
             JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.num \
             WHERE i.relname NOT LIKE '%_key' AND i.relname NOT LIKE '%_pkey' \
             AND t.relname <> 'message_search' GROUP BY i.relname",
            &[],
        )
        .await
        .unwrap();
    (list(columns), list(indexes))
}

#[tokio::test]
async fn both_engines_have_the_same_tables_columns_and_indexes() {
    let (_dir, conn) = lite().await;
    let Some(client) = pg().await else { return };
    let (lite, pg) = (lite_names(&conn), pg_names(&client).await);
    assert!(lite.0.len() > 200 && lite.1.len() > 40, "{} columns, {} indexes", lite.0.len(), lite.1.len());
    assert_eq!(lite.0.difference(&pg.0).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(pg.0.difference(&lite.0).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(lite.1, pg.1);
}

#[tokio::test]
async fn opening_again_changes_nothing_and_a_changed_step_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let url = StoreUrl::file(dir.path().join("s.db"));
    for _ in 0..2 {
        drop(Store::open(url.clone(), Options::default()).await.unwrap());
    }
    let conn = rusqlite::Connection::open(dir.path().join("s.db")).unwrap();
    conn.execute("UPDATE schema_migrations SET checksum = x'00'", []).unwrap();
    let refused = Store::open(url.clone(), Options::default()).await.err().map(|e| e.to_string());
    assert!(refused.is_some_and(|why| why.contains("another text")));
    conn.execute("UPDATE schema_migrations SET version = version + 990", []).unwrap();
    let refused = Store::open(url, Options::default()).await.err().map(|e| e.to_string());
    assert!(refused.is_some_and(|why| why.contains("newer version")));
}

#[tokio::test]
async fn a_second_serve_on_one_database_is_refused() {
    let Some(server) = postgres() else { return };
    let url = StoreUrl::Postgres(server.database().await);
    let mut options = Options::default();
    options.postgres.exclusive = true;
    let first = Store::open(url.clone(), options.clone()).await.unwrap();
    assert!(Store::open(url.clone(), options.clone()).await.is_err());
    drop(first);
    let mut again = Store::open(url.clone(), options.clone()).await;
    for _ in 0..100 {
        if again.is_ok() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        again = Store::open(url.clone(), options.clone()).await;
    }
    assert!(again.is_ok(), "the lock ends with its process");
}

/// The lock lives in a session, and a session ends with its server or its network.
#[tokio::test]
async fn a_lock_that_was_lost_is_taken_again_or_nothing_is_written() {
    let Some(server) = postgres() else { return };
    let url = server.database().await;
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let mut options = Options::default();
    options.postgres.exclusive = true;
    let store = Store::open(StoreUrl::Postgres(url.clone()), options.clone()).await.unwrap();
    let write = || store.write(SetCursor { name: "x".into(), value: "1".into() });
    write().await.unwrap();
    let (lock, end) = (
        "SELECT classid::bigint << 32 | objid::bigint FROM pg_locks WHERE locktype = 'advisory' \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid() \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    // While another holds it, this one writes nothing.
    let key: i64 = client.query_one(lock, &[]).await.unwrap().get(0);
    client.execute(end, &[]).await.unwrap();
    let mut taken = false;
    while !taken {
        taken = client.query_one("SELECT pg_try_advisory_lock($1)", &[&key]).await.unwrap().get(0);
    }
    let mut refused = write().await;
    for _ in 0..100 {
        if refused.is_err() {
            break;
        }
        // The end of the session is seen a moment later.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        refused = write().await;
    }
    assert!(
        matches!(&refused, Err(Error::Unavailable(why)) if why.contains("another everthread")),
        "{refused:?}"
    );
    // As soon as it is free, it goes on, and holds it.
    client.execute("SELECT pg_advisory_unlock($1)", &[&key]).await.unwrap();
    write().await.unwrap();
    assert!(Store::open(StoreUrl::Postgres(url), options).await.is_err());
}
