//! Leads and pipelines.

use serde::Serialize;
use utoipa::ToSchema;

/// A contact with a commercial aim.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Lead {
    /// `lead_...`
    pub id: String,
    pub contact: LeadContact,
    /// `stage_...`
    pub stage_id: String,
    pub conversation_id: Option<String>,
    #[schema(value_type = Object)]
    pub fields: serde_json::Value,
    pub source_channel: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

/// The lead's contact in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LeadContact {
    pub id: String,
    pub name: String,
}

/// A row of stages.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Pipeline {
    /// `pipe_...`
    pub id: String,
    pub name: String,
    pub stages: Vec<Stage>,
}

/// Where a lead can stand.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Stage {
    /// `stage_...`
    pub id: String,
    pub name: String,
    pub position: i64,
    /// `open`, `won` or `lost`.
    pub kind: String,
}
