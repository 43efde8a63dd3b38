//! What can go wrong in the store, in the words a caller needs.

/// Result of every store function.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a unit of work or a read did not happen. Nothing of the unit was stored when one of these comes back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The database is away, the disk is full, an I/O error: try again later. Names the cause.
    #[error("store unavailable: {0}")]
    Unavailable(String),
    /// The row that was named does not exist (in this workspace).
    #[error("{0} not found")]
    NotFound(&'static str),
    /// Somebody else changed it first, or it is in a state where this can't be done.
    #[error("conflict: {0}")]
    Conflict(String),
    /// What was asked for can't be stored; says why.
    #[error("invalid: {0}")]
    Invalid(String),
    /// A row holds what it should not, or a statement is wrong: a defect.
    #[error("store defect: {0}")]
    Defect(String),
    /// Lost against another transaction; the driver repeats the unit before it gives up with this.
    #[error("transaction lost against another one: {0}")]
    Contended(String),
    /// The unit panicked; nothing of it was stored.
    #[error("unit panicked: {0}")]
    Panicked(String),
}

impl Error {
    /// True where the same unit may succeed later without any change.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::Contended(_))
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Defect(format!("stored JSON: {error}"))
    }
}
