//! Conversations.

use serde::Serialize;
use utoipa::ToSchema;

use super::contact::Contact;

/// One line of the inbox.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationRow {
    /// `conv_...`
    pub id: String,
    pub contact: ContactRef,
    /// Channel of the route; null before there is one.
    pub channel: Option<String>,
    pub account: Option<AccountRef>,
    /// `open`, `pending`, `snoozed` or `resolved`.
    pub status: String,
    pub owner: Owner,
    pub labels: Vec<String>,
    pub last_message: Option<LastMessage>,
    /// RFC 3339.
    pub last_customer_at: Option<String>,
    /// Customer messages since somebody read it.
    pub unread: i64,
    /// Since when the customer waits for an answer; null when it is their turn.
    pub waiting_since: Option<String>,
    /// Outgoing messages that are held.
    pub held_count: i64,
    /// Came from a simulated platform.
    pub sandbox: bool,
    pub updated_at: String,
    /// Number of its last message.
    pub seq: i64,
}

/// A contact in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactRef {
    /// `cont_...`
    pub id: String,
    pub name: String,
    /// Stable word to draw a picture from.
    pub avatar_seed: String,
}

/// An account in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AccountRef {
    /// `acct_...`
    pub id: String,
    pub name: String,
}

/// Who owns a conversation.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Owner {
    /// `nobody`, `bot` or `person`.
    pub kind: String,
    /// `user_...` of the person.
    pub user_id: Option<String>,
    pub name: Option<String>,
    /// Rises with each change; a write that names an older one is refused.
    pub version: i64,
}

/// The last message in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LastMessage {
    /// `in`, `out` or `note`.
    pub direction: String,
    /// The first 200 characters.
    pub text: String,
    pub at: String,
    pub state: String,
    /// Name of who wrote it.
    pub author: Option<String>,
}

/// One conversation with all that its page shows.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Conversation {
    #[serde(flatten)]
    pub row: RowWithoutContact,
    pub contact: Contact,
    pub snoozed_until: Option<String>,
    pub route: Option<Route>,
    pub composer: Composer,
    /// Times in which messages of the customer may be missing, the newest first.
    pub gaps: Vec<ConversationGap>,
}

/// A time in which messages may be missing: the platform was down and can't be read back.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConversationGap {
    pub channel: String,
    /// The channel as people call it.
    pub channel_title: String,
    /// RFC 3339.
    pub since: String,
    pub until: String,
    /// `inc_...`
    pub incident_id: String,
    /// What people read.
    pub incident_number: i64,
}

/// [`ConversationRow`] where the contact stands in full beside it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RowWithoutContact {
    pub id: String,
    pub channel: Option<String>,
    pub account: Option<AccountRef>,
    pub status: String,
    pub owner: Owner,
    pub labels: Vec<String>,
    pub last_message: Option<LastMessage>,
    pub last_customer_at: Option<String>,
    pub unread: i64,
    pub waiting_since: Option<String>,
    pub held_count: i64,
    pub sandbox: bool,
    pub updated_at: String,
    pub seq: i64,
}

impl From<ConversationRow> for RowWithoutContact {
    fn from(row: ConversationRow) -> Self {
        Self {
            id: row.id,
            channel: row.channel,
            account: row.account,
            status: row.status,
            owner: row.owner,
            labels: row.labels,
            last_message: row.last_message,
            last_customer_at: row.last_customer_at,
            unread: row.unread,
            waiting_since: row.waiting_since,
            held_count: row.held_count,
            sandbox: row.sandbox,
            updated_at: row.updated_at,
            seq: row.seq,
        }
    }
}

/// Where the next message goes.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Route {
    /// `iden_...`
    pub identity_id: String,
    /// `acct_...`
    pub account_id: String,
    pub channel: String,
    /// The address, readable: a number, a user name.
    pub address_label: String,
    /// `claimed`, `invited` (came by a link, proved nothing yet) or `verified`.
    pub proof: String,
    /// When the channel stops taking free text; null where it has no such window.
    pub window_closes_at: Option<String>,
    pub can_send: bool,
    /// Why not, or why it will wait; null when nothing stands in the way.
    pub reason: Option<String>,
}

/// What the composer may offer on the route's channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Composer {
    /// Length of one part, in `text_unit`; longer text is split.
    pub text_max: usize,
    /// `bytes`, `chars` or `utf16`.
    pub text_unit: String,
    /// Parts one message may have.
    pub parts_max: usize,
    pub buttons_max: usize,
    pub media: Vec<MediaLimit>,
    pub replies: bool,
    pub reactions: bool,
    pub templates: bool,
}

/// A kind of file that can be sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MediaLimit {
    pub kind: String,
    pub max_bytes: u64,
}

/// How many conversations each view holds.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Counts {
    pub open: i64,
    pub mine: i64,
    pub unassigned: i64,
    pub pending: i64,
    pub snoozed: i64,
    pub resolved: i64,
    pub all: i64,
}
