//! The schema: one text for both engines, numbered steps, and the runner that applies them.
//!
//! A step that has run is never edited: its checksum is stored and compared at every start.

use sha2::{Digest, Sha256};

use crate::{Db, Engine, Error, Result, sql, vals};

/// One numbered step.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) version: i64,
    pub(crate) name: &'static str,
    text: &'static str,
}

/// All steps, in order.
pub(crate) const STEPS: &[Step] = &[
    Step { version: 1, name: "init", text: include_str!("0001_init.sql") },
    Step { version: 4, name: "webhooks", text: include_str!("0004_webhooks.sql") },
    Step { version: 10, name: "continuity", text: include_str!("0010_continuity.sql") },
    Step { version: 20, name: "merges", text: include_str!("0020_merges.sql") },
    Step { version: 21, name: "links", text: include_str!("0021_links.sql") },
    Step { version: 22, name: "access", text: include_str!("0022_access.sql") },
    Step { version: 25, name: "first_lines", text: include_str!("0025_first_lines.sql") },
    Step { version: 26, name: "retention", text: include_str!("0026_retention.sql") },
    Step { version: 28, name: "recurring", text: include_str!("0028_recurring.sql") },
    Step { version: 29, name: "history", text: include_str!("0029_history.sql") },
    Step { version: 30, name: "stuck", text: include_str!("0030_stuck.sql") },
];

const MARKS: &[(&str, &str, &str)] = &[
    ("{id}", "INTEGER NOT NULL PRIMARY KEY", "BIGINT NOT NULL PRIMARY KEY"),
    ("{int}", "INTEGER", "BIGINT"),
    ("{real}", "REAL", "DOUBLE PRECISION"),
    ("{text}", "TEXT", "TEXT COLLATE \"C\""),
    ("{blob}", "BLOB", "BYTEA"),
    ("{strict}", "STRICT", ""),
    ("{clustered}", "STRICT, WITHOUT ROWID", ""),
];

impl Step {
    /// The text that this engine runs.
    pub(crate) fn expand(&self, engine: Engine) -> String {
        let (own, other) = match engine {
            Engine::Sqlite => ("--lite ", "--pg "),
            Engine::Postgres => ("--pg ", "--lite "),
        };
        let mut out = String::with_capacity(self.text.len());
        for line in self.text.lines().filter(|line| !line.starts_with(other)) {
            out.push_str(line.strip_prefix(own).unwrap_or(line));
            out.push('\n');
        }
        for (mark, lite, pg) in MARKS {
            out = out.replace(mark, if engine == Engine::Sqlite { lite } else { pg });
        }
        out
    }

    /// What identifies the text; the same on both engines.
    pub(crate) fn checksum(&self) -> [u8; 32] {
        Sha256::digest(self.text.as_bytes()).into()
    }
}

/// Creates the table of applied steps.
const BOOTSTRAP: &[(Engine, &str)] = &[
    (
        Engine::Sqlite,
        "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER NOT NULL PRIMARY KEY, name TEXT NOT NULL, \
         checksum BLOB NOT NULL) STRICT",
    ),
    (
        Engine::Postgres,
        "CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT NOT NULL PRIMARY KEY, \
         name TEXT COLLATE \"C\" NOT NULL, checksum BYTEA NOT NULL)",
    ),
];

/// The text that creates the table of applied steps.
pub(crate) fn bootstrap(engine: Engine) -> &'static str {
    BOOTSTRAP.iter().find(|(of, _)| *of == engine).map_or("", |(_, text)| text)
}

/// Names of all tables on PostgreSQL, each after those it refers to.
pub(crate) fn tables() -> Vec<String> {
    let mut names = vec!["schema_migrations".to_owned()];
    for step in STEPS {
        let text = step.expand(Engine::Postgres);
        let made = text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE "));
        names.extend(made.filter_map(|rest| rest.split([' ', '(']).next()).map(str::to_owned));
    }
    names
}

/// A step that has run: version, name, checksum.
pub(crate) type Done = (i64, String, Vec<u8>);

/// The steps that this database still lacks. `Err` where it was made by a newer program, or where a step that it
/// has run reads differently now.
pub(crate) async fn pending<D: Db>(db: &mut D) -> Result<Vec<Step>> {
    let done: Vec<Done> =
        db.rows(sql!("SELECT version, name, checksum FROM schema_migrations ORDER BY version"), &[]).await?;
    missing(&done)
}

/// The steps that are not in `done`; fails as [`pending`] does.
pub(crate) fn missing(done: &[Done]) -> Result<Vec<Step>> {
    for (version, name, checksum) in done {
        let Some(step) = STEPS.iter().find(|step| step.version == *version) else {
            return Err(Error::Invalid(format!(
                "the database has schema step {version} ({name}) of a newer version of everthread"
            )));
        };
        if step.checksum() != checksum.as_slice() {
            return Err(Error::Invalid(format!(
                "schema step {version} ({name}) was applied with another text"
            )));
        }
    }
    Ok(STEPS
        .iter()
        .filter(|step| done.iter().all(|(version, ..)| *version != step.version))
        .copied()
        .collect())
}

/// Notes that `step` has run.
pub(crate) async fn applied<D: Db>(db: &mut D, step: &Step) -> Result<()> {
    let checksum = step.checksum();
    db.exec(
        sql!("INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)"),
        &vals![step.version, step.name, &checksum],
    )
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expansion_leaves_no_mark() {
        for step in STEPS {
            for engine in [Engine::Sqlite, Engine::Postgres] {
                let text = step.expand(engine);
                let code: String = text.lines().filter(|l| !l.starts_with("--")).collect();
                assert!(!code.contains(['{', '}'].as_slice()) || code.contains("'{}'"), "mark left");
                assert!(!code.contains("{int}") && !code.contains("{text}"));
            }
        }
    }
}
