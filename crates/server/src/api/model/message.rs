//! Messages, their parts and attempts.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// One message of a thread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Message {
    /// `msg_...`
    pub id: String,
    /// Its number in the conversation, without gaps.
    pub seq: i64,
    /// `in`, `out` or `note`.
    pub direction: String,
    pub author: Author,
    pub text: String,
    /// What it is about, on channels that have a line for it (e-mail).
    pub subject: Option<String>,
    pub attachments: Vec<AttachmentView>,
    /// Choices offered, as core writes them: `{title, payload}` or `{title, url}`.
    #[schema(value_type = Vec<Object>)]
    pub buttons: Vec<serde_json::Value>,
    /// Payload of the button that was pressed.
    pub postback: Option<String>,
    pub reply_to: Option<ReplyTo>,
    pub reactions: Vec<ReactionView>,
    pub channel: Option<String>,
    pub account_id: Option<String>,
    pub at: String,
    pub edited_at: Option<String>,
    pub deleted_at: Option<String>,
    /// Came more than ten minutes after it was said.
    pub late: bool,
    /// `live`, `bot`, `update` or `bulk`.
    pub class: String,
    /// The lowest state over its parts; `received` for incoming ones.
    pub state: String,
    /// When each state was reached.
    pub state_at: BTreeMap<String, String>,
    /// It came from somebody who opened a continuation link and has not proved to be the customer.
    pub unverified: bool,
    pub held: Option<HeldView>,
    pub stuck: Option<StuckView>,
    pub error: Option<ErrorView>,
    /// `plan_...`: the decision where it goes and why, once a fault asked for one.
    pub plan_id: Option<String>,
    pub parts: Vec<PartView>,
}

/// Who wrote a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Author {
    /// `customer`, `person`, `bot`, `app` (typed in the platform's own app) or `system`.
    pub kind: String,
    /// `user_...` of a person of ours; null otherwise.
    pub id: Option<String>,
    pub name: Option<String>,
}

/// A file or card of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttachmentView {
    /// `media_...`; null for places and cards.
    pub id: Option<String>,
    pub kind: String,
    pub mime: Option<String>,
    pub name: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
    /// `pending`, `ready`, `failed` or `gone`.
    pub status: String,
    /// Where the bytes are once `ready`.
    pub url: Option<String>,
    /// What people should read: a place, a card.
    pub note: Option<String>,
}

/// The message this one answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReplyTo {
    /// `msg_...`; null where we do not have that message.
    pub id: Option<String>,
    pub text: Option<String>,
}

/// A reaction.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReactionView {
    /// `customer` or `us`.
    pub by: String,
    pub emoji: String,
}

/// Why a message can't go now.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HeldView {
    pub reason: String,
    /// When it goes back to its author.
    pub until: Option<String>,
}

/// The platform accepted it, and no receipt came before its channel was known to fail: it may surface late, and is never sent
/// again by itself.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StuckView {
    /// When it was given up.
    pub since: String,
    /// When it reached the customer after all.
    pub reached_at: Option<String>,
}

/// Why a message failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ErrorView {
    /// An error class, or `returned` (it came back to its author) or `cancelled`.
    pub class: String,
    /// The provider's own code, or ours for the last two.
    pub code: String,
    pub text: String,
    /// What a person can do.
    pub next_step: String,
}

/// What one provider call carries of a message.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PartView {
    /// `part_...`
    pub id: String,
    pub index: i64,
    pub state: String,
    pub provider_id: Option<String>,
    pub text: String,
    /// Provider calls so far.
    pub attempts: i64,
}

/// One provider call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AttemptView {
    /// `att_...`
    pub id: String,
    pub part_index: i64,
    /// 1 for the part's first.
    pub number: i64,
    pub started_at: String,
    pub ended_at: Option<String>,
    /// `accepted`, `not_executed`, `refused`, `uncertain`; null while under way.
    pub outcome: Option<String>,
    pub class: Option<String>,
    pub code: Option<String>,
    pub text: Option<String>,
    /// What was asked, secrets replaced.
    pub request: Option<String>,
    /// What was answered.
    pub response: Option<String>,
    pub retry_at: Option<String>,
}

/// What a person can do about an error of this class.
pub(crate) fn next_step(class: &str) -> &'static str {
    match class {
        "platform_outage" => "Nothing to do: it goes on by itself when the platform answers again.",
        "returned" => "Read what was said since, then send it again or write it anew.",
        "cancelled" => "Nothing to do: it is not sent.",
        "throttled" => "Nothing to do: it is sent at the pace that the platform allows.",
        "auth" => "Connect the account again: its access was withdrawn.",
        "window_closed" => "Send a template, or wait until the customer writes again.",
        "recipient_unreachable" => "Reach this customer on another channel.",
        "bad_request" => "Change the message and send it again.",
        "policy_blocked" => "See the platform's notice on the account, then send it again.",
        "unknown_outcome" => "It may have arrived. Send it again only if the customer has not got it.",
        _ => "Look at the attempts of this message.",
    }
}
