//! Commands that touch the data work with the hub running or stopped: `serve` holds a lock on the data folder and
//! answers on `DIR/admin.sock`; where nobody holds the lock, the command takes it and does the same work itself.

pub mod accounts;
mod backup;
mod contact;
mod doctor;
mod erase;
mod execute;
mod export;
mod incidents;
mod problems;
mod replay;
mod retention;
mod socket;
mod webhooks;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use backup::restore;
pub use execute::{Admin, execute, open_store};
pub use socket::{ask, bind, serve};

/// One command, as it goes over the socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    WorkspaceAdd {
        name: String,
    },
    WorkspaceList,
    WorkspaceRetention {
        name: String,
        /// None: only show it.
        wanted: Option<Keep>,
        yes: bool,
    },
    WorkspaceRemove {
        name: String,
    },
    AccountAdd {
        workspace: Option<String>,
        channel: String,
        name: String,
        settings: everthread_core::account::Settings,
        secrets: everthread_core::account::Secrets,
    },
    AccountSet {
        workspace: Option<String>,
        id: String,
        name: Option<String>,
        settings: everthread_core::account::Settings,
        secrets: everthread_core::account::Secrets,
    },
    AccountList {
        workspace: Option<String>,
    },
    AccountShow {
        workspace: Option<String>,
        id: String,
    },
    AccountRemove {
        workspace: Option<String>,
        id: String,
    },
    AccountDoctor {
        workspace: Option<String>,
        id: Option<String>,
    },
    Export {
        workspace: Option<String>,
        what: String,
        format: String,
    },
    UserAdd {
        workspace: Option<String>,
        email: String,
        name: Option<String>,
        role: String,
    },
    UserReset {
        workspace: Option<String>,
        email: String,
    },
    WebhookAdd {
        workspace: Option<String>,
        name: String,
        url: String,
    },
    WebhookList {
        workspace: Option<String>,
    },
    WebhookRemove {
        workspace: Option<String>,
        id: String,
    },
    Health {
        workspace: Option<String>,
        json: bool,
    },
    IncidentList {
        workspace: Option<String>,
        open: bool,
    },
    IncidentShow {
        workspace: Option<String>,
        id: String,
    },
    IncidentDeclare {
        workspace: Option<String>,
        declaration: crate::api::v1::incidents::declare::Declaration,
    },
    IncidentDismiss {
        workspace: Option<String>,
        id: String,
    },
    Backup {
        file: std::path::PathBuf,
        passphrase: String,
    },
    ContactExport {
        workspace: Option<String>,
        id: String,
    },
    ContactErase {
        workspace: Option<String>,
        id: String,
    },
    SandboxClear,
    Replay {
        from_micros: Option<i64>,
    },
}

/// How long closed conversations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    Forever,
    Days(u32),
}

/// Why a command failed: what was wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(pub String);

impl Failure {
    /// From anything that can say what is wrong.
    pub fn from_display(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A file of this name stands in a data folder while a backup is brought back into it.
const UNFINISHED: &str = "restoring";

/// Exclusive use of a data folder while it lives.
#[derive(Debug)]
pub struct FolderLock {
    _file: std::fs::File,
}

/// Takes the lock of the folder (made where it is missing). `Ok(None)` where another process holds it.
pub fn lock(data: &Path) -> std::io::Result<Option<FolderLock>> {
    std::fs::create_dir_all(data)?;
    let file =
        std::fs::OpenOptions::new().create(true).truncate(false).write(true).open(data.join("lock"))?;
    match file.try_lock() {
        Ok(()) if data.join(UNFINISHED).exists() => Err(std::io::Error::other(
            "it holds a restore that did not finish; empty it (and the database, where that is PostgreSQL) and restore again",
        )),
        Ok(()) => Ok(Some(FolderLock { _file: file })),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(e)) => Err(e),
    }
}
