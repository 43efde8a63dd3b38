//! Version 1 of the API: one endpoint per file.

#![expect(unused_qualifications, reason = "utoipa's attribute writes the query types a second time")]

pub mod accounts;
pub mod api_keys;
pub mod audit;
pub mod channels;
pub mod contacts;
pub mod continuity;
pub mod conversations;
pub mod export;
pub mod incidents;
pub mod labels;
pub mod leads;
pub mod media;
pub mod messages;
pub mod pipelines;
pub mod problems;
pub mod retention;
pub mod rules;
pub mod sandbox;
pub mod security;
pub mod session;
pub mod stream;
pub mod system;
pub mod users;
pub mod webhooks;
