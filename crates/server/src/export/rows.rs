//! Rows of the other exports.

use everthread_core::ids::{
    AccountId, AttemptId, ContactId, ConversationId, LeadId, MessageId, PartId, ProblemId, RuleId, Uid,
};
use everthread_core::time::Timestamp;
use everthread_store::read::accounts::ProblemRow;
use everthread_store::read::export::{
    AttemptExport, ConsentExport, ContactExport, ConversationExport, IdentityExport, LeadExport,
};
use serde_json::{Value, json};

use super::cells::Row;

pub(super) fn id(prefix: &str, uid: Uid) -> Value {
    json!(uid.show(prefix))
}

pub(super) fn id_opt(prefix: &str, uid: Option<Uid>) -> Value {
    json!(uid.map(|uid| uid.show(prefix)))
}

pub(super) fn time(at: Timestamp) -> Value {
    json!(at.rfc3339())
}

pub(super) fn time_opt(at: Option<Timestamp>) -> Value {
    json!(at.map(Timestamp::rfc3339))
}

/// A JSON column; null where it can't be read.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

pub(super) const CONVERSATIONS: &[&str] = &[
    "id",
    "contact_id",
    "contact_name",
    "channel",
    "account_id",
    "status",
    "owner",
    "owner_name",
    "labels",
    "messages",
    "unread",
    "created_at",
    "last_at",
    "last_customer_at",
    "resolved_at",
];

pub(super) fn conversation(row: ConversationExport) -> Row {
    Row(vec![
        id(ConversationId::PREFIX, row.uid),
        id(ContactId::PREFIX, row.contact_uid),
        json!(row.contact_name),
        json!(row.channel),
        id_opt(AccountId::PREFIX, row.account_uid),
        json!(row.status.as_str()),
        json!(row.owner_kind.as_str()),
        json!(row.owner_name),
        parsed(&row.labels),
        json!(row.messages),
        json!(row.unread),
        time(row.created_at),
        time(row.last_at),
        time_opt(row.last_in_at),
        time_opt(row.resolved_at),
    ])
}

pub(super) const CONTACTS: &[&str] = &[
    "id",
    "name",
    "locale",
    "fields",
    "labels",
    "identities",
    "consents",
    "created_at",
    "updated_at",
    "last_customer_at",
    "stopped_at",
];

pub(super) fn contact(
    (row, identities, consents): (ContactExport, Vec<IdentityExport>, Vec<ConsentExport>),
) -> Row {
    let identities: Vec<Value> = identities
        .into_iter()
        .map(|identity| {
            json!({
                "kind": identity.kind,
                "value": identity.value,
                "username": identity.username,
                "proof": identity.proof,
                "account_id": id_opt(AccountId::PREFIX, identity.account_uid),
            })
        })
        .collect();
    let consents: Vec<Value> = consents
        .into_iter()
        .map(|consent| {
            json!({
                "kind": consent.kind,
                "value": consent.value,
                "purpose": consent.purpose,
                "wording": consent.wording,
                "source": consent.source,
                "at": time(consent.given_at),
                "withdrawn_at": time_opt(consent.withdrawn_at),
            })
        })
        .collect();
    Row(vec![
        id(ContactId::PREFIX, row.uid),
        json!(row.name),
        json!(row.locale),
        parsed(&row.fields),
        parsed(&row.labels),
        json!(identities),
        json!(consents),
        time(row.created_at),
        time(row.updated_at),
        time_opt(row.last_in_at),
        time_opt(row.stopped_at),
    ])
}

pub(super) const LEADS: &[&str] = &[
    "id",
    "contact_id",
    "contact_name",
    "pipeline",
    "stage",
    "stage_kind",
    "conversation_id",
    "fields",
    "source_channel",
    "created_at",
    "updated_at",
];

pub(super) fn lead(row: LeadExport) -> Row {
    Row(vec![
        id(LeadId::PREFIX, row.uid),
        id(ContactId::PREFIX, row.contact_uid),
        json!(row.contact_name),
        json!(row.pipeline),
        json!(row.stage),
        json!(row.stage_kind),
        id_opt(ConversationId::PREFIX, row.conversation_uid),
        parsed(&row.fields),
        json!(row.channel),
        time(row.created_at),
        time(row.updated_at),
    ])
}

pub(super) const ATTEMPTS: &[&str] = &[
    "id",
    "message_id",
    "part_id",
    "part_index",
    "number",
    "account_id",
    "channel",
    "started_at",
    "ended_at",
    "outcome",
    "class",
    "code",
    "text",
    "provider_id",
    "request",
    "response",
    "retry_at",
];

pub(super) fn attempt(row: AttemptExport) -> Row {
    Row(vec![
        id(AttemptId::PREFIX, row.uid),
        id(MessageId::PREFIX, row.message_uid),
        id(PartId::PREFIX, row.part_uid),
        json!(row.part_index),
        json!(row.number),
        id_opt(AccountId::PREFIX, row.account_uid),
        json!(row.channel),
        time(row.started_at),
        time_opt(row.ended_at),
        json!(row.outcome),
        json!(row.class),
        json!(row.code),
        json!(row.text),
        json!(row.provider_id),
        json!(row.request),
        json!(row.answer),
        time_opt(row.retry_at),
    ])
}

pub(super) const PROBLEMS: &[&str] =
    &["id", "account_id", "channel", "reason", "at", "raw", "count", "last_at", "rule_id"];

pub(super) fn problem(row: ProblemRow) -> Row {
    Row(vec![
        id(ProblemId::PREFIX, row.uid),
        id_opt(AccountId::PREFIX, row.account_uid),
        json!(row.channel),
        json!(row.reason),
        time(row.at),
        json!(row.raw),
        json!(row.times),
        time(row.last_at),
        id_opt(RuleId::PREFIX, row.rule_uid),
    ])
}
