//! Files of messages, fetched later with retries: a message never waits for its picture.

pub mod link;

use std::sync::Arc;
use std::time::Duration;

use everthread_channels::MediaStep;
use everthread_core::content::MediaSource;
use everthread_core::ids::{MediaId, Uid, WorkspaceId};
use everthread_core::limits::{MEDIA_BYTES_MAX, MEDIA_TRIES_MAX};
use everthread_core::time::Span;
use everthread_store::Store;
use everthread_store::read::thread::MediaByUid;
use everthread_store::units::{DueMedia, ForgetMedia, GoneMedia, MediaJob, MediaOutcome, MediaResult};
use futures_util::StreamExt;
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt, path::Path};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::clock;
use crate::effects::Effects;
use crate::http::guard::Guarded;
use crate::http::{Answer, Client};
use crate::mail;
use crate::registry::{Account, Registry};

/// Files fetched at one time.
const AT_ONCE: usize = 4;

/// Files looked at in one round.
const ROUND: u32 = 32;

/// Looks for due files also without being told.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// Requests for one file: id, link, bytes.
const STEPS_MAX: usize = 4;

/// Files of ours, for channels that carry them.
#[derive(Clone)]
pub struct Files {
    pub store: Store,
    pub bytes: Arc<dyn ObjectStore>,
}

impl std::fmt::Debug for Files {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Files")
    }
}

impl Files {
    /// The bytes of a file by its public id.
    pub async fn read(&self, workspace: WorkspaceId, id: &str) -> Result<Vec<u8>, String> {
        let uid = Uid::read(MediaId::PREFIX, id).ok_or("its id is malformed")?;
        let row = self.store.read(MediaByUid { workspace, uid }).await.map_err(|e| e.to_string())?;
        let key = row.and_then(|file| file.storage_key).ok_or("it is not there")?;
        let found = self.bytes.get(&Path::from(key)).await.map_err(|e| e.to_string())?;
        Ok(found.bytes().await.map_err(|e| e.to_string())?.to_vec())
    }
}

/// Where the files of a data folder are.
pub fn folder(data: &std::path::Path) -> std::io::Result<Arc<dyn ObjectStore>> {
    let folder = data.join("media");
    std::fs::create_dir_all(&folder)?;
    Ok(Arc::new(LocalFileSystem::new_with_prefix(&folder).map_err(std::io::Error::other)?))
}

/// Removes all files whose rows are gone. Answers how many.
pub async fn forget(store: &Store, files: &dyn ObjectStore) -> Result<u64, String> {
    let mut count = 0;
    loop {
        let keys = store.read(GoneMedia { limit: ROUND }).await.map_err(|e| e.to_string())?;
        if keys.is_empty() {
            return Ok(count);
        }
        for key in &keys {
            match files.delete(&Path::from(key.as_str())).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => count += 1,
                Err(error) => return Err(error.to_string()),
            }
        }
        store.write(ForgetMedia { keys }).await.map_err(|e| e.to_string())?;
    }
}

/// What the fetcher works with.
#[derive(Clone)]
pub struct Fetcher {
    pub store: Store,
    pub registry: watch::Receiver<Arc<Registry>>,
    pub files: Arc<dyn ObjectStore>,
    /// For files that lie in a mailbox.
    pub client: Client,
    /// Private hosts that the operator allowed.
    pub allowed: Vec<String>,
    pub effects: Effects,
    pub public_url: Arc<str>,
    pub wake: Arc<Notify>,
    pub stop: CancellationToken,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fetcher")
    }
}

