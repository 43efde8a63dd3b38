//! The statements of lists and search stay on their indexes: none reads a whole table, none sorts.

use rusqlite::Connection;

use crate::{Engine, Sql, schema};

/// What SQLite would do for a statement, one line per step.
fn plan(conn: &Connection, sql: Sql) -> Vec<String> {
    let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {}", sql.lite)).unwrap();
    let count = statement.parameter_count();
    let nulls = rusqlite::params_from_iter(std::iter::repeat_n(rusqlite::types::Null, count));
    statement.query_map(nulls, |row| row.get(3)).unwrap().map(Result::unwrap).collect()
}

fn schema() -> Connection {
    let conn = Connection::open_in_memory().unwrap();
    for step in schema::STEPS {
        conn.execute_batch(&step.expand(Engine::Sqlite)).unwrap();
    }
    conn
}

#[test]
fn lists_and_search_read_no_whole_table() {
    let conn = schema();
    let statements = [
        super::inbox::STATEMENTS,
        super::chat::STATEMENTS,
        super::links::STATEMENTS,
        super::search::STATEMENTS,
        super::thread::STATEMENTS,
        super::contacts::STATEMENTS,
        super::export::STATEMENTS,
    ];
    let mut count = 0;
    for sql in statements.into_iter().flatten() {
        for step in plan(&conn, *sql) {
            let whole = step.starts_with("SCAN ") && !step.contains("VIRTUAL TABLE") && step != "SCAN t";
            assert!(!whole, "{step}\n{}", sql.lite);
            assert!(!step.contains("TEMP B-TREE FOR ORDER BY"), "{step}\n{}", sql.lite);
        }
        count += 1;
    }
    assert!(count > 20);
}

#[test]
fn a_statement_without_an_index_would_be_noticed() {
    let conn = schema();
    let steps = plan(&conn, Sql::both("SELECT id FROM messages WHERE text = ?1"));
    assert!(steps.iter().any(|step| step.starts_with("SCAN messages")), "{steps:?}");
}
