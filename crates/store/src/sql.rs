//! Statement text: one for both engines, or a pair where they must differ.

/// A statement. `?1` placeholders on both engines; the PostgreSQL driver rewrites them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sql {
    /// What SQLite runs.
    pub lite: &'static str,
    /// What PostgreSQL runs, still with `?1`.
    pub pg: &'static str,
}

impl Sql {
    /// The same text on both.
    pub const fn both(text: &'static str) -> Self {
        Self { lite: text, pg: text }
    }
}

/// `sql!("same text")`, or `sql!(lite: "...", pg: "...")`. Only literals: a test prepares every one on both engines.
#[macro_export]
macro_rules! sql {
    (lite: $lite:literal, pg: $pg:literal $(,)?) => {
        $crate::Sql { lite: $lite, pg: $pg }
    };
    ($text:literal $(,)?) => {
        $crate::Sql::both($text)
    };
}
