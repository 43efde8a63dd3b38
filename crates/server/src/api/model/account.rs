//! Accounts, channels, problems, people, labels.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

/// Our login on a channel.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Account {
    /// `acct_...`
    pub id: String,
    pub channel: String,
    /// What people call the channel.
    pub title: String,
    pub name: String,
    /// `active` or `stopped`.
    pub status: String,
    /// Why it is stopped; null when it works.
    pub problem: Option<String>,
    /// `/hooks/<channel>/<key>`
    pub webhook_path: Option<String>,
    pub settings: BTreeMap<String, String>,
    pub sandbox: bool,
    pub last_in_at: Option<String>,
    pub last_out_at: Option<String>,
}

/// What `POST /accounts` answers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NewAccount {
    /// `acct_...`
    pub id: String,
    pub channel: String,
    pub webhook_path: String,
    /// What to do at the provider now, as sentences.
    pub next_steps: Vec<String>,
}

/// A channel that accounts can be made on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChannelView {
    pub name: String,
    pub title: String,
    pub network: String,
    /// What it fails together with, e.g. `meta`.
    pub fate: Vec<String>,
    pub settings: Vec<FieldView>,
    pub secrets: Vec<FieldView>,
}

/// A setting or secret under the provider's own name.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FieldView {
    pub name: String,
    pub required: bool,
    pub help: String,
}

/// Something that could not be understood or done.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemView {
    /// `prob_...`
    pub id: String,
    pub account: Option<String>,
    pub channel: Option<String>,
    /// The rule that fails: its `rule_...` and its name.
    pub rule: Option<ProblemRule>,
    pub reason: String,
    /// It happens again and again for one cause. What came in is stored: a replay marks it as solved, and it is listed again
    /// when it happens again.
    pub recurring: bool,
    /// How often it happened.
    pub count: i64,
    /// When it first happened.
    pub at: String,
    /// When it last happened.
    pub last_at: String,
    /// What came in, as it was kept; of one that happens again and again, the newest.
    pub raw: String,
}

/// A rule as problems name it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemRule {
    /// `rule_...`
    pub id: String,
    pub name: String,
}

/// Somebody who signs in.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UserView {
    /// `user_...`
    pub id: String,
    pub name: String,
    pub email: String,
    /// `owner`, `admin`, `agent` or `viewer`.
    pub role: String,
    /// Since when the person reaches nothing here; null for everybody else.
    pub disabled_at: Option<String>,
    /// A second factor is set up.
    pub second_factor: bool,
    /// The last use of a session that has not ended.
    pub seen_at: Option<String>,
}

/// An API key, without its secret.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ApiKeyView {
    /// `key_...`
    pub id: String,
    pub name: String,
    /// `owner`, `admin`, `agent` or `viewer`.
    pub role: String,
    pub created_at: String,
    /// Name of who made it.
    pub created_by: Option<String>,
    /// Its last use, to the minute.
    pub seen_at: Option<String>,
}

/// Who did what.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditView {
    /// `audit_...`
    pub id: String,
    pub at: String,
    /// For example `user.invite`.
    pub action: String,
    /// Public id or name of what it was done to.
    pub object: String,
    pub detail: serde_json::Value,
    /// `user_...`; null for the command line and for API keys, which `detail.api_key` names.
    pub user_id: Option<String>,
    pub user_name: Option<String>,
}