impl Fetcher {
    /// Fetches what is due until it is stopped. Trouble with one file touches no other.
    pub async fn run(self) -> Result<(), std::convert::Infallible> {
        loop {
            let jobs = match self.store.read(DueMedia { now: clock::now(), limit: ROUND }).await {
                Ok(jobs) => jobs,
                Err(error) => {
                    tracing::warn!(%error, "files can't be looked up");
                    Vec::new()
                }
            };
            let full = jobs.len() == ROUND as usize;
            self.forget().await;
            let work = futures_util::stream::iter(jobs.into_iter().map(|job| self.fetch(job)));
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = work.buffer_unordered(AT_ONCE).collect::<()>() => {}
            }
            if !full {
                tokio::select! {
                    () = self.stop.cancelled() => return Ok(()),
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(LOOK_AGAIN) => {}
                }
            }
        }
    }

    /// Removes files whose rows are gone. What can't be removed now is tried again in the next round.
    async fn forget(&self) {
        if let Err(error) = forget(&self.store, &*self.files).await {
            tracing::warn!(%error, "files of erased messages can't be removed yet");
        }
    }

    async fn fetch(&self, job: MediaJob) {
        let account = self.registry.borrow().account(job.account).cloned();
        let outcome = match account {
            Some(account) => self.bytes(&account, &job).await,
            None => MediaOutcome::Failed { reason: "the account was removed".into() },
        };
        let result = MediaResult { now: clock::now(), workspace: job.workspace, media: job.id, outcome };
        match self.store.write(result).await {
            Ok(after) => self.effects.committed(after),
            Err(error) => tracing::warn!(%error, media.id = job.id.0, "what came of a file can't be written"),
        }
    }

    /// Asks the provider until there are bytes, and stores them.
    async fn bytes(&self, account: &Account, job: &MediaJob) -> MediaOutcome {
        let source: Option<MediaSource> = job.source.as_deref().and_then(|s| serde_json::from_str(s).ok());
        let Some(source) = source else {
            return MediaOutcome::Failed { reason: "the message does not say where the file is".into() };
        };
        let Ok(client) = Guarded::new(&self.allowed_for(account)) else {
            return again(job, "no client could be made");
        };
        let mut answers: Vec<Answer> = Vec::new();
        for _ in 0..STEPS_MAX {
            let wires: Vec<_> = answers.iter().map(Answer::wire).collect();
            match account.channel.media(&source, &account.view(&self.public_url), &wires) {
                None => return MediaOutcome::Failed { reason: "the channel can't fetch this file".into() },
                Some(MediaStep::Gone(reason)) => return MediaOutcome::Gone { reason },
                Some(MediaStep::Later(reason)) => return again(job, &reason),
                Some(MediaStep::Bytes { mime, bytes }) => {
                    return self.keep(job, bytes, &[("content-type".to_owned(), mime)]).await;
                }
                Some(MediaStep::Ask(request)) if mail::is_mail(&request.url) => {
                    answers.push(self.client.call(&request).await);
                }
                Some(MediaStep::Ask(request)) => {
                    let answer = client.call(&request, 1 << 20).await;
                    if let Some(reason) = trouble(&answer) {
                        return again(job, &reason);
                    }
                    answers.push(answer);
                }
                Some(MediaStep::Fetch(request)) => {
                    let answer = client.call(&request, MEDIA_BYTES_MAX as usize).await;
                    return match answer {
                        Answer::Http { status: 200..=299, body, headers } => {
                            self.keep(job, body, &headers).await
                        }
                        Answer::Http { status: 404 | 410, .. } => {
                            MediaOutcome::Gone { reason: "the platform no longer has the file".into() }
                        }
                        other => {
                            again(job, &trouble(&other).unwrap_or_else(|| "an unexpected answer".into()))
                        }
                    };
                }
            }
        }
        again(job, "the platform kept pointing elsewhere")
    }

    async fn keep(&self, job: &MediaJob, body: Vec<u8>, headers: &[(String, String)]) -> MediaOutcome {
        let size = body.len() as i64;
        let mime = sniff(&body, headers);
        let key = format!("{}/{}", job.workspace.0, job.uid.show(MediaId::PREFIX));
        match self.files.put(&Path::from(key.as_str()), body.into()).await {
            Ok(_) => MediaOutcome::Ready { storage_key: key, mime, size },
            Err(error) => again(job, &format!("it can't be stored: {error}")),
        }
    }

    /// The operator's list, and for simulated accounts or ones with an own `api_base` that very host.
    fn allowed_for(&self, account: &Account) -> Vec<String> {
        let mut allowed = self.allowed.clone();
        let base = account.settings.get("api_base").and_then(|b| reqwest::Url::parse(b).ok());
        if let Some(url) = base
            && let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default())
        {
            allowed.push(format!("{host}:{port}"));
        }
        allowed
    }
}

/// The type by the bytes themselves; never a page or script; text only where the provider says text and there is no zero byte.
fn sniff(body: &[u8], headers: &[(String, String)]) -> String {
    if let Some(kind) = infer::get(body).filter(|kind| kind.matcher_type() != infer::MatcherType::Text) {
        return kind.mime_type().to_owned();
    }
    let said = headers.iter().find(|(n, _)| n == "content-type").map_or("", |(_, v)| v.as_str());
    let plain = said.starts_with("text/plain") && !body.contains(&0);
    if plain { "text/plain".to_owned() } else { "application/octet-stream".to_owned() }
}

fn trouble(answer: &Answer) -> Option<String> {
    match answer {
        Answer::Http { status: 200..=299, .. } => None,
        Answer::Http { status, .. } => Some(format!("the platform answered {status}")),
        Answer::NotSent { error } | Answer::NoAnswer { error } => Some(error.clone()),
    }
}

/// Again later (doubling from 2 s to 4 h), until the tries are used up.
fn again(job: &MediaJob, reason: &str) -> MediaOutcome {
    if job.tries + 1 >= MEDIA_TRIES_MAX {
        return MediaOutcome::Failed { reason: format!("given up after {} tries: {reason}", job.tries + 1) };
    }
    let wait = Span::secs(2_i64 << job.tries.min(12)).min(Span::hours(4));
    MediaOutcome::Retry { at: clock::now() + wait, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_bytes() {
        let html = [("content-type".to_owned(), "image/png".to_owned())];
        assert_eq!(sniff(b"\x89PNG\r\n\x1a\n____", &[]), "image/png");
        assert_eq!(sniff(b"<script>alert(1)</script>", &html), "application/octet-stream");
        assert_eq!(
            sniff(b"hello", &[("content-type".into(), "text/plain; charset=utf-8".into())]),
            "text/plain"
        );
    }
}
