//! Tables that a removal must not forget: derived from the schema, so that a new table fails here until somebody has
//! decided what becomes of its rows.

use everthread_store::sql;

use crate::rig::Rig;

/// Tables of the whole hub: people may belong to other workspaces, a platform fails for all of them.
const OF_THE_HUB: &[&str] = &[
    "users",
    "login_sessions",
    "sign_in_links",
    "second_factors",
    "recovery_codes",
    "sign_in_steps",
    "sso_requests",
    "sso_identities",
    "endpoints",
    "cursors",
    "health_states",
    "incidents",
    "media_gone",
    "schema_migrations",
    "counters",
];

/// Tables of a workspace that retention by age leaves alone, and why.
const WITHOUT_AGE: &[(&str, &str)] = &[
    ("workspaces", "it is there until it is removed"),
    ("memberships", "it is there until it is removed"),
    ("api_keys", "it is there until it is removed"),
    ("accounts", "it is there until it is removed"),
    ("retired_secrets", "it is there until it is removed"),
    ("rules", "it is there until it is removed"),
    ("pipelines", "it is there until it is removed"),
    ("stages", "it is there until it is removed"),
    ("labels", "it is there until it is removed"),
    ("webhooks_out", "it is there until it is removed"),
    ("continuity_policies", "it is there until it is removed"),
    ("contacts", "the person stays until it is erased"),
    ("identities", "the person stays until it is erased"),
    ("reaches", "the person stays until it is erased"),
    ("consents", "they prove what was agreed to"),
    ("contact_merges", "they go with the person"),
    ("leads", "they go with the person"),
    ("parked", "gone after minutes"),
    ("deferred", "gone after hours"),
    ("idempotency_keys", "gone after a day"),
    ("changes", "gone after a day"),
    ("incident_events", "they tell of platforms, not of people"),
    ("audit_log", "it names people by ids only, and must outlive what it tells of"),
    ("event_keys", "without them an old message would be taken in again"),
];

const WORKSPACE: &str = include_str!("../../src/units/workspace.rs");
const SANDBOX: &str = include_str!("../../src/units/sandbox.rs");
const ERASE: &str = include_str!("../../src/units/contacts/erase.rs");
const GONE: &str = include_str!("../../src/units/gone.rs");
const RETENTION: &str = include_str!("../../src/units/retention.rs");
const MERGE: &str = include_str!("../../src/units/contacts/merge.rs");
const SPLIT: &str = include_str!("../../src/units/contacts/split.rs");
const SHARED: &str = include_str!("../../src/units/contacts/mod.rs");

/// Tables with one of these columns (all tables where there are none).
async fn tables(rig: &Rig, columns: &[&str]) -> Vec<String> {
    let all = sql!(
        lite: "SELECT m.name || '.' || p.name FROM sqlite_master m JOIN pragma_table_info(m.name) p \
               WHERE m.type = 'table' AND m.name NOT LIKE 'message_search%' AND m.name NOT LIKE 'sqlite%'",
        pg: "SELECT table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name <> 'message_search'"
    );
    let mut found: Vec<String> = rig
        .texts(all)
        .await
        .into_iter()
        .filter_map(|line| {
            let (table, column) = line.split_once('.')?;
            (columns.is_empty() || columns.contains(&column)).then(|| table.to_owned())
        })
        .collect();
    found.sort();
    found.dedup();
    found
}

fn forgotten(tables: &[String], sources: &[&str], verbs: &[&str]) -> Vec<String> {
    let named = |table: &str| {
        sources.iter().any(|source| verbs.iter().any(|verb| source.contains(&format!("{verb} {table} "))))
    };
    tables.iter().filter(|table| !named(table)).cloned().collect()
}

pub(crate) async fn no_table_outlives_its_workspace(rig: Rig) {
    let all = tables(&rig, &[]).await;
    assert!(all.len() > 35, "{all:?}");
    let mut left = forgotten(&all, &[WORKSPACE], &["DELETE FROM"]);
    left.retain(|table| !OF_THE_HUB.contains(&table.as_str()));
    assert_eq!(left, Vec::<String>::new(), "what becomes of these when a workspace is removed?");
}

/// What hangs on a person by one of these columns goes with the person.
pub(crate) async fn no_table_outlives_its_people(rig: Rig) {
    let columns = ["contact_id", "conversation_id", "identity_id", "message_id", "kept_id"];
    let people = tables(&rig, &columns).await;
    assert!(people.len() > 12, "{people:?}");
    assert_eq!(
        forgotten(&people, &[ERASE, GONE], &["DELETE FROM"]),
        Vec::<String>::new(),
        "when a contact is erased?"
    );
    assert_eq!(
        forgotten(&people, &[SANDBOX], &["DELETE FROM"]),
        Vec::<String>::new(),
        "when the sandbox is cleared?"
    );
}

/// Every table either loses what is old or is known to have no age; what refers to a removed conversation or message is
/// changed in any case.
pub(crate) async fn no_table_outlives_its_age(rig: Rig) {
    let all = tables(&rig, &[]).await;
    let mut left = forgotten(&all, &[RETENTION, GONE], &["DELETE FROM"]);
    left.retain(|table| !OF_THE_HUB.contains(&table.as_str()));
    let mut known: Vec<&str> = WITHOUT_AGE.iter().map(|(table, _)| *table).collect();
    known.sort_unstable();
    assert_eq!(left, known, "what becomes of these when they are old?");
    let hanging = tables(&rig, &["conversation_id", "message_id"]).await;
    assert!(hanging.len() > 8, "{hanging:?}");
    assert_eq!(
        forgotten(&hanging, &[RETENTION, GONE], &["DELETE FROM", "UPDATE"]),
        Vec::<String>::new(),
        "what becomes of these when their conversation is removed?"
    );
}

pub(crate) async fn no_table_stays_behind_in_a_merge(rig: Rig) {
    let hanging = tables(&rig, &["contact_id"]).await;
    assert_eq!(hanging, ["consents", "conversations", "identities", "identity_codes", "leads"]);
    for sources in [[MERGE, SHARED], [SPLIT, SHARED]] {
        assert_eq!(
            forgotten(&hanging, &sources, &["UPDATE"]),
            Vec::<String>::new(),
            "when contacts are merged or split?"
        );
    }
}
