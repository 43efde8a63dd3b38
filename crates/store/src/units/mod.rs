//! Units of work: they load, let core decide, and write.
//!
//! Each is a struct of its inputs with `now` (and a `seed` where it makes public ids or spreads retries) and runs by
//! [`Store::write`](crate::Store::write). What the shell must do after the commit comes back as [`After`].

mod accounts;
mod apply;
mod bulk;
mod claim;
mod compose;
mod contacts;
mod continuity;
mod conversation;
mod deferred;
mod feed;
mod gone;
mod journal;
mod keys;
mod leads;
mod media;
mod members;
mod out;
mod people;
mod problems;
mod record;
mod restored;
mod retention;
mod rows;
mod rules;
mod sandbox;
mod second_factor;
mod settle;
mod sso;
mod webhooks;
mod work;
mod workspace;

use everthread_core::dispatch::LaneHead;
use everthread_core::ids::{AccountId, ConversationId, IdentityId, MediaId, WorkspaceId};
use everthread_core::outcome::ThrottleScope;
use everthread_core::time::Timestamp;

pub use accounts::{
    AccountAdded, AddAccount, AddEndpoint, EndpointChoice, RemoveAccount, StartAccount, StopAccount,
    UpdateAccount,
};
pub use apply::{Applied, Apply, ApplyItem, ApplyWithoutRules, ItemResult};
pub use bulk::{Lanes, QueueBulk};
pub use claim::{Claim, Claimed, Outgoing};
pub use compose::{Compose, Composed, Note};
pub use contacts::{
    ContactErased, ContactTraces, EraseContact, MergeContacts, MergePreview, PreviewMerge, SplitContact,
    Strays, Traces, UndoMerge,
};
pub(crate) use continuity::give_back;
pub use continuity::{
    Canary, CodeSent, CodeStand, CodeWay, DueReadings, EndReading, EndThread, FindingRow, HeldLanes,
    HoldLanes, KnownFault, KnownIds, LinkOffer, ListThreads, ListedThread, MakeLink, MarkStuck, NewGap,
    NewReading, NextThread, NoteIncident, OpenLink, Opened, PlanLane, Planned, ProveByCode, ProveByHand,
    Reading, ReleaseLanes, Released, ReturnRoutes, Returned, RevokeLink, SaidWith, SaveHealth, SavedIncident,
    SendCode, SetPolicy, StuckParts, ThreadRead, ThreadToRead, Tried, Trigger, TryCode, WriteThread,
};
pub use conversation::{Assign, Cancel, MarkRead, Retry, SetLabels, SetStatus, UpdateContact};
pub use deferred::{Defer, DeferredItem, DropDeferred, DueDeferred};
pub use journal::{
    FinishIdempotent, GetCursor, Idempotency, PruneChanges, PruneIdempotency, SetCursor, StartIdempotent,
};
pub use keys::{KEYED, KeyEvents, KeyedEvents};
pub use leads::{AddPipeline, StageKind, UpdateLead};
pub use media::{AddUpload, DueMedia, ForgetMedia, GoneMedia, MediaJob, MediaOutcome, MediaResult};
pub use members::{
    AddApiKey, ChangeMember, InviteUser, Invited, MemberChange, RequireSecondFactor, RevokeApiKey,
    TouchApiKey,
};
pub use people::{
    AddSession, AddSignInLink, AddUser, AddWorkspace, Audit, DropSession, RedeemLink, Role, SetPassword,
    TouchSession,
};
pub use problems::{AddProblem, MarkReplayed, NewProblem, Recurring, Topic};
pub use record::{AttemptResult, Record, Recorded};
pub use restored::{HeldRestored, HoldRestored};
pub use retention::{CountOld, OldRemoved, RemoveOld, RestartFeed, SetRetention};
pub use rules::{RemoveRule, UpsertRule};
pub use sandbox::{EraseSandbox, SandboxErased};
pub use second_factor::{
    AwaitSecondStep, BeginSecondFactor, ConfirmSecondFactor, DropSecondFactor, EndSecondStep, SecondFactorOf,
    SecondFactorRow, SecondStep, Shown, UseCode,
};
pub use settle::{RecentCall, Recover, Recovered, Settle, Settled};
pub use sso::{BeginSso, FindBySso, SsoRequest, SsoUser, TakeSso};
pub use webhooks::{
    AddWebhook, DeliveryOutcome, DeliveryResult, DueDeliveries, Redeliver, RemoveWebhook, TestWebhook,
    WebhookJob,
};
pub(crate) use work::provider_key;
pub use work::text_hash;

pub use workspace::RemoveWorkspace;

/// What the shell does after a unit's commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct After {
    /// New heads of lanes, for the dispatcher.
    pub heads: Vec<LaneHead>,
    /// Lanes in which nothing can be sent as of this version, for the dispatcher to forget.
    pub idle: Vec<(ConversationId, i64)>,
    /// Files to fetch.
    pub media: Vec<MediaId>,
    /// The highest number of a change, for each workspace that changed.
    pub changes: Vec<(WorkspaceId, i64)>,
    /// Accounts that must not send any more, with the reason.
    pub stopped: Vec<(AccountId, String)>,
    /// Providers' words about pace.
    pub throttled: Vec<Throttle>,
    /// True where outgoing webhooks were queued.
    pub webhooks: bool,
    /// Lanes that wait in a fault and want a plan.
    pub plans: Vec<(WorkspaceId, ConversationId)>,
    /// The earliest deadline that this unit set: run [`Settle`] then.
    pub due: Option<Timestamp>,
}

impl After {
    /// Adds another unit's list to this one.
    pub fn merge(&mut self, other: Self) {
        self.heads.extend(other.heads);
        self.idle.extend(other.idle);
        self.media.extend(other.media);
        self.changes.extend(other.changes);
        self.stopped.extend(other.stopped);
        self.throttled.extend(other.throttled);
        self.webhooks |= other.webhooks;
        self.plans.extend(other.plans);
        self.due_by(other.due);
    }

    pub(crate) fn due_by(&mut self, at: Option<Timestamp>) {
        self.due = match (self.due, at) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// Nothing of this scope before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    pub account: AccountId,
    pub peer: IdentityId,
    pub scope: ThrottleScope,
    pub until: Timestamp,
}
