//! Retention by age: what each workspace asks for, carried out in small pieces.

use everthread_core::ids::WorkspaceId;
use everthread_core::limits::{
    RETENTION_DAYS_MAX, RETENTION_DAYS_MIN, RETENTION_MESSAGES, RETENTION_PAUSE, RETENTION_UNITS,
};
use everthread_core::time::{Span, Timestamp};
use everthread_store::read::hub::HubWorkspace;
use everthread_store::units::{CountOld, OldRemoved, RemoveOld, RestartFeed, SetRetention};
use everthread_store::{Result, Store};

use crate::hub::Hub;

/// Conversations counted at most for a person who is about to decide.
pub const COUNTED_MAX: u32 = 1_000;

/// What is older than this goes.
fn before(now: Timestamp, days: u32) -> Timestamp {
    now - span(days)
}

fn span(days: u32) -> Span {
    Span::hours(24 * i64::from(days))
}

/// Why an age can't be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an age must lie between {RETENTION_DAYS_MIN} and {RETENTION_DAYS_MAX} days")]
pub struct OutOfRange;

/// Checks an age in days.
pub fn check(days: u32) -> Result<(), OutOfRange> {
    if (RETENTION_DAYS_MIN..=RETENTION_DAYS_MAX).contains(&days) { Ok(()) } else { Err(OutOfRange) }
}

/// How many conversations an age of so many days would remove now, [`COUNTED_MAX`] at most.
pub async fn count(store: &Store, workspace: WorkspaceId, now: Timestamp, days: u32) -> Result<u64> {
    store.read(CountOld { workspace, before: before(now, days), limit: COUNTED_MAX }).await
}

/// Sets the age of a workspace, known to be in range; `None` keeps everything. Takes effect within a minute.
pub async fn set(hub: &Hub, store: &Store, workspace: WorkspaceId, days: Option<u32>) -> Result<()> {
    store.write(SetRetention { workspace, days }).await?;
    hub.reload().await
}

/// Removes what is old, no more than [`RETENTION_UNITS`] units for each workspace: the rest goes with the next pass.
/// Answers what was removed. A store that is away is asked again at the next pass.
pub async fn pass(store: &Store, workspaces: &[HubWorkspace], now: Timestamp) -> OldRemoved {
    let mut total = OldRemoved::default();
    for workspace in workspaces {
        let Some(days) = workspace.retention_days else { continue };
        match of_workspace(store, workspace.id, before(now, days)).await {
            Ok(removed) => total += removed,
            Err(error) => {
                tracing::warn!(workspace.id = workspace.id.0, %error, "what is old can't be removed now; tried again in a minute");
            }
        }
    }
    total
}

async fn of_workspace(store: &Store, workspace: WorkspaceId, before: Timestamp) -> Result<OldRemoved> {
    let mut total = OldRemoved::default();
    for _ in 0..RETENTION_UNITS {
        let removed = store.write(RemoveOld { workspace, before, limit: RETENTION_MESSAGES }).await?;
        total += removed;
        // The last unit knows.
        total.more = removed.more;
        if !total.more {
            break;
        }
    }
    if total.messages + total.conversations > 0 {
        // Streams look at the feed by themselves.
        store.write(RestartFeed { workspace }).await?;
        tracing::info!(
            workspace.id = workspace.0,
            conversations = total.conversations,
            messages = total.messages,
            "closed conversations past their age were removed"
        );
    }
    Ok(total)
}

/// The shortest age that a workspace asks for: the raw journal is everybody's and is kept no longer.
pub fn shortest(workspaces: &[HubWorkspace]) -> Option<Span> {
    workspaces.iter().filter_map(|workspace| workspace.retention_days).min().map(span)
}

/// Whether the clock can be trusted with removals: one that jumped may be wrong by years, so nothing is removed for a day
/// of uptime after it, in which people see the warning.
#[derive(Debug, Default)]
pub struct Trust {
    /// Uptime at which removals go on.
    until: Option<Span>,
}

impl Trust {
    /// Takes a look: `jumped` since the last one, at this uptime. True where old things may be removed.
    pub fn look(&mut self, jumped: bool, uptime: Span) -> bool {
        if jumped {
            self.until = Some(uptime + RETENTION_PAUSE);
        }
        self.until.is_none_or(|until| uptime >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumped_removes_nothing_for_a_day() {
        let mut trust = Trust::default();
        let hour = Span::hours;
        for (jumped, at, trusted) in [
            (false, 0, true),
            (true, 1, false),
            (false, 24, false),
            (false, 25, true),
            (true, 26, false),
            (true, 49, false),
            (false, 72, false),
            (false, 73, true),
        ] {
            assert_eq!(trust.look(jumped, hour(at)), trusted, "after {at} h");
        }
    }

    #[test]
    fn the_journal_follows_the_shortest_age() {
        let of = |days: &[Option<u32>]| {
            let all: Vec<HubWorkspace> = days
                .iter()
                .map(|days| HubWorkspace {
                    id: WorkspaceId(1),
                    uid: everthread_core::ids::UidSource::new(1).next(Timestamp::default()),
                    name: String::new(),
                    slug: String::new(),
                    retention_days: *days,
                })
                .collect();
            shortest(&all)
        };
        assert_eq!(of(&[None, None]), None);
        assert_eq!(of(&[None, Some(400), Some(30)]), Some(Span::hours(30 * 24)));
    }
}
