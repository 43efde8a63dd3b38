//! Files of messages: fetched later, by the hub, with retries.

use everthread_core::ids::{AccountId, MediaId, Uid, UidSource, WorkspaceId};
use everthread_core::time::Timestamp;

use super::After;
use crate::{Db, Result, Unit, row_struct, sql, vals};

row_struct! {
    /// A file to fetch.
    #[derive(Clone, Debug)]
    pub struct MediaJob {
        pub id: MediaId,
        pub uid: Uid,
        pub workspace: WorkspaceId,
        pub account: AccountId,
        /// JSON of `core::content::MediaSource`.
        pub source: Option<String>,
        pub name: Option<String>,
        pub tries: u32,
    }
}

/// Files whose turn it is, oldest first.
#[derive(Clone, Debug)]
pub struct DueMedia {
    pub now: Timestamp,
    pub limit: u32,
}

impl Unit for DueMedia {
    type Out = Vec<MediaJob>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<MediaJob>> {
        db.rows(
            sql!(
                "SELECT id, uid, workspace_id, account_id, source, name, tries FROM media
                 WHERE state = 'pending' AND next_at IS NOT NULL AND next_at <= ?1 AND account_id IS NOT NULL
                 ORDER BY next_at, id LIMIT ?2"
            ),
            &vals![self.now, i64::from(self.limit)],
        )
        .await
    }
}

/// What came of fetching a file.
#[derive(Clone, Debug)]
pub enum MediaOutcome {
    /// In the media store.
    Ready { storage_key: String, mime: String, size: i64 },
    /// Try again then.
    Retry { at: Timestamp, reason: String },
    /// Given up.
    Failed { reason: String },
    /// The provider says that it is no more.
    Gone { reason: String },
}

/// Writes what came of fetching a file.
#[derive(Clone, Debug)]
pub struct MediaResult {
    pub now: Timestamp,
    pub workspace: WorkspaceId,
    pub media: MediaId,
    pub outcome: MediaOutcome,
}

impl Unit for MediaResult {
    type Out = After;

    async fn run<D: Db>(&self, db: &mut D) -> Result<After> {
        db.lock(&[self.workspace]).await?;
        let (state, key, mime, size, next, reason) = match &self.outcome {
            MediaOutcome::Ready { storage_key, mime, size } => {
                ("ready", Some(storage_key.as_str()), Some(mime.as_str()), Some(*size), None, None)
            }
            MediaOutcome::Retry { at, reason } => {
                ("pending", None, None, None, Some(*at), Some(reason.as_str()))
            }
            MediaOutcome::Failed { reason } => ("failed", None, None, None, None, Some(reason.as_str())),
            MediaOutcome::Gone { reason } => ("gone", None, None, None, None, Some(reason.as_str())),
        };
        let known = db.exec(
            sql!(
                "UPDATE media SET state = ?3, storage_key = coalesce(?4, storage_key), mime = coalesce(?5, mime),
                        size = coalesce(?6, size), next_at = ?7, reason = ?8, tries = tries + 1
                 WHERE id = ?1 AND workspace_id = ?2"
            ),
            &vals![self.media, self.workspace, state, key, mime, size, next, reason],
        )
        .await?;
        // Erased while it was fetched.
        if let Some(key) = key.filter(|_| known == 0) {
            db.exec(
                sql!("INSERT INTO media_gone (storage_key, at) VALUES (?1, ?2) ON CONFLICT DO NOTHING"),
                &vals![key, self.now],
            )
            .await?;
        }
        self.note(db).await
    }
}

impl MediaResult {
    /// The feed line of the message that the file belongs to.
    async fn note<D: Db>(&self, db: &mut D) -> Result<After> {
        let row: Option<(Uid, Uid)> = db
            .row(
                sql!(
                    "SELECT m.uid, c.uid FROM media f JOIN messages m ON m.id = f.message_id
                     JOIN conversations c ON c.id = m.conversation_id WHERE f.id = ?1"
                ),
                &vals![self.media],
            )
            .await?;
        let Some((message, conversation)) = row else { return Ok(After::default()) };
        let (number,): (i64,) = db
            .one(
                "workspace",
                sql!("UPDATE workspaces SET change_seq = change_seq + 1 WHERE id = ?1 RETURNING change_seq"),
                &vals![self.workspace],
            )
            .await?;
        db.exec(
            sql!(
                "INSERT INTO changes (workspace_id, number, kind, uid, conversation_uid, at)
                 VALUES (?1, ?2, 'message', ?3, ?4, ?5)"
            ),
            &vals![self.workspace, number, message, conversation, self.now],
        )
        .await?;
        Ok(After { changes: vec![(self.workspace, number)], ..After::default() })
    }
}

/// Objects whose rows are gone, for the shell to remove.
#[derive(Clone, Copy, Debug)]
pub struct GoneMedia {
    pub limit: u32,
}

impl Unit for GoneMedia {
    type Out = Vec<String>;

    async fn run<D: Db>(&self, db: &mut D) -> Result<Vec<String>> {
        let rows: Vec<(String,)> = db
            .rows(
                sql!("SELECT storage_key FROM media_gone ORDER BY storage_key LIMIT ?1"),
                &vals![i64::from(self.limit)],
            )
            .await?;
        Ok(rows.into_iter().map(|(key,)| key).collect())
    }
}

/// Forgets objects that were removed.
#[derive(Clone, Debug)]
pub struct ForgetMedia {
    pub keys: Vec<String>,
}

impl Unit for ForgetMedia {
    type Out = ();

    async fn run<D: Db>(&self, db: &mut D) -> Result<()> {
        let sets: Vec<[crate::Val<'_>; 1]> = self.keys.iter().map(|key| vals![key.as_str()]).collect();
        db.exec_all(sql!("DELETE FROM media_gone WHERE storage_key = ?1"), &sets).await?;
        Ok(())
    }
}

/// A file that somebody here uploaded, not yet part of a message.
#[derive(Clone, Debug)]
pub struct AddUpload {
    pub now: Timestamp,
    pub seed: u64,
    pub workspace: WorkspaceId,
    /// `core::content::AttachmentKind` as its stable word.
    pub kind: String,
    pub mime: String,
    pub name: Option<String>,
    pub size: i64,
    pub storage_key: String,
}

impl Unit for AddUpload {
    type Out = (MediaId, Uid);

    async fn run<D: Db>(&self, db: &mut D) -> Result<Self::Out> {
        let id = MediaId(db.ids(1).await?);
        let uid = UidSource::new(self.seed).next(self.now);
        db.exec(
            sql!(
                "INSERT INTO media (id, uid, workspace_id, idx, kind, mime, name, size, state, storage_key, created_at)
                 VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, 'ready', ?8, ?9)"
            ),
            &vals![
                id,
                uid,
                self.workspace,
                self.kind.as_str(),
                self.mime.as_str(),
                self.name.as_deref(),
                self.size,
                self.storage_key.as_str(),
                self.now
            ],
        )
        .await?;
        Ok((id, uid))
    }
}
