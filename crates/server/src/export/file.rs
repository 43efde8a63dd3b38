//! Files that live no longer than their handle.

use std::fs::{File, OpenOptions};
use std::io::{Error, Seek};
use std::os::unix::fs::OpenOptionsExt;

use axum::body::{Body, Bytes};
use futures_util::stream;
use tokio::io::AsyncReadExt;

/// Bytes read at once.
const CHUNK: usize = 64 * 1024;

/// A file without a name, readable by nobody else.
pub(super) fn anonymous() -> Result<File, Error> {
    let path = std::env::temp_dir().join(format!("everthread-{}.xlsx", uuid::Uuid::new_v4().simple()));
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}

/// The file from its beginning as an HTTP body.
pub(super) fn body(mut file: File) -> Result<Body, Error> {
    file.rewind()?;
    let file = tokio::fs::File::from_std(file);
    let chunks = stream::try_unfold(file, |mut file| async move {
        let mut chunk = vec![0; CHUNK];
        let count = file.read(&mut chunk).await?;
        chunk.truncate(count);
        Ok::<_, Error>((count > 0).then(|| (Bytes::from(chunk), file)))
    });
    Ok(Body::from_stream(chunks))
}
