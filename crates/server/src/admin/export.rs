//! `everthread export`.

use std::io::Write;

use everthread_core::ids::WorkspaceId;

use super::execute::Sink;
use super::{Admin, Failure};
use crate::export::{Format, What, write};

/// Bytes gathered before they are passed on.
const CHUNK: usize = 64 * 1024;

pub(super) async fn run(
    admin: &Admin,
    workspace: WorkspaceId,
    what: &str,
    format: &str,
    sink: Sink,
) -> Result<(), Failure> {
    let what = What::parse(what).ok_or_else(|| Failure(format!("{what:?} can't be exported")))?;
    let format = Format::parse(format).ok_or_else(|| Failure(format!("{format:?} is no format")))?;
    let mut out = Pipe { sink, buffer: Vec::with_capacity(CHUNK) };
    write(admin.store.clone(), workspace, what, format, &mut out).await.map_err(Failure::from_display)?;
    out.flush().map_err(Failure::from_display)
}

/// A writer into the sink. It blocks its thread while the reader is slow, and leaves the others alone.
struct Pipe {
    sink: Sink,
    buffer: Vec<u8>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        let sink = self.sink.clone();
        let sent =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(sink.send(bytes)));
        sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }
}
