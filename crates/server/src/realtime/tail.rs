//! The one task that reads new changes.

use std::sync::Arc;
use std::time::Duration;

use everthread_core::ids::WorkspaceId;
use everthread_store::read::changes::{ChangesAfter, ChangesOut};
use tokio_util::sync::CancellationToken;

use super::{BATCH, Realtime, Sent};

/// How often the table is looked at when nobody says that something was written (another process may have).
pub const POLL: Duration = Duration::from_millis(500);

/// After a look, the next one waits this long: a flood of wakes costs at most so many reads.
const PAUSE: Duration = Duration::from_millis(15);

impl Realtime {
    /// Reads and fans out until `stop`. A store that is away is asked again at the next poll.
    pub async fn run(self, stop: CancellationToken) -> Result<(), std::convert::Infallible> {
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.0.wake.notified() => {},
                () = tokio::time::sleep(POLL) => {},
            }
            for (workspace, newest) in self.heard_workspaces() {
                if let Err(error) = self.forward(workspace, newest).await {
                    tracing::warn!(workspace.id = workspace.0, error = %error, "changes could not be read");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Workspaces that somebody listens to; forgets the others.
    fn heard_workspaces(&self) -> Vec<(WorkspaceId, i64)> {
        let mut channels = self.channels();
        channels.retain(|_, channel| channel.sender.receiver_count() > 0);
        channels.iter().map(|(workspace, channel)| (*workspace, channel.newest)).collect()
    }

    async fn forward(&self, workspace: WorkspaceId, mut newest: i64) -> everthread_store::Result<()> {
        loop {
            let unit = ChangesAfter { workspace, after: newest, limit: BATCH };
            let (sent, more) = match self.0.store.read(unit).await? {
                ChangesOut::Rows(rows) => {
                    let Some(last) = rows.last() else { return Ok(()) };
                    newest = last.number;
                    let more = rows.len() == BATCH as usize;
                    (Sent::Changes(Arc::new(rows)), more)
                }
                ChangesOut::TooOld(number) => {
                    newest = number;
                    (Sent::Reset(number), false)
                }
            };
            if let Some(channel) = self.channels().get_mut(&workspace) {
                channel.newest = newest;
                // Nobody left to hear it is no error.
                channel.sender.send(sent).ok();
            }
            if !more {
                return Ok(());
            }
        }
    }
}
