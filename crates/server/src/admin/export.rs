//! `everthread export`.

use std::io::Write;

use everthread_core::ids::WorkspaceId;

use super::execute::Sink;
use super::{Admin, Failure};
use crate::export::{Format, Source, What, write};

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
    let from = Source { store: admin.store.clone(), registry: admin.hub.registry().borrow().clone() };
    let runtime = tokio::runtime::Handle::current();
    // On a thread of its own: callers empty the sink in the task that waits for this, and a full one would stop both.
    let work = move || {
        let mut out = Pipe { sink, runtime: runtime.clone(), buffer: Vec::with_capacity(CHUNK) };
        runtime.block_on(write(from, workspace, what, format, &mut out)).map_err(Failure::from_display)?;
        out.flush().map_err(Failure::from_display)
    };
    tokio::task::spawn_blocking(work).await.map_err(Failure::from_display)?
}

/// A writer into the sink. It blocks its thread while the reader is slow.
struct Pipe {
    sink: Sink,
    runtime: tokio::runtime::Handle,
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
        let sent = tokio::task::block_in_place(|| self.runtime.block_on(sink.send(bytes)));
        sent.map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }
}
