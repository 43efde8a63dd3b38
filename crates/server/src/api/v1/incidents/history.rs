//! What was read back after an incident, and where messages may be missing for good.

use everthread_core::ids::{AccountId, ConversationId, IncidentId, WorkspaceId};
use everthread_store::Store;
use everthread_store::read::history::{
    IncidentGaps, IncidentReadings, ReadingRow, UnreadThread, UnreadThreads,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::OTHERS;
use crate::api::error::ApiError;
use crate::api::model::{time, time_opt};
use crate::registry::Registry;

/// Conversations named of which something was left: more than a person looks through.
const LEFT_MAX: u32 = 100;

/// One account read back.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadBack {
    /// The account's name.
    pub account: String,
    pub channel: Option<String>,
    /// `reading`, `waiting` (goes on at `next_at`) or `done`
    pub state: String,
    /// Nothing was left unread.
    pub complete: bool,
    /// The whole in one sentence: "complete: platform 412, we 412; 7 came in by this, 405 were known".
    pub text: String,
    /// Messages from then on were looked at.
    pub since: String,
    pub started_at: String,
    pub finished_at: Option<String>,
    pub next_at: Option<String>,
    /// Readings so far.
    pub tries: u32,
    /// Why the last one could not go on.
    pub reason: Option<String>,
    pub conversations: i64,
    /// Messages that the platform holds of the time.
    pub platform: u64,
    /// Of those, the ones that we had.
    pub known: u64,
    /// Those that came in by this.
    pub added: u64,
    /// Those that the platform names and does not hand out.
    pub unreadable: u64,
    /// Those of which nobody can say whether we have them; none of them was inserted.
    pub ambiguous: u64,
    /// Conversations that could not be read, or not yet.
    pub unread_conversations: u64,
    /// Where something was left, the last touched first; at most a hundred.
    pub left: Vec<LeftUnread>,
}

/// A conversation of which something was left unread.
#[derive(Debug, Serialize, ToSchema)]
pub struct LeftUnread {
    /// The customer's name, or address there.
    pub customer: String,
    /// `conv_...`, where we know the customer.
    pub conversation_id: Option<String>,
    pub unreadable: i64,
    pub ambiguous: i64,
    pub reason: Option<String>,
}

/// What may be missing on an account whose platform can't be read back.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    /// The account's name.
    pub account: String,
    pub channel: Option<String>,
    pub since: String,
    pub until: String,
    /// Conversations that carry a mark.
    pub conversations: i64,
}

/// Both for one workspace.
pub(super) async fn of(
    (store, registry): (&Store, &Registry),
    workspace: WorkspaceId,
    incident: IncidentId,
) -> Result<(Vec<ReadBack>, Vec<Gap>), ApiError> {
    let readings = store.read(IncidentReadings { workspace, incident }).await?;
    let left = store.read(UnreadThreads { workspace, incident, limit: LEFT_MAX }).await?;
    let gaps = store.read(IncidentGaps { workspace, incident }).await?;
    let named = |id: AccountId| {
        let account = registry.account(id).filter(|account| account.workspace == workspace);
        let name = account.map_or_else(|| OTHERS.to_owned(), |account| account.name.clone());
        (name, account.map(|account| account.channel.spec().name.to_owned()))
    };
    let readings = readings.into_iter().map(|row| read_back(&row, named(row.account), &left)).collect();
    let gaps = gaps.into_iter().map(|gap| {
        let (account, channel) = named(gap.account);
        let (since, until) = (time(gap.since), time(gap.until));
        Gap { account, channel, since, until, conversations: gap.conversations }
    });
    Ok((readings, gaps.collect()))
}

fn read_back(
    row: &ReadingRow,
    (account, channel): (String, Option<String>),
    left: &[UnreadThread],
) -> ReadBack {
    let tally = row.tally();
    let state = match (row.due_at, row.tries) {
        (None, _) => "done",
        (Some(_), 0) => "reading",
        (Some(_), _) => "waiting",
    };
    ReadBack {
        account,
        channel,
        state: state.to_owned(),
        complete: row.due_at.is_none() && row.listed && tally.complete(),
        text: tally.sentence(row.listed),
        since: time(row.since),
        started_at: time(row.started_at),
        finished_at: time_opt(row.finished_at),
        next_at: time_opt(row.due_at.filter(|_| row.tries > 0)),
        tries: row.tries,
        reason: row.reason.clone(),
        conversations: row.threads,
        platform: tally.platform,
        known: tally.known(),
        added: tally.added,
        unreadable: tally.unreadable,
        ambiguous: tally.ambiguous,
        unread_conversations: tally.unread_threads,
        left: left.iter().filter(|thread| thread.account == row.account).map(one_left).collect(),
    }
}

fn one_left(thread: &UnreadThread) -> LeftUnread {
    let customer = thread.name.as_ref().or(thread.address.as_ref());
    LeftUnread {
        customer: customer
            .map_or_else(|| "a customer whom the platform does not name".to_owned(), Clone::clone),
        conversation_id: thread.conversation.map(|uid| uid.show(ConversationId::PREFIX)),
        unreadable: thread.unreadable,
        ambiguous: thread.ambiguous,
        reason: thread.reason.clone(),
    }
}
