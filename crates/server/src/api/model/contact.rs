//! Contacts, identities, consents.

use serde::Serialize;
use utoipa::ToSchema;

use super::conversation::ConversationRow;
use super::lead::Lead;

/// A person with everything known of them.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Contact {
    /// `cont_...`
    pub id: String,
    pub name: String,
    /// Stored answers and notes by name.
    #[schema(value_type = Object)]
    pub fields: serde_json::Value,
    pub labels: Vec<String>,
    pub identities: Vec<IdentityView>,
    pub conversations: Vec<ConversationRow>,
    pub lead: Option<Lead>,
    /// What was merged into it, newest first; the newest can be taken back.
    pub merges: Vec<MergeView>,
    pub created_at: String,
}

/// A contact that was merged into another.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MergeView {
    /// `cont_...`
    pub contact_id: String,
    pub at: String,
    /// Who did it.
    pub by: Option<String>,
}

/// One line of the list of contacts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ContactRow {
    /// `cont_...`
    pub id: String,
    pub name: String,
    pub avatar_seed: String,
    #[schema(value_type = Object)]
    pub fields: serde_json::Value,
    /// Channels this person can be reached on.
    pub channels: Vec<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// A person's address on a network.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct IdentityView {
    /// `iden_...`
    pub id: String,
    /// `phone`, `email`, `instagram`, ...
    pub kind: String,
    pub value_label: String,
    /// Channel and account of a scoped address; null for a global one.
    pub channel: Option<String>,
    pub account: Option<String>,
    /// `claimed`, `invited` or `verified`.
    pub proof: String,
    pub reachable: bool,
    pub consents: Vec<ConsentView>,
}

/// Who allowed what, when, in which words.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentView {
    pub purpose: String,
    pub wording: String,
    pub at: String,
    pub source: String,
    pub withdrawn_at: Option<String>,
}
