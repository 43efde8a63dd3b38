//! Everything of one kind, written out: `everthread export` and `GET /api/v1/export/{what}`.
//!
//! Rows are read in pages that follow the internal id and written as they come: memory holds one page, whatever the size
//! of the workspace.

mod cells;
mod contact;
mod file;
mod incidents;
mod messages;
mod rows;

use std::sync::Arc;

use axum::body::{Body, Bytes};
use everthread_core::ids::WorkspaceId;
use everthread_store::Store;
use everthread_store::read::export::{
    After, ExportAttempts, ExportContacts, ExportConversations, ExportLeads, ExportMessages, ExportProblems,
};
use futures_util::stream;

pub use cells::Row;
pub use contact::contact;

use crate::registry::Registry;

/// Rows read at once: a few milliseconds of a reader, and at most some megabytes.
const PAGE_ROWS: u32 = 500;

/// What can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Messages,
    Conversations,
    Contacts,
    Leads,
    Attempts,
    Incidents,
    Problems,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Messages,
        Self::Conversations,
        Self::Contacts,
        Self::Leads,
        Self::Attempts,
        Self::Incidents,
        Self::Problems,
    ];

    /// The word in addresses and commands.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Messages => "messages",
            Self::Conversations => "conversations",
            Self::Contacts => "contacts",
            Self::Leads => "leads",
            Self::Attempts => "attempts",
            Self::Incidents => "incidents",
            Self::Problems => "problems",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|what| what.as_str() == text)
    }

    /// Names of its columns, in order. Scripts rely on them.
    pub const fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Messages => messages::COLUMNS,
            Self::Conversations => rows::CONVERSATIONS,
            Self::Contacts => rows::CONTACTS,
            Self::Leads => rows::LEADS,
            Self::Attempts => rows::ATTEMPTS,
            Self::Incidents => incidents::COLUMNS,
            Self::Problems => rows::PROBLEMS,
        }
    }
}

/// In which form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON object per line.
    #[default]
    Jsonl,
    /// RFC 4180, with column names.
    Csv,
    /// A workbook.
    Xlsx,
}

impl Format {
    /// The word in addresses and commands, and the ending of files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Jsonl, Self::Csv, Self::Xlsx].into_iter().find(|format| format.as_str() == text)
    }

    /// The content type.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jsonl => "application/jsonl",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

/// Why an export ended early.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] everthread_store::Error),
    #[error("writing failed: {0}")]
    Write(#[from] std::io::Error),
    #[error("the workbook could not be written: {0}")]
    Sheet(#[from] rust_xlsxwriter::XlsxError),
}

/// What is read.
#[derive(Clone)]
pub struct Source {
    pub store: Store,
    /// Names, and which incidents reach a workspace.
    pub registry: Arc<Registry>,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Source")
    }
}

/// Reads everything of one kind, page by page.
pub struct Pages {
    from: Source,
    workspace: WorkspaceId,
    what: What,
    /// Internal id of the last row read; none at the end.
    after: Option<i64>,
}

impl Pages {
    /// From the first row on.
    pub fn new(from: Source, workspace: WorkspaceId, what: What) -> Self {
        Self { from, workspace, what, after: Some(0) }
    }

    /// The next rows; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Row>>, everthread_store::Error> {
        let Some(id) = self.after else { return Ok(None) };
        let after = After { workspace: self.workspace, id, limit: PAGE_ROWS };
        let store = &self.from.store;
        let (rows, last) = match self.what {
            What::Messages => {
                shown(store.read(ExportMessages(after)).await?, |row| row.0.id.0, messages::row)
            }
            What::Conversations => {
                shown(store.read(ExportConversations(after)).await?, |row| row.id.0, rows::conversation)
            }
            What::Contacts => {
                shown(store.read(ExportContacts(after)).await?, |row| row.0.id.0, rows::contact)
            }
            What::Leads => shown(store.read(ExportLeads(after)).await?, |row| row.id, rows::lead),
            What::Attempts => shown(store.read(ExportAttempts(after)).await?, |row| row.id, rows::attempt),
            What::Incidents => {
                // Few, and hub-wide: those of other workspaces are left out, so a page may be short without being the last.
                let rows = incidents::all(&self.from, self.workspace).await?;
                (rows, None)
            }
            What::Problems => shown(store.read(ExportProblems(after)).await?, |row| row.id.0, rows::problem),
        };
        self.after = last.filter(|_| rows.len() == PAGE_ROWS as usize);
        Ok(Some(rows).filter(|rows| !rows.is_empty()))
    }
}

fn shown<R>(page: Vec<R>, id: impl Fn(&R) -> i64, show: impl Fn(R) -> Row) -> (Vec<Row>, Option<i64>) {
    let last = page.last().map(id);
    (page.into_iter().map(show).collect(), last)
}

/// Writes everything of one kind to `out`.
pub async fn write(
    from: Source,
    workspace: WorkspaceId,
    what: What,
    format: Format,
    out: &mut (impl std::io::Write + Send),
) -> Result<(), Error> {
    let mut pages = Pages::new(from, workspace, what);
    if format == Format::Xlsx {
        let mut sheet = cells::Sheet::new(what.as_str(), what.columns())?;
        while let Some(rows) = pages.next().await? {
            sheet.push(&rows)?;
        }
        return Ok(sheet.finish(out)?);
    }
    if format == Format::Csv {
        cells::csv_head(out, what.columns())?;
    }
    while let Some(rows) = pages.next().await? {
        encode(out, what, format, &rows)?;
    }
    out.flush()?;
    Ok(())
}

fn encode(out: &mut impl std::io::Write, what: What, format: Format, rows: &[Row]) -> std::io::Result<()> {
    match format {
        Format::Csv => cells::csv_rows(out, rows),
        Format::Jsonl | Format::Xlsx => cells::jsonl(out, what.columns(), rows),
    }
}

/// An HTTP body of everything of one kind. A failure on the way breaks the transfer, so that nobody takes a part for the
/// whole.
pub async fn body(
    from: Source,
    workspace: WorkspaceId,
    what: What,
    format: Format,
) -> Result<Body, crate::api::error::ApiError> {
    if format == Format::Xlsx {
        let file = file::anonymous().map_err(crate::api::error::ApiError::internal)?;
        let mut out = file.try_clone().map_err(crate::api::error::ApiError::internal)?;
        write(from, workspace, what, format, &mut out)
            .await
            .map_err(crate::api::error::ApiError::internal)?;
        return file::body(file).map_err(crate::api::error::ApiError::internal);
    }
    let pages = Pages::new(from, workspace, what);
    let head = format == Format::Csv;
    let chunks = stream::try_unfold((pages, head), move |(mut pages, head)| async move {
        let mut out = Vec::new();
        if head {
            cells::csv_head(&mut out, what.columns())?;
        }
        match pages.next().await? {
            Some(rows) => encode(&mut out, what, format, &rows)?,
            None if out.is_empty() => return Ok::<_, Error>(None),
            None => {}
        }
        Ok(Some((Bytes::from(out), (pages, false))))
    });
    Ok(Body::from_stream(chunks))
}
