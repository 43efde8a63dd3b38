//! The socket's wire form: a request as one JSON line; the answer as frames of a kind byte, a length of four bytes
//! (big-endian) and a payload. `o` is output, `e` an error's text, `.` the end.

use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use super::{Admin, Failure, Request, execute};
use crate::supervisor::{Supervisor, TaskKind};

/// A request longer than this is refused; secrets and names are short.
const REQUEST_BYTES_MAX: u64 = 1 << 20;

/// Name of the socket inside the data folder.
const NAME: &str = "admin.sock";

/// Opens the socket. Only the owner of the data folder can connect (mode 0600).
pub fn bind(data: &Path) -> Result<UnixListener, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let path = data.join(NAME);
    let _ = std::fs::remove_file(&path);
    let listener =
        UnixListener::bind(&path).map_err(|e| Failure(format!("{} can't be opened: {e}", path.display())))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(Failure::from_display)?;
    Ok(listener)
}

/// Answers commands until the hub stops.
pub async fn serve(admin: Arc<Admin>, listener: UnixListener, supervisor: Supervisor) -> Result<(), Failure> {
    let stop = supervisor.stopping();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted.map_err(Failure::from_display)?.0,
        };
        let admin = Arc::clone(&admin);
        supervisor.spawn(TaskKind::AdminSocket, async move { answer(&admin, stream).await });
    }
    let _ = std::fs::remove_file(admin.config.data.join(NAME));
    Ok(())
}

async fn answer(admin: &Admin, stream: UnixStream) -> Result<(), std::io::Error> {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    BufReader::new(read.take(REQUEST_BYTES_MAX)).read_line(&mut line).await?;
    let done = match serde_json::from_str::<Request>(&line) {
        Ok(request) => {
            let (sink, mut output) = tokio::sync::mpsc::channel::<Vec<u8>>(8);
            let work = execute(admin, request, sink);
            let forward = async {
                while let Some(bytes) = output.recv().await {
                    frame(&mut write, b'o', &bytes).await?;
                }
                Ok::<_, std::io::Error>(())
            };
            let (done, sent) = tokio::join!(work, forward);
            sent?;
            done
        }
        Err(e) => Err(Failure(format!(
            "the running hub does not know this command ({e}); is it of another version?"
        ))),
    };
    if let Err(failure) = done {
        frame(&mut write, b'e', failure.0.as_bytes()).await?;
    }
    frame(&mut write, b'.', b"").await
}

async fn frame(write: &mut (impl AsyncWrite + Unpin), kind: u8, payload: &[u8]) -> std::io::Result<()> {
    write.write_u8(kind).await?;
    write.write_u32(u32::try_from(payload.len()).unwrap_or(u32::MAX)).await?;
    write.write_all(payload).await
}

/// Sends a command to the running hub and copies its output to `out`.
pub async fn ask(
    data: &Path,
    request: &Request,
    out: &mut (impl std::io::Write + Send),
) -> Result<(), Failure> {
    let path = data.join(NAME);
    let stream = UnixStream::connect(&path).await.map_err(|e| {
        Failure(format!(
            "another process uses {} but does not answer on {NAME} ({e}); is it still starting?",
            data.display()
        ))
    })?;
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_vec(request).map_err(Failure::from_display)?;
    line.push(b'\n');
    write.write_all(&line).await.map_err(Failure::from_display)?;
    let mut read = BufReader::new(read);
    let mut failure = None;
    loop {
        let kind = read
            .read_u8()
            .await
            .map_err(|_| Failure("the hub closed the connection early; look at its log".into()))?;
        let length = read.read_u32().await.map_err(Failure::from_display)?;
        let mut payload = vec![0; length as usize];
        read.read_exact(&mut payload).await.map_err(Failure::from_display)?;
        match kind {
            b'o' => out.write_all(&payload).map_err(Failure::from_display)?,
            b'e' => failure = Some(Failure(String::from_utf8_lossy(&payload).into_owned())),
            _ => return failure.map_or(Ok(()), Err),
        }
    }
}
